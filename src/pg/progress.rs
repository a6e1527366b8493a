//! Progress by NOTICE: phases and step counts, nothing that depends on the data.

use std::time::{Duration, Instant};

use super::{errors, settings};

/// Speaks up now and then.
pub struct Reporter {
    last: Instant,
}

impl Reporter {
    pub fn new() -> Self {
        Self { last: Instant::now() }
    }

    /// Reports if the last report is long enough ago.
    pub fn tick(&mut self, phase: &str, done: u64, total: u64) {
        let interval = settings::progress_interval();
        if interval > 0 && self.last.elapsed() >= Duration::from_millis(interval) {
            self.last = Instant::now();
            errors::progress(phase, done, total).notice();
        }
    }
}

//! A computation that cannot be cut into short steps, run on a pool thread while the caller keeps answering
//! interrupts.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use crate::engine::{EngineError, Result};

/// How long one [`Background::poll`] waits at most.
const PATIENCE: Duration = Duration::from_millis(20);

/// A computation under way. Dropping it lets the computation run out unheard.
pub(super) struct Background<T>(Receiver<std::thread::Result<T>>);

impl<T: Send + 'static> Background<T> {
    /// Starts `work` on the thread pool.
    pub(super) fn start(work: impl FnOnce() -> T + Send + 'static) -> Self {
        let (sender, receiver) = channel();
        // A panic that escaped into the pool would end the process.
        rayon::spawn(move || {
            let _ = sender.send(catch_unwind(AssertUnwindSafe(work)));
        });
        Self(receiver)
    }

    /// Waits a little: the result, or the unfinished computation.
    ///
    /// # Errors
    /// `Internal` if the computation panicked.
    pub(super) fn poll(self) -> Result<std::result::Result<T, Self>> {
        match self.0.recv_timeout(PATIENCE) {
            Ok(Ok(value)) => Ok(Ok(value)),
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => {
                Err(EngineError::Internal("a computation on another thread failed"))
            }
            Err(RecvTimeoutError::Timeout) => Ok(Err(self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait<T: Send + 'static>(mut work: Background<T>) -> Result<T> {
        loop {
            match work.poll()? {
                Ok(value) => return Ok(value),
                Err(unfinished) => work = unfinished,
            }
        }
    }

    #[test]
    fn a_result_comes_back() {
        assert_eq!(wait(Background::start(|| 6 * 7)).unwrap(), 42);
    }

    #[test]
    fn a_panic_becomes_an_error() {
        assert!(wait(Background::start(|| -> u8 { panic!("on purpose") })).is_err());
    }
}

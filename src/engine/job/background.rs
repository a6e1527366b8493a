//! A computation that cannot be divided into short steps. It runs on a pool thread while the caller keeps answering
//! interrupts.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use crate::engine::abandon::Waiter;
use crate::engine::{EngineError, Result};

/// Maximum wait of one [`Background::poll`].
const PATIENCE: Duration = Duration::from_millis(20);

/// A running computation. Dropping it abandons the computation.
pub(super) struct Background<T> {
    receiver: Receiver<std::thread::Result<T>>,
    _waiter: Waiter,
}

impl<T: Send + 'static> Background<T> {
    /// Starts `work` on the thread pool.
    pub(super) fn start(work: impl FnOnce() -> T + Send + 'static) -> Self {
        let (sender, receiver) = channel();
        let waiter = Waiter::default();
        let token = waiter.token();
        // A panic that reaches the pool would end the process.
        rayon::spawn(move || {
            if let Some(result) = token.run(|| catch_unwind(AssertUnwindSafe(work))) {
                let _ = sender.send(result);
            }
        });
        Self { receiver, _waiter: waiter }
    }

    /// Waits a little. Returns the result, or the unfinished computation.
    ///
    /// # Errors
    /// `Internal` if the computation panicked.
    pub(super) fn poll(self) -> Result<std::result::Result<T, Self>> {
        match self.receiver.recv_timeout(PATIENCE) {
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
    use crate::engine::abandon;

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
    fn a_computation_ends_when_nobody_waits_for_it() {
        let (sender, ended) = channel();
        let work = Background::start(move || {
            while abandon::check().is_ok() {
                std::thread::yield_now();
            }
            sender.send(()).unwrap();
        });
        let work = work.poll().unwrap().unwrap_err();
        drop(work);
        // The sender is also dropped if the computation never began.
        assert_ne!(ended.recv_timeout(Duration::from_secs(60)), Err(RecvTimeoutError::Timeout));
    }

    #[test]
    fn a_panic_becomes_an_error() {
        assert!(wait(Background::start(|| -> u8 { panic!("on purpose") })).is_err());
    }
}

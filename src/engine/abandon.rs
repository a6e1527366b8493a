//! Abandoning work that nobody waits for any more.
//!
//! Whoever waits for work holds a [`Waiter`], and the work runs under its [`Token`]. Outer loops of long computations
//! call [`check`]. A thread that helps with a parallel loop may be in the middle of other work. So inside such a loop,
//! use a token that was taken outside of it with [`current`].

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use super::{EngineError, Result};

thread_local! {
    static CURRENT: RefCell<Token> = RefCell::default();
}

/// Whether somebody still waits for a piece of work.
#[derive(Debug, Clone, Default)]
pub struct Token(Arc<AtomicBool>);

impl Token {
    pub fn is_abandoned(&self) -> bool {
        self.0.load(Relaxed)
    }

    /// Runs the work, unless it was abandoned before it began.
    pub fn run<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        if self.is_abandoned() {
            return None;
        }
        let _outer = Outer(CURRENT.replace(self.clone()));
        Some(work())
    }
}

/// The token of the previous work of this thread, restored on drop.
struct Outer(Token);

impl Drop for Outer {
    fn drop(&mut self) {
        CURRENT.set(std::mem::take(&mut self.0));
    }
}

/// Waits for work. Dropping it abandons the work.
#[derive(Debug, Default)]
pub struct Waiter(Token);

impl Waiter {
    /// The token of the work.
    pub fn token(&self) -> Token {
        self.0.clone()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.0.store(true, Relaxed);
    }
}

/// The token of this thread's current work. Without one, the token of work that is never abandoned.
pub fn current() -> Token {
    CURRENT.with_borrow(Token::clone)
}

/// Ends abandoned work. Not for use inside parallel loops.
///
/// # Errors
/// `Internal` if the work of this thread was abandoned. Nobody sees the error.
pub fn check() -> Result<()> {
    if CURRENT.with_borrow(Token::is_abandoned) {
        Err(EngineError::Internal("abandoned work continued"))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_abandoned_with_its_waiter() {
        let waiter = Waiter::default();
        let token = waiter.token();
        let seen = token.run(|| {
            let before = check().is_ok();
            drop(waiter);
            (before, check().is_ok())
        });
        assert_eq!(seen, Some((true, false)));
        assert!(check().is_ok() && !current().is_abandoned());
        assert_eq!(token.run(|| unreachable!()), None::<()>);
    }

    #[test]
    fn work_inside_other_work_answers_for_itself() {
        let (outer, inner) = (Waiter::default(), Waiter::default());
        let (token, of_inner) = (outer.token(), inner.token());
        token.run(|| {
            drop(outer);
            of_inner.run(|| assert!(check().is_ok())).unwrap();
            assert!(check().is_err());
        });
    }
}

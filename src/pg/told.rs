//! What a training tells only once its charge is committed: whatever depends on noisy answers, paid for or not. Told
//! before, it could be seen again and again at no charge, by rolling back.
//!
//! A message belongs to the subtransaction that it was left in, and goes with it. A transaction that is prepared
//! forgets its messages: another session may commit it.

use std::cell::RefCell;
use std::ffi::c_void;

use pgrx::{pg_guard, pg_sys};

use super::errors::Fault;

/// How loudly a message is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Notice,
    Warning,
}

struct Message {
    left_in: pg_sys::SubTransactionId,
    level: Level,
    fault: Fault,
}

thread_local! {
    /// Used on the main thread of a backend alone.
    static MESSAGES: RefCell<Vec<Message>> = const { RefCell::new(Vec::new()) };
}

/// Runs once a backend.
pub fn define() {
    // SAFETY: callbacks without an argument, which live as long as the library.
    unsafe {
        pg_sys::RegisterXactCallback(Some(transaction_ends), std::ptr::null_mut());
        pg_sys::RegisterSubXactCallback(Some(subtransaction_ends), std::ptr::null_mut());
    }
}

/// Tells a message when the current transaction commits, if it does.
pub fn at_commit(level: Level, fault: Fault) {
    // SAFETY: a plain call inside a transaction.
    let left_in = unsafe { pg_sys::GetCurrentSubTransactionId() };
    MESSAGES.with_borrow_mut(|messages| messages.push(Message { left_in, level, fault }));
}

#[pg_guard]
unsafe extern "C-unwind" fn transaction_ends(event: pg_sys::XactEvent::Type, _argument: *mut c_void) {
    use pg_sys::XactEvent::{XACT_EVENT_ABORT, XACT_EVENT_COMMIT, XACT_EVENT_PREPARE};
    if !matches!(event, XACT_EVENT_COMMIT | XACT_EVENT_ABORT | XACT_EVENT_PREPARE) {
        return;
    }
    for Message { level, fault, .. } in MESSAGES.take() {
        match (event, level) {
            (XACT_EVENT_COMMIT, Level::Notice) => fault.notice(),
            (XACT_EVENT_COMMIT, Level::Warning) => fault.warn(),
            _ => {}
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn subtransaction_ends(
    event: pg_sys::SubXactEvent::Type,
    ended: pg_sys::SubTransactionId,
    parent: pg_sys::SubTransactionId,
    _argument: *mut c_void,
) {
    use pg_sys::SubXactEvent::{SUBXACT_EVENT_ABORT_SUB, SUBXACT_EVENT_COMMIT_SUB};
    MESSAGES.with_borrow_mut(|messages| match event {
        SUBXACT_EVENT_ABORT_SUB => messages.retain(|message| message.left_in != ended),
        SUBXACT_EVENT_COMMIT_SUB => {
            messages.iter_mut().filter(|message| message.left_in == ended).for_each(|message| message.left_in = parent);
        }
        _ => {}
    });
}

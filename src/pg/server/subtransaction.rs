//! Work that may fail on the values that it is given.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use pgrx::{PgSqlErrorCode, pg_sys};

use crate::pg::errors::{Fault, Result};
use crate::pg::server::guard;

/// Runs PostgreSQL calls in a subtransaction, which is undone if they fail. `None` if it fails because of its values: a division by zero, a number
/// out of range and the like (SQLSTATEs of class 22). Any other ERROR is replaced by another one. Interrupts pass.
pub fn tried<T>(work: impl FnOnce() -> Result<T>, fault: impl FnOnce() -> Fault) -> Result<Option<T>> {
    // SAFETY: plain calls.
    let (context, owner) = unsafe { (pg_sys::CurrentMemoryContext, pg_sys::CurrentResourceOwner) };
    let can_begin = can_begin();
    if can_begin {
        // SAFETY: inside a transaction. The work uses the caller's memory.
        unsafe {
            pg_sys::BeginInternalSubTransaction(std::ptr::null());
            pg_sys::MemoryContextSwitchTo(context);
        }
    }
    let result = catch_unwind(AssertUnwindSafe(work));
    if can_begin {
        // SAFETY: ends the subtransaction that was begun above. What the work had begun was ended by its ERROR.
        unsafe {
            match result {
                Ok(Ok(_)) => pg_sys::ReleaseCurrentSubTransaction(),
                _ => pg_sys::RollbackAndReleaseCurrentSubTransaction(),
            }
            pg_sys::MemoryContextSwitchTo(context);
            pg_sys::CurrentResourceOwner = owner;
        }
    }
    let payload = match result {
        Ok(result) => return result.map(Some),
        Err(payload) => payload,
    };
    match guard::sqlstate(&*payload) {
        Some(_) if guard::is_cancel(&*payload) => resume_unwind(payload),
        Some(code) if can_begin && is_of_values(code) => Ok(None),
        Some(_) => Err(fault()),
        None => resume_unwind(payload),
    }
}

/// Whether an ERROR is a data exception. The class is in the lower twelve bits of a code.
fn is_of_values(code: PgSqlErrorCode) -> bool {
    let class = |code: PgSqlErrorCode| code as i32 & 0xfff;
    class(code) == class(PgSqlErrorCode::ERRCODE_DATA_EXCEPTION)
}

/// Before PostgreSQL 17 there are no subtransactions in a query that runs in parallel workers elsewhere.
fn can_begin() -> bool {
    // SAFETY: a plain call.
    cfg!(any(feature = "pg17", feature = "pg18")) || !unsafe { pg_sys::IsInParallelMode() }
}

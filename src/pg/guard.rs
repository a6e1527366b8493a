//! Where errors are kept from saying too much.
//!
//! pgrx turns an ERROR of PostgreSQL into a Rust panic before it is logged or sent, so that what is caught here was
//! seen by nobody yet. Every guard either returns what was done or ends in an error of its own, never in silence:
//! nothing goes on after a caught ERROR that would need a subtransaction to be rolled back.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use pgrx::pg_sys;
use pgrx::pg_sys::panic::{CaughtError, ErrorReportWithLevel};

use super::errors::{self, Fault, Result};
use crate::engine;

/// Runs the engine. It never calls PostgreSQL, so that a panic is a defect of ours, whose words may hold a value.
pub fn engine<T>(work: impl FnOnce() -> engine::Result<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(Fault::from),
        Err(_) => Err(errors::engine_panicked()),
    }
}

/// Runs what SQL called: errors pass, but a panic is a defect of ours wherever it is, whose words may hold a value.
pub fn call<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(payload) if report_of(&*payload).is_some() => resume_unwind(payload),
        Err(_) => Err(errors::engine_panicked()),
    }
}

/// Reads rows of a relation: views and types may raise errors with values in their words, so only the SQLSTATE is
/// kept. The same goes for what they tell the client in notices.
pub fn reading<T>(relation: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let level = silence_client();
    let result = catch_unwind(AssertUnwindSafe(work));
    // SAFETY: the level was opened above; also after an error, which is reported with the caller's settings.
    unsafe { pg_sys::AtEOXact_GUC(false, level) };
    match result {
        Ok(result) => result,
        Err(payload) => match report_of(&*payload) {
            Some(report) if is_interrupt(report) => resume_unwind(payload),
            Some(report) => Err(errors::cannot_read(relation, report.sql_error_code())),
            None => Err(errors::engine_panicked()),
        },
    }
}

/// Runs something of PostgreSQL whose ERROR is to be told in our words; interrupts pass.
pub fn attempt<T>(work: impl FnOnce() -> T, fault: impl FnOnce() -> Fault) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(value) => Ok(value),
        Err(payload) => match report_of(&*payload) {
            Some(report) if !is_interrupt(report) => Err(fault()),
            _ => resume_unwind(payload),
        },
    }
}

fn report_of(payload: &(dyn Any + Send)) -> Option<&ErrorReportWithLevel> {
    match payload.downcast_ref::<CaughtError>() {
        Some(CaughtError::PostgresError(report) | CaughtError::ErrorReport(report)) => Some(report),
        Some(CaughtError::RustPanic { .. }) => None,
        None => payload.downcast_ref::<ErrorReportWithLevel>(),
    }
}

/// Whether it is a cancel, timeout or shutdown. Told by where it was raised, since a function can raise anything
/// under any SQLSTATE.
fn is_interrupt(report: &ErrorReportWithLevel) -> bool {
    report.function_name() == Some("ProcessInterrupts")
}

fn silence_client() -> i32 {
    // SAFETY: plain calls on the main thread; the level is closed by the caller.
    unsafe {
        let level = pg_sys::NewGUCNestLevel();
        set_locally(c"client_min_messages", c"error");
        level
    }
}

/// Sets a setting until the end of the current nest level.
///
/// # Safety
/// A nest level is open.
pub unsafe fn set_locally(name: &std::ffi::CStr, value: &std::ffi::CStr) {
    // SAFETY: C strings without end of life, on the main thread.
    unsafe {
        pg_sys::set_config_option(
            name.as_ptr(),
            value.as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_SAVE,
            true,
            0,
            false,
        );
    }
}

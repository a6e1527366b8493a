//! Guards that keep errors from revealing values.
//!
//! pgrx turns an ERROR of PostgreSQL into a Rust panic before it is logged or sent, so nobody has seen a caught ERROR.
//! Every guard either returns the result or ends in an error of its own. No work continues after a caught ERROR that
//! would need a subtransaction to be rolled back.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use pgrx::pg_sys::panic::{CaughtError, ErrorReportWithLevel};
use pgrx::{PgSqlErrorCode, pg_sys};

use crate::engine;
use crate::pg::errors::{self, Fault, Result};
use crate::pg::server::guc::set_locally;

/// Runs the engine. It never calls PostgreSQL, so a panic is a defect of the extension. Its message may contain a
/// value.
pub fn engine<T>(work: impl FnOnce() -> engine::Result<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(Fault::from),
        Err(_) => Err(errors::engine_panicked()),
    }
}

/// Runs a function that SQL called. Errors pass, but any panic is a defect of the extension, whose message may contain
/// a value.
pub fn call<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(payload) if report_of(&*payload).is_some() => resume_unwind(payload),
        Err(_) => Err(errors::engine_panicked()),
    }
}

/// Reads rows of a relation. Messages of views and types may contain values, so they are withheld: no message of any
/// level reaches the client or the server's log. Of an error, not even the SQLSTATE does, because a function can choose
/// it.
pub fn reading<T>(relation: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let silence = Silence::begin();
    let result = catch_unwind(AssertUnwindSafe(work));
    drop(silence);
    match result {
        Ok(result) => result,
        Err(payload) => match report_of(&*payload) {
            Some(report) if is_interrupt(report) => resume_unwind(payload),
            Some(_) => Err(errors::cannot_read(relation)),
            None => Err(errors::engine_panicked()),
        },
    }
}

/// Suppresses PostgreSQL's messages while it lives. ERRORs are caught before they are reported, so they are not
/// affected.
struct Silence {
    level: i32,
    told: pg_sys::CommandDest::Type,
}

impl Silence {
    fn begin() -> Self {
        // SAFETY: plain calls on the main thread, undone on drop. INFO messages reach the client at any message level,
        // as long as there is a client.
        unsafe {
            let level = pg_sys::NewGUCNestLevel();
            set_locally(c"log_min_messages", c"fatal");
            let told = pg_sys::whereToSendOutput;
            pg_sys::whereToSendOutput = pg_sys::CommandDest::DestNone;
            Self { level, told }
        }
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        // SAFETY: opened and set by `begin`. This also runs after an error, which is then reported with the caller's
        // settings.
        unsafe {
            pg_sys::whereToSendOutput = self.told;
            pg_sys::AtEOXact_GUC(false, self.level);
        }
    }
}

/// Runs a PostgreSQL call whose ERROR is replaced by another one. Interrupts pass.
pub fn attempt<T>(work: impl FnOnce() -> T, fault: impl FnOnce() -> Fault) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(value) => Ok(value),
        Err(payload) => match report_of(&*payload) {
            Some(report) if !is_interrupt(report) => Err(fault()),
            _ => resume_unwind(payload),
        },
    }
}

/// Runs a PostgreSQL call on what the caller wrote. Its ERROR is replaced by another one, which is told the SQLSTATE and
/// the message. Interrupts pass.
pub fn explained<T>(work: impl FnOnce() -> T, fault: impl FnOnce(PgSqlErrorCode, &str) -> Fault) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(value) => Ok(value),
        Err(payload) => match report_of(&*payload) {
            Some(report) if !is_interrupt(report) => Err(fault(report.sql_error_code(), report.message())),
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

/// Whether it is a cancel, timeout or shutdown. The raising function decides this, because any function can raise any
/// SQLSTATE.
fn is_interrupt(report: &ErrorReportWithLevel) -> bool {
    report.function_name() == Some("ProcessInterrupts")
}

/// The SQLSTATE of a caught ERROR of PostgreSQL.
pub fn sqlstate(payload: &(dyn Any + Send)) -> Option<PgSqlErrorCode> {
    report_of(payload).map(ErrorReportWithLevel::sql_error_code)
}

/// Whether a caught payload is a cancel, timeout or shutdown.
pub fn is_cancel(payload: &(dyn Any + Send)) -> bool {
    report_of(payload).is_some_and(is_interrupt)
}

//! Where errors are kept from saying too much.
//!
//! pgrx turns an ERROR of PostgreSQL into a Rust panic before it is logged or sent, so that what is caught here was
//! seen by nobody yet. Every guard either returns what was done or ends in an error of its own, never in silence:
//! nothing goes on after a caught ERROR that would need a subtransaction to be rolled back.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use pgrx::pg_sys::panic::{CaughtError, ErrorReportWithLevel};
use pgrx::{PgSqlErrorCode, pg_sys};

use crate::engine;
use crate::pg::errors::{self, Fault, Result};
use crate::pg::server::guc::set_locally;

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

/// Reads rows of a relation. What views and types say meanwhile may hold values, so it reaches nobody: no message of any
/// level, to the client or to the server's log, and of an error not even its SQLSTATE, which a function can choose.
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

/// Keeps what PostgreSQL has to say to itself while it lives. An ERROR is not concerned: it is caught before it is told.
struct Silence {
    level: i32,
    told: pg_sys::CommandDest::Type,
}

impl Silence {
    fn begin() -> Self {
        // SAFETY: plain calls on the main thread; both are undone when dropped. Messages of level INFO reach the client
        // whatever it asks for, as long as there is one.
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
        // SAFETY: opened and set by `begin`; also after an error, which is reported with the caller's settings.
        unsafe {
            pg_sys::whereToSendOutput = self.told;
            pg_sys::AtEOXact_GUC(false, self.level);
        }
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

/// The SQLSTATE of an ERROR of PostgreSQL that was caught.
pub fn sqlstate(payload: &(dyn Any + Send)) -> Option<PgSqlErrorCode> {
    report_of(payload).map(ErrorReportWithLevel::sql_error_code)
}

/// Whether what was caught is a cancel, timeout or shutdown.
pub fn is_cancel(payload: &(dyn Any + Send)) -> bool {
    report_of(payload).is_some_and(is_interrupt)
}

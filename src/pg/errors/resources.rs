//! Resources.

use pgrx::PgSqlErrorCode;

use super::fault::Fault;

pub fn threads_unavailable() -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_INSUFFICIENT_RESOURCES, "could not start threads")
        .detail("Training and sampling compute on threads of the server process.")
        .hint("Lower tablediffusion.threads, or raise the limit of the operating system.")
}

pub fn engine_panicked() -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_INTERNAL_ERROR, "internal error: a computation failed unexpectedly")
        .detail("The original message is withheld because it may contain values of the table.")
        .hint("This is a defect of tablediffusion; please report it.")
}

//! Statements run as the caller.

use pgrx::Spi;
use pgrx::datum::DatumWithOid;

use crate::engine::EngineError;
use crate::pg::errors::Result;

/// Runs a statement as the caller.
pub fn run(statement: &str, arguments: &[DatumWithOid<'_>]) -> Result<()> {
    Spi::run_with_args(statement, arguments).map_err(|_| EngineError::Internal("a statement could not be run").into())
}

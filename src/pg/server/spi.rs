//! Statements run as the caller.

use pgrx::Spi;
use pgrx::datum::DatumWithOid;

use crate::pg::errors::Result;

/// Runs a statement as the caller.
pub fn run(statement: &str, arguments: &[DatumWithOid<'_>]) -> Result<()> {
    Ok(Spi::run_with_args(statement, arguments)?)
}

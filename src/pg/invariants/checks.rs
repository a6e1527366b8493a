//! The CHECK constraints of a source.

use pgrx::Spi;
use pgrx::spi::SpiResult;

use super::{Check, expression};
use crate::engine::EngineError;
use crate::pg::annotation::ColumnFacts;
use crate::pg::constraints::in_force;
use crate::pg::errors::Result;
use crate::pg::keys::Key;
use crate::pg::node;
use crate::pg::source::Source;

/// The constraints that can be evaluated on rows of these columns, and the names of those that cannot.
pub fn of(source: &Source, columns: &[ColumnFacts]) -> Result<(Vec<Check>, Vec<String>)> {
    let (mut checks, mut lost) = (Vec::new(), Vec::new());
    for (name, stored, written) in stored(source)? {
        // SAFETY: a stored expression.
        let numbers = unsafe { expression::columns(node::read(&stored)) };
        // A random uuid of a row is another each time it is made.
        let known = |number: &i16| {
            columns.iter().find(|c| c.ordinal == *number && c.key != Some(Key::Uuid)).map(|c| c.name.clone())
        };
        match numbers.and_then(|numbers| numbers.iter().map(known).collect()) {
            Some(columns) => checks.push(Check { name, expression: written, columns }),
            None => lost.push(name),
        }
    }
    Ok((checks, lost))
}

/// Name, stored form and text of each constraint.
fn stored(source: &Source) -> Result<Vec<(String, String, String)>> {
    let query = format!(
        "SELECT conname::pg_catalog.text, conbin::pg_catalog.text, pg_catalog.pg_get_expr(conbin, conrelid)
         FROM pg_catalog.pg_constraint WHERE conrelid = $1 AND {} ORDER BY conname",
        in_force(source.has_children)
    );
    let found = expression::with_fixed_writing(|| {
        Spi::connect(|client| {
            let rows = client.select(query.as_str(), None, &[source.oid.into()])?;
            let entry = |row: pgrx::spi::SpiHeapTupleData| {
                SpiResult::Ok(row.get::<String>(1)?.zip(row.get::<String>(2)?).zip(row.get::<String>(3)?))
            };
            rows.filter_map(|row| entry(row).transpose()).collect::<SpiResult<Vec<_>>>()
        })
    });
    let found = found.map_err(|_| EngineError::Internal("the catalogs of constraints could not be read"))?;
    Ok(found.into_iter().map(|((name, stored), written)| (name, stored, written)).collect())
}

//! Columns that identify rows or privacy units. They are never modelled, and get newly generated values in synthetic
//! rows.

use pgrx::Spi;
use pgrx::spi::{SpiHeapTupleData, SpiResult};

use crate::pg::errors::Result;
use crate::pg::relation::{Attribute, Relation};
use crate::pg::server::{expr, guc};
use crate::pg::values::key::Key;

/// The columns of a source that identify rows.
pub struct Keys {
    /// Columns of single-column unique indexes, with whether the index is the primary key, and whether it is not
    /// deferrable.
    unique: Vec<(i16, bool, bool)>,
    /// Columns whose default is the next number of a sequence.
    serial: Vec<i16>,
}

impl Keys {
    pub fn of(source: &Relation) -> Result<Self> {
        let unique = guc::with_pinned_path(|| {
            Spi::connect(|client| {
                let rows = client.select(
                    "SELECT indkey[0], indisprimary, indimmediate FROM pg_catalog.pg_index
                     WHERE indrelid = $1 AND indisunique AND indisvalid AND indnkeyatts = 1
                       AND indpred IS NULL AND indkey[0] > 0",
                    None,
                    &[source.oid.into()],
                )?;
                let flag = |row: &SpiHeapTupleData, i| SpiResult::Ok(row.get(i)?.unwrap_or(false));
                let entry = |row: SpiHeapTupleData| Ok((row.get(1)?.unwrap_or(0), flag(&row, 2)?, flag(&row, 3)?));
                rows.map(entry).collect::<SpiResult<Vec<(i16, bool, bool)>>>()
            })
        });
        let serial = guc::with_pinned_path(|| {
            Spi::connect(|client| {
                let rows = client.select(
                    "SELECT adnum, adbin::pg_catalog.text FROM pg_catalog.pg_attrdef WHERE adrelid = $1",
                    None,
                    &[source.oid.into()],
                )?;
                let mut found = Vec::new();
                for row in rows {
                    if let (Some(number), Some(default)) = (row.get::<i16>(1)?, row.get::<String>(2)?) {
                        // SAFETY: a stored expression.
                        if unsafe { expr::is_nextval(expr::read(&default)) } {
                            found.push(number);
                        }
                    }
                }
                SpiResult::Ok(found)
            })
        });
        Ok(Self { unique: unique?, serial: serial? })
    }

    /// How the column is generated, or `None` if it is modelled.
    pub fn key(&self, column: &Attribute) -> Option<Key> {
        let key = column.kind?.key()?;
        let is_in = |primary: bool| self.unique.iter().any(|(n, p, _)| *n == column.number && (*p || !primary));
        let identifies = match key {
            Key::Number => {
                is_in(true) || column.is_identity || (column.has_default && self.serial.contains(&column.number))
            }
            Key::Uuid | Key::Text => is_in(false),
        };
        identifies.then_some(key)
    }

    /// Whether, in any statement, no two rows of the source can have the same value of a column other than NULL.
    pub fn tells_rows_apart(&self, source: &Relation, column: &Attribute) -> bool {
        // Each table of a hierarchy has a separate index.
        !source.has_children && self.unique.iter().any(|(n, _, always)| *n == column.number && *always)
    }
}

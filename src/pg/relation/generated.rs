//! Generated columns of a source. Their expressions are public, like the rest of the catalogs.

use pgrx::spi::{SpiHeapTupleData, SpiResult};
use pgrx::{Spi, pg_sys};

use crate::pg::errors::Result;
use crate::pg::relation::Relation;
use crate::pg::server::guc;

/// A generated column: its number, and its expression as a node tree and as a text.
pub struct Generated {
    pub number: i16,
    pub node: String,
    pub written: String,
    /// Whether all partitions and children compute it alike.
    pub is_uniform: bool,
}

/// The generated columns of a source. To write a text, PostgreSQL calls the same functions as for constraints.
pub fn of(source: &Relation) -> Result<Vec<Generated>> {
    if source.columns.iter().any(|column| column.is_computed) { read(source.oid) } else { Ok(Vec::new()) }
}

fn read(source: pg_sys::Oid) -> Result<Vec<Generated>> {
    let found = guc::with_fixed_writing(|| {
        Spi::connect(|client| {
            let rows = client.select(
                "WITH RECURSIVE children (relation) AS (
                     SELECT inhrelid FROM pg_catalog.pg_inherits WHERE inhparent = $1
                     UNION SELECT i.inhrelid FROM children AS c JOIN pg_catalog.pg_inherits AS i ON i.inhparent = c.relation)
                 SELECT d.adnum, d.adbin::pg_catalog.text, pg_catalog.pg_get_expr(d.adbin, d.adrelid),
                        NOT EXISTS (
                            SELECT FROM children AS c
                            JOIN pg_catalog.pg_attribute AS b ON b.attrelid = c.relation AND b.attname = a.attname
                            LEFT JOIN pg_catalog.pg_attrdef AS e ON e.adrelid = b.attrelid AND e.adnum = b.attnum
                            WHERE pg_catalog.pg_get_expr(e.adbin, e.adrelid)
                                IS DISTINCT FROM pg_catalog.pg_get_expr(d.adbin, d.adrelid))
                 FROM pg_catalog.pg_attrdef AS d
                 JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
                 WHERE d.adrelid = $1 AND a.attgenerated <> '' ORDER BY d.adnum",
                None,
                &[source.into()],
            )?;
            let entry = |row: SpiHeapTupleData| {
                let texts = row.get::<String>(2)?.zip(row.get::<String>(3)?);
                SpiResult::Ok(row.get::<i16>(1)?.zip(texts).zip(row.get::<bool>(4)?))
            };
            rows.filter_map(|row| entry(row).transpose()).collect::<SpiResult<Vec<_>>>()
        })
    });
    let generated = |((number, (node, written)), is_uniform)| Generated { number, node, written, is_uniform };
    Ok(found?.into_iter().map(generated).collect())
}

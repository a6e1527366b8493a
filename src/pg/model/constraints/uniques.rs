//! The unique keys of a source.

use pgrx::Spi;
use pgrx::spi::{SpiHeapTupleData, SpiResult};

use crate::pg::errors::Result;
use crate::pg::model::metadata::{ColumnFacts, Unique};
use crate::pg::relation::Relation;
use crate::pg::server::guc;

/// The keys that can be enforced in rows of these columns, and the names of the others. A key with a generated column
/// holds by itself.
pub fn of(source: &Relation, columns: &[ColumnFacts]) -> Result<(Vec<Unique>, Vec<String>)> {
    let (mut uniques, mut lost) = (Vec::new(), Vec::new());
    for (name, numbers, nulls_equal) in stored(source)? {
        let facts = |number: &i16| columns.iter().find(|column| column.ordinal == *number);
        if numbers.iter().any(|number| facts(number).is_some_and(|column| column.key.is_some())) {
            continue;
        }
        let known = |number: &i16| {
            let exact = source.columns.iter().any(|column| column.number == *number && column.exact_equality);
            facts(number).filter(|_| exact).map(|column| column.name.clone())
        };
        match numbers.iter().map(known).collect() {
            Some(columns) => uniques.push(Unique { name, columns, nulls_equal }),
            None => lost.push(name),
        }
    }
    Ok((uniques, lost))
}

/// Name, columns and treatment of NULL of each key that consists of whole columns.
fn stored(source: &Relation) -> Result<Vec<(String, Vec<i16>, bool)>> {
    let found = guc::with_pinned_path(|| {
        Spi::connect(|client| {
            let rows = client.select(
                "SELECT c.relname::pg_catalog.text, i.indnullsnotdistinct,
                        ARRAY(SELECT i.indkey[k] FROM pg_catalog.generate_series(0, i.indnkeyatts - 1) AS k)
                 FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
                 WHERE i.indrelid = $1 AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
                 ORDER BY c.relname",
                None,
                &[source.oid.into()],
            )?;
            let entry = |row: SpiHeapTupleData| {
                let (name, numbers) = (row.get::<String>(1)?, row.get::<Vec<i16>>(3)?);
                SpiResult::Ok(name.zip(numbers).zip(row.get::<bool>(2)?))
            };
            rows.filter_map(|row| entry(row).transpose()).collect::<SpiResult<Vec<_>>>()
        })
    });
    Ok(found?.into_iter().map(|((name, numbers), nulls_equal)| (name, numbers, nulls_equal)).collect())
}

//! Whether each row of a source comes from one row of one table behind it, so that a guarantee about the source's rows
//! is one about the tables' rows. This holds for projections and filters of one table, and for `UNION ALL` of these
//! over different tables. If rows are joined, counted, ordered or limited, one row of a table can change many rows of
//! the source. Then the guarantee holds for units that all tables behind it carry, if there are any, and otherwise only
//! for the source's own rows.

mod behind;
mod carried;
mod expression;
mod opened;
mod query;
pub mod reason;

use pgrx::pg_sys;

use self::behind::Behind;
use self::reason::Reason;
use crate::pg::errors::Result;
use crate::pg::relation::Relation;
use crate::pg::server::access;

/// The reason why the source's rows do not come from one row of one table each, or `None` if they do. With a unit
/// column, it is enough that all rows behind a row have its value. Then its units are units of the tables.
///
/// # Errors
/// If the catalogs cannot be read.
pub fn why_not(source: &Relation, unit: Option<i16>) -> Result<Option<Reason>> {
    let mut behind = Behind::default();
    // SAFETY: the source is locked, and the relations behind it are opened while they are inspected.
    let rows = unsafe { behind.relation(source.oid, pg_sys::GetUserId(), 0) };
    let reason = match rows {
        Ok(()) => makers_not_trusted(&behind).or(if overlap(&behind)? { Some("the same table twice") } else { None }),
        Err(reason) => Some(reason),
    };
    let (Some(reason), Some(column)) = (reason, unit) else { return Ok(reason) };
    let mut behind = Behind::default();
    // SAFETY: as above.
    let carried = unsafe { behind.carried((source.oid, column), pg_sys::GetUserId(), 0, true) };
    Ok(match carried {
        Ok(()) if makers_not_trusted(&behind).is_none() => None,
        _ => Some(reason),
    })
}

/// The owner of a function can make it read anything. Superusers and the owner of the tables are trusted.
fn makers_not_trusted(behind: &Behind) -> Option<Reason> {
    let trusted = |maker: &pg_sys::Oid| {
        // SAFETY: a look-up.
        let is_superuser = unsafe { pg_sys::superuser_arg(*maker) };
        is_superuser || behind.tables.iter().all(|(_, owner)| owner == maker)
    };
    (!behind.makers.iter().all(trusted)).then_some("a function of a role that does not own what it reads")
}

/// Whether two of the tables are the same, or one is a part of the other.
fn overlap(behind: &Behind) -> Result<bool> {
    if behind.tables.len() < 2 {
        return Ok(false);
    }
    let tables: Vec<u32> = behind.tables.iter().map(|(table, _)| table.to_u32()).collect();
    access::ask(
        "WITH RECURSIVE given (nr, relation) AS (
             SELECT t.ordinality, t.value::pg_catalog.oid
             FROM pg_catalog.jsonb_array_elements_text($1::pg_catalog.jsonb) WITH ORDINALITY AS t
         ), parts (nr, relation) AS (
             SELECT nr, relation FROM given
             UNION
             SELECT p.nr, i.inhrelid FROM parts AS p JOIN pg_catalog.pg_inherits AS i ON i.inhparent = p.relation)
         SELECT pg_catalog.to_json(EXISTS (
             SELECT FROM parts GROUP BY relation HAVING pg_catalog.count(*) > 1))::pg_catalog.text",
        &access::json(&tables)?,
    )
}

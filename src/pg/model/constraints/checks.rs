//! The CHECK constraints of a source.

use pgrx::spi::SpiResult;
use pgrx::{Spi, pg_sys};

use crate::pg::errors::Result;
use crate::pg::model::constraints::expression;
use crate::pg::model::metadata::{Check, ColumnFacts};
use crate::pg::relation::Relation;
use crate::pg::relation::implied_domains::in_force;
use crate::pg::server::{expr, guc};
use crate::pg::values::key::Key;

/// The constraints that can be evaluated on rows of these columns, and the names of the others.
pub fn of(source: &Relation, columns: &[ColumnFacts]) -> Result<(Vec<Check>, Vec<String>)> {
    let (mut checks, mut lost) = (Vec::new(), Vec::new());
    let in_force = in_force(source.has_children);
    for StoredCheck { name, node, written } in stored("conrelid", source.oid, &in_force)? {
        // SAFETY: a stored expression.
        let numbers = unsafe { expression::columns(expr::read(&node)) };
        // A random uuid of a row differs each time it is generated.
        let known = |number: &i16| {
            columns.iter().find(|c| c.ordinal == *number && c.key != Some(Key::Uuid)).map(|c| c.name.clone())
        };
        let columns = numbers.and_then(|numbers| numbers.iter().map(known).collect::<Option<Vec<String>>>());
        match columns.filter(|columns| expression::names_nothing_else(&written, Some(columns))) {
            Some(columns) => {
                checks.push(Check { name, expression: written, columns, of_domain: false, is_rule: false })
            }
            None => lost.push(name),
        }
    }
    Ok((checks, lost))
}

/// A constraint in the catalogs: its name, its node tree and its text. To write the text, PostgreSQL calls output
/// functions of constants' types. A domain has the output function of its base type, arrays and rows have those of
/// their elements, and only superusers can create others.
pub struct StoredCheck {
    pub name: String,
    pub node: String,
    pub written: String,
}

/// The constraints of a relation or a domain (`owner`) for which `condition` is true.
pub fn stored(owner: &str, oid: pg_sys::Oid, condition: &str) -> Result<Vec<StoredCheck>> {
    let query = format!(
        "SELECT conname::pg_catalog.text, conbin::pg_catalog.text, pg_catalog.pg_get_expr(conbin, conrelid)
         FROM pg_catalog.pg_constraint WHERE {owner} OPERATOR(pg_catalog.=) $1 AND {condition} ORDER BY conname"
    );
    let found = guc::with_fixed_writing(|| {
        Spi::connect(|client| {
            let rows = client.select(query.as_str(), None, &[oid.into()])?;
            let entry = |row: pgrx::spi::SpiHeapTupleData| {
                SpiResult::Ok(row.get::<String>(1)?.zip(row.get::<String>(2)?).zip(row.get::<String>(3)?))
            };
            rows.filter_map(|row| entry(row).transpose()).collect::<SpiResult<Vec<_>>>()
        })
    });
    Ok(found?.into_iter().map(|((name, node), written)| StoredCheck { name, node, written }).collect())
}

//! Domains that the catalogs imply, free of charge: CHECK constraints that compare one column with constants, and the
//! constraints of domain types.

use pgrx::{Spi, pg_sys};

use crate::pg::errors::Result;
use crate::pg::relation::comparisons::{Analysis, Subject};
use crate::pg::relation::implied::Implied;
use crate::pg::relation::{Attribute, Relation};
use crate::pg::server::{expr, guc, types};
use crate::pg::values::facts::Listed;
use crate::pg::values::kind::Kind;

/// The implied domains of the columns, one entry each.
pub fn facts(source: &Relation, columns: &[&Attribute]) -> Result<Vec<Implied>> {
    let mut all = vec![Implied::default(); columns.len()];
    for text in stored(source.oid, true, source.has_children)? {
        // SAFETY: a stored expression.
        let found = unsafe { Analysis { subject: Subject::Columns(columns) }.facts(expr::read(&text), true) };
        all = all.into_iter().zip(found).map(|(a, b)| a.and(b)).collect();
    }
    for (facts, column) in all.iter_mut().zip(columns) {
        for (domain, _) in types::domains(column.type_oid) {
            for text in stored(domain, false, false)? {
                let subject = Subject::Value(column);
                // SAFETY: a stored expression.
                let mut found = unsafe { Analysis { subject }.facts(expr::read(&text), true) };
                *facts = std::mem::take(facts).and(found.remove(0));
            }
        }
        implied(column, facts)?;
        facts.not_null |= column.not_null;
    }
    Ok(all)
}

/// The values that the type lists.
fn implied(column: &Attribute, facts: &mut Implied) -> Result<()> {
    let values = match column.kind.map(Kind::listed) {
        Some(Listed::Booleans) => vec!["false".to_owned(), "true".to_owned()],
        // SAFETY: the column's type exists.
        Some(Listed::Labels) => labels(unsafe { pg_sys::getBaseType(column.type_oid) })?,
        Some(Listed::Nothing) | None => return Ok(()),
    };
    *facts = Implied { values: Some(values), ..Implied::default() }.and(std::mem::take(facts));
    Ok(())
}

fn labels(enum_oid: pg_sys::Oid) -> Result<Vec<String>> {
    texts(
        "SELECT enumlabel::pg_catalog.text FROM pg_catalog.pg_enum WHERE enumtypid = $1 ORDER BY enumsortorder",
        enum_oid,
    )
}

/// The validated CHECK expressions of a relation or a domain.
fn stored(oid: pg_sys::Oid, relation: bool, has_children: bool) -> Result<Vec<String>> {
    let owner = if relation { "conrelid" } else { "contypid" };
    texts(
        &format!(
            "SELECT conbin::pg_catalog.text FROM pg_catalog.pg_constraint
             WHERE {owner} = $1 AND {} ORDER BY oid",
            in_force(has_children)
        ),
        oid,
    )
}

/// An SQL condition on `pg_constraint` for CHECK constraints that hold in all rows, including those of children.
pub fn in_force(has_children: bool) -> String {
    let inherited = if has_children { " AND NOT connoinherit" } else { "" };
    let enforced = if cfg!(feature = "pg18") { " AND conenforced" } else { "" };
    format!("contype = 'c' AND convalidated{inherited}{enforced}")
}

fn texts(query: &str, oid: pg_sys::Oid) -> Result<Vec<String>> {
    Ok(guc::with_pinned_path(|| {
        Spi::connect(|client| {
            let rows = client.select(query, None, &[oid.into()])?;
            rows.filter_map(|row| row.get::<String>(1).transpose()).collect::<std::result::Result<Vec<_>, _>>()
        })
    })?)
}

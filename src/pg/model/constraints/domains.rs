//! Constraints of domains. PostgreSQL would check them when it makes a value, by running code of the domain's owner,
//! and would fold them even before. Here they become conditions on rows, which are evaluated if all their parts are
//! PostgreSQL's own.

use pgrx::pg_sys;

use crate::pg::errors::Result;
use crate::pg::model::constraints::checks::{StoredCheck, stored};
use crate::pg::model::constraints::expression;
use crate::pg::model::metadata::{Check, ColumnFacts, Constraints};
use crate::pg::relation::Relation;
use crate::pg::relation::implied_domains::in_force;
use crate::pg::server::{expr, types};
use crate::pg::values::key::Key;

/// The conditions of the columns' domains that can be evaluated, and the names of the others. Keys other than numbers
/// are generated without regard to them.
pub fn of(source: &Relation, columns: &[ColumnFacts]) -> Result<(Vec<Check>, Vec<String>)> {
    let (mut checks, mut lost) = (Vec::new(), Vec::new());
    for column in columns {
        let attribute = source.columns.iter().find(|attribute| attribute.number == column.ordinal);
        for (domain, _) in attribute.map_or_else(Vec::new, |attribute| types::domains(attribute.type_oid)) {
            for constraint in stored("contypid", domain, &in_force(false))? {
                let name = format!("{}.{}", types::type_name(domain, -1), constraint.name);
                if matches!(column.key, None | Some(Key::Number)) && is_evaluated(&constraint) {
                    let (expression, columns) = (constraint.written, vec![column.name.clone()]);
                    checks.push(Check { name, expression, columns, of_domain: true, is_rule: false });
                } else if !lost.contains(&name) {
                    lost.push(name);
                }
            }
        }
    }
    Ok((checks, lost))
}

fn is_evaluated(constraint: &StoredCheck) -> bool {
    // SAFETY: a stored expression.
    let columns = unsafe { expression::columns(expr::read(&constraint.node)) };
    columns.is_some_and(|columns| columns.is_empty()) && expression::names_nothing_else(&constraint.written, None)
}

/// Whether all current constraints of a domain, validated or not, are among these constraints of rows.
pub fn holds(domain: pg_sys::Oid, column: &ColumnFacts, constraints: &Constraints) -> Result<bool> {
    for (domain, not_null) in types::domains(domain) {
        let is_kept = |asked: &StoredCheck| {
            let same = |check: &Check| check.of_domain && check.expression == asked.written;
            let of_column = |check: &&Check| check.columns == [column.name.as_str()];
            is_evaluated(asked) && constraints.checks.iter().filter(of_column).any(same)
        };
        let all = stored("contypid", domain, "contype = 'c'")?;
        if not_null && !column.not_null || !all.iter().all(is_kept) {
            return Ok(false);
        }
    }
    Ok(true)
}

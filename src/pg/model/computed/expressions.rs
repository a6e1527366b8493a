//! The computed columns and the rules of a training.

use std::collections::BTreeMap;

use pgrx::pg_sys::{self, NodeTag};

use crate::pg::errors::{self, Result};
use crate::pg::model::computed::order;
use crate::pg::model::computed::stated::Accepted;
use crate::pg::model::constraints::expression;
use crate::pg::model::metadata::{Check, ColumnFacts, Computed};
use crate::pg::relation::{Relation, generated};
use crate::pg::server::expr::{self, Node};
use crate::pg::values::key::Key;

/// Expressions of computed columns, by the number of the column, each with whether the source generates the column.
pub type Expressions = BTreeMap<i16, (Accepted, bool)>;

/// The generated columns whose expressions are accepted.
pub fn generated(source: &Relation) -> Result<Expressions> {
    let mut found = Expressions::new();
    for column in generated::of(source)?.into_iter().filter(|column| column.is_uniform) {
        // SAFETY: a stored expression. Values are computed in base types; conditions of domains are checked afterwards.
        let columns = unsafe { expression::columns(without_domain(expr::read(&column.node))) };
        let Some(columns) = columns else { continue };
        let names: Vec<String> = columns.iter().map(|number| source.name_of(*number)).collect();
        if expression::names_nothing_else(&column.written, Some(&names)) {
            found.insert(column.number, (Accepted { written: column.written, columns }, true));
        }
    }
    Ok(found)
}

/// # Safety
/// `node` is null or a valid node.
unsafe fn without_domain(node: Node) -> Node {
    // SAFETY: as promised, and the parts of a valid node are valid.
    unsafe {
        match expr::cast::<pg_sys::CoerceToDomain>(node, NodeTag::T_CoerceToDomain) {
            Some(coerced) => without_domain(coerced.arg.cast()),
            None => node,
        }
    }
}

/// Gives the columns their expressions, and takes out the generated columns that have none. Returns the names of these.
///
/// # Errors
/// If a derived column cannot be computed from the columns.
pub fn set(source: &Relation, columns: &mut Vec<ColumnFacts>, mut expressions: Expressions) -> Result<Vec<String>> {
    let mut lost = Vec::new();
    // A generated column that is taken out may be used by others.
    while let Some(place) = columns.iter().position(|column| is_lost(source, column, columns, &expressions)) {
        let column = columns.remove(place);
        expressions.remove(&column.ordinal);
        lost.push(column.name);
    }
    for (number, (accepted, _)) in &expressions {
        check_columns(source, columns, accepted, &errors::expression_of(&source.name_of(*number)))?;
    }
    for column in columns.iter_mut() {
        if let Some((accepted, generated)) = expressions.remove(&column.ordinal) {
            let columns = accepted.columns.iter().map(|used| source.name_of(*used)).collect();
            column.computed = Some(Computed { expression: accepted.written, columns, generated });
        }
    }
    if order::of(columns).is_none() {
        return Err(errors::derived_in_a_circle(order::circle(columns)));
    }
    Ok(lost)
}

/// Whether a generated column cannot be computed from the columns.
fn is_lost(source: &Relation, column: &ColumnFacts, columns: &[ColumnFacts], expressions: &Expressions) -> bool {
    let is_generated = || source.columns.iter().any(|own| own.number == column.ordinal && own.is_computed);
    match expressions.get(&column.ordinal) {
        Some((accepted, true)) => accepted.columns.iter().any(|used| !has_values(columns, *used)),
        Some((_, false)) => false,
        None => column.key.is_none() && is_generated(),
    }
}

/// Whether a column has a value in each row that expressions can use. A random uuid differs each time it is generated.
fn has_values(columns: &[ColumnFacts], number: i16) -> bool {
    columns.iter().any(|column| column.ordinal == number && column.key != Some(Key::Uuid))
}

/// Checks that an expression only uses columns with values. `what` names it.
fn check_columns(source: &Relation, columns: &[ColumnFacts], accepted: &Accepted, what: &str) -> Result<()> {
    let missing = accepted.columns.iter().filter(|used| !has_values(columns, **used));
    let missing: Vec<String> = missing.map(|used| source.name_of(*used)).collect();
    if missing.is_empty() { Ok(()) } else { Err(errors::expression_of_missing(what, missing)) }
}

/// The rules, given by their texts, as conditions on rows of the columns.
pub fn rules(source: &Relation, columns: &[ColumnFacts], rules: Vec<(String, Accepted)>) -> Result<Vec<Check>> {
    let rule = |(name, accepted): (String, Accepted)| {
        check_columns(source, columns, &accepted, &errors::rule(&name))?;
        let columns = accepted.columns.iter().map(|used| source.name_of(*used)).collect();
        Ok(Check { name, expression: accepted.written, columns, of_domain: false, is_rule: true })
    };
    rules.into_iter().map(rule).collect()
}

//! Checks the stored description of a model's columns. It may come from anywhere, and decides the types of the
//! generated values.

use std::collections::HashSet;

use crate::engine::artifact::Artifact;
use crate::pg::errors::{self, Result};
use crate::pg::model::computed::order;
use crate::pg::model::metadata::{Annotation, ColumnFacts};
use crate::pg::values::key::Key;

/// Whether an annotation is consistent with itself and with the columns of its model.
pub fn is_consistent(annotation: &Annotation, artifact: &Artifact) -> bool {
    let modelled: Vec<&ColumnFacts> = annotation.columns.iter().filter(|column| column.is_modelled()).collect();
    modelled.len() == artifact.columns.len()
        && modelled.iter().zip(&artifact.columns).all(|(facts, released)| {
            facts.name == released.column.name && facts.kind.measure().stored() == released.column.measure.stored()
        })
        && is_text(&annotation.source)
        && annotation.columns.iter().all(is_possible)
        && are_different(annotation.columns.iter().map(|column| column.ordinal))
        && are_names(annotation.columns.iter().map(|column| &column.name).chain(&annotation.left_out))
        && are_computable(&annotation.columns)
        && constraints_hold(annotation)
}

/// A column whose values are generated according to its kind.
fn is_possible(column: &ColumnFacts) -> bool {
    column.ordinal > 0
        && is_text(&column.type_name)
        && !column.type_name.is_empty()
        && column.kind.is_possible()
        && (column.key.is_none() || column.key == column.kind.key())
}

/// Columns that are computed, without a circle, from columns with the same values wherever they are used.
fn are_computable(columns: &[ColumnFacts]) -> bool {
    let usable: HashSet<&String> =
        columns.iter().filter(|column| column.key != Some(Key::Uuid)).map(|column| &column.name).collect();
    let is_computable = |column: &ColumnFacts| {
        let computed = column.computed.iter();
        computed.into_iter().all(|computed| {
            column.key.is_none()
                && is_text(&computed.expression)
                && computed.columns.iter().all(|name| usable.contains(name))
        })
    };
    columns.iter().all(is_computable) && order::of(columns).is_some()
}

/// Constraints on existing columns, and keys of columns that are not keys by themselves.
fn constraints_hold(annotation: &Annotation) -> bool {
    let constraints = &annotation.constraints;
    let find = |name: &String| annotation.columns.iter().find(|column| column.name == *name);
    constraints.checks.iter().all(|check| {
        is_text(&check.name) && is_text(&check.expression) && check.columns.iter().all(|name| find(name).is_some())
    }) && constraints.uniques.iter().all(|unique| {
        is_text(&unique.name)
            && !unique.columns.is_empty()
            && unique.columns.iter().all(|name| find(name).is_some_and(|column| column.key.is_none()))
    })
}

fn are_names<'a>(names: impl Iterator<Item = &'a String> + Clone) -> bool {
    names.clone().all(|name| is_text(name) && !name.is_empty()) && are_different(names)
}

fn are_different<T: Eq + std::hash::Hash>(all: impl IntoIterator<Item = T>) -> bool {
    let mut seen = HashSet::new();
    all.into_iter().all(|one| seen.insert(one))
}

/// SQL text cannot contain NUL.
fn is_text(text: &str) -> bool {
    !text.contains('\0')
}

/// The annotation of a model, after it is checked against itself and the model.
pub fn annotation(name: &str, artifact: &Artifact) -> Result<Annotation> {
    let annotation: Annotation =
        serde_json::from_str(&artifact.annotation).map_err(|_| errors::annotation_unreadable(name))?;
    if is_consistent(&annotation, artifact) { Ok(annotation) } else { Err(errors::annotation_unreadable(name)) }
}

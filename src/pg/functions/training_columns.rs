//! The columns of a training: modelled, newly generated, or computed from others.

use crate::pg::errors::{self, Result};
use crate::pg::model::computed::expressions::{self, Expressions};
use crate::pg::model::metadata::{Annotation, ColumnFacts, Constraints};
use crate::pg::relation::keys::Keys;
use crate::pg::relation::privacy_unit::UnitColumn;
use crate::pg::relation::{Attribute, Relation};
use crate::pg::values::kind::MODELLED;

/// The columns of a training, as the model describes them.
pub struct TrainingColumns<'a> {
    pub annotation: Annotation,
    pub modelled: Vec<&'a Attribute>,
    /// Generated columns that cannot be computed.
    pub lost: Vec<String>,
}

impl<'a> TrainingColumns<'a> {
    /// Splits the chosen columns. A unit column that cannot be generated is left out. What the caller derives is computed,
    /// whatever else the column is.
    pub fn of(
        source: &Relation,
        chosen: &[&'a Attribute],
        keys: &Keys,
        unit: Option<&UnitColumn>,
        derived: Expressions,
    ) -> Result<Self> {
        check(source, chosen, unit, &derived)?;
        let mut expressions = expressions::generated(source)?;
        let is_unit = |number: i16| unit.is_some_and(|unit| unit.column.number == number);
        expressions.retain(|number, _| chosen.iter().any(|column| column.number == *number) && !is_unit(*number));
        expressions.extend(derived);
        let (mut columns, mut lost) = (Vec::with_capacity(chosen.len()), Vec::new());
        for column in chosen {
            let (is_unit, type_name) = (is_unit(column.number), column.type_name());
            let is_computed = expressions.contains_key(&column.number) || column.is_computed && !is_unit;
            let Some(kind) = column.kind else {
                if column.is_computed {
                    expressions.remove(&column.number);
                    lost.push(column.name.clone());
                    continue;
                }
                return Err(errors::unsupported_type(&column.name, &type_name, MODELLED));
            };
            let key = if is_unit { kind.key() } else { keys.key(column).filter(|_| !is_computed) };
            if key.is_none() && is_unit {
                continue;
            }
            let (name, not_null, computed) = (column.name.clone(), column.not_null, None);
            columns.push(ColumnFacts { name, ordinal: column.number, type_name, kind, not_null, key, computed });
        }
        lost.extend(expressions::set(source, &mut columns, expressions)?);
        lost.sort_by_key(|name| source.columns.iter().position(|column| column.name == *name));
        let find = |number: i16| columns.iter().find(move |column| column.ordinal == number);
        let left_out = source.columns.iter().filter(|column| find(column.number).is_none());
        let left_out = left_out.map(|column| column.name.clone()).collect();
        let is_modelled = |column: &&&Attribute| find(column.number).is_some_and(ColumnFacts::is_modelled);
        let modelled = chosen.iter().filter(is_modelled).copied().collect();
        let (source, constraints) = (source.quoted(), Constraints::default());
        let annotation = Annotation { source, columns, left_out, constraints, source_rows_only: None };
        Ok(Self { annotation, modelled, lost })
    }
}

/// Checks that derived columns are columns of the model that expressions can be computed for.
fn check(source: &Relation, chosen: &[&Attribute], unit: Option<&UnitColumn>, derived: &Expressions) -> Result<()> {
    for column in source.columns.iter().filter(|column| derived.contains_key(&column.number)) {
        if unit.is_some_and(|unit| unit.column.number == column.number) {
            return Err(errors::derived_is_unit(&column.name));
        }
        if !chosen.iter().any(|own| own.number == column.number) {
            return Err(errors::derived_is_left_out(&column.name));
        }
    }
    Ok(())
}

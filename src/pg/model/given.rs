//! Argument `given`: values that all synthetic rows must have, such as `{"sex": "Female", "age": 40}`.

use serde_json::{Map, Value};

use crate::engine::table::{BlockColumn, Measure, Wanted};
use crate::pg::errors::{self, Result};
use crate::pg::model::loaded::Model;
use crate::pg::model::metadata::{Annotation, ColumnFacts, Place};
use crate::pg::server::fmgr::InputFunction;
use crate::pg::server::guard;
use crate::pg::values::reader::ValueReader;

/// The given values by modelled column.
pub fn wanted(model: &Model, given: &Map<String, Value>) -> Result<Vec<Option<Wanted>>> {
    let columns = &model.artifact.columns;
    let mut wanted = vec![None; columns.len()];
    for (name, value) in given {
        let (column, place) = find(&model.name, &model.annotation, name)?;
        let value = read(column, value)?;
        if value == Wanted::Null && column.not_null {
            return Err(errors::given_null(name));
        }
        if value.likelihoods(&columns[place].domain).is_none() {
            let numbers = column.kind.measure() != Measure::Category;
            return Err(match value {
                Wanted::Null => errors::given_null(name),
                _ => errors::given_unknown(&model.name, name, numbers),
            });
        }
        wanted[place] = Some(value);
    }
    Ok(wanted)
}

/// A column of the model and its position among the modelled ones.
fn find<'a>(model: &str, annotation: &'a Annotation, name: &str) -> Result<(&'a ColumnFacts, usize)> {
    let mut columns = annotation.columns.iter().zip(annotation.places());
    match columns.find(|(column, _)| column.name == name) {
        Some((column, Place::Modelled(place))) => Ok((column, place)),
        Some((_, Place::Key(_))) => Err(errors::given_is_generated(name)),
        Some((_, Place::Computed(_))) => Err(errors::given_is_computed(name)),
        None if annotation.left_out.iter().any(|left_out| left_out == name) => Err(errors::given_is_left_out(name)),
        None => Err(errors::given_of_no_column(model, name)),
    }
}

/// Reads one JSON scalar with the plain type of the column's kind.
fn read(column: &ColumnFacts, value: &Value) -> Result<Wanted> {
    let text = match value {
        Value::Null => return Ok(Wanted::Null),
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(boolean) => boolean.to_string(),
        Value::Array(_) | Value::Object(_) => return Err(errors::given_is_no_scalar(&column.name)),
    };
    let kind = column.kind;
    if kind.is_text() {
        return Ok(Wanted::Text(kind.category(text)));
    }
    let refused = || errors::given_refused(&column.name, &column.type_name);
    let parsed = guard::attempt(
        || {
            let datum = InputFunction::new(kind.plain_type(), -1).parse(&text);
            let mut reader = ValueReader::new(kind);
            let mut block = reader.column();
            // SAFETY: the input function of the kind's plain type made the value.
            unsafe { reader.push(&mut block, datum, false) };
            block
        },
        refused,
    )?;
    let wanted = match &parsed {
        BlockColumn::Categories { .. } => {
            parsed.text(0).map(|text| String::from_utf8_lossy(text).into_owned()).map(Wanted::Text)
        }
        BlockColumn::Numbers { .. } => parsed.number(0).filter(|number| number.is_finite()).map(Wanted::Number),
    };
    wanted.ok_or_else(refused)
}

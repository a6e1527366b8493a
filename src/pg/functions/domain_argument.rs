//! Domains that the caller declares: `{"age": {"min": 17, "max": 90}, "sex": {"values": ["Male", "Female"]}}`.

use serde_json::{Map, Value};

use crate::engine::table::{BlockColumn, Declared, Measure};
use crate::pg::errors::{self, Result};
use crate::pg::relation::Attribute;
use crate::pg::server::fmgr::InputFunction;
use crate::pg::server::{guard, types};
use crate::pg::values::reader::ValueReader;

/// The declared domain of one column.
pub fn domain(column: &Attribute, value: &Value) -> Result<Declared> {
    let malformed = || errors::domain_malformed(&column.name);
    let object = value.as_object().ok_or_else(malformed)?;
    if object.is_empty() || object.keys().any(|key| !matches!(key.as_str(), "values" | "min" | "max")) {
        return Err(malformed());
    }
    let Some(kind) = column.kind else { return Err(errors::domain_of_no_column(&column.name)) };
    if kind.measure() == Measure::Category { values(column, object) } else { range(column, object) }
}

fn values(column: &Attribute, object: &Map<String, Value>) -> Result<Declared> {
    let malformed = || errors::domain_malformed(&column.name);
    let Some(list) = object.get("values").filter(|_| object.len() == 1) else {
        return Err(errors::domain_wants(&column.name, &column.type_name(), "\"values\""));
    };
    let list = list.as_array().filter(|list| !list.is_empty()).ok_or_else(malformed)?;
    let mut values: Vec<String> = Vec::with_capacity(list.len());
    let mut seen = std::collections::HashSet::new();
    for (i, value) in list.iter().enumerate() {
        let parsed = parse(column, value, i + 1)?;
        let text = parsed.text(0).map(|text| String::from_utf8_lossy(text).into_owned()).ok_or_else(malformed)?;
        if !seen.insert(text.clone()) {
            return Err(malformed());
        }
        values.push(text);
    }
    Ok(Declared::Categories(values))
}

fn range(column: &Attribute, object: &Map<String, Value>) -> Result<Declared> {
    if object.contains_key("values") {
        return Err(errors::domain_wants(&column.name, &column.type_name(), "\"min\" and \"max\""));
    }
    let bound = |key: &str, position: usize| {
        let value = object.get(key).map(|value| parse(column, value, position)).transpose()?;
        let Some(value) = value else { return Ok(None) };
        match value.number(0).filter(|number| number.is_finite()) {
            Some(number) => Ok(Some(number)),
            None => Err(errors::domain_malformed(&column.name)),
        }
    };
    let (lo, hi) = (bound("min", 1)?, bound("max", 2)?);
    if lo.zip(hi).is_some_and(|(lo, hi)| lo > hi) {
        return Err(errors::domain_malformed(&column.name));
    }
    Ok(Declared::Range { lo, hi })
}

/// Reads one JSON scalar with the column's type, into a block column of one value. A domain is read as its base type:
/// its own input function would run code of the domain's owner.
fn parse(column: &Attribute, value: &Value, position: usize) -> Result<BlockColumn> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(boolean) => boolean.to_string(),
        _ => return Err(errors::domain_malformed(&column.name)),
    };
    let Some(kind) = column.kind else { return Err(errors::domain_of_no_column(&column.name)) };
    guard::attempt(
        || {
            let (base, typmod) = types::base_type(column.type_oid, column.typmod);
            let datum = InputFunction::new(base, typmod).parse(&text);
            let mut reader = ValueReader::new(kind);
            let mut block = reader.column();
            // SAFETY: the input function of the column's base type made the value.
            unsafe { reader.push(&mut block, datum, false) };
            block
        },
        || errors::domain_value_refused(&column.name, &column.type_name(), position),
    )
}

//! Reads options from JSON one by one.

use serde_json::{Map, Value};

use crate::engine::{EngineError, Result};

/// Refuses unknown options.
pub fn check_names(method: &str, given: &Map<String, Value>, known: &[&str]) -> Result<()> {
    match given.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(unknown) => Err(EngineError::invalid(
            format!("unknown option \"{unknown}\" for method \"{method}\""),
            "The method has no such option.",
            format!("Known options are: {}.", known.join(", ")),
        )),
    }
}

/// A whole number from 0 to `most`, if given.
pub fn whole_up_to(given: &Map<String, Value>, name: &str, most: u64) -> Result<Option<u64>> {
    let Some(value) = given.get(name) else { return Ok(None) };
    let value = value.as_u64().filter(|value| *value <= most);
    value.map(Some).ok_or_else(|| wrong(name, format!("a whole number from 0 to {most}")))
}

/// A number, or the default.
pub fn number(given: &Map<String, Value>, name: &str, default: f64) -> Result<f64> {
    read(given, name, default, Value::as_f64, "a number")
}

/// A whole number, or the default.
pub fn whole(given: &Map<String, Value>, name: &str, default: u32) -> Result<u32> {
    read(given, name, default, as_whole, "a whole number")
}

/// True or false, or the default.
pub fn flag(given: &Map<String, Value>, name: &str, default: bool) -> Result<bool> {
    read(given, name, default, Value::as_bool, "true or false")
}

/// A list of whole numbers, or the default.
pub fn whole_numbers(given: &Map<String, Value>, name: &str, default: &[u32]) -> Result<Vec<u32>> {
    let list = |value: &Value| value.as_array()?.iter().map(as_whole).collect();
    read(given, name, default.to_vec(), list, "a list of whole numbers")
}

/// Checks that each named value is within its bounds.
///
/// # Errors
/// `InvalidParameter` for the first one that is not.
pub fn check_ranges(ranges: &[(&str, f64, f64, f64)]) -> Result<()> {
    match ranges.iter().find(|(_, value, lo, hi)| !(lo..=hi).contains(&value)) {
        None => Ok(()),
        Some((name, _, lo, hi)) => Err(wrong(name, format!("a number from {lo} to {hi}"))),
    }
}

/// Checks the widths of hidden layers.
///
/// # Errors
/// `InvalidParameter` if they are out of range.
pub fn check_widths(name: &str, widths: &[u32]) -> Result<()> {
    if widths.len() > 8 || widths.iter().any(|width| !(1..=4096).contains(width)) {
        return Err(wrong(name, "a list of at most 8 whole numbers from 1 to 4096".to_owned()));
    }
    Ok(())
}

fn as_whole(value: &Value) -> Option<u32> {
    u32::try_from(value.as_u64()?).ok()
}

fn read<T>(
    given: &Map<String, Value>,
    name: &str,
    default: T,
    convert: impl Fn(&Value) -> Option<T>,
    wanted: &str,
) -> Result<T> {
    let Some(value) = given.get(name) else { return Ok(default) };
    convert(value).ok_or_else(|| wrong(name, wanted.to_owned()))
}

/// The error for an option whose value cannot be used.
pub fn wrong(name: &str, wanted: String) -> EngineError {
    EngineError::invalid(
        format!("option \"{name}\" cannot be used as given"),
        "Its value has the wrong type or is out of range.",
        format!("Give {wanted}."),
    )
}

//! Options as given in JSON, read one by one.

use serde_json::{Map, Value};

use crate::engine::{EngineError, Result};

/// Refuses options that nothing reads.
pub fn check_names(method: &str, given: &Map<String, Value>, known: &[&str]) -> Result<()> {
    match given.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(unknown) => Err(EngineError::invalid(
            format!("unknown option \"{unknown}\" for method \"{method}\""),
            "An option that nothing reads is taken for a mistake.",
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

/// The error for an option whose value cannot be used.
pub fn wrong(name: &str, wanted: String) -> EngineError {
    EngineError::invalid(
        format!("option \"{name}\" cannot be used as given"),
        "Its value is of the wrong kind or out of range.",
        format!("Give {wanted}."),
    )
}

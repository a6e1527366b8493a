//! The options of `guided`.

use serde_json::{Map, Value};

use crate::engine::models::options_json::{check_names, whole_up_to, wrong};
use crate::engine::table::Column;
use crate::engine::{EngineError, Result};

/// Names of the options.
const NAMES: [&str; 3] = ["rounds", "marginals_a_round", "targets"];
const MOST: u64 = 1000;

/// Everything that can be set about a guided training. Public.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// Rounds of choosing and measuring marginals; by rule if absent.
    pub rounds: Option<u64>,
    /// Marginals measured in a round; by rule if absent.
    pub marginals_a_round: Option<u64>,
    /// Places of the columns whose relations to others are considered first.
    pub targets: Vec<usize>,
}

impl Options {
    /// Reads options from JSON, for a table of these columns.
    ///
    /// # Errors
    /// `InvalidParameter` for an unknown name or a value that cannot be used.
    pub fn parse(given: &Map<String, Value>, columns: &[Column]) -> Result<Self> {
        check_names("guided", given, &NAMES)?;
        Ok(Self {
            rounds: whole_up_to(given, "rounds", MOST)?,
            marginals_a_round: whole_up_to(given, "marginals_a_round", MOST)?,
            targets: targets(given, columns)?,
        })
    }
}

fn targets(given: &Map<String, Value>, columns: &[Column]) -> Result<Vec<usize>> {
    let Some(value) = given.get("targets") else { return Ok(Vec::new()) };
    let names: Option<Vec<&str>> = value.as_array().and_then(|names| names.iter().map(Value::as_str).collect());
    let names = names.ok_or_else(|| wrong("targets", "a list of names of columns".to_owned()))?;
    let place = |name: &&str| {
        columns.iter().position(|column| column.name == *name).ok_or_else(|| {
            EngineError::invalid(
                format!("option \"targets\" names \"{name}\", which is no column that the model learns from"),
                "A target is a modelled column whose relations to others are considered first.",
                "Name columns of the table that are neither excluded nor generated afresh.",
            )
        })
    };
    let mut places = names.iter().map(place).collect::<Result<Vec<usize>>>()?;
    places.sort_unstable();
    places.dedup();
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::table::Measure;

    fn parse(json: &str) -> Result<Options> {
        let column =
            |name: &str| Column { name: name.to_owned(), measure: Measure::Category, nullable: false, declared: None };
        let columns = ["a", "b", "c"].map(column);
        Options::parse(serde_json::from_str::<Value>(json).unwrap().as_object().unwrap(), &columns)
    }

    #[test]
    fn good_options_are_read_and_others_refused() {
        let options = Options { rounds: Some(3), marginals_a_round: None, targets: vec![0, 2] };
        assert_eq!(parse(r#"{"rounds": 3, "targets": ["c", "a", "c"]}"#).unwrap(), options);
        for bad in [
            r#"{"round": 3}"#,
            r#"{"rounds": -1}"#,
            r#"{"rounds": 2.5}"#,
            r#"{"marginals_a_round": 1001}"#,
            r#"{"targets": "a"}"#,
            r#"{"targets": ["d"]}"#,
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}

//! The options of `guided`.

use serde_json::{Map, Value};

use crate::engine::models::options_json::{check_names, whole_up_to, wrong};
use crate::engine::table::Column;
use crate::engine::{EngineError, Result};

/// Names of the options.
const NAMES: [&str; 3] = ["rounds", "marginals_per_round", "targets"];
/// What `marginals_per_round` was called up to 0.3: still understood.
const OLD_NAME: &str = "marginals_a_round";
const MAX: u64 = 1000;

/// Everything that can be set about a guided training. Public.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GuidedOptions {
    /// Rounds of choosing and measuring marginals; by rule if absent.
    pub rounds: Option<u64>,
    /// Marginals measured in a round; by rule if absent.
    pub marginals_per_round: Option<u64>,
    /// Places of the columns whose relations to others are considered first.
    pub targets: Vec<usize>,
}

impl GuidedOptions {
    /// Reads options from JSON, for a table of these columns.
    ///
    /// # Errors
    /// `InvalidParameter` for an unknown name or a value that cannot be used.
    pub fn parse(given: &Map<String, Value>, columns: &[Column]) -> Result<Self> {
        let mut given = given.clone();
        if !given.contains_key("marginals_per_round")
            && let Some(value) = given.remove(OLD_NAME)
        {
            given.insert("marginals_per_round".to_owned(), value);
        }
        check_names("guided", &given, &NAMES)?;
        Ok(Self {
            rounds: whole_up_to(&given, "rounds", MAX)?,
            marginals_per_round: whole_up_to(&given, "marginals_per_round", MAX)?,
            targets: targets(&given, columns)?,
        })
    }
}

impl GuidedOptions {
    /// See [`super::super::MethodOptions::for_features`].
    pub fn for_features(&self, feature_of: impl Fn(usize) -> Option<usize>) -> Self {
        let mut targets: Vec<usize> = self.targets.iter().filter_map(|column| feature_of(*column)).collect();
        targets.sort_unstable();
        targets.dedup();
        Self { targets, ..self.clone() }
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

    fn parse(json: &str) -> Result<GuidedOptions> {
        let column =
            |name: &str| Column { name: name.to_owned(), measure: Measure::Category, nullable: false, declared: None };
        let columns = ["a", "b", "c"].map(column);
        GuidedOptions::parse(serde_json::from_str::<Value>(json).unwrap().as_object().unwrap(), &columns)
    }

    #[test]
    fn good_options_are_read_and_others_refused() {
        let options = GuidedOptions { rounds: Some(3), marginals_per_round: None, targets: vec![0, 2] };
        assert_eq!(parse(r#"{"rounds": 3, "targets": ["c", "a", "c"]}"#).unwrap(), options);
        let old = parse(r#"{"marginals_a_round": 5}"#).unwrap();
        assert_eq!(old, parse(r#"{"marginals_per_round": 5}"#).unwrap());
        assert_eq!(old.marginals_per_round, Some(5));
        for bad in [
            r#"{"round": 3}"#,
            r#"{"rounds": -1}"#,
            r#"{"rounds": 2.5}"#,
            r#"{"marginals_per_round": 1001}"#,
            r#"{"marginals_a_round": 1001}"#,
            r#"{"marginals_a_round": 1, "marginals_per_round": 1}"#,
            r#"{"targets": "a"}"#,
            r#"{"targets": ["d"]}"#,
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}

//! The options of `guided`.

use serde_json::{Map, Value};

use crate::engine::Result;
use crate::engine::models::given::{check_names, whole_up_to};

/// Names of the options.
const NAMES: [&str; 2] = ["rounds", "pairs_a_round"];
const MOST: u64 = 1000;

/// Everything that can be set about a guided training. Public.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// Rounds of choosing and measuring pairs; by rule if absent.
    pub rounds: Option<u64>,
    /// Pairs measured in a round; by rule if absent.
    pub pairs_a_round: Option<u64>,
}

impl Options {
    /// Reads options from JSON.
    ///
    /// # Errors
    /// `InvalidParameter` for an unknown name or a value that cannot be used.
    pub fn parse(given: &Map<String, Value>) -> Result<Self> {
        check_names("guided", given, &NAMES)?;
        Ok(Self {
            rounds: whole_up_to(given, "rounds", MOST)?,
            pairs_a_round: whole_up_to(given, "pairs_a_round", MOST)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Options> {
        Options::parse(serde_json::from_str::<Value>(json).unwrap().as_object().unwrap())
    }

    #[test]
    fn good_options_are_read_and_others_refused() {
        assert_eq!(parse(r#"{"rounds": 3}"#).unwrap(), Options { rounds: Some(3), pairs_a_round: None });
        for bad in [r#"{"round": 3}"#, r#"{"rounds": -1}"#, r#"{"rounds": 2.5}"#, r#"{"pairs_a_round": 1001}"#] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}

//! What the face itself needs to know of a model's columns: stored with the model as JSON, so that the model outlives
//! its source.

use serde::{Deserialize, Serialize};

use crate::pg::values::key::Key;
use crate::pg::values::kind::Kind;

/// The columns of a model, in the order of the source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Annotation {
    /// The source's name as SQL writes it.
    pub source: String,
    pub columns: Vec<ColumnFacts>,
    /// Columns of the source that the model leaves out.
    pub left_out: Vec<String>,
    /// What holds in every row.
    pub constraints: Constraints,
    /// Why the promise is about rows of the source and not about rows of the tables behind it, if that is so.
    #[serde(default)]
    pub source_rows_only: Option<String>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnFacts {
    pub name: String,
    /// Position in the source, from 1.
    pub ordinal: i16,
    /// The type as SQL writes it, with its modifier, and with its schema unless that is pg_catalog.
    #[serde(rename = "type")]
    pub type_name: String,
    pub kind: Kind,
    pub not_null: bool,
    /// How it is generated if it is not modelled.
    pub key: Option<Key>,
}

impl Annotation {
    /// The place of each column among the modelled ones.
    pub fn places(&self) -> Vec<Option<usize>> {
        let mut next = 0..;
        self.columns.iter().map(|column| if column.key.is_some() { None } else { next.next() }).collect()
    }
}

/// The constraints of a source, told by their columns' names. All of it is public.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Constraints {
    pub checks: Vec<Check>,
    pub uniques: Vec<Unique>,
}

/// A CHECK constraint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    pub name: String,
    /// As SQL writes it under a search path of nothing but pg_catalog.
    pub expression: String,
    pub columns: Vec<String>,
    /// Whether it is what the domain of its one column asks for, and calls that VALUE.
    #[serde(default)]
    pub of_domain: bool,
}

/// A unique key of columns that are all modelled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unique {
    pub name: String,
    pub columns: Vec<String>,
    /// Whether NULL is equal to NULL.
    pub nulls_equal: bool,
}

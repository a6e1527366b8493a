//! What the face needs to know about a model's columns. It is stored with the model as JSON, so that the model does not
//! depend on its source.

use serde::{Deserialize, Serialize};

use crate::pg::values::key::Key;
use crate::pg::values::kind::Kind;

/// The columns of a model, in the order of the source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Annotation {
    /// The source's name in SQL.
    pub source: String,
    pub columns: Vec<ColumnFacts>,
    /// Columns of the source that are not in the model.
    pub left_out: Vec<String>,
    /// The constraints of every row.
    pub constraints: Constraints,
    /// The reason why the guarantee is about rows of the source but not about rows of the tables behind it, if so.
    #[serde(default)]
    pub source_rows_only: Option<String>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnFacts {
    pub name: String,
    /// Position in the source, from 1.
    pub ordinal: i16,
    /// The type in SQL, with its modifier, and with its schema unless that is pg_catalog.
    #[serde(rename = "type")]
    pub type_name: String,
    pub kind: Kind,
    pub not_null: bool,
    /// How it is generated, if it is not modelled.
    pub key: Option<Key>,
}

impl Annotation {
    /// The position of each column among the modelled ones.
    pub fn places(&self) -> Vec<Option<usize>> {
        let mut next = 0..;
        self.columns.iter().map(|column| if column.key.is_some() { None } else { next.next() }).collect()
    }
}

/// The constraints of a source, by the names of their columns. All of this is public.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Constraints {
    pub checks: Vec<Check>,
    pub uniques: Vec<Unique>,
}

/// A CHECK constraint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    pub name: String,
    /// The SQL text, under a search path of only pg_catalog.
    pub expression: String,
    pub columns: Vec<String>,
    /// Whether it is a constraint of the domain of its one column, and refers to it as VALUE.
    #[serde(default)]
    pub of_domain: bool,
}

/// A unique key of columns that are all modelled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unique {
    pub name: String,
    pub columns: Vec<String>,
    /// Whether NULLs are equal.
    pub nulls_equal: bool,
}

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
    /// How it is generated, if it is a key.
    pub key: Option<Key>,
    /// How it is computed from other columns of its row, if it is not learned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computed: Option<Computed>,
}

/// What a column is computed by. All of this is public.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Computed {
    /// The SQL text, under a search path of only pg_catalog.
    pub expression: String,
    /// The columns that it uses.
    pub columns: Vec<String>,
    /// Whether it is a generated column of the source. Otherwise the training's caller stated the expression.
    pub generated: bool,
}

/// The origin of a column's values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Place {
    /// Position among the modelled columns.
    Modelled(usize),
    Key(Key),
    /// Position among the computed columns.
    Computed(usize),
}

impl ColumnFacts {
    /// Whether the model has learned it.
    pub fn is_modelled(&self) -> bool {
        self.key.is_none() && self.computed.is_none()
    }
}

impl Annotation {
    /// The origin of each column.
    pub fn places(&self) -> Vec<Place> {
        let (mut modelled, mut computed) = (0, 0);
        let next = |counter: &mut usize| {
            *counter += 1;
            *counter - 1
        };
        let place = |column: &ColumnFacts| match column.key {
            Some(key) => Place::Key(key),
            None if column.computed.is_some() => Place::Computed(next(&mut computed)),
            None => Place::Modelled(next(&mut modelled)),
        };
        self.columns.iter().map(place).collect()
    }
}

/// The constraints of a source, by the names of their columns. All of this is public.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Constraints {
    pub checks: Vec<Check>,
    pub uniques: Vec<Unique>,
}

/// A condition on every row: a CHECK constraint, or a rule that the training's caller stated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    pub name: String,
    /// The SQL text, under a search path of only pg_catalog.
    pub expression: String,
    pub columns: Vec<String>,
    /// Whether it is a constraint of the domain of its one column, and refers to it as VALUE.
    #[serde(default)]
    pub of_domain: bool,
    /// Whether the training's caller stated it. Its name is its text then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_rule: bool,
}

/// A unique key of columns that are all modelled or computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unique {
    pub name: String,
    pub columns: Vec<String>,
    /// Whether NULLs are equal.
    pub nulls_equal: bool,
}

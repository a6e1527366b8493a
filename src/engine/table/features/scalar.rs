//! One value of a column.

use serde::{Deserialize, Serialize};

use crate::engine::table::BlockColumn;

/// A value of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Scalar {
    Null,
    Text(String),
    Number(f64),
}

impl Scalar {
    /// Whether a row of a column holds it.
    pub fn is(&self, column: &BlockColumn, row: usize) -> bool {
        match self {
            Self::Null => column.text(row).is_none() && column.number(row).is_none(),
            Self::Text(text) => column.text(row) == Some(text.as_bytes()),
            Self::Number(number) => column.number(row) == Some(*number),
        }
    }

    /// Appends it to a column. A value of the wrong kind is missing.
    pub fn push(&self, column: &mut BlockColumn) {
        match (column, self) {
            (column @ BlockColumn::Numbers { .. }, Self::Number(number)) => column.push_number(Some(*number)),
            (column @ BlockColumn::Numbers { .. }, _) => column.push_number(None),
            (column, Self::Text(text)) => column.push_text(Some(text.as_bytes())),
            (column, _) => column.push_text(None),
        }
    }

    /// Whether it can be a value of such a column.
    pub fn fits(&self, is_number: bool) -> bool {
        match self {
            Self::Null => true,
            Self::Text(_) => !is_number,
            Self::Number(number) => is_number && number.is_finite(),
        }
    }
}

//! How a column of keys is generated.

use serde::{Deserialize, Serialize};

use crate::pg::values::kind::Kind;

/// How a key is generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// 1, 2, 3 and so on.
    Number,
    /// Random uuids.
    Uuid,
    /// The column's name and a number.
    Text,
}

impl Key {
    /// How values of a kind are generated, if they can be.
    pub fn of(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::Int2 | Kind::Int4 | Kind::Int8 | Kind::Decimal { scale: 0 } | Kind::Numeric => Self::Number,
            Kind::Uuid => Self::Uuid,
            Kind::Text | Kind::Char => Self::Text,
            _ => return None,
        })
    }

    /// The largest number of rows that a key of this kind can number.
    pub fn most_rows(kind: Kind) -> u64 {
        match kind {
            Kind::Int2 => i16::MAX as u64,
            Kind::Int4 => i32::MAX as u64,
            _ => i64::MAX as u64,
        }
    }
}

//! Generated keys.

use serde::{Deserialize, Serialize};

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

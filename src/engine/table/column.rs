//! What the engine knows of a column before it sees a row: public facts only.

use serde::{Deserialize, Serialize};

/// How a column's values are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredMeasure", into = "StoredMeasure")]
pub enum Measure {
    /// Unordered values, as UTF-8 text: text, enum labels, booleans, uuids.
    Category,
    /// Integer-valued numbers: integers, microseconds, decimals in units of their last digit.
    Lattice,
    /// Real numbers: float4, float8, numeric without a scale.
    Real,
    /// Dates and moments as whole numbers: days, or equal parts of days, from the beginning of 2000-01-01 on.
    Moment { per_day: u64 },
}

impl Measure {
    /// Whether values are whole numbers.
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Lattice | Self::Moment { .. })
    }

    /// What models say of it. Once the features are found, moments are numbers.
    pub fn stored(self) -> Self {
        match self {
            Self::Moment { .. } => Self::Lattice,
            measure => measure,
        }
    }
}

/// See [`Measure::stored`].
#[derive(Clone, Copy, Serialize, Deserialize)]
enum StoredMeasure {
    Category,
    Lattice,
    Real,
}

impl From<StoredMeasure> for Measure {
    fn from(stored: StoredMeasure) -> Self {
        match stored {
            StoredMeasure::Category => Self::Category,
            StoredMeasure::Lattice => Self::Lattice,
            StoredMeasure::Real => Self::Real,
        }
    }
}

impl From<Measure> for StoredMeasure {
    fn from(measure: Measure) -> Self {
        match measure {
            Measure::Category => Self::Category,
            Measure::Lattice | Measure::Moment { .. } => Self::Lattice,
            Measure::Real => Self::Real,
        }
    }
}

/// A domain known without looking at the data, hence free of charge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Declared {
    /// Exactly these values may occur, in this order; any other value counts as missing.
    Categories(Vec<String>),
    /// Values lie in `lo..=hi` (in the column's measure); others are clipped. A missing bound is learned.
    Range { lo: Option<f64>, hi: Option<f64> },
}

/// A column offered to the engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    pub measure: Measure,
    /// Whether NULL may occur (public: from the catalog).
    pub nullable: bool,
    pub declared: Option<Declared>,
}

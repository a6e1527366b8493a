//! Everything that is fixed before a row is read: the request and what follows from it.

use serde_json::{Map, Value};

use crate::engine::models::{Method, MethodOptions};
use crate::engine::privacy::budget::{Releases, Search, Split};
use crate::engine::privacy::ledger::{Neighbours, PrivacyUnit};
use crate::engine::table::{Column, discover, relations, units};
use crate::engine::{EngineError, Result};

/// A request for a training.
pub struct Request {
    pub columns: Vec<Column>,
    /// The protected unit, if it is not the row.
    pub unit: Option<PrivacyUnit>,
    pub epsilon: f64,
    pub delta: f64,
    pub method: Method,
    /// Options of the method; unknown keys are refused.
    pub options: Map<String, Value>,
    /// Memory limit in bytes; 0 for no limit.
    pub memory_limit: u64,
}

/// A checked request, and the split of its budget. All of it is public.
pub struct Setup {
    pub columns: Vec<Column>,
    pub neighbours: Neighbours,
    pub method: Method,
    pub options: MethodOptions,
    pub epsilon: f64,
    pub delta: f64,
    pub memory_limit: u64,
    pub split: Split,
    /// Whether the cost is limited to little more than that of a Gaussian mechanism with its claim.
    pub held: bool,
}

impl Setup {
    /// # Errors
    /// `InvalidParameter` for an epsilon, delta, unit or option that cannot be used, or no columns.
    pub fn new(request: Request) -> Result<Self> {
        let Request { columns, unit, epsilon, delta, method, options, memory_limit } = request;
        if columns.is_empty() {
            return Err(EngineError::invalid(
                "there is no column to learn from",
                "Every column is excluded, has a type that is not modelled, or has newly generated values.",
                "Name at least one other column.",
            ));
        }
        if unit.as_ref().is_some_and(|unit| !(1..=units::MAX_ROWS).contains(&unit.rows)) {
            return Err(EngineError::invalid(
                format!("the number of rows per unit must be between 1 and {}", units::MAX_ROWS),
                "At most this many rows of a privacy unit are used, and the noise of counts grows with this number.",
                "Use public knowledge to choose a number that few units exceed.",
            ));
        }
        let options = method.options(&options, &columns)?;
        let releases = Releases {
            histograms: columns.iter().map(|column| discover::histograms(column, method.goal())).sum(),
            searches: relations::Scope::ALL.map(|scope| Search {
                units: relations::units(&columns, scope),
                least_signal: relations::least_signal(&columns, scope),
            }),
            thresholds: columns.iter().map(discover::thresholds).sum::<u64>() + relations::thresholds(&columns),
        };
        let split = Split::new(epsilon, delta, releases)?;
        Ok(Self {
            columns,
            neighbours: unit.map_or(Neighbours::AddRemoveRow, Neighbours::AddRemoveUnit),
            method,
            options,
            epsilon,
            delta,
            memory_limit,
            split,
            // Methods of counts cost about as much as a Gaussian mechanism with their claim, and this is fast to
            // compute.
            held: method == Method::Guided,
        })
    }

    /// Whether each row is a privacy unit.
    pub fn units_are_rows(&self) -> bool {
        self.neighbours.unit().is_none()
    }

    /// Maximum rows of a unit.
    pub fn unit_rows(&self) -> u32 {
        self.neighbours.unit().map_or(1, |unit| unit.rows)
    }

    /// The first counts. If one row of each unit is used, both numbers are the same.
    pub fn first_counts(&self) -> &'static [&'static str] {
        match self.neighbours.unit() {
            None => &[ROW_COUNT],
            Some(PrivacyUnit { rows: 1, .. }) => &[UNIT_COUNT],
            Some(_) => &[UNIT_COUNT, ROW_COUNT],
        }
    }

    /// Noise multiplier of each of the first counts.
    pub fn count_noise(&self) -> f64 {
        self.split.count_noise(self.first_counts().len() as u32)
    }
}

/// The names in the ledger of the first counts and of domain discovery.
pub const ROW_COUNT: &str = "row count";
pub const UNIT_COUNT: &str = "unit count";
pub const DOMAINS: &str = "domains";

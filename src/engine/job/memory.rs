//! Memory of a training, and limits for its scans. All of it depends only on public or noisy numbers.

use super::setup::Setup;
use crate::engine::table::{discover, relations, units};
use crate::engine::{EngineError, Result};

/// Maximum expected size of the sample that domains are learned from. It is smaller if the values might take more than
/// this many bytes, or more than half of the memory limit.
pub const DISCOVERY_ROWS: f64 = 500_000.0;
const DISCOVERY_BYTES: u64 = 1 << 30;
pub const MIN_DISCOVERY_ROWS: f64 = 10_000.0;

/// How many more rows or units than counted a scan may return: as a share, as a number, and in standard deviations of
/// the count's noise. A table that does not change exceeds this with a probability far below any delta.
const MORE_SHARE: f64 = 0.1;
const MORE_IN_ALL: f64 = 1_000.0;
const MORE_DEVIATIONS: f64 = 40.0;

impl Setup {
    /// Expected number of rows that domains are learned from. Public.
    pub fn discovery_rows(&self) -> f64 {
        let bytes = if self.memory_limit > 0 { DISCOVERY_BYTES.min(self.memory_limit / 2) } else { DISCOVERY_BYTES };
        let rows = bytes as f64 / self.sampled_bytes_per_row().max(1) as f64;
        rows.clamp(MIN_DISCOVERY_ROWS, DISCOVERY_ROWS)
    }

    fn sampled_bytes_per_row(&self) -> u64 {
        discover::bytes_per_row(&self.columns) + relations::bytes_per_row(&self.columns)
    }

    /// Peak memory, in bytes, of a training on this many rows and units.
    pub fn memory_estimate(&self, rows: f64, units: f64) -> u64 {
        let sampled = rows.min(self.discovery_rows()) * self.sampled_bytes_per_row() as f64;
        let encoded = rows * self.columns.len() as f64;
        let of_units = if self.units_are_rows() {
            0.0
        } else {
            units * units::BYTES_PER_UNIT as f64 + rows * units::BYTES_PER_ROW as f64
        };
        ((sampled.max(encoded) + encoded) as u64)
            .saturating_add(of_units as u64)
            .saturating_add(self.method.memory_estimate(&self.options, self.columns.len()))
    }

    /// The estimate, if it is within the limit.
    ///
    /// # Errors
    /// `MemoryLimit` if it exceeds the limit.
    pub fn expect_rows(&self, rows: f64, units: f64) -> Result<u64> {
        let (needed, limit) = (self.memory_estimate(rows, units), self.memory_limit);
        if limit > 0 && needed > limit { Err(EngineError::MemoryLimit { needed, limit }) } else { Ok(needed) }
    }

    /// Ends the count of units as soon as its noisy result exceeds the limit. The number of units only grows, and its
    /// noise is already drawn.
    ///
    /// # Errors
    /// `MoreRowsThanExpected` if this many units need more memory than the limit.
    pub fn check_units_so_far(&self, noisy_units: f64) -> Result<()> {
        let bytes = noisy_units * units::BYTES_PER_UNIT as f64;
        if self.memory_limit > 0 && bytes > self.memory_limit as f64 {
            return Err(EngineError::MoreRowsThanExpected { limit: self.memory_limit });
        }
        Ok(())
    }
}

/// The size of a scan that memory was estimated for.
pub struct Scan {
    rows: f64,
    max_rows: f64,
    max_units: f64,
}

impl Scan {
    /// A scan of noisy numbers of rows and units.
    pub fn new(setup: &Setup, noisy_rows: f64, noisy_units: f64) -> Self {
        let most = |counted: f64, deviation| counted * (1.0 + MORE_SHARE) + MORE_IN_ALL + MORE_DEVIATIONS * deviation;
        let deviation = setup.count_noise();
        Self {
            rows: 0.0,
            max_rows: most(noisy_rows, deviation * f64::from(setup.unit_rows())),
            max_units: most(noisy_units, deviation),
        }
    }

    /// Adds used rows.
    ///
    /// # Errors
    /// `MoreRowsThanCounted` if there are too many.
    pub fn add(&mut self, rows: usize) -> Result<()> {
        self.rows += rows as f64;
        if self.rows > self.max_rows { Err(EngineError::MoreRowsThanCounted) } else { Ok(()) }
    }

    /// # Errors
    /// `MoreRowsThanCounted` if there are too many units.
    pub fn check_units(&self, seen: usize) -> Result<()> {
        if seen as f64 > self.max_units { Err(EngineError::MoreRowsThanCounted) } else { Ok(()) }
    }
}

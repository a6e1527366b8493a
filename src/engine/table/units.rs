//! Privacy units of several rows: which rows of a scan take part, and which rows of a table are whose.
//!
//! A first scan counts the rows of every unit. In each later one a unit of at most `m` rows keeps all of them, and of a
//! larger one `m` rows are kept, every choice of `m` being equally likely: of `r` rows, the next after `s` is kept with
//! probability `(m - kept) / (r - s)` (Fan, Muller and Rezucha, "Development of Sampling Plans by Using Sequential (Item
//! by Item) Selection Techniques", 1962). Rows without a unit are units by themselves.
//!
//! # Claim
//! What is kept of a unit is a function of its own rows and of random bits of its own, and is never more than `m` rows
//! in a scan. So tables that differ in one unit yield, for equal bits, scans that differ in at most `m` rows.
//!
//! # Proof
//! A row is only kept while its unit has kept fewer than `m`, also where a scan shows other rows than the first did,
//! as a view of a volatile function may. Units are told apart by keyed 128-bit hashes of their values. That one
//! unit shares its hash with another of `2^32`, so that each could push out the other's rows, has probability
//! below `2^-96` ([`COLLISION`]).

use std::collections::HashMap;

use rand::RngExt;

use super::keyed_hash::KeyedHash;
use super::{BlockColumn, EncodedTable};
use crate::engine::privacy::meter::Meter;
use crate::engine::privacy::samplers::poisson::SamplingRate;
use crate::engine::{EngineError, Result};

/// Rows of a unit that may be used, at most.
pub const MAX_ROWS: u32 = 10_000;

/// Bound on the probability that a unit's hash is also another's: to be charged to delta.
pub const COLLISION: f64 = 1.3e-29;

/// Bytes that a [`UnitBook`] takes for a unit, roughly and at most: an entry of 48 bytes of a hash table that may be
/// half empty, and its state in a vector that doubles.
pub const BYTES_PER_UNIT: u64 = 120;

/// Bytes that [`Units`] take for a row while they are made.
pub const BYTES_PER_ROW: u64 = 20;

/// In place of a unit's number, for a row that is a unit by itself.
const ALONE: u32 = u32::MAX;

/// The units of a source: how many rows each has, and what a scan has kept of them. Private.
pub struct UnitBook {
    unit_rows: u32,
    hash: KeyedHash,
    numbers: HashMap<u128, u32, foldhash::fast::RandomState>,
    states: Vec<UnitState>,
    /// Rows without a unit.
    alone: u64,
}

#[derive(Clone, Copy)]
struct UnitState {
    /// Rows in the first scan; 0 for a unit that it did not show.
    rows: u32,
    /// Rows that the scan in progress has shown, and those of them that were kept.
    seen: u32,
    kept: u16,
    takes_part: bool,
}

/// What is kept of a block: ascending row numbers, and the unit of each.
#[derive(Debug, Default, PartialEq)]
pub struct Kept {
    pub rows: Vec<u32>,
    pub units: Vec<u32>,
}

impl UnitBook {
    /// An empty book of units of which at most `unit_rows` rows are kept, from 1 to [`MAX_ROWS`].
    pub fn new(unit_rows: u32) -> Self {
        Self {
            unit_rows: unit_rows.clamp(1, MAX_ROWS),
            hash: KeyedHash::default(),
            numbers: HashMap::default(),
            states: Vec::new(),
            alone: 0,
        }
    }

    /// Counts some rows of the first scan, each by its unit's value; NULL is none.
    pub fn count(&mut self, units: &BlockColumn) -> Result<()> {
        for row in 0..units.rows() {
            match units.text(row) {
                None => self.alone += 1,
                Some(value) => {
                    let state = self.state(value)?.1;
                    state.rows = state.rows.saturating_add(1);
                }
            }
        }
        Ok(())
    }

    /// Units seen so far that have a value.
    pub fn seen(&self) -> usize {
        self.states.len()
    }

    /// The number of units, and how many rows of theirs a scan of all units keeps.
    pub fn totals(&self) -> (u64, u64) {
        let kept: u64 = self.states.iter().map(|state| u64::from(state.rows.min(self.unit_rows))).sum();
        (self.states.len() as u64 + self.alone, kept + self.alone)
    }

    /// Begins a scan in which each unit takes part with this probability, on its own.
    pub fn begin(&mut self, rate: SamplingRate, meter: &mut Meter) {
        meter.begin_sample(rate);
        self.states.iter_mut().for_each(|state| *state = UnitState { seen: 0, kept: 0, takes_part: false, ..*state });
        for unit in meter.sample(self.states.len()) {
            self.states[unit as usize].takes_part = true;
        }
    }

    /// Which of some rows the scan keeps, by their units' values.
    pub fn keep(&mut self, units: &BlockColumn, meter: &mut Meter) -> Result<Kept> {
        let most = self.unit_rows;
        let mut kept = Kept::default();
        for row in 0..units.rows() {
            let unit = match units.text(row) {
                None if meter.takes_part() => ALONE,
                None => continue,
                Some(value) => {
                    let (unit, state) = self.state(value)?;
                    if state.rows == 0 && state.seen == 0 {
                        state.takes_part = meter.takes_part();
                    }
                    let (left, wanted) = (state.rows.saturating_sub(state.seen), most - u32::from(state.kept));
                    state.seen = state.seen.saturating_add(1);
                    if !state.takes_part
                        || wanted == 0
                        || (wanted < left && meter.rng().random_range(0..left) >= wanted)
                    {
                        continue;
                    }
                    state.kept += 1;
                    unit
                }
            };
            kept.rows.push(row as u32);
            kept.units.push(unit);
        }
        Ok(kept)
    }

    /// The number and state of a unit, new or not.
    fn state(&mut self, value: &[u8]) -> Result<(u32, &mut UnitState)> {
        let next = self.states.len() as u32;
        let unit = *self.numbers.entry(self.hash.of(value)).or_insert(next);
        if unit == ALONE {
            return Err(EngineError::Internal("there are more units than can be numbered"));
        }
        if unit == next {
            self.states.push(UnitState { rows: 0, seen: 0, kept: 0, takes_part: false });
        }
        Ok((unit, &mut self.states[unit as usize]))
    }
}

/// Which rows of a table are whose. Private, but for `unit_rows` and `noisy_count`.
#[derive(Debug, Clone, PartialEq)]
pub struct Units {
    /// Where in `rows` those of each unit start, and where the last unit's end.
    starts: Vec<u32>,
    rows: Vec<u32>,
    /// Rows of a unit, at most.
    pub unit_rows: u32,
    /// How many units there are, from a noisy count.
    pub noisy_count: f64,
}

impl Units {
    /// From the unit of every row, as [`UnitBook::keep`] numbers them.
    pub fn new(unit_of: &[u32], unit_rows: u32, noisy_count: f64) -> Self {
        let numbers = unit_of.iter().filter(|unit| **unit != ALONE).max().map_or(0, |unit| *unit as usize + 1);
        let mut next = vec![0u32; numbers];
        unit_of.iter().filter(|unit| **unit != ALONE).for_each(|unit| next[*unit as usize] += 1);
        let (mut starts, mut end) = (Vec::new(), 0);
        for next in &mut next {
            let rows = std::mem::replace(next, end);
            if rows > 0 {
                starts.push(end);
            }
            end += rows;
        }
        let mut rows = vec![0; unit_of.len()];
        for (row, unit) in unit_of.iter().enumerate() {
            let place = if *unit == ALONE {
                starts.push(end);
                &mut end
            } else {
                &mut next[*unit as usize]
            };
            rows[*place as usize] = row as u32;
            *place += 1;
        }
        starts.push(end);
        Self { starts, rows, unit_rows, noisy_count }
    }

    /// The number of units that have rows.
    pub fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// The rows of a unit, at least one.
    ///
    /// # Panics
    /// If there is no such unit.
    pub fn rows(&self, unit: usize) -> &[u32] {
        &self.rows[self.starts[unit] as usize..self.starts[unit + 1] as usize]
    }
}

/// A table and its privacy units; without [`Units`], each row is one.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitTable {
    pub table: EncodedTable,
    pub units: Option<Units>,
}

impl UnitTable {
    /// Rows of a unit, at most: how much it can change a histogram of the table.
    pub fn unit_rows(&self) -> u32 {
        self.units.as_ref().map_or(1, |units| units.unit_rows)
    }

    /// How many examples it has: units, or rows where these are the units. Private.
    pub fn examples(&self) -> usize {
        self.units.as_ref().map_or(self.table.rows, Units::count)
    }

    /// How many units there are, from noisy counts: at least 1.
    pub fn noisy_units(&self, noisy_rows: f64) -> f64 {
        self.units.as_ref().map_or(noisy_rows, |units| units.noisy_count).max(1.0)
    }
}

impl From<EncodedTable> for UnitTable {
    fn from(table: EncodedTable) -> Self {
        Self { table, units: None }
    }
}

#[cfg(test)]
mod tests;

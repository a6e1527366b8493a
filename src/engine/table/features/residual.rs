//! A number that follows another: its distance from a released curve of the other, on its own lattice.

use serde::{Deserialize, Serialize};

use super::curve::Curve;
use crate::engine::table::BlockColumn;

/// A column as its distance from a curve of another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Residual {
    pub column: usize,
    /// The column that it follows.
    pub on: usize,
    pub curve: Curve,
    /// Where the other is missing, it follows this value instead.
    pub default: f64,
    /// The spacing of its values; 0 for none.
    pub step: f64,
    /// Its own released range: values beyond it are not made.
    pub lo: f64,
    pub hi: f64,
    /// The side of the curve on which it never lies.
    pub never: Option<Side>,
}

/// A side of a curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    Below,
    Above,
}

impl Residual {
    /// Whether it can be decoded with.
    pub fn is_valid(&self) -> bool {
        let numbers = [self.default, self.lo, self.hi];
        numbers.iter().all(|number| number.is_finite())
            && self.lo <= self.hi
            && self.step.is_finite()
            && self.step >= 0.0
            && self.curve.is_valid()
    }

    /// The distances of a block's values.
    pub fn encode(&self, columns: &[BlockColumn]) -> BlockColumn {
        let (of, on) = (&columns[self.column], &columns[self.on]);
        let mut distances = BlockColumn::numbers();
        for row in 0..of.rows() {
            distances.push_number(of.number(row).map(|value| self.distance(value, on.number(row))));
        }
        distances
    }

    /// The values of distances.
    pub fn decode(&self, on: &BlockColumn, distances: &BlockColumn) -> BlockColumn {
        let mut values = BlockColumn::numbers();
        for row in 0..distances.rows() {
            let value = distances.number(row).map(|distance| {
                let expected = self.expected(on.number(row));
                let value = self.on_lattice(expected + distance).clamp(self.lo, self.hi);
                match self.never.filter(|_| on.number(row).is_some()) {
                    Some(Side::Below) => value.max(expected),
                    Some(Side::Above) => value.min(expected),
                    None => value,
                }
            });
            values.push_number(value);
        }
        values
    }

    /// How far a value lies from the curve.
    pub fn distance(&self, value: f64, on: Option<f64>) -> f64 {
        self.on_lattice(value - self.expected(on))
    }

    /// What the curve says of a value of the other column.
    pub fn expected(&self, on: Option<f64>) -> f64 {
        self.on_lattice(self.curve.at(on.filter(|on| on.is_finite()).unwrap_or(self.default)))
    }

    fn on_lattice(&self, value: f64) -> f64 {
        match self.step {
            0.0 => value,
            step if step < 1.0 => {
                let per_one = (1.0 / step).round();
                (value * per_one).round() / per_one
            }
            step => (value / step).round() * step,
        }
    }
}

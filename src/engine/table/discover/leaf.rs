//! The finest cells that were measured.

use super::number_line::Interval;
use super::tree::Estimate;

/// A cell and how many rows it holds, atoms inside it not counted.
#[derive(Debug, Clone, Copy)]
pub struct Leaf {
    pub interval: Interval,
    pub mass: Estimate,
    /// Whether the cell is beyond all that stand out.
    pub tail: bool,
    /// Whether every value of the cell is an atom.
    pub full: bool,
}

impl Leaf {
    /// A measured cell; a `full` one holds nothing but atoms.
    pub fn new(interval: Interval, mass: Estimate, full: bool) -> Self {
        let mass = if full { Estimate { value: 0.0, variance: 0.0 } } else { mass };
        Self { interval, mass, tail: false, full }
    }
}

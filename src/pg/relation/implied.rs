//! Known facts about the values of a column.

use crate::engine::table::{Declared, Measure};

/// Known facts about the values of one column: bounds in the engine's measure, or the values themselves.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Implied {
    pub lo: Option<f64>,
    pub hi: Option<f64>,
    pub values: Option<Vec<String>>,
    pub not_null: bool,
}

impl Implied {
    pub fn and(self, other: Self) -> Self {
        let values = match (self.values, other.values) {
            (Some(a), Some(b)) => Some(a.into_iter().filter(|value| b.contains(value)).collect()),
            (a, b) => a.or(b),
        };
        Self {
            lo: pick(self.lo, other.lo, f64::max),
            hi: pick(self.hi, other.hi, f64::min),
            values,
            not_null: self.not_null || other.not_null,
        }
    }

    pub fn or(self, other: Self) -> Self {
        let values = match (self.values, other.values) {
            (Some(mut a), Some(b)) => {
                let new: Vec<String> = b.into_iter().filter(|value| !a.contains(value)).collect();
                a.extend(new);
                Some(a)
            }
            _ => None,
        };
        Self {
            lo: self.lo.zip(other.lo).map(|(a, b)| a.min(b)),
            hi: self.hi.zip(other.hi).map(|(a, b)| a.max(b)),
            values,
            not_null: self.not_null && other.not_null,
        }
    }

    /// As a declared domain of a column of this measure. Contradicting bounds are ignored.
    pub fn declared(&self, measure: Measure) -> Option<Declared> {
        match measure {
            Measure::Category => self.values.clone().filter(|values| !values.is_empty()).map(Declared::Categories),
            _ => {
                let in_order = self.lo.unwrap_or(f64::NEG_INFINITY) <= self.hi.unwrap_or(f64::INFINITY);
                (in_order && (self.lo.is_some() || self.hi.is_some()))
                    .then_some(Declared::Range { lo: self.lo, hi: self.hi })
            }
        }
    }
}

fn pick(a: Option<f64>, b: Option<f64>, better: fn(f64, f64) -> f64) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(better(a, b)),
        (a, b) => a.or(b),
    }
}

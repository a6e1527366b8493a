//! A released domain: the finite set of codes of a column, and how a code becomes a value again.
//!
//! Codes are numbered: the cells first, then `other` if there is one, then NULL if there is one. Everything in a
//! domain is public or paid for; it is stored with the model and shown to its users.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Cells that [`Domain::describe`] lists.
const DESCRIBED: usize = 100;

/// Codes of a column that models tell apart, at most; of more, some share one.
pub const MAX_CODES: usize = 128;

/// A released categorical value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Category {
    pub value: String,
    /// Released share of rows (noisy, not negative), or an even share where nothing was measured.
    pub weight: f64,
}

/// A piece of a bin within which values are drawn evenly: `lo..=hi`, a single value if they are equal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub lo: f64,
    pub hi: f64,
    /// Released share of rows.
    pub weight: f64,
}

/// A bin of an ordered column: one code. It owns the values from its first part's `lo` to its last part's `hi`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    pub parts: Vec<Part>,
}

/// The cells of a domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Cells {
    Categories(Vec<Category>),
    /// Ascending, disjoint. `step` is the spacing of the values (1 for a lattice, a power of ten where a decimal
    /// lattice was found in real numbers, 0 for none).
    Bins {
        bins: Vec<Bin>,
        step: f64,
    },
}

/// A column's released domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Domain {
    pub cells: Cells,
    /// Whether there is a code for values outside the released categories; holds its released share of rows.
    pub other: Option<f64>,
    /// Whether there is a code for NULL; holds its released share of rows.
    pub null: Option<f64>,
}

impl Part {
    /// A part that holds one value.
    pub fn point(value: f64, weight: f64) -> Self {
        Self { lo: value, hi: value, weight }
    }
}

impl Bin {
    /// Released share of rows.
    pub fn weight(&self) -> f64 {
        self.parts.iter().map(|part| part.weight).sum()
    }

    /// The least value.
    pub fn lo(&self) -> f64 {
        self.parts.first().map_or(0.0, |part| part.lo)
    }

    /// The greatest value.
    pub fn hi(&self) -> f64 {
        self.parts.last().map_or(0.0, |part| part.hi)
    }
}

impl Domain {
    /// Number of categories or bins.
    pub fn cell_count(&self) -> usize {
        match &self.cells {
            Cells::Categories(categories) => categories.len(),
            Cells::Bins { bins, .. } => bins.len(),
        }
    }

    /// Number of codes.
    pub fn size(&self) -> usize {
        self.cell_count() + usize::from(self.other.is_some()) + usize::from(self.null.is_some())
    }

    /// The code of values outside the released categories.
    pub fn other_code(&self) -> Option<u32> {
        self.other.map(|_| self.cell_count() as u32)
    }

    /// The code of NULL.
    pub fn null_code(&self) -> Option<u32> {
        self.null.map(|_| (self.size() - 1) as u32)
    }

    /// Whether neighbouring cells hold neighbouring values.
    pub fn is_ordered(&self) -> bool {
        matches!(self.cells, Cells::Bins { .. })
    }

    /// Released share of rows of every code; they add up to 1. Even where nothing was released.
    pub fn weights(&self) -> Vec<f64> {
        let mut weights: Vec<f64> = match &self.cells {
            Cells::Categories(categories) => categories.iter().map(|category| category.weight).collect(),
            Cells::Bins { bins, .. } => bins.iter().map(Bin::weight).collect(),
        };
        weights.extend(self.other);
        weights.extend(self.null);
        let total: f64 = weights.iter().sum();
        if total > 0.0 {
            weights.iter_mut().for_each(|weight| *weight /= total);
        } else {
            let even = 1.0 / weights.len().max(1) as f64;
            weights.fill(even);
        }
        weights
    }

    /// The released weight of all codes.
    pub fn released_weight(&self) -> f64 {
        let cells: f64 = match &self.cells {
            Cells::Categories(categories) => categories.iter().map(|category| category.weight).sum(),
            Cells::Bins { bins, .. } => bins.iter().map(Bin::weight).sum(),
        };
        cells + self.other.unwrap_or(0.0) + self.null.unwrap_or(0.0)
    }

    /// Whether no value of the column is known: not one was declared or released.
    pub fn released_nothing(&self) -> bool {
        match &self.cells {
            Cells::Categories(categories) => categories.iter().all(|category| category.weight <= 0.0),
            Cells::Bins { bins, .. } => bins.iter().all(|bin| bin.weight() <= 0.0),
        }
    }

    /// Whether the domain is one that codes can be decoded with.
    pub fn is_valid(&self) -> bool {
        let share = |weight: f64| weight.is_finite() && weight >= 0.0;
        let cells = match &self.cells {
            Cells::Categories(categories) => categories.iter().all(|category| share(category.weight)),
            Cells::Bins { bins, step } => {
                let parts = || bins.iter().flat_map(|bin| &bin.parts);
                let bounded = |part: &Part| part.lo.is_finite() && part.hi.is_finite() && part.lo <= part.hi;
                let ascending = parts().zip(parts().skip(1)).all(|(left, right)| left.hi <= right.lo);
                !bins.is_empty()
                    && bins.iter().all(|bin| !bin.parts.is_empty())
                    && parts().all(|part| bounded(part) && share(part.weight))
                    && ascending
                    && share(*step)
            }
        };
        let size = self.size();
        cells && size > 0 && size <= u32::MAX as usize && self.other.is_none_or(share) && self.null.is_none_or(share)
    }

    /// What the domain holds, for people: its kind, number of codes, values or bounds, and shares. Public or released
    /// facts only.
    pub fn describe(&self) -> Value {
        let round = |share: f64| (share * 1e6).round() / 1e6;
        let weights = self.weights();
        let mut summary = match &self.cells {
            Cells::Categories(categories) => {
                let values: Vec<&str> = categories.iter().take(DESCRIBED).map(|c| c.value.as_str()).collect();
                let shares: Vec<f64> = weights.iter().take(values.len()).copied().map(round).collect();
                json!({ "kind": "categories", "categories": categories.len(), "values": values, "shares": shares })
            }
            Cells::Bins { bins, step } => {
                let bounds: Vec<[f64; 2]> = bins.iter().take(DESCRIBED).map(|bin| [bin.lo(), bin.hi()]).collect();
                let shares: Vec<f64> = weights.iter().take(bounds.len()).copied().map(round).collect();
                let (lo, hi) = (bins.first().map(Bin::lo), bins.last().map(Bin::hi));
                json!({
                    "kind": "numbers", "bins": bins.len(), "lo": lo, "hi": hi, "step": step, "bounds": bounds,
                    "shares": shares,
                })
            }
        };
        summary["codes"] = json!(self.size());
        if let Some(code) = self.other_code() {
            summary["other_share"] = json!(round(weights[code as usize]));
        }
        if let Some(code) = self.null_code() {
            summary["null_share"] = json!(round(weights[code as usize]));
        }
        summary
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Domain {
        let category = |value: &str, weight| Category { value: value.into(), weight };
        let cells = Cells::Categories(vec![category("a", 0.5), category("b", 0.25)]);
        Domain { cells, other: Some(0.125), null: Some(0.125) }
    }

    fn number() -> Domain {
        let bins = vec![
            Bin { parts: vec![Part::point(0.0, 2.0)] },
            Bin { parts: vec![Part { lo: 1.0, hi: 5.0, weight: 1.0 }, Part { lo: 9.0, hi: 9.5, weight: 1.0 }] },
        ];
        Domain { cells: Cells::Bins { bins, step: 0.0 }, other: None, null: Some(0.0) }
    }

    #[test]
    fn codes_are_cells_then_other_then_null() {
        assert_eq!((text().size(), text().cell_count()), (4, 2));
        assert_eq!((text().other_code(), text().null_code()), (Some(2), Some(3)));
        assert_eq!((number().other_code(), number().null_code()), (None, Some(2)));
        assert!(number().is_ordered() && !text().is_ordered());
    }

    #[test]
    fn weights_add_up_to_one() {
        assert_eq!(text().weights(), [0.5, 0.25, 0.125, 0.125]);
        assert_eq!(number().weights(), [0.5, 0.5, 0.0]);
        let nothing = Domain { cells: Cells::Categories(vec![]), other: Some(0.0), null: Some(0.0) };
        assert_eq!(nothing.weights(), [0.5, 0.5]);
        assert!(nothing.released_nothing() && nothing.is_valid());
    }

    #[test]
    fn broken_domains_are_told_from_good_ones() {
        assert!(text().is_valid() && number().is_valid());
        assert!(!Domain { cells: Cells::Categories(vec![]), other: None, null: None }.is_valid());
        assert!(!Domain { other: Some(f64::NAN), ..text() }.is_valid());
        assert!(!Domain { null: Some(-0.1), ..text() }.is_valid());
        let with = |bins, step| Domain { cells: Cells::Bins { bins, step }, other: None, null: None }.is_valid();
        let bin = |lo, hi| Bin { parts: vec![Part { lo, hi, weight: 1.0 }] };
        assert!(with(vec![bin(0.0, 1.0), bin(1.0, 2.0)], 0.0));
        assert!(!with(vec![], 1.0) && !with(vec![Bin { parts: vec![] }], 1.0) && !with(vec![bin(0.0, 1.0)], -1.0));
        assert!(!with(vec![bin(2.0, 1.0)], 0.0) && !with(vec![bin(0.0, f64::INFINITY)], 0.0));
        assert!(!with(vec![bin(0.0, 2.0), bin(1.0, 3.0)], 0.0) && !with(vec![bin(f64::NAN, 1.0)], 0.0));
    }

    #[test]
    fn descriptions_say_what_was_released() {
        let described = text().describe();
        assert_eq!(described["values"], json!(["a", "b"]));
        assert_eq!(described["shares"], json!([0.5, 0.25]));
        assert_eq!((&described["codes"], &described["null_share"]), (&json!(4), &json!(0.125)));
        let described = number().describe();
        assert_eq!(described["bounds"], json!([[0.0, 0.0], [1.0, 9.5]]));
        assert_eq!((&described["lo"], &described["hi"]), (&json!(0.0), &json!(9.5)));
    }
}

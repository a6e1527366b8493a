//! Noisy counts of cells that were measured at several levels, made consistent.
//!
//! Least squares over a tree of counts, after Hay, Rastogi, Miklau and Suciu, "Boosting the accuracy of differentially
//! private histograms through consistency" (VLDB 2010), for a tree whose nodes may have any number of children.

/// An estimate and its variance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    pub value: f64,
    pub variance: f64,
}

impl Estimate {
    /// The best mean of two independent estimates of one quantity.
    pub fn merge(self, other: Self) -> Self {
        let total = self.variance + other.variance;
        Self {
            value: (self.value * other.variance + other.value * self.variance) / total,
            variance: self.variance * other.variance / total,
        }
    }

    /// Its value in standard deviations; 0 for a quantity that is known to be none.
    pub fn score(self) -> f64 {
        if self.variance > 0.0 { self.value / self.variance.sqrt() } else { 0.0 }
    }

    /// The estimate of a sum of quantities that were measured independently.
    pub fn sum(parts: &[Self]) -> Self {
        Self {
            value: parts.iter().map(|part| part.value).sum(),
            variance: parts.iter().map(|part| part.variance).sum(),
        }
    }
}

/// Masses of the pieces of some cells, consistent with the masses of the cells, and these with the mass of all of them
/// together, where it was measured. Each cell comes with those of its pieces, one at least.
pub fn consistent(whole: Option<Estimate>, cells: &[(Estimate, Vec<Estimate>)]) -> Vec<Estimate> {
    let merged = cells.iter().map(|(cell, pieces)| cell.merge(Estimate::sum(pieces)));
    let mut merged: Vec<Estimate> = merged.collect();
    if let Some(whole) = whole {
        distribute(whole.merge(Estimate::sum(&merged)).value, &mut merged);
    }
    let mut consistent = Vec::new();
    for (cell, (measured, pieces)) in merged.iter().zip(cells) {
        let start = consistent.len();
        consistent.extend_from_slice(pieces);
        distribute(cell.value, &mut consistent[start..]);
        let total = measured.variance + Estimate::sum(pieces).variance;
        consistent[start..].iter_mut().for_each(|piece| piece.variance *= 1.0 - piece.variance / total);
    }
    consistent
}

/// Moves the children so that they add up to their parent: each by its share of the variance.
fn distribute(parent: f64, children: &mut [Estimate]) {
    let sum = Estimate::sum(children);
    for child in children {
        child.value += (parent - sum.value) * child.variance / sum.variance;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(value: f64) -> Estimate {
        Estimate { value, variance: 1.0 }
    }

    #[test]
    fn levels_are_averaged_by_their_precision() {
        // A cell measured twice; and a cell of 10 whose two pieces, with twice the variance, add up to 16.
        let cells = [(estimate(3.0), vec![estimate(5.0)]), (estimate(10.0), vec![estimate(9.0), estimate(7.0)])];
        let masses = consistent(None, &cells);
        assert_eq!(masses.iter().map(|mass| mass.value).collect::<Vec<_>>(), [4.0, 7.0, 5.0]);
        assert!((masses[0].variance - 0.5).abs() < 1e-12 && (masses[1].variance - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_consistent_stays() {
        let cells = [(estimate(3.0), vec![estimate(3.0)]), (estimate(10.0), vec![estimate(9.0), estimate(1.0)])];
        let masses = consistent(Some(estimate(13.0)), &cells);
        for (mass, value) in masses.iter().zip([3.0, 9.0, 1.0]) {
            assert!((mass.value - value).abs() < 1e-12);
        }
    }

    #[test]
    fn the_whole_pulls_all_cells() {
        // Two cells of variance 1/2 each add up to 4 with variance 1; the whole says 6: together 5.
        let cells = [(estimate(2.0), vec![estimate(2.0)]), (estimate(2.0), vec![estimate(2.0)])];
        let masses = consistent(Some(estimate(6.0)), &cells);
        assert!(masses.iter().all(|mass| (mass.value - 2.5).abs() < 1e-12));
    }
}

//! Codes of an ordered column that lie far away from all others: frauds at a thousand where all else is below two hundred.
//! Grouped with their neighbours, they would be drawn wherever these are.

use crate::engine::table::features::Quantiles;
use crate::engine::table::{Bin, Cells, Domain};

/// The rows between which a column's spread is taken, and those of a bin between which most of it lies.
const TAIL: f64 = 0.025;
const EDGE: f64 = 0.1;
/// Gaps of a column that count, at most.
const MOST: usize = 2;

/// The bins that begin a gap as wide as the column's spread after the one before, ascending.
pub fn gaps(domain: &Domain) -> Vec<usize> {
    let Cells::Bins { bins, .. } = &domain.cells else { return Vec::new() };
    let Some(spread) = Quantiles::new(bins).map(|all| all.at(1.0 - TAIL) - all.at(TAIL)).filter(|spread| *spread > 0.0)
    else {
        return Vec::new();
    };
    let within = |bin: &Bin| {
        let quantiles = Quantiles::new(std::slice::from_ref(bin))?;
        Some((quantiles.at(EDGE), quantiles.at(1.0 - EDGE)))
    };
    let mut gaps: Vec<(f64, usize)> = Vec::new();
    let mut before = None;
    for (place, bin) in bins.iter().enumerate() {
        let Some((from, to)) = within(bin) else { continue };
        gaps.extend(before.map(|before| (from - before, place)).filter(|(gap, _)| *gap >= spread));
        before = Some(to);
    }
    gaps.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut places: Vec<usize> = gaps.into_iter().take(MOST).map(|(_, place)| place).collect();
    places.sort_unstable();
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::table::Part;

    fn domain(bins: &[(f64, f64, f64)]) -> Domain {
        let bin = |&(lo, hi, weight)| Bin { parts: vec![Part { lo, hi, weight }] };
        Domain { cells: Cells::Bins { bins: bins.iter().map(bin).collect(), step: 0.0 }, other: None, null: None }
    }

    #[test]
    fn only_what_lies_far_away_is_apart() {
        let even: Vec<(f64, f64, f64)> = (0..20).map(|i| (f64::from(i), f64::from(i + 1), 0.05)).collect();
        assert!(gaps(&domain(&even)).is_empty());
        let mut far = even.clone();
        far.push((60.0, 90.0, 0.01));
        assert_eq!(gaps(&domain(&far)), [20]);
        far.insert(0, (-90.0, -60.0, 0.01));
        assert_eq!(gaps(&domain(&far)), [1, 21]);
        // A bin of its own that nothing lies in changes nothing.
        far.insert(21, (20.0, 21.0, 0.0));
        assert_eq!(gaps(&domain(&far)), [1, 22]);
        // One value alone has no spread.
        assert!(gaps(&domain(&[(0.0, 0.0, 0.99), (5.0, 6.0, 0.01)])).is_empty());
    }
}

//! What stands out from noise.

use statrs::distribution::{ContinuousCDF, Normal};

/// Chance that noise alone makes any cell of a histogram stand out.
const FALSE_ALARM: f64 = 1e-3;

/// Standard deviations of noise that a cell next to one that stands out must hold to do so too: noise alone does with
/// probability 0.023.
const NEXT: f64 = 2.0;

/// Standard deviations of its noise that the count of NULL, or of `other`, must reach not to be taken for zero: noise
/// alone reaches that with probability 0.0013.
const SPECIAL: f64 = 3.0;

/// A noisy number of rows that are NULL or `other`, or 0 where it does not stand out from the noise.
pub fn or_zero(rows: f64, noise_sd: f64) -> f64 {
    if rows >= SPECIAL * noise_sd { rows } else { 0.0 }
}

/// Which of some adjacent cells stand out, by their contents in standard deviations of noise.
///
/// A cell does if it is beyond what noise alone reaches in any of them with probability [`FALSE_ALARM`]; then its
/// neighbours do if they exceed [`NEXT`], and theirs, and so on. `anchors` are cells that are known to hold values: they
/// need no more than [`NEXT`] either.
pub fn standing_out(scores: &[f64], anchors: impl Fn(usize) -> bool) -> Vec<bool> {
    let alone = Normal::standard().inverse_cdf(1.0 - FALSE_ALARM / scores.len().max(1) as f64);
    let mut standing: Vec<bool> = scores.iter().map(|score| *score > alone).collect();
    let mut grow = |order: &mut dyn Iterator<Item = usize>| {
        let mut beside = false;
        for i in order {
            let anchor = anchors(i);
            standing[i] |= scores[i] > NEXT && (beside || anchor);
            beside = standing[i] || anchor;
        }
    };
    grow(&mut (0..scores.len()));
    grow(&mut (0..scores.len()).rev());
    standing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_out_alone_or_beside_others() {
        let standing = standing_out(&[2.5, 1.0, 2.5, 9.0, 2.5, 2.5, 1.9, 3.0], |_| false);
        assert_eq!(standing, [false, false, true, true, true, true, false, false]);
        assert_eq!(standing_out(&[2.5, 2.5, 1.0], |i| i == 0), [true, true, false]);
        assert!(standing_out(&[], |_| true).is_empty());
    }
}

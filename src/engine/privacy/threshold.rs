//! Release of those keys of an unknown domain that many units hold: the Gaussian sparse histogram.
//!
//! Korolova, Kenthapadi, Mishra, Ntoulas, "Releasing Search Queries and Clicks Privately" (2009); Wilkins, Kifer,
//! Zhang, Karrer, "Exact Privacy Analysis of the Gaussian Sparse Histogram Mechanism" (arXiv 2202.01100).
//!
//! # Proof
//! Each unit holds at most one key. Let `D'` be `D` with one more unit, of key `k`; let `G` be the Gaussian mechanism
//! of sensitivity 1 and the same noise, and `R` whatever else is released, before or after, adaptively or not.
//!
//! If `D` holds `k`, both tables have the same keys, and the release is a post-processing of `G`.
//!
//! If not, `D'` has one key more than `D`, with a count of 1, and the keys' noises are independent: unless `k` is
//! released, which happens with probability `s`, the release `M(D')` is distributed as `M(D)`. So
//! - `P(M(D') in A) <= P(M(D) in A) + s`, which adds `s` to delta;
//! - `P(M(D) in A) <= P(M(D') in A) / (1 - s)`: where `R` is (epsilon, delta)-private, `P(M(D), R(D))` exceeds
//!   `e^epsilon (1 - s) P(M(D), R(D'))` by at most `R`'s delta at `epsilon + ln(1 - s)`, which is at most its delta at
//!   `epsilon` plus `1 / (1 - s) - 1` (for events `A` with `P(A) > e^epsilon (1 - s) Q(A)`,
//!   `e^epsilon Q(A) - e^epsilon (1 - s) Q(A) < P(A) s / (1 - s)`).
//!
//! With several releases, in one of which or more the unit's key is new, `1 - s` becomes a product, and the first bound
//! a sum. Taking `s = delta_share / 2` keeps both within the sum of the shares: `-ln(1 - x/2) <= x ln 2` and
//! `ln(1 + X) >= X ln 2` on [0, 1], so that `prod 1 / (1 - s_j) - 1 <= exp(ln 2 sum x_j) - 1 <= sum x_j`.
//! In all: **delta of the composition of `G` and `R` at epsilon, plus the shares, is a valid delta.**
//!
//! The same holds if the keys come from a Poisson sample and `G` is charged as a subsampled Gaussian: given the
//! sample of the other units, replace `M` in the argument by a mechanism that never releases a new key, whose law with
//! the unit is then a post-processing of `G`'s, mixed with the law without it; the hockey-stick divergence is
//! jointly convex over samples. The unit's key is now released with a smaller probability still.

use super::counts::Lattice;
use super::mutant;
use super::normal::upper_quantile;
use super::random::SecretRng;
use crate::engine::{EngineError, Result};

/// Keys that were released, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct HeavyKeys<K> {
    /// Released keys with their noisy counts, in the order of the keys.
    pub keys: Vec<(K, f64)>,
    /// Noisy counts above this were released.
    pub threshold: f64,
    /// Standard deviation of the noise, in counts.
    pub noise_sd: f64,
    /// How many noise draws to charge with their slack. Depends on the data: never release it.
    pub draws: u64,
}

/// Releases the keys whose noisy counts exceed a threshold, which a key held by one unit passes with probability
/// `delta_share / 2` at most. Charge a Gaussian mechanism of `noise_multiplier` and, besides, `delta_share`.
///
/// `counts` are distinct keys with the number of units (at least 1) that hold them; keys are sorted before any noise is
/// drawn, so the output depends neither on the order of the data nor of the map they come from. All shares spent on
/// one table must add up to at most 1.
///
/// # Errors
/// `Internal` if `noise_multiplier` is not positive and finite or `delta_share` not in (0, 1); `InvalidParameter` if
/// the noise would exceed 2^30 counts.
pub fn release_heavy<K: Ord>(
    counts: impl IntoIterator<Item = (K, u64)>,
    noise_multiplier: f64,
    delta_share: f64,
    rng: &mut SecretRng,
) -> Result<HeavyKeys<K>> {
    if !(delta_share > 0.0 && delta_share < 1.0) {
        return Err(EngineError::Internal("delta share must lie strictly between 0 and 1"));
    }
    let lattice = Lattice::new(1.0, noise_multiplier)?;
    let margin = margin(&lattice, delta_share);
    let mut counts: Vec<(K, u64)> = counts.into_iter().filter(|&(_, count)| count > 0).collect();
    counts.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    let mut noise = vec![0; counts.len()];
    lattice.noise.fill(&mut noise, rng);
    mutant::weaken(&mut noise);
    let draws = counts.len() as u64;
    let keys = counts
        .into_iter()
        .zip(noise)
        .filter_map(|((key, count), draw)| {
            let point = lattice.place(count) + i128::from(draw);
            (point > lattice.place(1) + margin).then(|| (key, lattice.read(point)))
        })
        .collect();
    Ok(HeavyKeys { keys, threshold: lattice.read(lattice.place(1) + margin), noise_sd: lattice.noise_sd(), draws })
}

/// A lattice distance that noise exceeds with probability `delta_share / 2` at most: `round(y)` exceeds the integer
/// `margin` only if `y >= margin + 1/2`.
fn margin(lattice: &Lattice, delta_share: f64) -> i128 {
    (lattice.noise.standard_deviation() * upper_quantile(0.5 * delta_share)).ceil() as i128
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lonely_keys_pass_as_rarely_as_promised() {
        let mut rng = SecretRng::for_tests(1);
        // A large share, so that passing can be counted: 5.3 standard errors, fixed seed.
        let (n, share) = (400_000, 0.02);
        let heavy = release_heavy((0..n).map(|k| (k, 1)), 3.0, share, &mut rng).unwrap();
        let (found, expected) = (heavy.keys.len() as f64, f64::from(n) * share / 2.0);
        assert!((found - expected).abs() < 5.3 * expected.sqrt(), "{found} of {expected}");
        assert!((heavy.threshold - (1.0 + 3.0 * upper_quantile(share / 2.0))).abs() < 1e-6);
    }

    #[test]
    fn tiny_shares_give_far_thresholds() {
        let mut rng = SecretRng::for_tests(2);
        let counts = [("few", 3), ("many", 1_000), ("one", 1), ("none", 0)];
        let heavy = release_heavy(counts, 2.0, 1e-12, &mut rng).unwrap();
        assert_eq!(heavy.keys.iter().map(|(key, _)| *key).collect::<Vec<_>>(), ["many"]);
        assert!((heavy.keys[0].1 - 1_000.0).abs() < 6.0 * heavy.noise_sd);
        // P(X > 7.13) = 5e-13
        assert!((heavy.threshold - (1.0 + 2.0 * 7.13)).abs() < 0.01 && heavy.draws == 3);
    }

    #[test]
    fn order_of_data_does_not_matter() {
        let keys = ["b", "d", "a", "c"].map(|key| (key.to_string(), 50 + key.len() as u64));
        let mut turned = keys.clone();
        turned.reverse();
        let release = |keys: [(String, u64); 4]| release_heavy(keys, 1.0, 1e-6, &mut SecretRng::for_tests(3)).unwrap();
        let heavy = release(keys);
        assert_eq!(heavy.keys.len(), 4);
        assert!(heavy.keys.is_sorted_by(|a, b| a.0 < b.0));
        assert_eq!(heavy, release(turned));
    }

    #[test]
    fn senseless_parameters_are_refused() {
        let mut rng = SecretRng::for_tests(4);
        for (multiplier, share) in [(1.0, 0.0), (1.0, 1.0), (1.0, f64::NAN), (0.0, 0.1), (f64::NAN, 0.1)] {
            assert!(release_heavy([((), 1)], multiplier, share, &mut rng).is_err());
        }
    }
}

//! Poisson sampling: every row takes part independently, with exactly the accounted probability.

use std::cell::RefCell;

use rand::Rng;
use rand::seq::SliceRandom;

use super::random::SecretRng;
use crate::engine::privacy::mutant::{self, Mutant};

/// The denominator of all rates, `2^32`.
const WHOLE: u64 = 1 << 32;
/// Random bytes fetched at once.
const CHUNK: usize = 4096;

/// A probability `k / 2^32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SamplingRate(u64);

impl SamplingRate {
    /// The rate nearest to `wanted`, clamped to `[0, 1]` (0 for NaN). Account for [`SamplingRate::value`].
    pub fn nearest(wanted: f64) -> Self {
        Self((wanted.clamp(0.0, 1.0) * WHOLE as f64).round() as u64)
    }

    /// The exact probability.
    pub fn value(self) -> f64 {
        self.0 as f64 / WHOLE as f64
    }

    /// Whether one more row takes part: true with probability [`SamplingRate::value`].
    pub fn takes_part(self, rng: &mut SecretRng) -> bool {
        u64::from(rng.next_u32()) < self.0
    }

    /// Ascending indices in `0..rows` of the rows that take part, each independently with probability
    /// [`SamplingRate::value`].
    ///
    /// A row takes part exactly when 32 random bits form a number below `k`. One byte decides unless it equals the
    /// leading byte of `k`. Only then are the other 24 bits drawn.
    pub fn sample(self, rows: usize, rng: &mut SecretRng) -> Vec<u32> {
        if self.0 == WHOLE {
            return (0..rows as u32).collect();
        }
        if self.0 == 0 {
            return Vec::new();
        }
        if mutant::is(Mutant::Shuffle) {
            return shuffled(rows, self.value(), rng);
        }
        let (lead, rest) = ((self.0 >> 24) as u8, (self.0 % (1 << 24)) as u32);
        let mut chosen = Vec::with_capacity(self.room(rows));
        let mut bytes = [0u8; CHUNK];
        for start in (0..rows).step_by(CHUNK) {
            let bytes = &mut bytes[..CHUNK.min(rows - start)];
            rng.fill_bytes(bytes);
            for (group, bytes) in bytes.chunks(GROUP).enumerate() {
                // Most groups have no small byte when the rate is small.
                if bytes.iter().fold(false, |any, &byte| any | (byte <= lead)) {
                    for (i, &byte) in bytes.iter().enumerate() {
                        if byte < lead || byte == lead && rng.next_u32() >> 8 < rest {
                            chosen.push((start + group * GROUP + i) as u32);
                        }
                    }
                }
            }
        }
        chosen
    }

    /// Room for the expected sample and six standard deviations.
    fn room(self, rows: usize) -> usize {
        let expected = rows as f64 * self.value();
        rows.min((expected + 6.0 * expected.sqrt()) as usize + 8)
    }
}

/// [`Mutant::Shuffle`]: the next batch of a thread's shuffled table, ascending.
fn shuffled(rows: usize, rate: f64, rng: &mut SecretRng) -> Vec<u32> {
    thread_local! {
        static LEFT: RefCell<(usize, Vec<u32>)> = const { RefCell::new((0, Vec::new())) };
    }
    let size = (rate * rows as f64).round() as usize;
    LEFT.with_borrow_mut(|(of, left)| {
        if *of != rows || left.len() < size {
            (*of, *left) = (rows, (0..rows as u32).collect());
            left.shuffle(rng);
        }
        let mut batch = left.split_off(left.len() - size);
        batch.sort_unstable();
        batch
    })
}

/// Number of bytes that are compared together.
const GROUP: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_exact_fractions() {
        assert_eq!(SamplingRate::nearest(0.5).value(), 0.5);
        assert_eq!(SamplingRate::nearest(1.0).value(), 1.0);
        assert_eq!(SamplingRate::nearest(7.0).value(), 1.0);
        assert_eq!(SamplingRate::nearest(-1.0).value(), 0.0);
        assert_eq!(SamplingRate::nearest(f64::NAN).value(), 0.0);
        for wanted in [1e-9, 0.004096, 0.1, 0.999] {
            assert!((SamplingRate::nearest(wanted).value() - wanted).abs() <= 0.5 / WHOLE as f64);
        }
    }

    #[test]
    fn certain_and_impossible_rows() {
        let mut rng = SecretRng::for_tests(1);
        assert_eq!(SamplingRate::nearest(1.0).sample(5, &mut rng), [0, 1, 2, 3, 4]);
        assert!(SamplingRate::nearest(0.0).sample(100_000, &mut rng).is_empty());
        assert!(SamplingRate::nearest(0.5).sample(0, &mut rng).is_empty());
        let (all, none) = (SamplingRate::nearest(1.0), SamplingRate::nearest(0.0));
        assert!((0..1_000).all(|_| all.takes_part(&mut rng) && !none.takes_part(&mut rng)));
    }

    /// Fixed seed. Over random seeds, each check fails with probability below 1e-7 (5.3 standard errors).
    #[test]
    fn batch_sizes_are_binomial() {
        for (seed, rate) in [0.001, 0.004, 1.5 / 256.0, 0.026_207, 0.3, 0.75].into_iter().enumerate() {
            let (rate, mut rng) = (SamplingRate::nearest(rate), SecretRng::for_tests(seed as u64));
            let (rows, rounds, p) = (10_007, 2_000, rate.value());
            let sizes: Vec<f64> = (0..rounds).map(|_| rate.sample(rows, &mut rng).len() as f64).collect();
            let (expected, variance) = (rows as f64 * p, rows as f64 * p * (1.0 - p));
            let mean = sizes.iter().sum::<f64>() / rounds as f64;
            assert!((mean - expected).abs() < 5.3 * (variance / rounds as f64).sqrt(), "{p}: {mean}");
            let alone = (0..rounds * 100).filter(|_| rate.takes_part(&mut rng)).count() as f64;
            let n = f64::from(rounds * 100);
            assert!((alone - n * p).abs() < 5.3 * (n * p * (1.0 - p)).sqrt(), "{p}: {alone}");
            let squares: Vec<f64> = sizes.iter().map(|s| (s - expected).powi(2)).collect();
            let spread = squares.iter().sum::<f64>() / rounds as f64;
            let fourth = variance * variance * (2.0 + 1.0 / variance);
            assert!((spread - variance).abs() < 5.3 * (fourth / rounds as f64).sqrt(), "{p}: {spread}");
        }
    }

    /// Adjacent rows, in one group or not, and the same row in two rounds. Seeds and errors as above.
    #[test]
    fn rows_and_rounds_are_independent() {
        let (rate, mut rng) = (SamplingRate::nearest(0.2), SecretRng::for_tests(7));
        let (rows, rounds, p) = (5_000, 400, rate.value());
        let mut flags = vec![0.0; rows * rounds];
        for round in 0..rounds {
            for i in rate.sample(rows, &mut rng) {
                flags[round * rows + i as usize] = 1.0;
            }
        }
        for lag in [1, 2, 15, 16, 17, CHUNK, rows] {
            let n = flags.len() - lag;
            let covariance = (0..n).map(|i| (flags[i] - p) * (flags[i + lag] - p)).sum::<f64>() / n as f64;
            assert!(covariance.abs() < 5.3 * p * (1.0 - p) / (n as f64).sqrt(), "lag {lag}: {covariance}");
        }
        // Each position in a group has the same probability.
        for place in 0..GROUP {
            let (mut hits, mut n) = (0.0, 0.0);
            for (i, flag) in flags.iter().enumerate().filter(|(i, _)| i % rows % GROUP == place) {
                let _ = i;
                hits += flag;
                n += 1.0;
            }
            assert!((hits - n * p).abs() < 5.3 * (n * p * (1.0 - p)).sqrt(), "place {place}");
        }
    }
}

//! Random draws that cost one word of randomness each.

use rand::Rng;

/// An even draw from `[0, 1)`, a multiple of 2^-53.
#[inline]
pub fn unit(rng: &mut impl Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// A choice by weight.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Cumulative shares; the last is 1 or nearly so.
    cumulative: Vec<f64>,
}

impl Choice {
    /// From weights that are not negative; an even choice if all are zero.
    pub fn new(weights: impl IntoIterator<Item = f64>) -> Self {
        let mut cumulative: Vec<f64> = weights.into_iter().collect();
        if !cumulative.iter().any(|weight| *weight > 0.0) {
            cumulative.fill(1.0);
        }
        let total: f64 = cumulative.iter().sum();
        let mut sum = 0.0;
        for weight in &mut cumulative {
            sum += *weight / total;
            *weight = sum;
        }
        // Rounding must not send a draw past the last choice that has any weight.
        if let Some(last) = cumulative.last().copied() {
            cumulative.iter_mut().rev().take_while(|share| **share == last).for_each(|share| *share = 1.0);
        }
        Self { cumulative }
    }

    /// The index chosen; 0 if there is nothing to choose from.
    #[inline]
    pub fn draw(&self, rng: &mut impl Rng) -> usize {
        if self.cumulative.len() < 2 {
            return 0;
        }
        let u = unit(rng);
        self.cumulative.partition_point(|share| *share <= u)
    }
}

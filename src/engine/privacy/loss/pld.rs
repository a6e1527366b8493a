//! Privacy-loss distributions on a grid, always on the pessimistic side.
//!
//! Doroshenko, Ghazi, Kamath, Kumar, Manurangsi, "Connect the Dots: Tighter Discrete Approximations of Privacy Loss
//! Distributions" (arXiv 2207.04380). A loss between two grid points is split between them so that its mass under both
//! tables of a pair is kept. The split dominates the loss, and its cost is of second order in the grid's step. Here the
//! split is integrated over each cell, so that every mass, however small, has a small *relative* error.

use crate::engine::{EngineError, Result};

/// An upper bound of the privacy-loss distribution of a pair of output distributions `P`, `Q` of neighbours.
///
/// For every epsilon, `P`'s hockey-stick divergence from `Q` is at most `infinity + (1 + relative) * sum_i mass[i] *
/// max(0, 1 - exp(epsilon - shift - loss_i))` with `loss_i = (first + i) * step`, including all rounding errors of the
/// masses.
#[derive(Debug, Clone)]
pub struct Pld {
    /// Distance of grid points: a binary fraction with few digits, so that grid points are exact.
    pub step: f64,
    /// Index of the lowest loss on the grid.
    pub first: i64,
    /// Mass of each loss under `P`.
    pub mass: Vec<f64>,
    /// Mass of an infinite loss.
    pub infinity: f64,
    /// Relative error of the masses.
    pub relative: f64,
    /// Error of the losses.
    pub shift: f64,
}

impl Pld {
    /// An empty distribution, for losses in `lowest..=highest`.
    ///
    /// # Errors
    /// `Internal` if this needs too many grid points.
    pub fn empty(step: f64, lowest: f64, highest: f64) -> Result<Self> {
        let (first, last) = ((lowest / step).floor(), (highest / step).floor() + 1.0);
        if !(last - first < MAX_POINTS && first.abs() < 1e15) {
            return Err(EngineError::Internal("privacy loss has too wide a range for its grid"));
        }
        Ok(Self {
            step,
            first: first as i64,
            mass: vec![0.0; (last - first) as usize + 1],
            infinity: 0.0,
            relative: RELATIVE_ERROR,
            shift: SHIFT_PER_LOSS * (8.0 + lowest.abs().max(highest.abs())),
        })
    }

    /// The `i`-th loss.
    pub fn loss(&self, i: usize) -> f64 {
        (self.first + i as i64) as f64 * self.step
    }

    /// Index of the last loss on the grid.
    pub fn last(&self) -> i64 {
        self.first + self.mass.len() as i64 - 1
    }

    /// Splits `mass` at `loss`, which is within the bounds of [`Pld::empty`].
    pub fn put(&mut self, loss: f64, mass: f64) {
        let cell = ((loss / self.step).floor() as i64 - self.first).clamp(0, self.mass.len() as i64 - 2) as usize;
        let (lower, upper) = shares(self.step, (loss - self.loss(cell)).clamp(0.0, self.step));
        self.mass[cell] += lower * mass;
        self.mass[cell + 1] += upper * mass;
    }

    /// The distribution of the swapped pair: a mass `m` at a loss `l` becomes `m e^-l` at `-l`. The caller handles
    /// infinite loss, which has no counterpart.
    pub fn swapped(&self) -> Self {
        let mass = (0..self.mass.len()).rev().map(|i| self.mass[i] * (-self.loss(i)).exp()).collect();
        Self { first: -self.last(), mass, infinity: 0.0, ..*self }
    }

    /// Upper bound on the hockey-stick divergence at `epsilon`.
    pub fn delta(&self, epsilon: f64) -> f64 {
        let epsilon = epsilon - self.shift;
        let sum: f64 = (0..self.mass.len())
            .rev()
            .map(|i| (self.loss(i), self.mass[i]))
            .take_while(|&(loss, _)| loss > epsilon)
            .map(|(loss, mass)| mass * -(epsilon - loss).exp_m1())
            .sum();
        let delta = self.infinity + self.inflation() * sum;
        if delta.is_nan() || epsilon.is_nan() { 1.0 } else { delta.clamp(0.0, 1.0) }
    }

    /// Upper bound on the smallest epsilon at which the divergence is at most `delta`, or the side of the grid on which
    /// it is.
    pub fn epsilon(&self, delta: f64) -> Epsilon {
        let wanted = (delta - self.infinity) / self.inflation();
        if !(wanted > 0.0) {
            return Epsilon::Above;
        }
        let (decay, growth) = ((-self.step).exp(), -(-self.step).exp_m1());
        // At the current loss: the divergence, and the mass above, where each mass m at a distance x counts as m
        // exp(-x).
        let (mut divergence, mut above) = (0.0, 0.0);
        for i in (0..self.mass.len()).rev() {
            // Down to this loss no epsilon was found; between it and the next one the divergence grows by
            // (above + mass) * (1 - exp(-distance)).
            above += self.mass[i];
            let next = divergence + above * growth;
            if next.is_nan() {
                return Epsilon::Above;
            }
            if next >= wanted {
                let distance = -(-(wanted - divergence) / above).max(-growth).ln_1p();
                return Epsilon::At(self.loss(i) - distance + self.shift);
            }
            divergence = next;
            above *= decay;
        }
        Epsilon::Below(self.loss(0) + self.shift)
    }

    /// The factor that covers errors of masses and of their sums.
    fn inflation(&self) -> f64 {
        1.0 + self.relative + 1e-15 * self.mass.len() as f64
    }
}

/// The position of an epsilon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Epsilon {
    At(f64),
    /// At most this loss, where the grid begins.
    Below(f64),
    /// Infinite on this grid.
    Above,
}

/// How a unit of mass at distance `x` above a grid point is split between that point and the next one: `P` and `Q` both
/// keep their mass.
pub fn shares(step: f64, x: f64) -> (f64, f64) {
    ((step - x).exp_m1() / step.exp_m1(), (-x).exp_m1() / (-step).exp_m1())
}

/// Maximum number of grid points of a distribution.
const MAX_POINTS: f64 = (1u64 << 22) as f64;

/// Bounds the relative error of a mass: quadrature (below 1e-13), special functions and sums of few terms.
pub const RELATIVE_ERROR: f64 = 1e-12;

/// An error of a few last places in a loss, or of `shift / step` in the share of a mass for the upper grid point, is at
/// most an error of the loss of this much per unit of loss.
const SHIFT_PER_LOSS: f64 = 2e-15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_keep_both_masses() {
        for (step, x) in [(1e-4, 3e-5), (0.5, 0.2), (1e-6, 1e-6), (1e-3, 0.0)] {
            let (lower, upper) = shares(step, x);
            assert!((lower + upper - 1.0).abs() < 1e-9 && lower >= 0.0 && upper >= 0.0);
            assert!((lower + upper * (-step).exp() - (-x).exp()).abs() < 1e-14);
        }
    }

    #[test]
    fn a_single_loss_is_read_back() {
        let mut pld = Pld::empty(0.25, -1.0, 1.0).unwrap();
        pld.put(0.6, 0.5);
        pld.put(-0.6, 0.5);
        // On the grid the divergence is exact, between grid points an upper bound.
        for k in -8..8 {
            let epsilon = f64::from(k) / 4.0;
            let exact = 0.5 * (-(epsilon - 0.6).exp_m1()).max(0.0) + 0.5 * (-(epsilon + 0.6).exp_m1()).max(0.0);
            assert!((pld.delta(epsilon) - exact).abs() < 1e-12);
            let between = epsilon + 0.1;
            let exact = 0.5 * (-(between - 0.6).exp_m1()).max(0.0) + 0.5 * (-(between + 0.6).exp_m1()).max(0.0);
            assert!(pld.delta(between) >= exact);
        }
        for delta in [1e-9, 0.01, 0.2, 0.5] {
            let Epsilon::At(epsilon) = pld.epsilon(delta) else { panic!("off the grid") };
            assert!((pld.delta(epsilon) / delta - 1.0).abs() < 1e-6, "{delta} {epsilon}");
        }
        assert_eq!(pld.epsilon(0.0), Epsilon::Above);
        assert!(matches!(pld.epsilon(0.9), Epsilon::Below(_)));
    }

    #[test]
    fn swapping_twice_changes_nothing() {
        let mut pld = Pld::empty(0.1, -1.0, 2.0).unwrap();
        for k in 0..30 {
            pld.put(-1.0 + 0.1 * f64::from(k), 1.0 / 30.0);
        }
        let twice = pld.swapped().swapped();
        assert_eq!(pld.first, twice.first);
        assert!(pld.mass.iter().zip(&twice.mass).all(|(a, b)| (a - b).abs() < 1e-15));
    }
}

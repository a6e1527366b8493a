//! The total cost of trainings when each is chosen after seeing the releases of those before it.
//!
//! Privacy-loss distributions compose mechanisms whose parameters were fixed beforehand. Across trainings they are not:
//! somebody looks at a model and then chooses the next epsilon. Gaussian mechanisms allow this, because they are
//! totally ordered. As long as the sum of `1 / z^2` stays below that of one Gaussian mechanism, whatever is chosen on
//! the way, all of them together are no worse than that one (Smith and Thakurta, "Fully Adaptive Composition for
//! Gaussian Differential Privacy", arXiv 2210.17520; Koskela, Tobaben and Honkela, "Individual Privacy Accounting with
//! Gaussian Differential Privacy", arXiv 2209.15596). So each training is entered as a Gaussian mechanism that is at
//! least as costly.
//!
//! # Proof
//! A composition `M` is entered as `(z, s)` if, in both directions and for every `epsilon >= 0`, its hockey-stick
//! divergence is at most `s + (1 - s) d(z, epsilon)`, where `d` is that of the Gaussian mechanism. This is the
//! divergence of the mechanism that reveals everything with probability `s` and otherwise adds Gaussian noise `z`.
//! Negative epsilons follow, because they swap the directions (`H_c(P, Q) = 1 - c + c H_(1/c)(Q, P)`) and the bound is
//! the same in both. By Blackwell's theorem, `M` is then a post-processing of that mechanism (Dong, Roth and Su,
//! "Gaussian Differential Privacy", arXiv 1905.02383, section 2). For several such mechanisms, chosen adaptively, the
//! probability that any reveals everything is at most the sum of the `s`, and the rest compose as above:
//! `delta(epsilon) <= sum s + d((sum 1 / z^2)^(-1/2), epsilon)`.

use super::analytic_gaussian;
use crate::engine::Result;
use crate::engine::privacy::accountant;
use crate::engine::privacy::loss::normal::{upper_quantile, upper_quantile_of_log};
use crate::engine::privacy::mechanisms::Mechanism;

/// A Gaussian mechanism, given by its precision, and a probability. Together they bound the cost of one mechanism or of
/// a composition.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Equivalent {
    /// `1 / z^2` for the noise multiplier `z`.
    pub precision: f64,
    /// Probability with which everything may be revealed.
    pub delta: f64,
    /// Additional total variation distance. Distances add up, and cost `1 + e^epsilon` times their sum at the epsilon
    /// of the evaluation.
    pub slack: f64,
}

/// Number of intervals on which divergences are compared, and subdivisions of one.
const INTERVALS: usize = 16;
const PARTS: usize = 32;
/// Maximum number of times that an epsilon is raised to cover the slack too.
const ROUNDS: usize = 40;
/// Number of bisection steps for the remaining precision.
const SEARCHES: usize = 50;
/// More than the relative error of [`analytic_gaussian::delta`], which rounds up.
const ERROR: f64 = 1e-9;

/// The stored form of an [`Equivalent`]: its slack is part of the excess delta, with its cost at [`STORED_EPSILON`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stored {
    pub precision: f64,
    pub excess_delta: f64,
}

/// Up to this epsilon, stored slack counts as it was stored. Above, the whole excess delta counts as if it were slack,
/// whose cost grows with `e^epsilon`.
pub const STORED_EPSILON: f64 = 20.0;

impl Stored {
    /// The composition of both.
    pub fn and(self, other: Self) -> Self {
        let sum = Equivalent::from(self).and(other.into());
        Self { precision: sum.precision, excess_delta: sum.delta }
    }

    /// As [`Equivalent::epsilon`].
    pub fn epsilon(self, delta: f64) -> f64 {
        let given_up = |epsilon: f64| self.excess_delta * (epsilon - STORED_EPSILON).max(0.0).exp();
        Equivalent::from(self).epsilon_with(delta, given_up)
    }

    /// Epsilon, rounded down, of the least private Gaussian mechanism that keeps the total within `epsilon` at `delta`;
    /// 0 if there is none.
    pub fn remaining(self, epsilon: f64, delta: f64) -> f64 {
        let allows = |precision: f64| self.and(Self { precision, excess_delta: 0.0 }).epsilon(delta) <= epsilon;
        if !allows(0.0) {
            return 0.0;
        }
        // More than the precision of the whole budget with no excess delta.
        let (mut low, mut high) = (0.0, 2.0 * Equivalent::of_gaussian(epsilon, delta).precision);
        for _ in 0..SEARCHES {
            let middle = f64::midpoint(low, high);
            *(if allows(middle) { &mut low } else { &mut high }) = middle;
        }
        let left = Equivalent { precision: low, ..Equivalent::default() };
        left.epsilon(delta - self.excess_delta).min(epsilon)
    }
}

impl From<Stored> for Equivalent {
    fn from(stored: Stored) -> Self {
        Self { precision: stored.precision, delta: stored.excess_delta, slack: 0.0 }
    }
}

impl From<Equivalent> for Stored {
    fn from(cost: Equivalent) -> Self {
        let slack = (1.0 + STORED_EPSILON.exp()) * cost.slack;
        Self { precision: cost.precision, excess_delta: (cost.delta + slack) * (1.0 + 4.0 * f64::EPSILON) }
    }
}

/// Above this, `exp(-epsilon)` loses digits.
const MAX_EXPONENT: f64 = 600.0;

impl Equivalent {
    /// A bound on the cost of these mechanisms with fixed parameters, where `tail` may be added to delta for it. If all
    /// are Gaussian, it is exact and adds nothing. May take a second.
    ///
    /// # Errors
    /// `InvalidParameter` if a parameter is invalid.
    pub fn of(mechanisms: &[(Mechanism, u64)], tail: f64) -> Result<Self> {
        if let Some(precision) = accountant::gaussian_precision(mechanisms)? {
            return Ok(Self { precision, delta: 0.0, slack: 0.0 });
        }
        // From here on the divergence is at most `tail`.
        let last = accountant::epsilon(mechanisms, tail)?;
        let width = last / INTERVALS as f64;
        let at = |i: usize| i as f64 * width;
        let profile = (0..=INTERVALS).map(|i| accountant::delta(mechanisms, at(i)));
        let profile = profile.collect::<Result<Vec<f64>>>()?;
        let mut least = Self { precision: 0.0, delta: tail, slack: 0.0 };
        for (i, ends) in profile.windows(2).enumerate() {
            for part in 0..PARTS {
                let place = |part: usize| at(i) + width * part as f64 / PARTS as f64;
                // The divergence is convex in exp(epsilon), so it is below the chord; and it decreases.
                let share = (place(part) - at(i)).exp_m1() / width.exp_m1().max(f64::MIN_POSITIVE);
                let bound = ends[0] + (ends[1] - ends[0]) * share.clamp(0.0, 1.0);
                least.cover(bound * (1.0 + ERROR), place(part + 1));
            }
        }
        Ok(least)
    }

    /// A bound on the cost of any (`epsilon`, `delta`)-private mechanism. It reveals everything with probability
    /// `delta`, and is otherwise `epsilon`-private, like randomized response (Kairouz, Oh and Viswanath, "The
    /// Composition Theorem for Differential Privacy", 2015). Both errors of a test against randomized response can be
    /// `1 / (1 + e^epsilon)`, and elsewhere they trade off linearly. Those of a Gaussian mechanism trade off along a
    /// convex curve with the same ends, which is nowhere above if it is not above there: from `1 / z = 2 q` on, where
    /// `q` is the normal quantile of that error.
    pub fn of_claim(epsilon: f64, delta: f64) -> Self {
        let error = (-epsilon).exp() / (1.0 + (-epsilon).exp());
        let quantile = if epsilon > MAX_EXPONENT {
            upper_quantile_of_log(-epsilon - ERROR)
        } else {
            upper_quantile(error * (1.0 - ERROR))
        };
        let sensitivity = 2.0 * quantile;
        Self { precision: sensitivity * sensitivity * (1.0 + ERROR), delta, slack: 0.0 }
    }

    /// The cost of a Gaussian mechanism that is (`epsilon`, `delta`)-private.
    pub fn of_gaussian(epsilon: f64, delta: f64) -> Self {
        Self { precision: analytic_gaussian::noise_multiplier(epsilon, delta).powi(-2), delta: 0.0, slack: 0.0 }
    }

    /// The composition of both, in any order, also if one was chosen after the other.
    pub fn and(self, other: Self) -> Self {
        // Rounded up, for sums of a million of them.
        let sum = |a: f64, b: f64| (a + b) * (1.0 + 4.0 * f64::EPSILON);
        Self {
            precision: sum(self.precision, other.precision),
            delta: sum(self.delta, other.delta),
            slack: sum(self.slack, other.slack),
        }
    }

    /// The smallest epsilon, rounded up, for which this is (epsilon, `delta`)-private. Infinite if there is none, or
    /// any number is NaN.
    pub fn epsilon(self, delta: f64) -> f64 {
        self.epsilon_with(delta, |epsilon| self.delta + (1.0 + epsilon.exp()) * self.slack)
    }

    /// The same for a given additional delta at an epsilon, which is no smaller at a larger one.
    fn epsilon_with(self, delta: f64, given_up: impl Fn(f64) -> f64) -> f64 {
        if self.precision == 0.0 && given_up(0.0) <= delta {
            return 0.0;
        }
        if !(delta > given_up(0.0) && self.precision >= 0.0) {
            return f64::INFINITY;
        }
        let noise_multiplier = self.precision.sqrt().recip();
        let mut epsilon = analytic_gaussian::epsilon(noise_multiplier, delta - given_up(0.0));
        for _ in 0..ROUNDS {
            if given_up(epsilon) + analytic_gaussian::delta(noise_multiplier, epsilon) <= delta {
                return epsilon;
            }
            epsilon = analytic_gaussian::epsilon(noise_multiplier, delta - given_up(epsilon)) * (1.0 + 1e-9);
        }
        f64::INFINITY
    }

    /// Raises the precision until the divergence at `epsilon` may be `bound`.
    fn cover(&mut self, bound: f64, epsilon: f64) {
        let wanted = (bound - self.delta) / (1.0 - self.delta);
        if wanted.is_nan() {
            self.precision = f64::INFINITY;
            return;
        }
        let reaches = |precision: f64| {
            precision > 0.0 && analytic_gaussian::delta(precision.sqrt().recip(), epsilon) * (1.0 - ERROR) >= wanted
        };
        if wanted <= 0.0 || reaches(self.precision) {
            return;
        }
        let (mut low, mut high) = (self.precision, self.precision.max(1e-12));
        while !reaches(high) && high < 1e18 {
            (low, high) = (high, 2.0 * high);
        }
        if !reaches(high) {
            self.precision = f64::INFINITY;
            return;
        }
        while high - low > 1e-6 * high {
            let middle = low.midpoint(high);
            *(if reaches(middle) { &mut high } else { &mut low }) = middle;
        }
        self.precision = high;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: f64 = 1e-9;

    fn gaussian(noise_multiplier: f64) -> (Mechanism, u64) {
        (Mechanism::Gaussian { noise_multiplier }, 1)
    }

    #[test]
    fn gaussians_are_themselves() {
        let both = Equivalent::of(&[gaussian(3.0), (Mechanism::Gaussian { noise_multiplier: 8.0 }, 5)], TAIL).unwrap();
        assert!((both.precision - (1.0 / 9.0 + 5.0 / 64.0)).abs() < 1e-12 && both.delta == 0.0);
        for (epsilon, delta) in [(0.1, 1e-6), (1.0, 1e-6), (10.0, 1e-9)] {
            let found = Equivalent::of_gaussian(epsilon, delta).epsilon(delta);
            assert!((found / epsilon - 1.0).abs() < 1e-6, "{found}");
        }
    }

    /// Compositions of every kind, and how much worse the Gaussian may be at delta 1e-6.
    fn compositions() -> Vec<(Vec<(Mechanism, u64)>, f64)> {
        let sampled = |sampling_rate, noise_multiplier, steps| {
            (Mechanism::SubsampledGaussian { sampling_rate, noise_multiplier, steps }, 1)
        };
        vec![
            (vec![gaussian(4.5), (Mechanism::BoundedRange { epsilon: 0.05 }, 48)], 1.06),
            (vec![(Mechanism::BoundedRange { epsilon: 0.02 }, 500)], 1.2),
            (vec![sampled(0.026, 1.3, 190)], 1.2),
            (vec![sampled(0.3, 6.0, 40), gaussian(9.0)], 1.1),
            (vec![sampled(0.1, 0.9, 50)], 1.4),
            (vec![(Mechanism::Laplace { scale: 20.0 }, 30), (Mechanism::Pure { epsilon: 0.01 }, 9)], 1.3),
        ]
    }

    #[test]
    fn nothing_is_worse_than_its_equivalent_at_any_epsilon() {
        for (mechanisms, room) in compositions() {
            let found = Equivalent::of(&mechanisms, TAIL).unwrap();
            let last = accountant::epsilon(&mechanisms, TAIL).unwrap();
            for i in 0..=37 {
                let epsilon = last * 1.05 * f64::from(i) / 37.0;
                let (own, covered) = (
                    accountant::delta(&mechanisms, epsilon).unwrap(),
                    found.delta
                        + (1.0 - found.delta) * analytic_gaussian::delta(found.precision.sqrt().recip(), epsilon),
                );
                assert!(own <= covered * (1.0 + 1e-6), "{mechanisms:?} {epsilon}: {own:e} {covered:e}");
            }
            let (own, equivalent) = (accountant::epsilon(&mechanisms, 1e-6).unwrap(), found.epsilon(1e-6));
            assert!(equivalent >= own * (1.0 - 1e-9) && equivalent < own * room, "{mechanisms:?} {own} {equivalent}");
        }
    }

    #[test]
    fn claims_are_covered_too() {
        for (epsilon, delta) in [(0.05, 1e-6), (1.0, 1e-6), (5.0, 1e-9), (20.0, 1e-6), (30.0, 1e-6)] {
            let found = Equivalent::of_claim(epsilon, delta);
            for part in [0.0, 0.3, 0.7, 0.99] {
                let at = part * epsilon;
                let pure = accountant::delta(&[(Mechanism::Pure { epsilon }, 1)], at).unwrap();
                let gaussian = analytic_gaussian::delta(found.precision.sqrt().recip(), at);
                assert!(found.delta == delta && pure * (1.0 - 1e-6) <= gaussian, "{epsilon}: {pure} {gaussian}");
            }
            // Of the order of the claim. A Gaussian loss is unbounded, but its tail decreases fast.
            let spent = found.epsilon(2.0 * delta);
            assert!(spent > epsilon && spent < 10.0 * epsilon + 1.0, "{epsilon}: {spent}");
        }
    }

    /// A mechanism with the remaining epsilon is admitted, and one with a thousandth more is not.
    #[test]
    fn what_remains_is_what_is_admitted() {
        let (delta, excess_delta) = (1e-6, 1e-9);
        for epsilon in [0.5, 3.0, 19.0, 25.0, 30.0] {
            for share in [0.0, 0.3, 0.9, 0.999] {
                let precision = share * Equivalent::of_gaussian(epsilon, delta - excess_delta).precision;
                let spent = Stored { precision, excess_delta };
                let left = spent.remaining(epsilon, delta);
                let all = |more: f64| {
                    let next = Equivalent::of_gaussian(more, delta - excess_delta);
                    spent.and(Stored { precision: next.precision, excess_delta: 0.0 }).epsilon(delta)
                };
                let admitted = left == 0.0 || all(left * (1.0 - 1e-6)) <= epsilon;
                assert!(left <= epsilon && admitted, "{epsilon} {share}: {left}");
                assert!(all(left * 1.001 + 1e-6) > epsilon, "{epsilon} {share}: {left}");
            }
        }
        assert_eq!(Stored { precision: 1e9, excess_delta }.remaining(1.0, delta), 0.0);
        assert_eq!(Stored { precision: 0.0, excess_delta: 1.0 }.remaining(1.0, delta), 0.0);
        assert_eq!(Stored { precision: f64::NAN, excess_delta }.remaining(1.0, delta), 0.0);
    }

    #[test]
    fn sums_are_tighter_than_adding_epsilons() {
        let one = Equivalent::of(&compositions()[0].0, TAIL).unwrap();
        let four = one.and(one).and(one).and(one);
        assert!(four.epsilon(1e-6) < 2.5 * one.epsilon(1e-6));
        assert!(four.epsilon(1e-6) > one.epsilon(1e-6));
        assert_eq!(four.epsilon(1e-10), f64::INFINITY);
        assert_eq!(Equivalent::default().epsilon(1e-6), 0.0);
    }
}

//! The exponential mechanism, exact except for a stated slack.
//!
//! McSherry and Talwar, "Mechanism Design via Differential Privacy" (2007). For scores that change by at most 1 when a
//! unit is added or removed, choosing `i` with probability proportional to `exp(epsilon * score_i / 2)` has bounded
//! range `epsilon` (Durfee and Rogers, arXiv 1905.04273). Choosing several without replacement is the same number of
//! such choices.
//!
//! # Algorithm
//! A candidate is drawn uniformly and accepted with probability `exp(-gap)`, where `gap` is its distance from the best.
//! The first accepted candidate follows the mechanism, and no sum is rounded. Scores are first rounded to multiples of
//! `2^-10`, which adds `2^-10` to their sensitivity. `2^-8` is allowed for, which also covers the f64 arithmetic of
//! scores and gaps.
//!
//! # Slack
//! `exp(-gap)` is compared with 127 random bits and has an error below `2^-111`: `2^-120` from the fractional part, as
//! much from each of at most 180 halves, `2^-126` from each product, and gaps above 90 are never accepted, although
//! they should be with probability below `2^-129`. With `n` candidates, fewer than `n` draws are expected, so the error
//! of a choice is below `n 2^-111` in total variation: below [`SLACK_PER_CHOICE`] for `n <= 2^20`. The draw of a
//! candidate is uniform up to `2^-64` each. This is the public measure before the scores are applied, the same for
//! every table, so it costs no privacy.
//! the table, so that it costs no privacy.

use rand::{Rng, RngExt};

use super::facts::{Facts, Losses, check_positive};
use crate::engine::privacy::loss::pld::{Pld, shares};
use crate::engine::privacy::loss::quadrature::GAUSS_3;
use crate::engine::privacy::loss::sketch::bounded;
use crate::engine::privacy::meter::{Meter, Run, StageRecord};
#[cfg(test)]
use crate::engine::privacy::replay::Realised;
use crate::engine::privacy::samplers::fixed_point::{ONE, exp_neg, mul};
use crate::engine::privacy::samplers::gaussian::SLACK_PER_DRAW;
use crate::engine::privacy::samplers::random::SecretRng;
use crate::engine::{EngineError, Result};

/// Bound on the total variation distance between a choice among at most `2^20` candidates and the exact mechanism.
pub const SLACK_PER_CHOICE: f64 = DRAWS_PER_CHOICE as f64 * SLACK_PER_DRAW;

/// Number of draws of a rounded Gaussian with the same slack.
pub const DRAWS_PER_CHOICE: u64 = 1_000;

/// Multiples that scores are rounded to, and the assumed sensitivity.
const GRAIN: f64 = 1.0 / 1024.0;
const SENSITIVITY: f64 = 1.0 + 1.0 / 256.0;
/// Candidates with this gap are never accepted.
const MAX_GAP: f64 = 90.0;

/// The positions of `count` candidates (all, if there are fewer), chosen one after another without replacement. Each
/// choice has bounded range `epsilon` for finite scores of sensitivity 1.
///
/// # Errors
/// `Internal` if a score is not finite or `epsilon` is negative or not finite.
pub fn choose(scores: &[f64], epsilon: f64, count: usize, meter: &mut Meter) -> Result<Vec<usize>> {
    if !(epsilon >= 0.0 && epsilon.is_finite() && scores.iter().all(|score| score.is_finite())) {
        return Err(EngineError::Internal("a choice needs finite scores and a finite epsilon"));
    }
    for _ in 0..count.min(scores.len()) {
        meter.ran(Run::Choice { epsilon }, DRAWS_PER_CHOICE);
    }
    let answer = |meter: &mut Meter, scores: &[f64]| draw(scores, epsilon, count, meter.rng());
    #[cfg(not(test))]
    let chosen = answer(meter, scores);
    #[cfg(test)]
    let chosen = meter.ask(
        scores.to_vec(),
        |before, after, realised| {
            assert_eq!(before.len(), after.len());
            let largest = before.iter().zip(after).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            realised.score = realised.score.max(largest);
        },
        |meter, scores| answer(meter, scores),
    );
    Ok(chosen)
}

fn draw(scores: &[f64], epsilon: f64, count: usize, rng: &mut SecretRng) -> Vec<usize> {
    let mut left: Vec<(usize, f64)> =
        scores.iter().enumerate().map(|(place, score)| (place, (score / GRAIN).round() * GRAIN)).collect();
    let mut chosen = Vec::with_capacity(count.min(left.len()));
    while chosen.len() < count && !left.is_empty() {
        let best = left.iter().fold(f64::NEG_INFINITY, |best, (_, score)| best.max(*score));
        let at = loop {
            let at = rng.random_range(0..left.len());
            if accepts(0.5 * epsilon * (best - left[at].1) / SENSITIVITY, rng) {
                break at;
            }
        };
        chosen.push(left.swap_remove(at).0);
    }
    chosen
}

/// True with probability `exp(-gap)`, for a gap that is not negative. NaN is never accepted.
fn accepts(gap: f64, rng: &mut SecretRng) -> bool {
    if !(gap <= MAX_GAP) {
        return false;
    }
    let uniform = (u128::from(rng.next_u64()) << 63) | u128::from(rng.next_u64() >> 1);
    // Far from a tie, f64 decides like the exact comparison.
    let (near, level) = (uniform as f64 / ONE as f64, (-gap).exp());
    if (near - level).abs() > 1e-9 {
        return near < level;
    }
    let halves = (2.0 * gap).floor();
    let fraction = (gap - 0.5 * halves).clamp(0.0, 0.5);
    let mut exact = exp_neg((fraction * ONE as f64) as u128);
    for _ in 0..halves as u32 {
        exact = mul(exact, exp_neg(ONE / 2));
    }
    uniform < exact
}

/// A choice of bounded range `epsilon`, for the accountant.
#[derive(Debug, Clone, Copy)]
pub struct BoundedRange {
    pub epsilon: f64,
}

impl Facts for BoundedRange {
    fn name(&self) -> &'static str {
        "exponential"
    }

    fn check(&self) -> Result<()> {
        if self.epsilon == 0.0 { Ok(()) } else { check_positive(self.epsilon, "epsilon of a mechanism") }
    }

    fn is_plausible(&self) -> bool {
        self.epsilon == 0.0 || (1e-9..=1e6).contains(&self.epsilon)
    }

    fn pure_epsilon(&self) -> f64 {
        self.epsilon
    }

    fn sketch(&self, _: f64) -> Vec<(f64, f64)> {
        bounded(self.epsilon).map(|loss| (loss, 0.5 * loss)).collect()
    }

    fn losses(&self, step: f64, _: f64) -> Result<Losses> {
        Ok(Losses { remove: self.loss(step)?, add: None })
    }

    fn pays_for(&self, uses: u64) -> StageRecord {
        StageRecord { choices: uses, choice_epsilon: self.epsilon, ..StageRecord::NOTHING }
    }

    /// For the score that the unit changed most. Each score may change by 1.
    #[cfg(test)]
    fn used(&self, realised: &Realised, _: u64) -> f64 {
        realised.score
    }

    #[cfg(test)]
    fn renyi_divergence(&self, order: f64) -> f64 {
        crate::engine::privacy::accountant::rdp::bounded_range(self.epsilon, order)
    }
}

impl BoundedRange {
    /// The loss on a grid, the same in both directions. The worst pair of outputs whose losses lie in `[t - epsilon, t]` has
    /// hockey-stick divergence `(e^epsilon - e^t)(1 - e^(l - t)) / (e^epsilon - 1)` at `l` (Dong, Durfee, Rogers, "Optimal
    /// Differential Privacy Composition for Exponential Mechanisms", arXiv 1909.13830). The largest over t, at
    /// `t = (epsilon + l) / 2`, is `(e^(epsilon / 2) - e^(l / 2))^2 / (e^epsilon - 1)`: that of a loss with density
    /// `e^((epsilon + l) / 2) / (2 (e^epsilon - 1))` on `[-epsilon, epsilon]`.
    fn loss(&self, step: f64) -> Result<Pld> {
        let epsilon = self.epsilon;
        let mut pld = Pld::empty(step, -epsilon, epsilon)?;
        for cell in 0..pld.mass.len() - 1 {
            let start = pld.loss(cell);
            let (from, to) = (start.max(-epsilon), (start + step).min(epsilon));
            for (x, weight) in GAUSS_3 {
                let loss = from + (to - from).max(0.0) * x;
                let density = 0.5 * (0.5 * (epsilon + loss)).exp() / epsilon.exp_m1();
                let mass = weight * (to - from).max(0.0) * density;
                let (lower, upper) = shares(step, loss - start);
                pld.mass[cell] += lower * mass;
                pld.mass[cell + 1] += upper * mass;
            }
        }
        Ok(pld)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::privacy::accountant;
    use crate::engine::privacy::mechanisms::Mechanism;

    /// Fixed seed; over random seeds a check fails with probability below 6e-7 (five standard errors).
    fn check(hits: usize, rounds: usize, p: f64) {
        let sd = (p * (1.0 - p) / rounds as f64).sqrt();
        assert!((hits as f64 / rounds as f64 - p).abs() < 5.0 * sd + 1e-12, "{hits} of {rounds}, not {p}");
    }

    #[test]
    fn better_scores_win_as_often_as_they_should() {
        let mut meter = Meter::for_tests(1);
        let (rounds, epsilon, scores) = (100_000, 0.5, [4.0, 0.0, -3.0]);
        let weights = scores.map(|score: f64| (0.5 * epsilon * score / SENSITIVITY).exp());
        let mut hits = [0; 3];
        (0..rounds).for_each(|_| hits[choose(&scores, epsilon, 1, &mut meter).unwrap()[0]] += 1);
        for (hits, weight) in hits.into_iter().zip(weights) {
            check(hits, rounds, weight / weights.iter().sum::<f64>());
        }
    }

    #[test]
    fn acceptance_is_exponential_also_close_to_ties() {
        let mut meter = Meter::for_tests(2);
        for gap in [0.0, 1e-12, 0.1, 0.5, 1.7, 6.0] {
            check((0..100_000).filter(|_| accepts(gap, meter.rng())).count(), 100_000, (-gap).exp());
        }
        assert!(!accepts(91.0, meter.rng()));
    }

    #[test]
    fn nothing_is_chosen_twice_and_no_more_than_there_is() {
        let mut meter = Meter::for_tests(3);
        let mut chosen = choose(&[1.0, 1e6, -1e6], 1.0, 5, &mut meter).unwrap();
        assert_eq!(chosen[0], 1);
        chosen.sort_unstable();
        assert_eq!(chosen, [0, 1, 2]);
        assert!(choose(&[], 1.0, 2, &mut meter).unwrap().is_empty());
    }

    #[test]
    fn one_choice_has_its_closed_form() {
        for epsilon in [0.02f64, 0.3, 2.0] {
            let choice = [(Mechanism::BoundedRange { epsilon }, 1)];
            for share in [0.0, 0.2, 0.4, 0.9] {
                let at = share * epsilon;
                let exact = ((0.5 * epsilon).exp() - (0.5 * at).exp()).powi(2) / epsilon.exp_m1();
                let found = accountant::delta(&choice, at).unwrap();
                assert!(found >= exact * (1.0 - 1e-9) && found <= exact + 2e-4 * epsilon, "{epsilon} {at}");
            }
        }
    }

    #[test]
    fn many_choices_cost_about_as_concentrated_privacy_has_it() {
        let (epsilon, times, delta) = (0.02f64, 50, 1e-6f64);
        let choices = accountant::epsilon(&[(Mechanism::BoundedRange { epsilon }, times)], delta).unwrap();
        let pure = accountant::epsilon(&[(Mechanism::Pure { epsilon }, times)], delta).unwrap();
        // A choice between two outputs costs rho = epsilon^2 / 8, like a Gaussian with noise multiplier 2 / epsilon. A
        // pair that dominates all choices has losses of variance epsilon^2 / 3 instead of epsilon^2 / 4.
        let gaussian = [(Mechanism::Gaussian { noise_multiplier: 2.0 / epsilon }, times)];
        let gaussian = accountant::epsilon(&gaussian, delta).unwrap();
        assert!(choices > gaussian && choices < 1.2 * gaussian, "{choices} {gaussian}");
        assert!(choices < 0.6 * pure, "{choices} {pure}");
    }
}

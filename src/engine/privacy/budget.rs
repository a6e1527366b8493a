//! Splits a training's budget before a row is read. All noise is relative to the change by one privacy unit, so the
//! split is the same for any unit.

use super::accountant::analytic_gaussian;
use super::accountant::gdp::STORED_EPSILON;
use super::mechanisms::Mechanism;
use super::mechanisms::noisy_counts::budget_is_too_small;
use crate::engine::{EngineError, Result};

/// Share of epsilon for the row count.
const COUNT_EPSILON_SHARE: f64 = 0.03;
/// Share of delta for the row count.
const COUNT_DELTA_SHARE: f64 = 0.01;
/// Share of delta for keys released above a threshold, if there are any.
const THRESHOLD_DELTA_SHARE: f64 = 0.1;
/// Share of delta for the slack of the noise samplers.
const SLACK_DELTA_SHARE: f64 = 1e-3;
/// Share of the precision (1 / noise multiplier squared) for one histogram of domain discovery, and maximum share for
/// all of them. Up to [`MAX_TIMES`] as much if a histogram would get less than [`FULL_SIGNAL`], the number of units
/// over its noise multiplier. With a weak signal, the position of the bins matters most.
const HISTOGRAM_SHARE: f64 = 0.01;
const DISCOVERY_SHARE: f64 = 0.25;
const FULL_SIGNAL: f64 = 400.0;
/// Share of the precision for the search for relations, if there is any: so much for each of its units, and at most.
const RELATION_UNIT_SHARE: f64 = 0.004;
const RELATIONS_SHARE: f64 = 0.06;
const MAX_TIMES: f64 = 2.0;

/// Maximum epsilon that is spent. Above it, noise is negligible, but the samplers' slack, which counts
/// exp(epsilon)-fold, is not.
const MAX_EPSILON: f64 = 30.0;

/// The split: first the row count by itself, then everything whose parameters may depend on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    pub count_epsilon: f64,
    pub count_delta: f64,
    /// Noise multiplier of the row count, if it is the only first count.
    pub count_noise_multiplier: f64,
    /// Epsilon of everything after the count.
    pub epsilon: f64,
    /// Delta at which the accountant evaluates everything after the count.
    pub accounted_delta: f64,
    /// Delta of each thresholded release.
    pub threshold_delta: f64,
    /// Delta for the slack of the noise samplers.
    pub slack_delta: f64,
    /// Noise multiplier of a single count with the whole budget except that of the row count.
    one_shot: f64,
    releases: Releases,
}

/// What is to be released before training. Public.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Releases {
    /// Noisy histograms of domains.
    pub histograms: u64,
    /// Searches for relations, of which the first that is not in vain is made.
    pub searches: [Search; 2],
    /// How many of all histograms are released above a threshold.
    pub thresholds: u64,
}

/// A search for relations. Public.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Search {
    /// What it costs, in units of its own.
    pub units: u64,
    /// How many privacy units it needs, relative to the noise of one of its units.
    pub least_signal: f64,
}

impl Split {
    /// Splits `(epsilon, delta)` for a table of which so much is released before training.
    ///
    /// # Errors
    /// `InvalidParameter` unless epsilon is positive and finite and delta is strictly between 0 and 1.
    pub fn new(epsilon: f64, delta: f64, releases: Releases) -> Result<Self> {
        let thresholds = releases.thresholds;
        check(epsilon, delta)?;
        let epsilon = epsilon.min(MAX_EPSILON);
        let count_epsilon = COUNT_EPSILON_SHARE * epsilon;
        let count_delta = COUNT_DELTA_SHARE * delta;
        let slack_delta = SLACK_DELTA_SHARE * delta;
        let thresholds_delta = if thresholds > 0 { THRESHOLD_DELTA_SHARE * delta } else { 0.0 };
        let rest_epsilon = epsilon - count_epsilon;
        let accounted_delta = delta - count_delta - slack_delta - thresholds_delta;
        let count_noise_multiplier = analytic_gaussian::noise_multiplier(count_epsilon, count_delta);
        let one_shot = analytic_gaussian::noise_multiplier(rest_epsilon, accounted_delta);
        if !(count_noise_multiplier.is_finite() && one_shot.is_finite()) {
            return Err(budget_is_too_small());
        }
        Ok(Self {
            count_epsilon,
            count_delta,
            count_noise_multiplier,
            epsilon: rest_epsilon,
            accounted_delta,
            threshold_delta: if thresholds > 0 { thresholds_delta / thresholds as f64 } else { 0.0 },
            slack_delta,
            one_shot,
            releases,
        })
    }

    /// Noise multiplier of each of several counts that share the budget of the row count. Rounded up.
    pub fn count_noise(&self, counts: u32) -> f64 {
        let noise = self.count_noise_multiplier * f64::from(counts).sqrt();
        if counts > 1 { noise * (1.0 + 2f64.powi(-50)) } else { noise }
    }

    /// Noise multiplier of each histogram of domain discovery, if there are any, in a table with this many units.
    pub fn histogram_noise(&self, noisy_units: f64) -> Option<f64> {
        let histograms = self.releases.histograms as f64;
        let share = (HISTOGRAM_SHARE * histograms).min(DISCOVERY_SHARE);
        let noise = |share: f64| self.one_shot * (histograms / share).sqrt();
        let signal = noisy_units.max(1.0) / noise(share);
        let times = (FULL_SIGNAL / signal).sqrt().clamp(1.0, MAX_TIMES);
        (self.releases.histograms > 0).then(|| noise(times * share))
    }

    /// Which search for relations is made in a table with this many privacy units, and the noise multiplier of one of its
    /// units. None is made where all would be in vain.
    pub fn search(&self, noisy_units: f64) -> Option<(usize, f64)> {
        let noise = |search: &Search| {
            let units = search.units as f64;
            let share = (RELATION_UNIT_SHARE * units).min(RELATIONS_SHARE);
            self.one_shot * (units / share).sqrt()
        };
        let searches = self.releases.searches.iter().enumerate().filter(|(_, search)| search.units > 0);
        let mut searches = searches.map(|(which, search)| (which, search, noise(search)));
        let (which, _, noise) = searches.find(|(_, search, noise)| noisy_units >= search.least_signal * noise)?;
        Some((which, noise))
    }

    /// The cost of the discovery of domains and relations in a table with this many units, each of which is sampled with
    /// probability `sampling_rate`. All use one Poisson sample, so together they are one subsampled Gaussian mechanism.
    pub fn discovery(&self, noisy_units: f64, sampling_rate: f64) -> Option<Mechanism> {
        let precision = |noise: Option<f64>, times: u64| noise.map_or(0.0, |noise| times as f64 / (noise * noise));
        let search = self.search(noisy_units);
        let units = search.map_or(0, |(which, _)| self.releases.searches[which].units);
        let together = precision(self.histogram_noise(noisy_units), self.releases.histograms)
            + precision(search.map(|(_, noise)| noise), units);
        let together = together.sqrt().recip();
        together.is_finite().then_some(if sampling_rate < 1.0 {
            Mechanism::SubsampledGaussian { sampling_rate, noise_multiplier: together, steps: 1 }
        } else {
            Mechanism::Gaussian { noise_multiplier: together }
        })
    }

    /// Whether `draws` draws of noise, each with the slack `slack`, stay within the reserved delta. For a mechanism
    /// that is (epsilon, delta)-private with ideal noise, they cost (1 + exp(epsilon)) draws slack.
    pub fn affords(&self, draws: u64, slack: f64) -> bool {
        draws as f64 * slack <= self.slack()
    }

    /// Maximum total variation distance between the noise of all samplers and ideal noise. The reserved delta pays for
    /// it at this training's epsilon, and at the epsilon at which trainings are added up.
    pub fn slack(&self) -> f64 {
        self.slack_delta / (1.0 + (self.count_epsilon + self.epsilon).max(STORED_EPSILON).exp())
    }

    /// Delta of all thresholded releases together.
    pub fn thresholds_delta(&self) -> f64 {
        self.threshold_delta * self.releases.thresholds as f64
    }

    /// Delta of the phase after the count, including thresholds and slack.
    pub fn rest_delta(&self) -> f64 {
        self.accounted_delta + self.slack_delta + self.thresholds_delta()
    }
}

/// Refuses an epsilon or delta that is not a guarantee.
///
/// # Errors
/// `InvalidParameter` unless epsilon is positive and finite and delta is strictly between 0 and 1.
pub fn check(epsilon: f64, delta: f64) -> Result<()> {
    if !(epsilon.is_finite() && epsilon > 0.0) {
        return Err(EngineError::invalid(
            "epsilon must be a positive finite number",
            "Epsilon bounds how much one row can change the released information.",
            "Values from 0.1 to 10 are common; 1 is a good start.",
        ));
    }
    if !(delta > 0.0 && delta < 1.0) {
        return Err(EngineError::invalid(
            "delta must be greater than 0 and less than 1",
            "Delta bounds the probability with which the guarantee of epsilon may fail.",
            "Choose a delta far below one over the number of rows, such as 1e-6.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_never_exceed_the_whole() {
        for (histograms, thresholds) in [(0, 0), (1, 0), (3, 2), (27, 15), (600, 300)] {
            let split = Split::new(
                1.0,
                1e-6,
                Releases { histograms, thresholds, searches: [Search { units: 40, least_signal: 1.0 }; 2] },
            )
            .unwrap();
            assert!(split.count_epsilon + split.epsilon <= 1.0 + 1e-15);
            assert!(split.count_delta + split.rest_delta() <= 1e-6 * (1.0 + 1e-12));
            assert_eq!(split.histogram_noise(1e6).is_some(), histograms > 0);
            // Two counts together are not more precise than one alone.
            assert!(split.count_noise(2).powi(2) >= 2.0 * split.count_noise(1).powi(2));
            assert_eq!(split.count_noise(1), split.count_noise_multiplier);
        }
    }

    #[test]
    fn discovery_takes_its_share_of_precision() {
        let split = Split::new(1.0, 1e-6, Releases { histograms: 27, thresholds: 15, ..Releases::default() }).unwrap();
        let one_shot = analytic_gaussian::noise_multiplier(split.epsilon, split.accounted_delta);
        let share = |units| match split.discovery(units, 1.0) {
            Some(Mechanism::Gaussian { noise_multiplier }) => (one_shot / noise_multiplier).powi(2),
            _ => panic!("not a Gaussian"),
        };
        assert!((share(1e6) - DISCOVERY_SHARE).abs() < 1e-9);
        // More for few units, but at most what is left for everything else.
        assert!((share(1e4) / DISCOVERY_SHARE - 1.4).abs() < 0.4);
        assert!((share(1.0) - MAX_TIMES * DISCOVERY_SHARE).abs() < 1e-9);
    }

    #[test]
    fn what_is_no_guarantee_is_refused() {
        for epsilon in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Split::new(epsilon, 1e-6, Releases::default()).is_err());
        }
        for delta in [0.0, 1.0, -1e-6, 2.0, f64::NAN] {
            assert!(Split::new(1.0, delta, Releases::default()).is_err());
        }
    }
}

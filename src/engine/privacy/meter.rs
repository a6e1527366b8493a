//! The meter: every mechanism needs one to run, and records in it what it did.
//!
//! A meter holds the secret generator of the noise, so no mechanism runs without one. It also holds a record of what
//! ran in each stage, which is shared by all meters that were derived from one another. At the end of a training, the
//! record is compared with the charge: see [`super::ledger::Ledger::check`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(test)]
use super::replay::Replay;
use super::samplers::poisson::SamplingRate;
use super::samplers::random::SecretRng;
use crate::engine::Result;

/// A source of noise that is recorded.
#[derive(Debug)]
pub struct Meter {
    rng: SecretRng,
    record: Arc<Mutex<Record>>,
    stage: &'static str,
    rate: SamplingRate,
    /// Sum of `1 / z^2` over what ran on the current sample.
    sample_precision: f64,
    #[cfg(test)]
    pub(super) replay: Option<Arc<Mutex<Replay>>>,
}

/// One run of a mechanism, with its actual parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Run {
    /// Gaussian noise with this standard deviation, on data that one unit changes by at most `l2_sensitivity`.
    Gaussian { l2_sensitivity: f64, noise_sd: f64 },
    /// The same, plus released keys that only one unit holds, with at most this share of delta.
    SparseHistogram { l2_sensitivity: f64, noise_sd: f64, delta_share: f64 },
    /// A choice with this bounded range, among scores that one unit changes by at most 1.
    Choice { epsilon: f64 },
}

/// What ran in one stage. Sums are rounded, and compared with a tolerance for that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageRecord {
    /// Number of Poisson samples, and the largest rate among them; 0 and 1 if all units were seen.
    pub samples: u64,
    pub sampling_rate: f64,
    /// Sum of `1 / z^2` over all Gaussian noise, and the largest sum over one sample, where `z` is the noise
    /// multiplier.
    pub precision: f64,
    pub sample_precision: f64,
    /// Choices, and the largest epsilon of one.
    pub choices: u64,
    pub choice_epsilon: f64,
    /// Delta for keys released above a threshold.
    pub threshold_delta: f64,
    /// Number of draws of noise, or the number with the same slack.
    pub draws: u64,
}

/// What ran, by stage.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record(BTreeMap<&'static str, StageRecord>);

impl Record {
    /// The stages, by name.
    pub fn stages(&self) -> impl Iterator<Item = (&'static str, &StageRecord)> {
        self.0.iter().map(|(name, stage)| (*name, stage))
    }
}

impl StageRecord {
    /// Nothing ran.
    pub const NOTHING: Self = Self {
        samples: 0,
        sampling_rate: 0.0,
        precision: 0.0,
        sample_precision: 0.0,
        choices: 0,
        choice_epsilon: 0.0,
        threshold_delta: 0.0,
        draws: 0,
    };

    /// Whether this is within what was paid for. Thresholds and draws are not compared, because they are added up over
    /// all stages. Sums may exceed the paid ones by the relative error `room`. Samples count only if noise was added to
    /// their results.
    pub fn is_within(&self, paid: &Self, room: f64) -> bool {
        // The pattern names all fields, so that a new field cannot be left out of the comparison.
        let Self {
            samples,
            sampling_rate,
            precision,
            sample_precision,
            choices,
            choice_epsilon,
            threshold_delta: _,
            draws: _,
        } = *self;
        let noise = samples <= paid.samples
            && sampling_rate <= paid.sampling_rate
            && precision <= paid.precision * (1.0 + room)
            && sample_precision <= paid.sample_precision * (1.0 + room);
        (noise || precision == 0.0) && choices <= paid.choices && choice_epsilon <= paid.choice_epsilon
    }

    /// Adds a run. `of_sample` is the sum of what ran on the same sample, including it.
    fn add(&mut self, run: Run, of_sample: f64) {
        self.precision += run.precision();
        self.sample_precision = self.sample_precision.max(of_sample);
        match run {
            Run::Gaussian { .. } => {}
            Run::SparseHistogram { delta_share, .. } => self.threshold_delta += delta_share,
            Run::Choice { epsilon } => {
                self.choices += 1;
                self.choice_epsilon = self.choice_epsilon.max(epsilon);
            }
        }
    }
}

impl Run {
    /// `1 / z^2` for the noise multiplier `z`, 0 if there is none. NaN counts as more than any charge.
    fn precision(self) -> f64 {
        match self {
            Self::Gaussian { l2_sensitivity, noise_sd } | Self::SparseHistogram { l2_sensitivity, noise_sd, .. } => {
                let precision = (l2_sensitivity / noise_sd).powi(2);
                if precision.is_nan() { f64::INFINITY } else { precision }
            }
            Self::Choice { .. } => 0.0,
        }
    }
}

impl Meter {
    /// A meter with an empty record and fresh random bits.
    ///
    /// # Errors
    /// `Internal` if the operating system returns no random bytes.
    pub fn new() -> Result<Self> {
        Ok(Self::with(SecretRng::from_os()?))
    }

    /// A meter with predictable noise, only for tests and benchmarks.
    #[doc(hidden)]
    pub fn for_tests(seed: u64) -> Self {
        Self::with(SecretRng::for_tests(seed))
    }

    fn with(rng: SecretRng) -> Self {
        Self {
            rng,
            record: Arc::default(),
            stage: "",
            rate: SamplingRate::nearest(1.0),
            sample_precision: 0.0,
            #[cfg(test)]
            replay: None,
        }
    }

    /// A meter that writes into the same record, with separate random bits, for another stage or thread. It sees all
    /// units until a sample is started.
    ///
    /// # Errors
    /// `Internal` if the operating system returns no random bytes.
    pub fn for_stage(&self, stage: &'static str) -> Result<Self> {
        Ok(Self {
            rng: self.fresh()?,
            record: self.record.clone(),
            stage,
            rate: SamplingRate::nearest(1.0),
            sample_precision: 0.0,
            #[cfg(test)]
            replay: self.replay.clone(),
        })
    }

    /// This meter, for another stage from now on.
    pub fn stage(&mut self, stage: &'static str) -> &mut Self {
        if self.stage != stage {
            (self.stage, self.sample_precision) = (stage, 0.0);
        }
        self
    }

    /// A separate generator for a thread that draws noise. Its draws are reported to [`Meter::ran`].
    ///
    /// # Errors
    /// `Internal` if the operating system returns no random bytes.
    pub fn noise_rng(&self) -> Result<SecretRng> {
        self.fresh()
    }

    /// Random bits that are not released: initial parameters, order of work.
    pub fn rng(&mut self) -> &mut SecretRng {
        &mut self.rng
    }

    /// Starts a new Poisson sample, in which every unit takes part independently with this probability. Whatever runs
    /// from now on sees only this sample. The units of all samples of a stage belong to one table.
    pub fn begin_sample(&mut self, rate: SamplingRate) {
        (self.rate, self.sample_precision) = (rate, 0.0);
        self.write(|stage, rate| {
            stage.samples += u64::from(rate < 1.0);
            stage.sampling_rate = stage.sampling_rate.max(rate);
        });
        #[cfg(test)]
        self.begin_replayed_sample();
    }

    /// Indices in `0..units` of those that take part in the sample, ascending.
    pub fn sample(&mut self, units: usize) -> Vec<u32> {
        #[cfg(test)]
        if let Some(sample) = self.replayed_sample(units) {
            return sample;
        }
        self.rate.sample(units, &mut self.rng)
    }

    /// Whether one more unit takes part.
    pub fn takes_part(&mut self) -> bool {
        self.rate.takes_part(&mut self.rng)
    }

    /// Records what a mechanism did, and its number of draws of noise.
    pub fn ran(&mut self, run: Run, draws: u64) {
        self.sample_precision += run.precision();
        let of_sample = self.sample_precision;
        self.write(|stage, rate| {
            stage.sampling_rate = stage.sampling_rate.max(rate);
            stage.draws = stage.draws.saturating_add(draws);
            stage.add(run, of_sample);
        });
    }

    /// The record so far.
    pub fn record(&self) -> Record {
        self.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    #[cfg(test)]
    pub(super) fn stage_name(&self) -> &'static str {
        self.stage
    }

    #[cfg(test)]
    pub(super) fn rate_value(&self) -> f64 {
        self.rate.value()
    }

    fn write(&self, change: impl FnOnce(&mut StageRecord, f64)) {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        change(record.0.entry(self.stage).or_insert(StageRecord::NOTHING), self.rate.value());
    }

    /// Random bits that no other generator uses.
    fn fresh(&self) -> Result<SecretRng> {
        #[cfg(test)]
        if let Some(rng) = self.replayed_rng() {
            return Ok(rng);
        }
        SecretRng::from_os()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_record_holds_what_ran_by_stage_and_sample() {
        let mut meter = Meter::for_tests(1);
        let mut other = meter.for_stage("training").unwrap();
        for _ in 0..3 {
            other.begin_sample(SamplingRate::nearest(0.25));
            other.ran(Run::Gaussian { l2_sensitivity: 2.0, noise_sd: 4.0 }, 10);
            other.ran(Run::Gaussian { l2_sensitivity: 2.0, noise_sd: 4.0 }, 10);
        }
        meter.stage("choices").ran(Run::Choice { epsilon: 0.5 }, 7);
        meter.ran(Run::Choice { epsilon: 0.25 }, 7);
        meter.stage("domains").ran(Run::SparseHistogram { l2_sensitivity: 1.0, noise_sd: 1.0, delta_share: 0.125 }, 1);
        let record = meter.record();
        assert_eq!(record, other.record());
        let stages: BTreeMap<_, _> = record.stages().collect();
        let training = stages["training"];
        assert_eq!((training.samples, training.sampling_rate, training.draws), (3, 0.25, 60));
        assert_eq!((training.precision, training.sample_precision), (1.5, 0.5));
        assert_eq!((stages["choices"].choices, stages["choices"].choice_epsilon), (2, 0.5));
        let domains = stages["domains"];
        assert_eq!((domains.samples, domains.sampling_rate, domains.threshold_delta), (0, 1.0, 0.125));
    }

    #[test]
    fn what_is_no_number_exceeds_everything() {
        let mut meter = Meter::for_tests(1);
        meter.ran(Run::Gaussian { l2_sensitivity: 0.0, noise_sd: 0.0 }, 1);
        let record = meter.record();
        assert!(record.stages().all(|(_, stage)| stage.sample_precision == f64::INFINITY));
    }
}

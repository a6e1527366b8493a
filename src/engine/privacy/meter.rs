//! The meter: what every mechanism has to be handed before it can run, and where it writes down what it did.
//!
//! A meter holds the secret generator that noise comes from, so that no mechanism runs without one; and a record, shared
//! by all meters that were made from one another, of what ran in which stage. At the end of a training the record is
//! compared with what was charged: see [`super::ledger::Ledger::check`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

#[cfg(test)]
use super::replay::Replay;
use super::samplers::poisson::SamplingRate;
use super::samplers::random::SecretRng;
use crate::engine::Result;

/// A source of noise that is written down.
#[derive(Debug)]
pub struct Meter {
    rng: SecretRng,
    record: Arc<Mutex<Record>>,
    stage: &'static str,
    rate: SamplingRate,
    /// Sum of `1 / z^2` over what ran on the sample at hand.
    sample_precision: f64,
    #[cfg(test)]
    pub(super) replay: Option<Arc<Mutex<Replay>>>,
}

/// One run of a mechanism, as it really was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Run {
    /// Gaussian noise of this standard deviation on what one unit changes by `l2_sensitivity` at most.
    Gaussian { l2_sensitivity: f64, noise_sd: f64 },
    /// The same, and keys released that only one unit holds, with at most this share of delta.
    SparseHistogram { l2_sensitivity: f64, noise_sd: f64, delta_share: f64 },
    /// A choice of this bounded range, among scores that one unit changes by 1 at most.
    Choice { epsilon: f64 },
}

/// What ran in one stage. Sums are rounded as they come, and compared with room for that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageRecord {
    /// Poisson samples that were drawn, and the largest rate among them; no samples and 1 where all units were seen.
    pub samples: u64,
    pub sampling_rate: f64,
    /// Sum of `1 / z^2` over all Gaussian noise, and the largest sum over one sample, `z` being the noise multiplier.
    pub precision: f64,
    pub sample_precision: f64,
    /// Choices, and the largest epsilon of one.
    pub choices: u64,
    pub choice_epsilon: f64,
    /// Delta given up for keys released above a threshold.
    pub threshold_delta: f64,
    /// Draws of noise, or what amounts to them in slack.
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

    /// Whether no more ran than was paid for, but for thresholds and draws, which are added up over all stages; sums may
    /// be larger by `room` of what they are. Samples matter only where noise was added to what they gave.
    pub fn is_within(&self, paid: &Self, room: f64) -> bool {
        // All are named, so that nothing new runs that nobody compares.
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

    /// Adds a run; what ran on the same sample comes to `of_sample` with it.
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
    /// `1 / z^2` for the noise multiplier `z`, 0 where there is none. What is no number is more than anything charged.
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
    /// `Internal` if the operating system yields no random bytes.
    pub fn new() -> Result<Self> {
        Ok(Self::with(SecretRng::from_os()?))
    }

    /// A meter whose noise anyone can predict, for tests and benchmarks alone.
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

    /// A meter that writes into the same record, with random bits of its own: for another stage, or thread. It sees all
    /// units until a sample is begun.
    ///
    /// # Errors
    /// `Internal` if the operating system yields no random bytes.
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

    /// This meter, to write for another stage from now on.
    pub fn stage(&mut self, stage: &'static str) -> &mut Self {
        if self.stage != stage {
            (self.stage, self.sample_precision) = (stage, 0.0);
        }
        self
    }

    /// A generator of its own for a thread that draws noise, of which [`Meter::ran`] is told.
    ///
    /// # Errors
    /// `Internal` if the operating system yields no random bytes.
    pub fn noise_rng(&self) -> Result<SecretRng> {
        self.fresh()
    }

    /// Random bits for what releases nothing: the start of parameters, the order of work.
    pub fn rng(&mut self) -> &mut SecretRng {
        &mut self.rng
    }

    /// Begins a fresh Poisson sample, in which every unit takes part with this probability on its own: what runs from
    /// now on sees it alone. The units of all samples of a stage are those of one table.
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

    /// Writes down what a mechanism did, and how many draws of noise it took.
    pub fn ran(&mut self, run: Run, draws: u64) {
        self.sample_precision += run.precision();
        let of_sample = self.sample_precision;
        self.write(|stage, rate| {
            stage.sampling_rate = stage.sampling_rate.max(rate);
            stage.draws = stage.draws.saturating_add(draws);
            stage.add(run, of_sample);
        });
    }

    /// What ran so far.
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

    /// Random bits that are nobody else's.
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

//! A training from first scan to finished model, as a machine that its caller drives: [`Job::next`] says what is
//! wanted, the caller brings rows or calls [`Job::step`], and may stop at any point with nothing half-written.

mod background;
#[cfg(test)]
mod cost_tests;
#[cfg(test)]
mod privacy_unit_tests;

use serde_json::{Map, Value};

use self::background::Background;
use super::artifact::{Artifact, ReleasedColumn};
use super::models::{Method, MethodOptions, Synthesizer, Trainer, TrainingBudget};
use super::privacy::accountant;
use super::privacy::accountant::gdp::Equivalent;
use super::privacy::budget::Split;
use super::privacy::ledger::{Ledger, Neighbours, Phase, PrivacyUnit};
use super::privacy::mechanisms::noisy_counts::noisy_counts;
use super::privacy::mechanisms::{Mechanism, Stage};
use super::privacy::samplers::gaussian::SLACK_PER_DRAW;
use super::privacy::samplers::poisson::SamplingRate;
use super::privacy::samplers::random::SecretRng;
use super::table::codec::Encoder;
use super::table::discover::{self, Discovery, DiscoverySample};
use super::table::units::{self, UnitBook};
use super::table::{Block, BlockColumn, Column, Domain, UnitTable, Units};
use super::{EngineError, Result};

/// Rows of the sample that domains are learned from, in expectation and at most: fewer where their values might take
/// more than so many bytes, or more than half of what training may use.
const DISCOVERY_ROWS: f64 = 500_000.0;
const DISCOVERY_BYTES: u64 = 1 << 30;
const MIN_DISCOVERY_ROWS: f64 = 10_000.0;

/// What a training may cost at most where it is held to that, as a multiple of the precision of the one Gaussian
/// mechanism that would use its epsilon and delta up.
const RESERVE: f64 = 1.15;
/// By how much epsilon is lowered at once, and how often, until a training keeps to it.
const LESS_EPSILON: f64 = 0.95;
const LOWERINGS: usize = 40;
/// Share of delta that a training may give up for being compared with a Gaussian mechanism.
const TAIL_SHARE: f64 = 1e-3;

/// How many more rows or units a scan may show than were counted, as a share, in all, and in standard deviations of the
/// count's noise: a table that stays as it is shows no more, but with a probability far below any delta.
const MORE_SHARE: f64 = 0.1;
const MORE_IN_ALL: f64 = 1_000.0;
const MORE_DEVIATIONS: f64 = 40.0;

/// What is to be trained, and for how much.
pub struct Request {
    pub columns: Vec<Column>,
    /// Who is protected, if that is not a row.
    pub unit: Option<PrivacyUnit>,
    pub epsilon: f64,
    pub delta: f64,
    pub method: Method,
    /// MethodOptions of the method; unknown keys are refused.
    pub options: Map<String, Value>,
    /// Bytes that training may use; 0 for no limit.
    pub memory_limit: u64,
}

/// What a [`Job`] wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The number of rows, by [`Job::counted`].
    Count,
    /// The units of all rows, by [`Job::observe_units`] with blocks of no columns and [`Job::end_scan`].
    CountUnits,
    /// All rows, by [`Job::observe`] or [`Job::observe_units`] and [`Job::end_scan`], to learn domains from.
    Discover,
    /// All rows, by [`Job::observe`] or [`Job::observe_units`] and [`Job::end_scan`], to be encoded.
    Encode,
    /// A call of [`Job::step`].
    Step,
    /// A call of [`Job::finish`].
    Done,
}

/// What a training would do to a table of a size that is given: nothing of this depends on a table.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingPlan {
    /// Each stage, and the epsilon that it alone would cost at the delta of its phase.
    pub stages: Vec<(Stage, f64)>,
    /// Bytes of memory at the peak.
    pub memory: u64,
    pub neighbours: Neighbours,
}

/// The phases of a job, in their order.
pub const PHASES: [&str; 5] = ["counting rows", "learning domains", "encoding rows", "calibrating noise", "training"];

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Phases that are over, of [`PHASES`].
    pub phases_done: usize,
    /// Of the phase in progress, where that can be told.
    pub percent: Option<u8>,
}

impl Progress {
    /// The phase in progress.
    pub fn phase(&self) -> &'static str {
        PHASES.get(self.phases_done).copied().unwrap_or("done")
    }
}

/// The caller did not do what [`Job::next`] said.
const OUT_OF_ORDER: EngineError = EngineError::Internal("the job was driven out of order");

enum JobState {
    Counting,
    Sampling(DiscoverySample),
    Discovering(Box<Discovery>),
    Encoding(Encoder),
    Preparing(Background<Result<(Box<dyn Trainer>, Equivalent)>>),
    Training(Box<dyn Trainer>),
    Trained(Box<dyn Synthesizer>),
    /// Left behind by a step that failed.
    Failed,
}

/// A training in progress.
pub struct Job {
    columns: Vec<Column>,
    neighbours: Neighbours,
    /// The units, if they are no rows, and the unit of each row that is encoded.
    units: Option<(UnitBook, Vec<u32>)>,
    method: Method,
    options: MethodOptions,
    epsilon: f64,
    delta: f64,
    memory_limit: u64,
    split: Split,
    state: JobState,
    rng: SecretRng,
    noisy_rows: Option<f64>,
    /// As many as rows, if these are the units.
    noisy_units: Option<f64>,
    /// Noise of the number of units, drawn before they are counted, so that counting can end early where the noisy
    /// number will be too large.
    unit_noise: f64,
    /// Rows that the scan in progress has brought, or kept where units are no rows.
    scanned: u64,
    discovery_rate: Option<SamplingRate>,
    domains: Vec<Domain>,
    training: Vec<Stage>,
    noise_draws: u64,
    held: bool,
    cost: Option<Equivalent>,
}

impl Job {
    /// Checks the request and splits its budget; touches no row.
    ///
    /// # Errors
    /// `InvalidParameter` for an epsilon, delta, unit or option that cannot be used, or no columns.
    pub fn new(request: Request) -> Result<Self> {
        let Request { columns, unit, epsilon, delta, method, options, memory_limit } = request;
        if columns.is_empty() {
            return Err(EngineError::invalid(
                "there is no column to learn from",
                "Every column is excluded, of a kind that is not modelled, or generated afresh.",
                "Name at least one other column.",
            ));
        }
        if unit.as_ref().is_some_and(|unit| !(1..=units::MAX_ROWS).contains(&unit.rows)) {
            return Err(EngineError::invalid(
                format!("the number of rows per unit must lie between 1 and {}", units::MAX_ROWS),
                "At most so many rows of a privacy unit are used, and the noise of counts grows with it.",
                "Choose a number that few units exceed, from what is publicly known.",
            ));
        }
        let options = method.options(&options, &columns)?;
        let split = Split::new(
            epsilon,
            delta,
            columns.iter().map(|column| discover::histograms(column, method.goal())).sum(),
            columns.iter().map(discover::thresholds).sum(),
        )?;
        let mut job = Self {
            columns,
            units: unit.as_ref().map(|unit| (UnitBook::new(unit.rows), Vec::new())),
            neighbours: unit.map_or(Neighbours::AddRemoveRow, Neighbours::AddRemoveUnit),
            method,
            options,
            epsilon,
            delta,
            memory_limit,
            split,
            state: JobState::Counting,
            rng: SecretRng::from_os()?,
            noisy_rows: None,
            noisy_units: None,
            unit_noise: 0.0,
            scanned: 0,
            discovery_rate: None,
            domains: Vec::new(),
            training: Vec::new(),
            noise_draws: 0,
            // Counts cost about what a Gaussian mechanism of their claim does, and it is soon known.
            held: method == Method::Guided,
            cost: None,
        };
        if job.units.is_some() {
            job.unit_noise = job.noisy_count(0, 1)?;
        }
        Ok(job)
    }

    /// The epsilon that is asked for.
    pub fn epsilon(&self) -> f64 {
        self.epsilon
    }

    /// The delta that is asked for.
    pub fn delta(&self) -> f64 {
        self.delta
    }

    /// The most that the training costs, in the terms in which trainings add up. Public, and known before a row is read.
    /// That is what its claim alone is worth, which is far above what it does, unless it is held to less.
    pub fn reserve(&self) -> Equivalent {
        self.fixed_cost().and(self.rest_reserve())
    }

    /// What may be spent after the first counts.
    fn rest_reserve(&self) -> Equivalent {
        if self.held {
            let rest = Equivalent::of_gaussian(self.split.epsilon, self.split.accounted_delta);
            Equivalent { precision: RESERVE * rest.precision, delta: self.tail(), slack: 0.0 }
        } else {
            Equivalent::of_claim(self.split.epsilon, self.split.accounted_delta)
        }
    }

    /// Holds the training to little more than the Gaussian mechanism of its epsilon and delta costs, with more noise than
    /// these call for where that is needed. Takes a while for networks at epsilons that protect nobody.
    pub fn hold(&mut self) {
        self.held = true;
    }

    /// How it learns.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Who is protected.
    pub fn neighbours(&self) -> &Neighbours {
        &self.neighbours
    }

    /// What the training costs, once its noise is known.
    pub fn cost(&self) -> Option<Equivalent> {
        self.cost
    }

    /// What the row count costs, and what is given up for thresholds and the samplers' slack.
    fn fixed_cost(&self) -> Equivalent {
        let precision = self.split.count_noise_multiplier.powi(-2) * (1.0 + 1e-14);
        Equivalent { precision, delta: self.split.thresholds_delta(), slack: self.split.slack() }
    }

    fn tail(&self) -> f64 {
        TAIL_SHARE * self.split.accounted_delta
    }

    /// What the training would do to a table of so many rows, each the only one of its unit. May take a second.
    ///
    /// # Errors
    /// `InvalidParameter` if the options or the budget cannot be used for such a table.
    pub fn plan(&self, rows: f64) -> Result<TrainingPlan> {
        let discovery = self.split.discovery(rows, (self.discovery_rows() / rows).min(1.0));
        let budget = self.training_budget(discovery);
        let training = self.method.stages(self.columns.len(), rows, &budget, &self.options)?;
        let mut stages = Vec::new();
        for phase in self.phases(discovery, &training) {
            for stage in phase.stages {
                let alone = accountant::epsilon(&[(stage.mechanism, stage.times)], phase.accounted_delta)?;
                stages.push((stage, alone));
            }
        }
        Ok(TrainingPlan { stages, memory: self.memory_estimate(rows), neighbours: self.neighbours.clone() })
    }

    /// What the job wants next.
    pub fn next(&self) -> Next {
        match self.state {
            JobState::Counting if self.units.is_some() => Next::CountUnits,
            JobState::Counting => Next::Count,
            JobState::Sampling(_) => Next::Discover,
            JobState::Encoding(_) => Next::Encode,
            JobState::Trained(_) => Next::Done,
            _ => Next::Step,
        }
    }

    /// Bytes that the training is expected to need at its peak if the table has so many rows.
    ///
    /// # Errors
    /// `MemoryLimit` if that is beyond the limit.
    pub fn expect_rows(&self, rows: f64) -> Result<u64> {
        let (needed, limit) = (self.memory_estimate(rows), self.memory_limit);
        if limit > 0 && needed > limit { Err(EngineError::MemoryLimit { needed, limit }) } else { Ok(needed) }
    }

    /// Takes the exact row count and keeps a noisy one.
    ///
    /// # Errors
    /// `MoreRowsThanExpected` if the noisy count promises a training beyond the limit.
    pub fn counted(&mut self, rows: u64) -> Result<()> {
        if self.next() != Next::Count {
            return Err(OUT_OF_ORDER);
        }
        let noisy_rows = self.noisy_count(rows, 1)?.max(1.0);
        self.begin(noisy_rows, noisy_rows)
    }

    /// Keeps noisy numbers of units and of the rows that are used of them.
    fn counted_units(&mut self) -> Result<()> {
        let Some((book, _)) = &self.units else { return Err(OUT_OF_ORDER) };
        let (units, rows) = book.totals();
        let noisy_units = (units as f64 + self.unit_noise).max(1.0);
        let noisy_rows = if self.unit_rows() == 1 { noisy_units } else { self.noisy_count(rows, self.unit_rows())? };
        self.noise_draws += (units::COLLISION / SLACK_PER_DRAW).ceil() as u64;
        self.begin(noisy_rows.clamp(noisy_units, noisy_units * f64::from(self.unit_rows())), noisy_units)
    }

    /// One of the first counts, which a unit can change by `most_rows`.
    fn noisy_count(&mut self, count: u64, most_rows: u32) -> Result<f64> {
        let noisy = noisy_counts(&[count], most_rows.into(), self.count_noise(), &mut self.rng)?;
        self.noise_draws += noisy.draws;
        Ok(noisy.values[0])
    }

    /// What is counted first. Where one row of each unit is used, the two numbers are one.
    fn first_counts(&self) -> &'static [&'static str] {
        match self.neighbours.unit() {
            None => &["row count"],
            Some(PrivacyUnit { rows: 1, .. }) => &["unit count"],
            Some(_) => &["unit count", "row count"],
        }
    }

    /// Noise multiplier of each of the first counts.
    fn count_noise(&self) -> f64 {
        self.split.count_noise(self.first_counts().len() as u32)
    }

    /// Rows of a unit, at most.
    fn unit_rows(&self) -> u32 {
        self.neighbours.unit().map_or(1, |unit| unit.rows)
    }

    /// Begins to read, now that noisy numbers say how much there is.
    fn begin(&mut self, noisy_rows: f64, noisy_units: f64) -> Result<()> {
        self.noisy_rows = Some(noisy_rows);
        self.noisy_units = Some(noisy_units);
        self.expect_rows(noisy_rows).map_err(|_| EngineError::MoreRowsThanExpected { limit: self.memory_limit })?;
        let rate = SamplingRate::nearest((self.discovery_rows() / noisy_rows).min(1.0));
        self.discovery_rate = Some(rate);
        if let Some((book, _)) = &mut self.units {
            book.begin(rate, &mut self.rng);
        }
        self.state = JobState::Sampling(DiscoverySample::new(&self.columns, self.method.goal()));
        if self.split.histogram_noise(noisy_units).is_none() {
            self.end_scan()?;
        }
        Ok(())
    }

    /// Takes some rows of the scan in progress, each a unit.
    ///
    /// # Errors
    /// `MoreRowsThanCounted` if the scan brings more rows than were counted, beyond the noise of the count.
    pub fn observe(&mut self, block: &Block) -> Result<()> {
        self.check_scanned(block.rows)?;
        match (&mut self.state, self.discovery_rate) {
            _ if self.units.is_some() => Err(OUT_OF_ORDER),
            (JobState::Sampling(sample), Some(rate)) => {
                let kept = rate.sample(block.rows, &mut self.rng);
                sample.push(block, &kept)
            }
            (JobState::Encoding(encoder), _) => encoder.push(block, &mut self.rng),
            _ => Err(OUT_OF_ORDER),
        }
    }

    /// Takes some rows of the scan in progress and the units they belong to: texts that are equal for equal units, NULL
    /// for a row that is a unit by itself.
    ///
    /// # Errors
    /// As [`Job::observe`], of the rows that are kept and of units; `MoreRowsThanExpected` if the noisy number of units
    /// would promise a training beyond the limit.
    pub fn observe_units(&mut self, block: &Block, units: &BlockColumn) -> Result<()> {
        if units.rows() != block.rows {
            return Err(EngineError::Internal("a block has the wrong number of units"));
        }
        let Some((book, _)) = &mut self.units else { return Err(OUT_OF_ORDER) };
        if let JobState::Counting = self.state {
            book.count(units)?;
            return self.check_units();
        }
        let kept = book.keep(units, &mut self.rng)?;
        self.check_scanned(kept.rows.len())?;
        self.check_units()?;
        match (&mut self.state, &mut self.units) {
            (JobState::Sampling(sample), _) => sample.push(block, &kept.rows),
            (JobState::Encoding(encoder), Some((_, unit_of))) => {
                unit_of.extend(kept.units);
                if kept.rows.len() == block.rows {
                    encoder.push(block, &mut self.rng)
                } else {
                    encoder.push(&block.pick(&kept.rows), &mut self.rng)
                }
            }
            _ => Err(OUT_OF_ORDER),
        }
    }

    /// Ends a scan that brings more rows than memory was estimated for.
    fn check_scanned(&mut self, rows: usize) -> Result<()> {
        self.scanned += rows as u64;
        let deviation = self.count_noise() * f64::from(self.unit_rows());
        let most = most_in_scan(self.noisy_rows.unwrap_or(0.0), deviation);
        if self.scanned as f64 > most { Err(EngineError::MoreRowsThanCounted) } else { Ok(()) }
    }

    /// The same for units. While they are counted, what ends it is what the noisy number alone would: their number only
    /// grows, and its noise is drawn already.
    fn check_units(&self) -> Result<()> {
        let Some((book, _)) = &self.units else { return Ok(()) };
        let units = book.seen() as f64;
        match self.noisy_units {
            None if self.memory_limit > 0
                && (units + self.unit_noise) * units::BYTES_PER_UNIT as f64 > self.memory_limit as f64 =>
            {
                Err(EngineError::MoreRowsThanExpected { limit: self.memory_limit })
            }
            Some(counted) if units > most_in_scan(counted, self.count_noise()) => Err(EngineError::MoreRowsThanCounted),
            _ => Ok(()),
        }
    }

    /// Ends the scan in progress.
    pub fn end_scan(&mut self) -> Result<()> {
        self.scanned = 0;
        match std::mem::replace(&mut self.state, JobState::Failed) {
            JobState::Counting => self.counted_units(),
            JobState::Sampling(sample) => {
                let plan = discover::DiscoveryPlan {
                    noise_multiplier: self
                        .split
                        .histogram_noise(self.noisy_units.unwrap_or(1.0))
                        .unwrap_or(f64::INFINITY),
                    unit_rows: self.unit_rows(),
                    threshold_delta: self.split.threshold_delta,
                    sampled_rows: self.noisy_rows.unwrap_or(1.0) * self.discovery_rate.map_or(1.0, |r| r.value()),
                };
                self.state = JobState::Discovering(Box::new(Discovery::new(sample, plan, self.rng.split()?)));
                Ok(())
            }
            JobState::Encoding(encoder) => self.prepare(encoder),
            _ => Err(OUT_OF_ORDER),
        }
    }

    /// One bounded piece of work.
    pub fn step(&mut self) -> Result<()> {
        self.state = match std::mem::replace(&mut self.state, JobState::Failed) {
            JobState::Discovering(mut discovery) => {
                if discovery.step()? {
                    JobState::Discovering(discovery)
                } else {
                    self.noise_draws += discovery.noise_draws();
                    self.domains = discovery.finish();
                    if let Some((book, _)) = &mut self.units {
                        book.begin(SamplingRate::nearest(1.0), &mut self.rng);
                    }
                    JobState::Encoding(Encoder::new(&self.columns, &self.domains))
                }
            }
            JobState::Preparing(work) => match work.poll()? {
                Ok(prepared) => {
                    let (trainer, cost) = prepared?;
                    self.cost = Some(self.fixed_cost().and(cost));
                    JobState::Training(self.check_trainer(trainer)?)
                }
                Err(unfinished) => JobState::Preparing(unfinished),
            },
            JobState::Training(mut trainer) => {
                if trainer.step()? {
                    JobState::Training(trainer)
                } else {
                    JobState::Trained(trainer.finish()?)
                }
            }
            _ => return Err(OUT_OF_ORDER),
        };
        Ok(())
    }

    /// How far the job is.
    pub fn progress(&self) -> Progress {
        let (phases_done, percent) = match &self.state {
            JobState::Counting => (0, None),
            JobState::Sampling(_) | JobState::Discovering(_) => (1, None),
            JobState::Encoding(_) => (2, None),
            JobState::Preparing(_) => (3, None),
            JobState::Training(trainer) => (4, (100 * trainer.steps_done()).checked_div(trainer.steps_total())),
            JobState::Trained(_) | JobState::Failed => (PHASES.len(), None),
        };
        Progress { phases_done, percent: percent.map(|percent| percent.min(100) as u8) }
    }

    /// Rows that domains are learned from, in expectation and at most. Public.
    fn discovery_rows(&self) -> f64 {
        let bytes = if self.memory_limit > 0 { DISCOVERY_BYTES.min(self.memory_limit / 2) } else { DISCOVERY_BYTES };
        let rows = bytes as f64 / discover::bytes_per_row(&self.columns).max(1) as f64;
        rows.clamp(MIN_DISCOVERY_ROWS, DISCOVERY_ROWS)
    }

    fn memory_estimate(&self, rows: f64) -> u64 {
        let sampled = rows.min(self.discovery_rows()) * discover::bytes_per_row(&self.columns) as f64;
        let encoded = rows * self.columns.len() as f64;
        ((sampled.max(encoded) + encoded) as u64)
            .saturating_add(self.memory_of_units(rows))
            .saturating_add(self.method.memory_estimate(&self.options, self.columns.len()))
    }

    /// Bytes that telling units apart takes, for so many rows.
    fn memory_of_units(&self, rows: f64) -> u64 {
        if self.units_are_rows() {
            return 0;
        }
        let units = self.noisy_units.unwrap_or(rows);
        (units * units::BYTES_PER_UNIT as f64 + rows * units::BYTES_PER_ROW as f64) as u64
    }

    /// The noisy number of rows that are used, once paid for.
    pub fn noisy_rows(&self) -> Option<f64> {
        self.noisy_rows
    }

    /// Whether each row is a privacy unit.
    pub fn units_are_rows(&self) -> bool {
        self.neighbours.unit().is_none()
    }

    /// The noisy number of privacy units, once paid for.
    pub fn noisy_units(&self) -> Option<f64> {
        self.noisy_units
    }

    /// Names of the columns of which no value could be released; known once domains are learned.
    pub fn unreleased_columns(&self) -> Vec<&str> {
        let pairs = self.columns.iter().zip(&self.domains);
        pairs.filter(|(_, domain)| domain.released_nothing()).map(|(column, _)| column.name.as_str()).collect()
    }

    /// The finished model.
    pub fn finish(self) -> Result<Artifact> {
        let ledger = self.ledger();
        let JobState::Trained(synthesizer) = self.state else {
            return Err(EngineError::Internal("a model was taken before it was trained"));
        };
        let columns = self.columns.into_iter().zip(self.domains);
        let columns = columns.map(|(column, domain)| ReleasedColumn { column, domain }).collect();
        Ok(Artifact::new(self.method, columns, ledger, self.noisy_rows.unwrap_or(1.0), synthesizer))
    }

    /// Starts to calibrate and build the trainer, on another thread because it may take a second.
    fn prepare(&mut self, encoder: Encoder) -> Result<()> {
        let budget = self.training_budget(self.discovery_mechanism());
        let (method, options, domains) = (self.method, self.options.clone(), self.domains.clone());
        let (noisy_rows, rng) = (self.noisy_rows.unwrap_or(1.0), self.rng.split()?);
        let most_rows = self.unit_rows();
        let noisy_units = self.noisy_units.unwrap_or(1.0);
        let unit_of = self.units.take().map(|(_, unit_of)| unit_of);
        let table = encoder.finish();
        let (tail, most, held) = (self.tail(), self.rest_reserve(), self.held);
        self.state = JobState::Preparing(Background::start(move || {
            let (budget, known) = if held {
                let stages = |b: &TrainingBudget| method.stages(domains.len(), noisy_units, b, &options);
                let (budget, stages, cost) = keeping_to(most, tail, budget, stages)?;
                (budget, Some((stages, cost)))
            } else {
                (budget, None)
            };
            let units = unit_of.map(|unit_of| Units::new(&unit_of, most_rows, noisy_units));
            let table = UnitTable { table, units };
            let trainer = method.trainer(table, &domains, noisy_rows, budget.clone(), options, rng)?;
            let used = trainer.mechanisms();
            let known = known.filter(|(stages, _)| *stages == used);
            let cost = known.map_or_else(|| cost_of(&budget, &used, tail), |(_, cost)| cost);
            if is_within(cost, most) {
                Ok((trainer, cost))
            } else if held {
                Err(EngineError::Internal("a training would cost more than is charged"))
            } else {
                // Its claim bounds it too.
                Ok((trainer, most))
            }
        }));
        Ok(())
    }

    /// Refuses a training whose noise samplers would use up more delta than is kept for them.
    fn check_trainer(&mut self, trainer: Box<dyn Trainer>) -> Result<Box<dyn Trainer>> {
        self.training = trainer.mechanisms();
        self.noise_draws += trainer.noise_draws();
        if !self.split.affords(self.noise_draws, SLACK_PER_DRAW) {
            return Err(EngineError::invalid(
                "delta is too small for this many draws of noise",
                "Each draw of noise is exact up to a probability that is charged to delta.",
                "Use a larger delta, fewer steps or a smaller network.",
            ));
        }
        Ok(trainer)
    }

    fn discovery_mechanism(&self) -> Option<Mechanism> {
        let rate = self.discovery_rate.map_or(1.0, |rate| rate.value());
        self.split.discovery(self.noisy_units.unwrap_or(1.0), rate)
    }

    fn training_budget(&self, discovery: Option<Mechanism>) -> TrainingBudget {
        TrainingBudget {
            epsilon: self.split.epsilon,
            delta: self.split.accounted_delta,
            prior: discovery.map(|mechanism| (mechanism, 1)).into_iter().collect(),
        }
    }

    /// The first counts; then all else.
    fn phases(&self, discovery: Option<Mechanism>, training: &[Stage]) -> Vec<Phase> {
        let stage = |name: &str, mechanism| Stage { name: name.to_owned(), mechanism, times: 1 };
        let count = Mechanism::Gaussian { noise_multiplier: self.count_noise() };
        let mut stages: Vec<Stage> = Vec::new();
        stages.extend(discovery.map(|mechanism| stage("domains", mechanism)));
        stages.extend(training.iter().cloned());
        let rest = Phase {
            epsilon: self.split.epsilon,
            delta: self.split.rest_delta(),
            accounted_delta: self.split.accounted_delta,
            stages,
        };
        let counted = Phase {
            epsilon: self.split.count_epsilon,
            delta: self.split.count_delta,
            accounted_delta: self.split.count_delta,
            stages: self.first_counts().iter().map(|name| stage(name, count)).collect(),
        };
        vec![counted, rest]
    }

    fn ledger(&self) -> Ledger {
        Ledger {
            epsilon: self.epsilon,
            delta: self.delta,
            neighbours: self.neighbours.clone(),
            phases: self.phases(self.discovery_mechanism(), &self.training),
        }
    }
}

/// Rows or units that a scan may show where so many were counted, with noise of this deviation.
fn most_in_scan(counted: f64, deviation: f64) -> f64 {
    counted * (1.0 + MORE_SHARE) + MORE_IN_ALL + MORE_DEVIATIONS * deviation
}

/// What stages that use up a budget cost together with what came before them. Where the accountant cannot follow them
/// to `tail`, as at epsilons that protect nobody, it is what their claim alone costs.
fn cost_of(budget: &TrainingBudget, stages: &[Stage], tail: f64) -> Equivalent {
    let mut mechanisms = budget.prior.clone();
    mechanisms.extend(stages.iter().map(|stage| (stage.mechanism, stage.times)));
    Equivalent::of(&mechanisms, tail).unwrap_or_else(|_| Equivalent::of_claim(budget.epsilon, budget.delta))
}

fn is_within(cost: Equivalent, most: Equivalent) -> bool {
    cost.precision <= most.precision && cost.delta <= most.delta && cost.slack <= most.slack
}

/// The budget with as much epsilon as leaves what it buys within `most`; what that is, and what it costs.
fn keeping_to(
    most: Equivalent,
    tail: f64,
    mut budget: TrainingBudget,
    stages: impl Fn(&TrainingBudget) -> Result<Vec<Stage>>,
) -> Result<(TrainingBudget, Vec<Stage>, Equivalent)> {
    for _ in 0..LOWERINGS {
        let stages = stages(&budget)?;
        let cost = cost_of(&budget, &stages, tail);
        if is_within(cost, most) {
            return Ok((budget, stages, cost));
        }
        budget.epsilon *= LESS_EPSILON;
    }
    Err(EngineError::invalid(
        "the privacy budget is too small for this training",
        "However much noise is added, it may cost more than is left.",
        "Use another method, or a larger budget.",
    ))
}

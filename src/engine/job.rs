//! A training from first scan to finished model, as a machine that its caller drives: [`Job::next`] says what is
//! wanted, the caller brings rows or calls [`Job::step`], and may stop at any point with nothing half-written.

mod background;
#[cfg(test)]
mod cost_tests;
mod memory;
mod prepare;
#[cfg(test)]
mod privacy_unit_tests;
#[cfg(test)]
mod replay_tests;
mod setup;
mod spending;

use self::memory::Scan;
use self::prepare::Prepared;
pub use self::setup::Request;
use self::setup::{DOMAINS, ROW_COUNT, Setup, UNIT_COUNT};
pub use self::spending::TrainingPlan;
use super::artifact::{Artifact, ReleasedColumn};
use super::models::{Method, Synthesizer, Trainer, TrainingInput};
use super::privacy::accountant::gdp::Equivalent;
use super::privacy::ledger::{Ledger, Neighbours};
use super::privacy::mechanisms::noisy_counts::{DrawnNoise, noisy_counts};
use super::privacy::mechanisms::{Mechanism, Stage};
use super::privacy::meter::Meter;
use super::privacy::samplers::gaussian::SLACK_PER_DRAW;
use super::privacy::samplers::poisson::SamplingRate;
use super::table::codec::Encoder;
use super::table::discover::{Discovery, DiscoveryPlan, DiscoverySample};
use super::table::units::{self, UnitBook};
use super::table::{Block, BlockColumn, Domain, UnitTable, Units};
use super::{EngineError, Result};

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

/// What the first counts gave, and the rate of the sample that domains are learned from. Paid for.
#[derive(Debug, Clone, Copy)]
struct Counted {
    noisy_rows: f64,
    /// As many as rows, if these are the units.
    noisy_units: f64,
    discovery_rate: SamplingRate,
}

/// What is known once noise is calibrated.
struct Known {
    counted: Counted,
    domains: Vec<Domain>,
    stages: Vec<Stage>,
    cost: Equivalent,
    /// Draws of noise of the training alone, at most.
    noise_draws: u64,
}

enum JobState {
    CountingRows,
    CountingUnits {
        book: UnitBook,
        /// Noise of the number of units, drawn before they are counted, so that counting can end early where the noisy
        /// number will be too large.
        drawn: DrawnNoise,
    },
    Sampling {
        counted: Counted,
        book: Option<UnitBook>,
        sample: DiscoverySample,
        scan: Scan,
        meter: Meter,
    },
    Discovering {
        counted: Counted,
        book: Option<UnitBook>,
        discovery: Box<Discovery>,
    },
    Encoding {
        counted: Counted,
        domains: Vec<Domain>,
        /// The units, if they are no rows, and the unit of each row that is encoded.
        units: Option<(UnitBook, Vec<u32>)>,
        encoder: Encoder,
        scan: Scan,
        meter: Meter,
    },
    Preparing {
        counted: Counted,
        domains: Vec<Domain>,
        work: prepare::Work,
    },
    Training(Known, Box<dyn Trainer>),
    Trained(Known, Box<dyn Synthesizer>),
    /// Left behind by a step that failed.
    Failed,
}

/// A training in progress.
pub struct Job {
    setup: Setup,
    state: JobState,
    meter: Meter,
    /// Draws of noise so far, or what amounts to them in slack.
    noise_draws: u64,
}

impl Job {
    /// Checks the request and splits its budget; touches no row.
    ///
    /// # Errors
    /// `InvalidParameter` for an epsilon, delta, unit or option that cannot be used, or no columns.
    pub fn new(request: Request) -> Result<Self> {
        Self::with_meter(request, Meter::new()?)
    }

    fn with_meter(request: Request, meter: Meter) -> Result<Self> {
        let setup = Setup::new(request)?;
        let mut job = Self { setup, state: JobState::CountingRows, meter, noise_draws: 0 };
        if !job.setup.units_are_rows() {
            let drawn = DrawnNoise::new(1.0, job.setup.count_noise(), job.meter.stage(UNIT_COUNT))?;
            job.noise_draws += 1;
            job.state = JobState::CountingUnits { book: UnitBook::new(job.setup.unit_rows()), drawn };
        }
        Ok(job)
    }

    /// The epsilon that is asked for.
    pub fn epsilon(&self) -> f64 {
        self.setup.epsilon
    }

    /// The delta that is asked for.
    pub fn delta(&self) -> f64 {
        self.setup.delta
    }

    /// How it learns.
    pub fn method(&self) -> Method {
        self.setup.method
    }

    /// Who is protected.
    pub fn neighbours(&self) -> &Neighbours {
        &self.setup.neighbours
    }

    /// Whether each row is a privacy unit.
    pub fn units_are_rows(&self) -> bool {
        self.setup.units_are_rows()
    }

    /// The most that the training costs, in the terms in which trainings add up. Public, and known before a row is read.
    pub fn reserve(&self) -> Equivalent {
        self.setup.reserve()
    }

    /// Holds the training to little more than the Gaussian mechanism of its epsilon and delta costs, with more noise than
    /// these call for where that is needed. Takes a while for networks at epsilons that protect nobody.
    pub fn hold(&mut self) {
        self.setup.held = true;
    }

    /// What the training would do to a table of so many rows, each the only one of its unit. May take a second.
    ///
    /// # Errors
    /// `InvalidParameter` if the options or the budget cannot be used for such a table.
    pub fn plan(&self, rows: f64) -> Result<TrainingPlan> {
        self.setup.plan(rows)
    }

    /// Refuses a training that would draw more noise than delta has room for, whatever it finds in so many rows.
    ///
    /// # Errors
    /// `InvalidParameter` if it would.
    pub fn expect_draws(&self, rows: f64) -> Result<()> {
        self.setup.expect_draws(rows)
    }

    /// Bytes that the training is expected to need at its peak if the table has so many rows.
    ///
    /// # Errors
    /// `MemoryLimit` if that is beyond the limit.
    pub fn expect_rows(&self, rows: f64) -> Result<u64> {
        self.setup.expect_rows(rows, rows)
    }

    /// What the job wants next.
    pub fn next(&self) -> Next {
        match self.state {
            JobState::CountingRows => Next::Count,
            JobState::CountingUnits { .. } => Next::CountUnits,
            JobState::Sampling { .. } => Next::Discover,
            JobState::Encoding { .. } => Next::Encode,
            JobState::Trained(..) => Next::Done,
            JobState::Discovering { .. } | JobState::Preparing { .. } | JobState::Training(..) | JobState::Failed => {
                Next::Step
            }
        }
    }

    /// Takes the exact row count and keeps a noisy one.
    ///
    /// # Errors
    /// `MoreRowsThanExpected` if the noisy count promises a training beyond the limit.
    pub fn counted(&mut self, rows: u64) -> Result<()> {
        if self.next() != Next::Count {
            return Err(OUT_OF_ORDER);
        }
        let noisy_rows = self.noisy_count(ROW_COUNT, rows, 1)?.max(1.0);
        self.begin(noisy_rows, noisy_rows, None)
    }

    /// Keeps noisy numbers of units and of the rows that are used of them.
    fn counted_units(&mut self, book: UnitBook, drawn: DrawnNoise) -> Result<()> {
        let ((units, rows), unit_rows) = (book.totals(), self.setup.unit_rows());
        let noisy_units = drawn.release(units, self.meter.stage(UNIT_COUNT)).max(1.0);
        let noisy_rows = if unit_rows == 1 { noisy_units } else { self.noisy_count(ROW_COUNT, rows, unit_rows)? };
        self.noise_draws += (units::COLLISION / SLACK_PER_DRAW).ceil() as u64;
        self.begin(noisy_rows.clamp(noisy_units, noisy_units * f64::from(unit_rows)), noisy_units, Some(book))
    }

    /// One of the first counts, which a unit can change by `max_rows`.
    fn noisy_count(&mut self, stage: &'static str, count: u64, max_rows: u32) -> Result<f64> {
        let noisy = noisy_counts(&[count], max_rows.into(), self.setup.count_noise(), self.meter.stage(stage))?;
        self.noise_draws += noisy.draws;
        Ok(noisy.values[0])
    }

    /// Begins to read, now that noisy numbers say how much there is.
    fn begin(&mut self, noisy_rows: f64, noisy_units: f64, mut book: Option<UnitBook>) -> Result<()> {
        let setup = &self.setup;
        let limit = setup.memory_limit;
        if setup.expect_rows(noisy_rows, noisy_units).is_err() {
            self.state = JobState::Failed;
            return Err(EngineError::MoreRowsThanExpected { limit });
        }
        let discovery_rate = SamplingRate::nearest((setup.discovery_rows() / noisy_rows).min(1.0));
        let mut meter = self.meter.for_stage(DOMAINS)?;
        match &mut book {
            Some(book) => book.begin(discovery_rate, &mut meter),
            None => meter.begin_sample(discovery_rate),
        }
        let (sample, scan) =
            (DiscoverySample::new(&setup.columns, setup.method.goal()), Scan::new(setup, noisy_rows, noisy_units));
        let counted = Counted { noisy_rows, noisy_units, discovery_rate };
        self.state = JobState::Sampling { counted, book, sample, scan, meter };
        if self.setup.split.histogram_noise(noisy_units).is_none() {
            self.end_scan()?;
        }
        Ok(())
    }

    /// Takes some rows of the scan in progress, each a unit.
    ///
    /// # Errors
    /// `MoreRowsThanCounted` if the scan brings more rows than were counted, beyond the noise of the count.
    pub fn observe(&mut self, block: &Block) -> Result<()> {
        match &mut self.state {
            JobState::Sampling { book: None, sample, scan, meter, .. } => {
                scan.add(block.rows)?;
                sample.push(block, &meter.sample(block.rows))
            }
            JobState::Encoding { units: None, encoder, scan, meter, .. } => {
                scan.add(block.rows)?;
                encoder.push(block, meter.rng())
            }
            _ => Err(OUT_OF_ORDER),
        }
    }

    /// Takes some rows of the scan in progress and the units they belong to: texts that are equal for equal units, NULL
    /// for a row that is a unit by itself.
    ///
    /// # Errors
    /// As [`Job::observe`], of the rows that are kept and of units; `MoreRowsThanExpected` if the noisy number of units
    /// would promise a training beyond the limit.
    pub fn observe_units(&mut self, block: &Block, of: &BlockColumn) -> Result<()> {
        if of.rows() != block.rows {
            return Err(EngineError::Internal("a block has the wrong number of units"));
        }
        match &mut self.state {
            JobState::CountingUnits { book, drawn } => {
                book.count(of)?;
                self.setup.check_units_so_far(drawn.so_far(book.seen() as u64))
            }
            JobState::Sampling { book: Some(book), sample, scan, meter, .. } => {
                let kept = book.keep(of, meter)?;
                scan.add(kept.rows.len())?;
                scan.check_units(book.seen())?;
                sample.push(block, &kept.rows)
            }
            JobState::Encoding { units: Some((book, unit_of)), encoder, scan, meter, .. } => {
                let kept = book.keep(of, meter)?;
                scan.add(kept.rows.len())?;
                scan.check_units(book.seen())?;
                unit_of.extend(kept.units);
                if kept.rows.len() == block.rows {
                    encoder.push(block, meter.rng())
                } else {
                    encoder.push(&block.pick(&kept.rows), meter.rng())
                }
            }
            _ => Err(OUT_OF_ORDER),
        }
    }

    /// Ends the scan in progress.
    ///
    /// # Errors
    /// `MoreRowsThanExpected` if the noisy counts promise a training beyond the limit.
    pub fn end_scan(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.state, JobState::Failed) {
            JobState::CountingUnits { book, drawn } => self.counted_units(book, drawn),
            JobState::Sampling { counted, book, sample, meter, .. } => {
                let setup = &self.setup;
                let plan = DiscoveryPlan {
                    noise_multiplier: setup.split.histogram_noise(counted.noisy_units).unwrap_or(f64::INFINITY),
                    unit_rows: setup.unit_rows(),
                    threshold_delta: setup.split.threshold_delta,
                    sampled_rows: counted.noisy_rows * counted.discovery_rate.value(),
                };
                let discovery = Box::new(Discovery::new(sample, plan, meter));
                self.state = JobState::Discovering { counted, book, discovery };
                Ok(())
            }
            JobState::Encoding { counted, domains, units, encoder, .. } => {
                self.state = self.prepare(counted, domains, units, encoder)?;
                Ok(())
            }
            _ => Err(OUT_OF_ORDER),
        }
    }

    /// Starts to calibrate and build the trainer.
    fn prepare(
        &self,
        counted: Counted,
        domains: Vec<Domain>,
        units: Option<(UnitBook, Vec<u32>)>,
        encoder: Encoder,
    ) -> Result<JobState> {
        let (setup, discovery) = (&self.setup, discovery_mechanism(&self.setup, counted));
        let units = units.map(|(_, unit_of)| Units::new(&unit_of, setup.unit_rows(), counted.noisy_units));
        let input = TrainingInput {
            table: UnitTable { table: encoder.finish(), units },
            domains: domains.clone(),
            noisy_rows: counted.noisy_rows,
            budget: setup.training_budget(discovery),
            meter: self.meter.for_stage("training")?,
        };
        Ok(JobState::Preparing { counted, domains, work: prepare::start(setup, input, discovery) })
    }

    /// One bounded piece of work.
    ///
    /// # Errors
    /// Whatever discovery, calibration or training meet; the job cannot go on then.
    pub fn step(&mut self) -> Result<()> {
        self.state = match std::mem::replace(&mut self.state, JobState::Failed) {
            JobState::Discovering { counted, book, mut discovery } => {
                if discovery.step()? {
                    JobState::Discovering { counted, book, discovery }
                } else {
                    self.noise_draws += discovery.noise_draws();
                    self.encode(counted, book, discovery.finish())?
                }
            }
            JobState::Preparing { counted, domains, work } => match work.poll()? {
                Ok(prepared) => {
                    let Prepared { trainer, stages, cost } = prepared?;
                    let noise_draws = trainer.noise_draws();
                    self.noise_draws += noise_draws;
                    self.setup.check_draws(self.noise_draws)?;
                    let cost = self.setup.fixed_cost().and(cost);
                    JobState::Training(Known { counted, domains, stages, cost, noise_draws }, trainer)
                }
                Err(work) => JobState::Preparing { counted, domains, work },
            },
            JobState::Training(known, mut trainer) => {
                if trainer.step()? {
                    JobState::Training(known, trainer)
                } else {
                    JobState::Trained(known, trainer.finish()?)
                }
            }
            _ => return Err(OUT_OF_ORDER),
        };
        Ok(())
    }

    /// Begins the scan in which all rows that are used are encoded.
    fn encode(&self, counted: Counted, book: Option<UnitBook>, domains: Vec<Domain>) -> Result<JobState> {
        let mut meter = self.meter.for_stage(ENCODING)?;
        let units = book.map(|mut book| {
            book.begin(SamplingRate::nearest(1.0), &mut meter);
            (book, Vec::new())
        });
        let encoder = Encoder::new(&self.setup.columns, &domains);
        let scan = Scan::new(&self.setup, counted.noisy_rows, counted.noisy_units);
        Ok(JobState::Encoding { counted, domains, units, encoder, scan, meter })
    }

    /// How far the job is.
    pub fn progress(&self) -> Progress {
        let (phases_done, percent) = match &self.state {
            JobState::CountingRows | JobState::CountingUnits { .. } => (0, None),
            JobState::Sampling { .. } | JobState::Discovering { .. } => (1, None),
            JobState::Encoding { .. } => (2, None),
            JobState::Preparing { .. } => (3, None),
            JobState::Training(_, trainer) => (4, (100 * trainer.steps_done()).checked_div(trainer.steps_total())),
            JobState::Trained(..) | JobState::Failed => (PHASES.len(), None),
        };
        Progress { phases_done, percent: percent.map(|percent| percent.min(100) as u8) }
    }

    fn counts(&self) -> Option<&Counted> {
        match &self.state {
            JobState::CountingRows | JobState::CountingUnits { .. } | JobState::Failed => None,
            JobState::Sampling { counted, .. }
            | JobState::Discovering { counted, .. }
            | JobState::Encoding { counted, .. }
            | JobState::Preparing { counted, .. } => Some(counted),
            JobState::Training(known, _) | JobState::Trained(known, _) => Some(&known.counted),
        }
    }

    fn known(&self) -> Option<&Known> {
        match &self.state {
            JobState::Training(known, _) | JobState::Trained(known, _) => Some(known),
            _ => None,
        }
    }

    /// What the training costs, once its noise is known.
    pub fn cost(&self) -> Option<Equivalent> {
        self.known().map(|known| known.cost)
    }

    /// The noisy number of rows that are used, once paid for.
    pub fn noisy_rows(&self) -> Option<f64> {
        self.counts().map(|counted| counted.noisy_rows)
    }

    /// The noisy number of privacy units, once paid for.
    pub fn noisy_units(&self) -> Option<f64> {
        self.counts().map(|counted| counted.noisy_units)
    }

    /// Names of the columns of which no value could be released, once the model is trained.
    pub fn unreleased_columns(&self) -> Vec<&str> {
        let pairs = self.known().into_iter().flat_map(|known| self.setup.columns.iter().zip(&known.domains));
        pairs.filter(|(_, domain)| domain.released_nothing()).map(|(column, _)| column.name.as_str()).collect()
    }

    /// The finished model.
    ///
    /// # Errors
    /// `Internal` if it is not trained yet, or anything ran that was not charged.
    pub fn finish(self) -> Result<Artifact> {
        let JobState::Trained(known, synthesizer) = self.state else {
            return Err(EngineError::Internal("a model was taken before it was trained"));
        };
        let discovery = discovery_mechanism(&self.setup, known.counted);
        let ledger: Ledger = self.setup.ledger(discovery, &known.stages);
        let record = self.meter.record();
        ledger.check(&record, self.setup.split.thresholds_delta())?;
        let before = [DOMAINS, ROW_COUNT, UNIT_COUNT];
        let drawn: u64 = record.stages().filter(|(name, _)| !before.contains(name)).map(|(_, ran)| ran.draws).sum();
        if drawn > known.noise_draws {
            return Err(EngineError::Internal("a training drew more noise than is charged"));
        }
        let columns = self.setup.columns.into_iter().zip(known.domains);
        let columns = columns.map(|(column, domain)| ReleasedColumn { column, domain }).collect();
        Ok(Artifact::new(self.setup.method, columns, ledger, known.counted.noisy_rows, synthesizer))
    }
}

/// What the discovery of domains costs.
fn discovery_mechanism(setup: &Setup, counted: Counted) -> Option<Mechanism> {
    setup.split.discovery(counted.noisy_units, counted.discovery_rate.value())
}

/// What only draws random bits: nothing of it may show in the record.
const ENCODING: &str = "encoding";

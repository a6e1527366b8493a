//! A training from the first scan to the finished model, as a state machine that its caller drives. [`Job::next`] tells
//! the caller to bring rows or to call [`Job::step`]. The caller may stop at any point, and nothing is left
//! half-written.

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
use super::table::discover::{Discovery, DiscoveryPlan, DiscoverySample, TEXT_PRECISION};
use super::table::features::FeatureEncoder;
use super::table::relations::{Compared, Dependencies, Found, Group, Plans, Relations, RowSample, Scope};
use super::table::units::{self, UnitBook};
use super::table::{Block, BlockColumn, Domain, UnitTable, Units};
use super::{EngineError, Result};

/// The next input of a [`Job`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The number of rows, by [`Job::counted`].
    Count,
    /// The units of all rows, by [`Job::observe_units`] with blocks without columns and [`Job::end_scan`].
    CountUnits,
    /// All rows, by [`Job::observe`] or [`Job::observe_units`] and [`Job::end_scan`], to learn domains from.
    Discover,
    /// All rows, by [`Job::observe`] or [`Job::observe_units`] and [`Job::end_scan`], to encode them.
    Encode,
    /// A call of [`Job::step`].
    Step,
    /// A call of [`Job::finish`].
    Done,
}

/// The phases of a job, in order.
pub const PHASES: [&str; 5] = ["counting rows", "learning domains", "encoding rows", "calibrating noise", "training"];

/// The progress of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Number of completed phases, of [`PHASES`].
    pub phases_done: usize,
    /// Percentage of the current phase, if known.
    pub percent: Option<u8>,
}

impl Progress {
    /// The current phase.
    pub fn phase(&self) -> &'static str {
        PHASES.get(self.phases_done).copied().unwrap_or("done")
    }
}

/// The caller did not follow [`Job::next`].
const OUT_OF_ORDER: EngineError = EngineError::Internal("the job was driven out of order");

/// The result of the first counts, and the sampling rate for learning domains. Charged.
#[derive(Debug, Clone, Copy)]
struct Counted {
    noisy_rows: f64,
    /// Equal to the number of rows, if rows are the units.
    noisy_units: f64,
    discovery_rate: SamplingRate,
}

/// What is known of the columns: their domains, and the features that models see.
struct Released {
    domains: Vec<Domain>,
    found: Found,
}

/// The state after the noise is calibrated.
struct Known {
    counted: Counted,
    released: Released,
    stages: Vec<Stage>,
    cost: Equivalent,
    /// Maximum draws of noise of the training alone.
    noise_draws: u64,
}

enum JobState {
    CountingRows,
    CountingUnits {
        book: UnitBook,
        /// Noise of the number of units. It is drawn before the count, so that counting can end early if the noisy
        /// number will be too large.
        drawn: DrawnNoise,
    },
    Sampling {
        counted: Counted,
        book: Option<UnitBook>,
        sample: DiscoverySample,
        /// The same rows, side by side, if relations are looked for.
        rows: Option<RowSample>,
        scan: Scan,
        meter: Meter,
    },
    Comparing {
        counted: Counted,
        book: Option<UnitBook>,
        sample: DiscoverySample,
        dependencies: Box<Dependencies>,
    },
    Discovering {
        counted: Counted,
        book: Option<UnitBook>,
        discovery: Box<Discovery>,
        /// What relations are looked for in, if they are.
        relating: Option<Compared>,
    },
    Relating {
        counted: Counted,
        book: Option<UnitBook>,
        relations: Box<Relations>,
    },
    Encoding {
        counted: Counted,
        released: Released,
        /// The units, if they are not rows, and the unit of each encoded row.
        units: Option<(UnitBook, Vec<u32>)>,
        encoder: FeatureEncoder,
        scan: Scan,
        meter: Meter,
    },
    Preparing {
        counted: Counted,
        released: Released,
        work: prepare::Work,
    },
    Training(Known, Box<dyn Trainer>),
    Trained(Known, Box<dyn Synthesizer>),
    /// The state after a failed step.
    Failed,
}

/// A training in progress.
pub struct Job {
    setup: Setup,
    state: JobState,
    meter: Meter,
    /// Number of draws of noise so far, or the number with the same slack.
    noise_draws: u64,
}

impl Job {
    /// Checks the request and splits its budget. Reads no row.
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

    /// The requested epsilon.
    pub fn epsilon(&self) -> f64 {
        self.setup.epsilon
    }

    /// The requested delta.
    pub fn delta(&self) -> f64 {
        self.setup.delta
    }

    /// The method.
    pub fn method(&self) -> Method {
        self.setup.method
    }

    /// The protected unit.
    pub fn neighbours(&self) -> &Neighbours {
        &self.setup.neighbours
    }

    /// Whether each row is a privacy unit.
    pub fn units_are_rows(&self) -> bool {
        self.setup.units_are_rows()
    }

    /// The maximum cost of the training, in the form in which trainings are added up. Public, and known before a row is
    /// read.
    pub fn reserve(&self) -> Equivalent {
        self.setup.reserve()
    }

    /// Limits the cost of the training to little more than that of the Gaussian mechanism with its epsilon and delta,
    /// with additional noise if necessary. This is slow for networks with an epsilon that protects nobody.
    pub fn hold(&mut self) {
        self.setup.held = true;
    }

    /// The plan of the training for a table of this many rows, each the only one of its unit. May take a second.
    ///
    /// # Errors
    /// `InvalidParameter` if the options or the budget cannot be used for such a table.
    pub fn plan(&self, rows: f64) -> Result<TrainingPlan> {
        self.setup.plan(rows)
    }

    /// Refuses a training on this many rows whose noise samplers would use more delta than is reserved for them,
    /// whatever its domains are.
    ///
    /// # Errors
    /// As [`Setup::check_draws`].
    pub fn expect_draws(&self, rows: f64) -> Result<()> {
        self.setup.expect_draws(rows)
    }

    /// Expected peak memory, in bytes, of the training if the table has this many rows.
    ///
    /// # Errors
    /// `MemoryLimit` if it exceeds the limit.
    pub fn expect_rows(&self, rows: f64) -> Result<u64> {
        self.setup.expect_rows(rows, rows)
    }

    /// The input that the job needs next.
    pub fn next(&self) -> Next {
        match self.state {
            JobState::CountingRows => Next::Count,
            JobState::CountingUnits { .. } => Next::CountUnits,
            JobState::Sampling { .. } => Next::Discover,
            JobState::Encoding { .. } => Next::Encode,
            JobState::Trained(..) => Next::Done,
            JobState::Comparing { .. }
            | JobState::Discovering { .. }
            | JobState::Relating { .. }
            | JobState::Preparing { .. }
            | JobState::Training(..)
            | JobState::Failed => Next::Step,
        }
    }

    /// Takes the exact row count and stores a noisy one.
    ///
    /// # Errors
    /// `MoreRowsThanExpected` if a training on the noisy number of rows would exceed the limit.
    pub fn counted(&mut self, rows: u64) -> Result<()> {
        if self.next() != Next::Count {
            return Err(OUT_OF_ORDER);
        }
        let noisy_rows = self.noisy_count(ROW_COUNT, rows, 1)?.max(1.0);
        self.begin(noisy_rows, noisy_rows, None)
    }

    /// Stores noisy numbers of units and of the rows that are used.
    fn counted_units(&mut self, book: UnitBook, drawn: DrawnNoise) -> Result<()> {
        let ((units, rows), unit_rows) = (book.totals(), self.setup.unit_rows());
        let noisy_units = drawn.release(units, self.meter.stage(UNIT_COUNT)).max(1.0);
        let noisy_rows = if unit_rows == 1 { noisy_units } else { self.noisy_count(ROW_COUNT, rows, unit_rows)? };
        self.noise_draws += (units::COLLISION / SLACK_PER_DRAW).ceil() as u64;
        self.begin(noisy_rows.clamp(noisy_units, noisy_units * f64::from(unit_rows)), noisy_units, Some(book))
    }

    /// One of the first counts. A unit can change it by `max_rows`.
    fn noisy_count(&mut self, stage: &'static str, count: u64, max_rows: u32) -> Result<f64> {
        let noisy = noisy_counts(&[count], max_rows.into(), self.setup.count_noise(), self.meter.stage(stage))?;
        self.noise_draws += noisy.draws;
        Ok(noisy.values[0])
    }

    /// Starts reading, once the noisy sizes are known.
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
        let sample = DiscoverySample::new(&setup.columns, setup.method.goal());
        let rows = setup.split.search(noisy_units).map(|_| RowSample::new(&setup.columns));
        let scan = Scan::new(setup, noisy_rows, noisy_units);
        let counted = Counted { noisy_rows, noisy_units, discovery_rate };
        self.state = JobState::Sampling { counted, book, sample, rows, scan, meter };
        if discovery_mechanism(&self.setup, counted).is_none() {
            self.end_scan()?;
        }
        Ok(())
    }

    /// Takes rows of the current scan, each of which is a unit.
    ///
    /// # Errors
    /// `MoreRowsThanCounted` if the scan returns more rows than were counted, beyond the noise of the count.
    pub fn observe(&mut self, block: &Block) -> Result<()> {
        match &mut self.state {
            JobState::Sampling { book: None, sample, rows, scan, meter, .. } => {
                scan.add(block.rows)?;
                let kept = meter.sample(block.rows);
                sample.push(block, &kept)?;
                rows.iter_mut().for_each(|rows| rows.push(block, &kept));
                Ok(())
            }
            JobState::Encoding { units: None, encoder, scan, meter, .. } => {
                scan.add(block.rows)?;
                encoder.push(block, meter.rng())
            }
            _ => Err(OUT_OF_ORDER),
        }
    }

    /// Takes rows of the current scan and their units: texts that are equal for equal units, and NULL for a row that is
    /// a unit by itself.
    ///
    /// # Errors
    /// As for [`Job::observe`], for the used rows and for units. `MoreRowsThanExpected` if a training on the noisy
    /// number of units would exceed the limit.
    pub fn observe_units(&mut self, block: &Block, of: &BlockColumn) -> Result<()> {
        if of.rows() != block.rows {
            return Err(EngineError::Internal("a block has the wrong number of units"));
        }
        match &mut self.state {
            JobState::CountingUnits { book, drawn } => {
                book.count(of)?;
                self.setup.check_units_so_far(drawn.so_far(book.seen() as u64))
            }
            JobState::Sampling { book: Some(book), sample, rows, scan, meter, .. } => {
                let kept = book.keep(of, meter)?;
                scan.add(kept.rows.len())?;
                scan.check_units(book.seen())?;
                sample.push(block, &kept.rows)?;
                rows.iter_mut().for_each(|rows| rows.push(block, &kept.rows));
                Ok(())
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

    /// Ends the current scan.
    ///
    /// # Errors
    /// `MoreRowsThanExpected` if a training on the noisy counts would exceed the limit.
    pub fn end_scan(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.state, JobState::Failed) {
            JobState::CountingUnits { book, drawn } => self.counted_units(book, drawn),
            JobState::Sampling { counted, book, sample, rows, meter, .. } => {
                self.state = match (self.plans(counted), rows) {
                    (Some(Plans { scope: Scope::Ties, .. }), Some(sample_rows)) => {
                        let compared = Compared { sample: sample_rows, groups: Vec::new(), calendars: Vec::new() };
                        self.discover(counted, book, sample, Some(compared), meter)
                    }
                    (Some(Plans { histograms, relations, scope: Scope::All }), Some(rows)) => {
                        let texts = histograms.times(TEXT_PRECISION as f64);
                        let dependencies = Box::new(Dependencies::new(rows, relations, texts, meter));
                        JobState::Comparing { counted, book, sample, dependencies }
                    }
                    _ => self.discover(counted, book, sample, None, meter),
                };
                Ok(())
            }
            JobState::Encoding { counted, released, units, encoder, .. } => {
                self.state = self.prepare(counted, released, units, encoder)?;
                Ok(())
            }
            _ => Err(OUT_OF_ORDER),
        }
    }

    /// What discovery knows, and the noise of its histograms.
    fn discovery_plan(&self, counted: Counted, noise_multiplier: Option<f64>) -> DiscoveryPlan {
        DiscoveryPlan {
            noise_multiplier: noise_multiplier.unwrap_or(f64::INFINITY),
            unit_rows: self.setup.unit_rows(),
            threshold_delta: self.setup.split.threshold_delta,
            sampled_rows: counted.noisy_rows * counted.discovery_rate.value(),
        }
    }

    /// The plans of domains and of relations, if these are paid for.
    fn plans(&self, counted: Counted) -> Option<Plans> {
        let (search, noise) = self.setup.split.search(counted.noisy_units)?;
        let relations = self.discovery_plan(counted, Some(noise));
        let histograms = self.discovery_plan(counted, self.setup.split.histogram_noise(counted.noisy_units));
        Some(Plans { histograms, relations, scope: Scope::ALL[search] })
    }

    /// Starts to discover domains, but for those of columns whose combinations will be released.
    fn discover(
        &self,
        counted: Counted,
        book: Option<UnitBook>,
        sample: DiscoverySample,
        relating: Option<Compared>,
        meter: Meter,
    ) -> JobState {
        let groups = relating.iter().flat_map(|compared| &compared.groups);
        let others: Vec<usize> = groups.flat_map(Group::pooled).collect();
        let plan = self.discovery_plan(counted, self.setup.split.histogram_noise(counted.noisy_units));
        let discovery = Box::new(Discovery::new(sample, &others, plan, meter));
        JobState::Discovering { counted, book, discovery, relating }
    }

    /// Starts to look for relations that need domains, if that is paid for; else the scan that encodes all used rows.
    fn relate(
        &self,
        counted: Counted,
        book: Option<UnitBook>,
        domains: Vec<Domain>,
        relating: Option<Compared>,
        meter: Meter,
    ) -> Result<JobState> {
        let (Some(plans), Some(compared)) = (self.plans(counted), relating) else {
            let found = Found::plain(&domains.iter().collect::<Vec<_>>());
            return self.encode(counted, book, Released { domains, found });
        };
        let columns = self.setup.columns.clone();
        let relations = Box::new(Relations::new(compared, columns, domains, plans, meter));
        Ok(JobState::Relating { counted, book, relations })
    }

    /// Starts to calibrate and build the trainer.
    fn prepare(
        &self,
        counted: Counted,
        released: Released,
        units: Option<(UnitBook, Vec<u32>)>,
        encoder: FeatureEncoder,
    ) -> Result<JobState> {
        let (setup, discovery) = (&self.setup, discovery_mechanism(&self.setup, counted));
        let units = units.map(|(_, unit_of)| Units::new(&unit_of, setup.unit_rows(), counted.noisy_units));
        let input = TrainingInput {
            table: UnitTable { table: encoder.finish(), units },
            domains: released.found.domains.clone(),
            noisy_rows: counted.noisy_rows,
            budget: setup.training_budget(discovery),
            meter: self.meter.for_stage("training")?,
        };
        let features = &released.found.features;
        let options = setup.options.for_features(|column| features.feature_of(column));
        Ok(JobState::Preparing { counted, work: prepare::start(setup, options, input, discovery), released })
    }

    /// Does a bounded amount of work.
    ///
    /// # Errors
    /// Any error of discovery, calibration or training. The job cannot continue then.
    pub fn step(&mut self) -> Result<()> {
        self.state = match std::mem::replace(&mut self.state, JobState::Failed) {
            JobState::Comparing { counted, book, mut sample, mut dependencies } => {
                if dependencies.step()? {
                    JobState::Comparing { counted, book, sample, dependencies }
                } else {
                    self.noise_draws += dependencies.noise_draws();
                    let (compared, meter) = dependencies.finish(&mut sample);
                    self.discover(counted, book, sample, Some(compared), meter)
                }
            }
            JobState::Discovering { counted, book, mut discovery, relating } => {
                if discovery.step()? {
                    JobState::Discovering { counted, book, discovery, relating }
                } else {
                    self.noise_draws += discovery.noise_draws();
                    let (domains, meter) = discovery.finish_with_meter();
                    self.relate(counted, book, domains, relating, meter)?
                }
            }
            JobState::Relating { counted, book, mut relations } => {
                if relations.step()? {
                    JobState::Relating { counted, book, relations }
                } else {
                    self.noise_draws += relations.noise_draws();
                    let (domains, found) = relations.finish();
                    self.encode(counted, book, Released { domains, found })?
                }
            }
            JobState::Preparing { counted, released, work } => match work.poll()? {
                Ok(prepared) => {
                    let Prepared { trainer, stages, cost } = prepared?;
                    let noise_draws = trainer.noise_draws();
                    self.noise_draws += noise_draws;
                    self.setup.check_draws(self.noise_draws)?;
                    let cost = self.setup.fixed_cost().and(cost);
                    JobState::Training(Known { counted, released, stages, cost, noise_draws }, trainer)
                }
                Err(work) => JobState::Preparing { counted, released, work },
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

    /// Starts the scan that encodes all used rows.
    fn encode(&self, counted: Counted, book: Option<UnitBook>, released: Released) -> Result<JobState> {
        let mut meter = self.meter.for_stage(ENCODING)?;
        let units = book.map(|mut book| {
            book.begin(SamplingRate::nearest(1.0), &mut meter);
            (book, Vec::new())
        });
        let Found { features, domains } = &released.found;
        let encoder = FeatureEncoder::new(features, &self.setup.columns, domains);
        let scan = Scan::new(&self.setup, counted.noisy_rows, counted.noisy_units);
        Ok(JobState::Encoding { counted, released, units, encoder, scan, meter })
    }

    /// The progress of the job.
    pub fn progress(&self) -> Progress {
        let (phases_done, percent) = match &self.state {
            JobState::CountingRows | JobState::CountingUnits { .. } => (0, None),
            JobState::Sampling { .. }
            | JobState::Comparing { .. }
            | JobState::Discovering { .. }
            | JobState::Relating { .. } => (1, None),
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
            | JobState::Comparing { counted, .. }
            | JobState::Discovering { counted, .. }
            | JobState::Relating { counted, .. }
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

    /// The cost of the training, once its noise is known.
    pub fn cost(&self) -> Option<Equivalent> {
        self.known().map(|known| known.cost)
    }

    /// The noisy number of used rows, once it is charged.
    pub fn noisy_rows(&self) -> Option<f64> {
        self.counts().map(|counted| counted.noisy_rows)
    }

    /// The noisy number of privacy units, once it is charged.
    pub fn noisy_units(&self) -> Option<f64> {
        self.counts().map(|counted| counted.noisy_units)
    }

    /// Names of the columns without a released value, once the model is trained.
    pub fn unreleased_columns(&self) -> Vec<&str> {
        let pairs = self.known().into_iter().flat_map(|known| self.setup.columns.iter().zip(&known.released.domains));
        pairs.filter(|(_, domain)| domain.released_nothing()).map(|(column, _)| column.name.as_str()).collect()
    }

    /// The finished model.
    ///
    /// # Errors
    /// `Internal` if it is not trained yet, or if anything ran that was not charged.
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
        let Released { domains, found } = known.released;
        let columns = self.setup.columns.into_iter().zip(domains);
        let columns = columns.map(|(column, domain)| ReleasedColumn { column, domain }).collect();
        Ok(Artifact::new(self.setup.method, columns, found, ledger, known.counted.noisy_rows, synthesizer))
    }
}

/// The cost of domain discovery.
fn discovery_mechanism(setup: &Setup, counted: Counted) -> Option<Mechanism> {
    setup.split.discovery(counted.noisy_units, counted.discovery_rate.value())
}

/// A phase that only draws random bits. Nothing in it may appear in the record.
const ENCODING: &str = "encoding";

//! `guided`: noisy counts and diffusion, joined.
//!
//! Private part: noisy one-way counts of every column; then, round after round, the pairs and triples of columns that the
//! model gets most wrong are chosen (exponential mechanism) and measured (Gaussian counts), as in AIM (McKenna et al.,
//! arXiv 2201.12677), each on a grid as coarse as the noise demands. Free part: the denoiser of a masked diffusion over
//! codes - the distribution of any one column given the others, log-linear in the measured marginals - is fitted to the
//! noisy counts by running its own chain, so that no junction tree limits which cliques may be measured.

mod candidates;
mod options;
mod plan;
mod sampler;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashSet};

use rand::Rng;

pub use self::options::GuidedOptions;
use self::plan::{CHOICES, GuidedPlan, JOINT_COUNTS, ONE_WAY_COUNTS};
pub use self::sampler::Guided;
use super::contract::{Synthesizer, Trainer, TrainingBudget, TrainingInput};
use crate::engine::marginals::{
    ByteTable, ChowLiuTree, Clique, Coarsening, Denoiser, Groups, Marginal, Measurement, Potential, fit, gibbs,
    one_way, select, shares, structural_zeros,
};
use crate::engine::privacy::mechanisms::Stage;
use crate::engine::privacy::mechanisms::exponential;
use crate::engine::privacy::mechanisms::noisy_counts::noisy_counts;
use crate::engine::privacy::meter::Meter;
use crate::engine::privacy::samplers::poisson::SamplingRate;
use crate::engine::table::Domain;
use crate::engine::table::discover::or_zero;
use crate::engine::{EngineError, Result, abandon};

/// Rows of the chain that the denoiser is fitted on: twice those of the table, within these bounds.
const MIN_POOL: f64 = 4096.0;
const MAX_POOL: f64 = 65_536.0;
/// Codes in the pool, at most, unless it has [`MIN_POOL`] rows.
const MAX_POOL_CODES: f64 = 2_097_152.0;
/// Rows that marginals are compared on, in expectation and at most.
const MAX_COMPARED_ROWS: f64 = 131_072.0;
/// Sweeps of the chain, each with a step of the fit, after each round and at the end.
const SWEEPS_PER_ROUND: usize = 6;
const LAST_SWEEPS: usize = 100;
/// The last fit ends at this share of its first pace, so that the weights settle between the chain's random counts.
const LAST_PACE: f64 = 0.05;

/// Bytes that training needs beyond the encoded table: the table as groups is no larger, the pool is bounded, and
/// measured marginals are few.
pub fn memory_estimate(columns: usize) -> u64 {
    let marginals = plan::most_marginals(columns as u64);
    (MAX_POOL as usize * columns) as u64 + marginals * plan::MAX_CELLS as u64 * BYTES_PER_CELL
}

/// A count, a weight, and three tables of weights for each cell of a measured marginal.
const BYTES_PER_CELL: u64 = 24;

/// See [`super::Method::stages`].
pub fn stages(
    columns: usize,
    noisy_units: f64,
    budget: &TrainingBudget,
    options: &GuidedOptions,
) -> Result<Vec<Stage>> {
    Ok(GuidedPlan::new(columns, noisy_units, budget, options)?.stages())
}

/// What is to be done next.
enum NextWork {
    Count,
    Select { round: u64 },
    Fit { round: u64, sweep: usize },
    Done,
}

/// A training in progress. The table is private; all else is public or paid for.
pub struct GuidedTraining {
    table: ByteTable,
    domains: Vec<Domain>,
    coarsening: Coarsening,
    /// What all measurements say of every column's shares.
    shares: Vec<Vec<f64>>,
    rows: f64,
    /// Rows of a privacy unit, at most.
    unit_rows: f64,
    plan: GuidedPlan,
    targets: Vec<usize>,
    /// A Poisson sample of the table, with its rate: what marginals are compared on.
    compared: (ByteTable, f64),
    measurements: Vec<Measurement>,
    potentials: Vec<Potential>,
    pool: ByteTable,
    work: NextWork,
    done: u64,
    meter: Meter,
}

impl GuidedTraining {
    /// See [`super::Method::trainer`].
    pub fn new(input: TrainingInput, options: &GuidedOptions) -> Result<Self> {
        let noisy_units = input.noisy_units();
        let TrainingInput { table, domains, noisy_rows, budget, meter } = input;
        let groups = Groups::new(&domains);
        let sizes = groups.sizes();
        let plan = GuidedPlan::new(sizes.len(), noisy_units, &budget, options)?;
        let unit_rows = table.unit_rows().into();
        let table = groups.group(&table.table);
        let rate = SamplingRate::nearest(MAX_COMPARED_ROWS / noisy_rows.max(1.0));
        let mut sampler = meter.for_stage(CHOICES)?;
        sampler.begin_sample(rate);
        let compared = (table.subset(&sampler.sample(table.rows)), rate.value());
        let most = (MAX_POOL_CODES / sizes.len() as f64).clamp(MIN_POOL, MAX_POOL);
        let pool = (2.0 * noisy_rows).clamp(MIN_POOL, most) as usize;
        Ok(Self {
            table,
            domains,
            coarsening: Coarsening::of_codes(&sizes),
            shares: Vec::new(),
            rows: noisy_rows.max(1.0),
            unit_rows,
            plan,
            targets: options.targets.clone(),
            compared,
            measurements: Vec::new(),
            potentials: Vec::new(),
            pool: ByteTable::zeros(pool, &sizes),
            work: NextWork::Count,
            done: 0,
            meter,
        })
    }

    /// Measures a marginal: each of a unit's rows counts in one cell.
    fn measure(&mut self, stage: &'static str, marginal: Marginal, noise_multiplier: f64) -> Result<()> {
        abandon::check()?;
        let counts = marginal.count(&self.coarsening, &self.table);
        let noisy = noisy_counts(&counts, self.unit_rows, noise_multiplier, self.meter.stage(stage))?;
        self.potentials.push(Potential { marginal: marginal.clone(), weights: vec![0.0; noisy.values.len()] });
        self.measurements.push(Measurement { marginal, counts: noisy.values, noise_sd: noisy.noise_sd });
        Ok(())
    }

    /// One-way counts of every column, and a pool of rows with independent columns.
    fn count(&mut self) -> Result<()> {
        for column in 0..self.table.sizes.len() {
            self.measure(ONE_WAY_COUNTS, Marginal::of_codes(Clique::new(vec![column])), self.plan.one_way_noise)?;
        }
        let groups = Groups::new(&self.domains);
        for (column, measurement) in self.measurements.iter_mut().enumerate() {
            let shares = groups.weights(column);
            let known = shares::combine(&measurement.counts, measurement.noise_sd, shares, self.rows);
            (measurement.counts, measurement.noise_sd) = known;
            for group in groups.special(column) {
                let count = &mut measurement.counts[usize::from(*group)];
                *count = or_zero(*count, measurement.noise_sd);
            }
        }
        for (potential, measurement) in self.potentials.iter_mut().zip(&self.measurements) {
            let floor = 0.1 * measurement.noise_sd.max(1.0);
            let logit =
                |count: &f64| if *count == 0.0 { fit::EMPTY } else { (count.max(floor) / self.rows).ln() as f32 };
            potential.weights = measurement.counts.iter().map(logit).collect();
        }
        let counts: Vec<Vec<f64>> = self.measurements.iter().map(|measurement| measurement.counts.clone()).collect();
        self.coarsening = Coarsening::new(&counts, &groups.ordered(), &groups.apart());
        let denoiser = Denoiser::new(&self.coarsening, &self.potentials);
        self.learn_shares();
        let tree = self.tree();
        let seed = self.meter.rng().next_u64();
        gibbs::advance(&mut self.pool, &tree, &denoiser, seed);
        Ok(())
    }

    /// Chooses and measures the marginals of a round: no two of them share more than one column.
    fn select(&mut self, round: u64) -> Result<()> {
        let cliques = self.cliques(round);
        let (compared, rate) = &self.compared;
        let noise_multiplier = self.plan.noise;
        let (rows, noise) = (rate * self.rows, rate * noise_multiplier * self.unit_rows);
        let mut candidates = select::scores(&cliques, &self.coarsening, compared, &self.pool, rows, noise);
        let measured: HashSet<&Marginal> = self.measurements.iter().map(|m| &m.marginal).collect();
        candidates.retain(|c| {
            let marginal = c.marginal(&cliques);
            marginal.cells(&self.coarsening) <= plan::MAX_CELLS && !measured.contains(&marginal)
        });
        for _ in 0..self.plan.marginals_per_round {
            // A unit's rows change a score by one each, whichever of them are compared.
            let scores: Vec<f64> = candidates.iter().map(|c| c.score / self.unit_rows).collect();
            let chosen = exponential::choose(&scores, self.plan.selection_epsilon, 1, self.meter.stage(CHOICES))?;
            let Some(chosen) = chosen.first().map(|place| candidates[*place]) else { break };
            candidates.retain(|c| cliques[c.clique].shared(&cliques[chosen.clique]) < 2);
            self.measure(JOINT_COUNTS, chosen.marginal(&cliques), noise_multiplier)?;
        }
        self.learn_shares();
        self.clear_empty_cells();
        Ok(())
    }

    /// The cliques that may be measured in a round: public, or drawn by chance, or a function of earlier choices. The
    /// first rounds are for the targets, so that each might be measured with every other column, but half of them at most.
    fn cliques(&mut self, round: u64) -> Vec<Clique> {
        let columns = self.table.sizes.len();
        let measured: BTreeSet<Clique> = self.measurements.iter().map(|m| m.marginal.clique.clone()).collect();
        let cliques = candidates::cliques(columns, &measured, self.meter.rng());
        let for_targets = (self.targets.len() * columns) as u64;
        if round * self.plan.marginals_per_round >= for_targets || 2 * round >= self.plan.rounds {
            return cliques;
        }
        cliques.into_iter().filter(|clique| self.targets.iter().any(|target| clique.contains(*target))).collect()
    }

    /// What all measurements say of every column's shares.
    fn learn_shares(&mut self) {
        let shares = |column| {
            let mut shares: Vec<f64> = one_way::shares(column, &self.measurements, &self.coarsening, self.rows);
            let known = shares.iter_mut().zip(&self.potentials[column].weights);
            known.filter(|(_, weight)| **weight == fit::EMPTY).for_each(|(share, _)| *share = 0.0);
            shares
        };
        self.shares = (0..self.table.sizes.len()).map(shares).collect();
    }

    /// Keeps the chain out of cells that are found empty, with what is known of the columns' shares by now.
    fn clear_empty_cells(&mut self) {
        let several = self.potentials.iter_mut().zip(&self.measurements).skip(self.table.sizes.len());
        for (potential, measurement) in several {
            let empty = structural_zeros::cells(measurement, &self.coarsening, &self.shares, self.rows);
            potential.weights.iter_mut().zip(empty).filter(|(_, empty)| *empty).for_each(|(w, _)| *w = fit::EMPTY);
        }
    }

    /// One step of the fit and one sweep of the chain.
    fn fit(&mut self, pace: f64) {
        fit::step(&mut self.potentials, &self.measurements, &self.coarsening, &self.pool, self.rows, pace);
        let denoiser = Denoiser::new(&self.coarsening, &self.potentials);
        let tree = self.tree();
        let seed = self.meter.rng().next_u64();
        gibbs::advance(&mut self.pool, &tree, &denoiser, seed);
    }

    fn tree(&self) -> ChowLiuTree {
        let cliques = self.measurements.iter().map(|m| &m.marginal.clique);
        let pairs: BTreeSet<Clique> = cliques.flat_map(Clique::pairs).collect();
        ChowLiuTree::fit(&self.pool, &pairs.into_iter().collect::<Vec<_>>(), &self.shares)
    }

    /// Sweeps of the last round's fit, or of any other's.
    fn sweeps(&self, round: u64) -> usize {
        if round + 1 < self.plan.rounds { SWEEPS_PER_ROUND } else { LAST_SWEEPS }
    }
}

impl Trainer for GuidedTraining {
    fn steps_total(&self) -> u64 {
        1 + self.plan.rounds + self.plan.rounds.saturating_sub(1) * SWEEPS_PER_ROUND as u64 + LAST_SWEEPS as u64
    }

    fn steps_done(&self) -> u64 {
        self.done
    }

    fn step(&mut self) -> Result<bool> {
        self.work = match self.work {
            NextWork::Count => {
                self.count()?;
                if self.plan.rounds > 0 { NextWork::Select { round: 0 } } else { NextWork::Fit { round: 0, sweep: 0 } }
            }
            NextWork::Select { round } => {
                self.select(round)?;
                NextWork::Fit { round, sweep: 0 }
            }
            NextWork::Fit { round, sweep } => {
                let sweeps = self.sweeps(round);
                let left = (sweeps - sweep) as f64 / sweeps as f64;
                let is_last = round + 1 >= self.plan.rounds;
                self.fit(if is_last { (2.0 * left).clamp(LAST_PACE, 1.0) } else { 1.0 });
                match (sweep + 1 < sweeps, round + 1 < self.plan.rounds) {
                    (true, _) => NextWork::Fit { round, sweep: sweep + 1 },
                    (false, true) => NextWork::Select { round: round + 1 },
                    (false, false) => NextWork::Done,
                }
            }
            NextWork::Done => NextWork::Done,
        };
        self.done = (self.done + 1).min(self.steps_total());
        Ok(!matches!(self.work, NextWork::Done))
    }

    fn mechanisms(&self) -> Vec<Stage> {
        self.plan.stages()
    }

    fn noise_draws(&self) -> u64 {
        let one_way: usize = self.table.sizes.iter().sum();
        let marginals = self.plan.rounds * self.plan.marginals_per_round;
        one_way as u64 + marginals * (plan::MAX_CELLS as u64 + exponential::DRAWS_PER_CHOICE)
    }

    fn finish(self: Box<Self>) -> Result<Box<dyn Synthesizer>> {
        if !matches!(self.work, NextWork::Done) {
            return Err(EngineError::Internal("a model was taken before it was trained"));
        }
        let tree = self.tree();
        Ok(Box::new(Guided::new(&self.domains, tree, self.coarsening, self.potentials)))
    }
}

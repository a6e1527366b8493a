//! How `guided` divides its budget, from public quantities alone: epsilon, delta, the noisy number of units and the number
//! of columns. All parameters are fixed before the first measurement; only which marginals are measured depends on what
//! was seen before, so the mechanisms compose by their privacy-loss distributions.

use super::options::GuidedOptions;
use crate::engine::Result;
use crate::engine::models::contract::TrainingBudget;
use crate::engine::privacy::accountant::{self, analytic_gaussian};
use crate::engine::privacy::mechanisms::{Mechanism, Stage};

/// What the ledger calls its stages.
pub const ONE_WAY_COUNTS: &str = "one-way counts";
pub const CHOICES: &str = "choices";
pub const JOINT_COUNTS: &str = "joint counts";

/// Shares of the precision (1 / noise multiplier squared) that one-way counts and selection get.
const ONE_WAY_SHARE: f64 = 0.2;
const SELECTION_SHARE: f64 = 0.1;
/// Cells of a marginal, at most.
pub const MAX_CELLS: usize = 16_384;
/// Rounds, by rule.
const ROUNDS: u64 = 12;
/// Marginals measured in all, by rule, at most.
const MAX_MARGINALS: u64 = 600;
/// Marginals that are measured for each column, by rule: this times the cube root of the signal, within bounds. Few
/// marginals are told precisely, many tell more: measured on real tables at epsilon 0.1, 1 and 10, the best number
/// grows about as slowly as that.
const PER_COLUMN: f64 = 1.0 / 6.0;
const MIN_PER_COLUMN: f64 = 1.0;
const MAX_PER_COLUMN: f64 = 8.0;

/// How many marginals of two and more columns there are to be measured, on single codes.
fn pairs_and_triples(columns: u64) -> u64 {
    let pairs = columns * columns.saturating_sub(1) / 2;
    pairs + pairs * columns.saturating_sub(2) / 3
}

/// Marginals measured in all, at most, whatever the budget.
pub fn most_marginals(columns: u64) -> u64 {
    marginals(columns, f64::INFINITY)
}

/// Marginals measured in all, by rule. `signal` is the number of units over the noise multiplier that a single count
/// would have if it had the whole budget.
fn marginals(columns: u64, signal: f64) -> u64 {
    let a_column = (PER_COLUMN * signal.cbrt()).clamp(MIN_PER_COLUMN, MAX_PER_COLUMN);
    ((a_column * columns as f64).ceil() as u64).min(pairs_and_triples(columns)).min(MAX_MARGINALS)
}

/// The plan of a training.
#[derive(Debug, Clone, PartialEq)]
pub struct GuidedPlan {
    pub rounds: u64,
    pub marginals_per_round: u64,
    /// Noise multiplier of each column's one-way counts: times the rows of a unit, their noise in rows.
    pub one_way_noise: f64,
    /// The same of each measured marginal's counts.
    pub noise: f64,
    /// Epsilon (as a bounded range) of each choice of a marginal.
    pub selection_epsilon: f64,
    columns: u64,
}

impl GuidedPlan {
    /// Divides `budget` for a table of so many columns and (noisy) privacy units.
    pub fn new(columns: usize, noisy_units: f64, budget: &TrainingBudget, options: &GuidedOptions) -> Result<Self> {
        let columns = columns as u64;
        let signal = noisy_units.max(1.0) / analytic_gaussian::noise_multiplier(budget.epsilon, budget.delta);
        let (wanted, most) = (marginals(columns, signal), pairs_and_triples(columns));
        let per_round = options.marginals_per_round.unwrap_or(wanted.div_ceil(ROUNDS)).min(most);
        let rounds = options.rounds.unwrap_or(wanted.div_ceil(per_round.max(1)));
        let rounds = most.checked_div(per_round).map_or(0, |most| rounds.min(most));
        let plan = |z: f64| Self::with_noise(z, columns, rounds, per_round);
        let noise = accountant::calibrate(&budget.prior, budget.epsilon, budget.delta, |z| plan(z).mechanisms())?;
        Ok(plan(noise))
    }

    /// The plan whose measurements together have the precision of one count with noise multiplier `z`.
    fn with_noise(z: f64, columns: u64, rounds: u64, marginals_per_round: u64) -> Self {
        let marginals = (rounds * marginals_per_round) as f64;
        let (one_way, selection) = if marginals > 0.0 { (ONE_WAY_SHARE, SELECTION_SHARE) } else { (1.0, 0.0) };
        Self {
            rounds,
            marginals_per_round,
            one_way_noise: z * (columns as f64 / one_way).sqrt(),
            noise: z * (marginals.max(1.0) / (1.0 - one_way - selection).max(f64::MIN_POSITIVE)).sqrt(),
            // As much zero-concentrated privacy, epsilon^2 / 8, as a Gaussian of that precision, 1 / (2 z^2).
            selection_epsilon: (4.0 * selection / marginals.max(1.0)).sqrt() / z,
            columns,
        }
    }

    /// What the plan costs.
    pub fn stages(&self) -> Vec<Stage> {
        let stage = |name: &str, mechanism, times| Stage { name: name.to_owned(), mechanism, times };
        let mut stages =
            vec![stage(ONE_WAY_COUNTS, Mechanism::Gaussian { noise_multiplier: self.one_way_noise }, self.columns)];
        let marginals = self.rounds * self.marginals_per_round;
        if marginals > 0 {
            stages.push(stage(CHOICES, Mechanism::BoundedRange { epsilon: self.selection_epsilon }, marginals));
            stages.push(stage(JOINT_COUNTS, Mechanism::Gaussian { noise_multiplier: self.noise }, marginals));
        }
        stages
    }

    fn mechanisms(&self) -> Vec<(Mechanism, u64)> {
        self.stages().into_iter().map(|stage| (stage.mechanism, stage.times)).collect()
    }
}

//! How `guided` divides its budget, from public quantities alone: epsilon, delta and the number of columns. All parameters
//! are fixed before the first measurement; only which pairs are measured depends on what was seen before, so the mechanisms
//! compose by their privacy-loss distributions.

use super::Options;
use crate::engine::Result;
use crate::engine::models::TrainingBudget;
use crate::engine::privacy::accountant;
use crate::engine::privacy::mechanism::{Mechanism, Stage};

/// Shares of the precision (1 / noise multiplier squared) that one-way counts and selection get.
const ONE_WAY_SHARE: f64 = 0.1;
const SELECTION_SHARE: f64 = 0.1;
/// Cells of a clique, at most.
pub const MOST_CELLS: usize = 16_384;
/// Rounds, by rule.
const ROUNDS: u64 = 12;
/// Pairs measured in all, by rule, at most.
const MOST_PAIRS: u64 = 600;

/// Pairs measured in all, by rule: about three for each column.
pub fn wanted_pairs(columns: u64) -> u64 {
    (3 * columns + 3).min(columns * columns.saturating_sub(1) / 2).min(MOST_PAIRS)
}

/// The plan of a training.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub rounds: u64,
    pub pairs_a_round: u64,
    /// Noise multiplier of each column's one-way counts: times the rows of a unit, their noise in rows.
    pub one_way_noise: f64,
    /// The same of each measured pair's counts.
    pub pair_noise: f64,
    /// Epsilon (as a bounded range) of each choice of a pair.
    pub selection_epsilon: f64,
    columns: u64,
}

impl Plan {
    /// Divides `budget` for a table of so many columns.
    pub fn new(columns: usize, budget: &TrainingBudget, options: &Options) -> Result<Self> {
        let columns = columns as u64;
        let pairs = columns * columns.saturating_sub(1) / 2;
        let wanted = wanted_pairs(columns);
        let pairs_a_round = options.pairs_a_round.unwrap_or(wanted.div_ceil(ROUNDS)).min(pairs);
        let rounds = options.rounds.unwrap_or(wanted.div_ceil(pairs_a_round.max(1)));
        let rounds = pairs.checked_div(pairs_a_round).map_or(0, |most| rounds.min(most));
        let plan = |z: f64| Self::with_noise(z, columns, rounds, pairs_a_round);
        let noise = accountant::calibrate(&budget.prior, budget.epsilon, budget.delta, |z| plan(z).mechanisms())?;
        Ok(plan(noise))
    }

    /// The plan whose measurements together have the precision of one count with noise multiplier `z`.
    fn with_noise(z: f64, columns: u64, rounds: u64, pairs_a_round: u64) -> Self {
        let pairs = (rounds * pairs_a_round) as f64;
        let (one_way, selection) = if pairs > 0.0 { (ONE_WAY_SHARE, SELECTION_SHARE) } else { (1.0, 0.0) };
        Self {
            rounds,
            pairs_a_round,
            one_way_noise: z * (columns as f64 / one_way).sqrt(),
            pair_noise: z * (pairs.max(1.0) / (1.0 - one_way - selection).max(f64::MIN_POSITIVE)).sqrt(),
            // As much zero-concentrated privacy, epsilon^2 / 8, as a Gaussian of that precision, 1 / (2 z^2).
            selection_epsilon: (4.0 * selection / pairs.max(1.0)).sqrt() / z,
            columns,
        }
    }

    /// What the plan costs.
    pub fn stages(&self) -> Vec<Stage> {
        let stage = |name: &str, mechanism, times| Stage { name: name.to_owned(), mechanism, times };
        let mut stages =
            vec![stage("one-way counts", Mechanism::Gaussian { noise_multiplier: self.one_way_noise }, self.columns)];
        let pairs = self.rounds * self.pairs_a_round;
        if pairs > 0 {
            stages.push(stage("choice of pairs", Mechanism::BoundedRange { epsilon: self.selection_epsilon }, pairs));
            stages.push(stage("pair counts", Mechanism::Gaussian { noise_multiplier: self.pair_noise }, pairs));
        }
        stages
    }

    fn mechanisms(&self) -> Vec<(Mechanism, u64)> {
        self.stages().into_iter().map(|stage| (stage.mechanism, stage.times)).collect()
    }
}

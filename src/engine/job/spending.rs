//! What a training spends: its phases for the ledger, and what it costs in the terms in which trainings add up.

use super::setup::{DOMAINS, Setup};
use crate::engine::models::TrainingBudget;
use crate::engine::privacy::accountant;
use crate::engine::privacy::accountant::gdp::Equivalent;
use crate::engine::privacy::ledger::{Ledger, Neighbours, Phase};
use crate::engine::privacy::mechanisms::{Mechanism, Stage};
use crate::engine::privacy::samplers::gaussian::SLACK_PER_DRAW;
use crate::engine::{EngineError, Result};

/// What a training may cost at most where it is held to that, as a multiple of the precision of the one Gaussian
/// mechanism that would use its epsilon and delta up.
const RESERVE: f64 = 1.15;
/// By how much epsilon is lowered at once, and how often, until a training keeps to it.
const LESS_EPSILON: f64 = 0.95;
const LOWERINGS: usize = 40;
/// Share of delta that a training may give up for being compared with a Gaussian mechanism.
const TAIL_SHARE: f64 = 1e-3;

/// What a training would do to a table of a size that is given: nothing of this depends on a table.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingPlan {
    /// Each stage, and the epsilon that it alone would cost at the delta of its phase.
    pub stages: Vec<(Stage, f64)>,
    /// Bytes of memory at the peak.
    pub memory: u64,
    pub neighbours: Neighbours,
}

impl Setup {
    /// The most that the training costs: what its claim alone is worth, which is far above what it does, unless it is held
    /// to less.
    pub fn reserve(&self) -> Equivalent {
        self.fixed_cost().and(self.rest_reserve())
    }

    /// What may be spent after the first counts.
    pub fn rest_reserve(&self) -> Equivalent {
        if self.held {
            let rest = Equivalent::of_gaussian(self.split.epsilon, self.split.accounted_delta);
            Equivalent { precision: RESERVE * rest.precision, delta: self.tail(), slack: 0.0 }
        } else {
            Equivalent::of_claim(self.split.epsilon, self.split.accounted_delta)
        }
    }

    /// What the first counts cost, and what is given up for thresholds and the samplers' slack.
    pub fn fixed_cost(&self) -> Equivalent {
        let precision = self.split.count_noise_multiplier.powi(-2) * (1.0 + 1e-14);
        Equivalent { precision, delta: self.split.thresholds_delta(), slack: self.split.slack() }
    }

    /// Delta that is given up for comparing the training with a Gaussian mechanism.
    pub fn tail(&self) -> f64 {
        TAIL_SHARE * self.split.accounted_delta
    }

    /// What is left to training after domains were learned so.
    pub fn training_budget(&self, discovery: Option<Mechanism>) -> TrainingBudget {
        TrainingBudget {
            epsilon: self.split.epsilon,
            delta: self.split.accounted_delta,
            prior: discovery.map(|mechanism| (mechanism, 1)).into_iter().collect(),
        }
    }

    /// The plan for a table of so many rows, each the only one of its unit. May take a second.
    ///
    /// # Errors
    /// `InvalidParameter` if the options or the budget cannot be used for such a table.
    pub fn plan(&self, rows: f64) -> Result<TrainingPlan> {
        self.expect_draws(rows)?;
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
        let memory = self.memory_estimate(rows, rows);
        Ok(TrainingPlan { stages, memory, neighbours: self.neighbours.clone() })
    }

    /// Refuses a training whose noise samplers would use up more delta than is kept for them.
    ///
    /// # Errors
    /// `InvalidParameter` if so many draws of noise do.
    pub fn check_draws(&self, draws: u64) -> Result<()> {
        if self.split.affords(draws, SLACK_PER_DRAW) {
            return Ok(());
        }
        Err(EngineError::invalid(
            "delta is too small for this many draws of noise",
            "Each draw of noise is exact up to a probability that is charged to delta.",
            "Use a larger delta, fewer steps or a smaller network.",
        ))
    }

    /// The same of the draws that training takes at least for so many rows. How many units these are is not known.
    ///
    /// # Errors
    /// As [`Setup::check_draws`].
    pub fn expect_draws(&self, rows: f64) -> Result<()> {
        let units = if self.units_are_rows() { rows } else { 1.0 };
        self.check_draws(self.method.least_draws(&self.options, self.columns.len(), units))
    }

    /// What is charged: the first counts; then all else.
    pub fn ledger(&self, discovery: Option<Mechanism>, training: &[Stage]) -> Ledger {
        Ledger {
            epsilon: self.epsilon,
            delta: self.delta,
            neighbours: self.neighbours.clone(),
            phases: self.phases(discovery, training),
        }
    }

    fn phases(&self, discovery: Option<Mechanism>, training: &[Stage]) -> Vec<Phase> {
        let stage = |name: &str, mechanism| Stage { name: name.to_owned(), mechanism, times: 1 };
        let count = Mechanism::Gaussian { noise_multiplier: self.count_noise() };
        let mut stages: Vec<Stage> = Vec::new();
        stages.extend(discovery.map(|mechanism| stage(DOMAINS, mechanism)));
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
}

/// What stages that use up a budget cost together with what came before them. Where the accountant cannot follow them
/// to `tail`, as at epsilons that protect nobody, it is what their claim alone costs.
pub fn cost_of(budget: &TrainingBudget, stages: &[Stage], tail: f64) -> Equivalent {
    let mut mechanisms = budget.prior.clone();
    mechanisms.extend(stages.iter().map(|stage| (stage.mechanism, stage.times)));
    Equivalent::of(&mechanisms, tail).unwrap_or_else(|_| Equivalent::of_claim(budget.epsilon, budget.delta))
}

/// Whether a cost is no more than another in all respects.
pub fn is_within(cost: Equivalent, most: Equivalent) -> bool {
    cost.precision <= most.precision && cost.delta <= most.delta && cost.slack <= most.slack
}

/// The budget with as much epsilon as leaves what it buys within `most`; what that is, and what it costs.
///
/// # Errors
/// `InvalidParameter` if no epsilon is small enough.
pub fn keeping_to(
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

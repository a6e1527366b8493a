//! The cost of a training: its phases for the ledger, and its cost in the form in which trainings are added up.

use super::setup::{DOMAINS, Setup};
use crate::engine::models::TrainingBudget;
use crate::engine::privacy::accountant;
use crate::engine::privacy::accountant::gdp::Equivalent;
use crate::engine::privacy::ledger::{Ledger, Neighbours, Phase};
use crate::engine::privacy::mechanisms::{Mechanism, Stage};
use crate::engine::privacy::samplers::gaussian::SLACK_PER_DRAW;
use crate::engine::{EngineError, Result};

/// The maximum cost of a limited training, as a multiple of the precision of the one Gaussian mechanism that would use
/// up its epsilon and delta.
const RESERVE: f64 = 1.15;
/// The factor by which epsilon is lowered, and how often, until a training stays within its limit.
const LESS_EPSILON: f64 = 0.95;
const LOWERINGS: usize = 40;
/// Share of delta that is spent on the comparison with a Gaussian mechanism.
const TAIL_SHARE: f64 = 1e-3;

/// The plan of a training for a table of a given size. It depends on no table.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingPlan {
    /// Each stage, and the epsilon that it would cost alone at the delta of its phase.
    pub stages: Vec<(Stage, f64)>,
    /// Peak memory in bytes.
    pub memory: u64,
    pub neighbours: Neighbours,
}

impl Setup {
    /// The maximum cost of the training. Unless the training is limited, this is the worst case of its claim, far above
    /// its actual cost.
    pub fn reserve(&self) -> Equivalent {
        self.fixed_cost().and(self.rest_reserve())
    }

    /// The budget after the first counts.
    pub fn rest_reserve(&self) -> Equivalent {
        if self.held {
            let rest = Equivalent::of_gaussian(self.split.epsilon, self.split.accounted_delta);
            Equivalent { precision: RESERVE * rest.precision, delta: self.tail(), slack: 0.0 }
        } else {
            Equivalent::of_claim(self.split.epsilon, self.split.accounted_delta)
        }
    }

    /// The cost of the first counts, and the delta for thresholds and the samplers' slack.
    pub fn fixed_cost(&self) -> Equivalent {
        let precision = self.split.count_noise_multiplier.powi(-2) * (1.0 + 1e-14);
        Equivalent { precision, delta: self.split.thresholds_delta(), slack: self.split.slack() }
    }

    /// The delta for the comparison with a Gaussian mechanism.
    pub fn tail(&self) -> f64 {
        TAIL_SHARE * self.split.accounted_delta
    }

    /// The budget that is left for the training after this domain discovery.
    pub fn training_budget(&self, discovery: Option<Mechanism>) -> TrainingBudget {
        TrainingBudget {
            epsilon: self.split.epsilon,
            delta: self.split.accounted_delta,
            prior: discovery.map(|mechanism| (mechanism, 1)).into_iter().collect(),
        }
    }

    /// The plan for a table of this many rows, each the only one of its unit. May take a second.
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

    /// Refuses a training whose noise samplers would use more delta than is reserved for them.
    ///
    /// # Errors
    /// `InvalidParameter` if this many draws of noise need more.
    pub fn check_draws(&self, draws: u64) -> Result<()> {
        if self.split.affords(draws, SLACK_PER_DRAW) {
            return Ok(());
        }
        Err(EngineError::invalid(
            "delta is too small for this many draws of noise",
            "Each draw of noise is exact except with a probability that is charged to delta.",
            "Use a larger delta, fewer steps or a smaller network.",
        ))
    }

    /// The same check for the minimum number of draws on this many rows. If units are not rows, their number is unknown,
    /// and one unit is assumed.
    ///
    /// # Errors
    /// As [`Setup::check_draws`].
    pub fn expect_draws(&self, rows: f64) -> Result<()> {
        let units = if self.units_are_rows() { rows } else { 1.0 };
        self.check_draws(self.method.least_draws(&self.options, self.columns.len(), units))
    }

    /// The charge: the first counts, then everything else.
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

/// The cost of stages that use up a budget, together with what came before them. If the accountant cannot evaluate them
/// to `tail`, as at epsilons that protect nobody, it is the cost of their claim.
pub fn cost_of(budget: &TrainingBudget, stages: &[Stage], tail: f64) -> Equivalent {
    let mut mechanisms = budget.prior.clone();
    mechanisms.extend(stages.iter().map(|stage| (stage.mechanism, stage.times)));
    Equivalent::of(&mechanisms, tail).unwrap_or_else(|_| Equivalent::of_claim(budget.epsilon, budget.delta))
}

/// Whether a cost is at most another one in all respects.
pub fn is_within(cost: Equivalent, most: Equivalent) -> bool {
    cost.precision <= most.precision && cost.delta <= most.delta && cost.slack <= most.slack
}

/// The budget with the largest epsilon whose purchase stays within `most`; what it buys, and the cost.
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
        "With any amount of noise, the training may cost more than is left.",
        "Use another method, or a larger budget.",
    ))
}

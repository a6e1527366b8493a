//! Prepares a trainer from an encoded table and calibrates its noise, on another thread because it may take a second.

use super::background::Background;
use super::setup::Setup;
use super::spending::{cost_of, is_within, keeping_to};
use crate::engine::models::{MethodOptions, Trainer, TrainingBudget, TrainingInput};
use crate::engine::privacy::accountant::gdp::Equivalent;
use crate::engine::privacy::ledger::{Ledger, Phase};
use crate::engine::privacy::mechanisms::{Mechanism, Stage};
use crate::engine::{EngineError, Result};

/// A trainer, its stages, and their cost together with the discovery of domains.
pub struct Prepared {
    pub trainer: Box<dyn Trainer>,
    pub stages: Vec<Stage>,
    pub cost: Equivalent,
}

/// The inputs of the preparation, except the budget.
pub type Work = Background<Result<Prepared>>;

/// Starts to calibrate and build the trainer of `input` with these options, and with the budget that domain discovery left.
pub fn start(setup: &Setup, options: MethodOptions, input: TrainingInput, discovery: Option<Mechanism>) -> Work {
    let (method, held) = (setup.method, setup.held);
    let (tail, most) = (setup.tail(), setup.rest_reserve());
    // The claim, whatever the stages are.
    let claim = setup.ledger(discovery, &[]);
    Background::start(move || {
        let (columns, noisy_units, budget) = (input.domains.len(), input.noisy_units(), input.budget.clone());
        let (budget, known) = if held {
            let stages = |b: &TrainingBudget| method.stages(columns, noisy_units, b, &options);
            let (budget, stages, cost) = keeping_to(most, tail, budget, stages)?;
            (budget, Some((stages, cost)))
        } else {
            (budget, None)
        };
        let trainer = method.trainer(TrainingInput { budget: budget.clone(), ..input }, options)?;
        let stages = trainer.mechanisms();
        check_claim(&claim, &stages)?;
        let known = known.filter(|(planned, _)| *planned == stages);
        let cost = known.map_or_else(|| cost_of(&budget, &stages, tail), |(_, cost)| cost);
        if is_within(cost, most) {
            Ok(Prepared { trainer, stages, cost })
        } else if held {
            Err(EngineError::Internal("a training would cost more than is charged"))
        } else {
            // The claim is also a bound.
            Ok(Prepared { trainer, stages, cost: most })
        }
    })
}

/// Whether every phase of the claim, with these stages in the last one, costs what it says. The accountant recomputes
/// it from the noise that will be drawn.
fn check_claim(claim: &Ledger, stages: &[Stage]) -> Result<()> {
    for (i, phase) in claim.phases.iter().enumerate() {
        let added: &[Stage] = if i + 1 == claim.phases.len() { stages } else { &[] };
        let phase = Phase { stages: [&phase.stages, added].concat(), ..phase.clone() };
        if !phase.holds()? {
            return Err(EngineError::Internal("a training would cost more than it claims"));
        }
    }
    Ok(())
}

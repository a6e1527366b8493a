//! What a training bought, stage by stage, and the guarantee that adds up.

use serde::{Deserialize, Serialize};

use super::accountant;
use super::mechanism::{Mechanism, Stage};
use crate::engine::Result;

/// Which tables count as neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Neighbours {
    /// Tables that differ by adding or removing one row.
    AddRemoveRow,
}

impl Neighbours {
    /// The relation in words, as shown to users.
    pub fn describe(self) -> &'static str {
        match self {
            Self::AddRemoveRow => "add or remove one row",
        }
    }
}

/// Stages whose parameters were all fixed before the first of them ran: they compose tightly, by privacy-loss
/// distributions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// Upper bound for the phase at `delta`.
    pub epsilon: f64,
    /// Everything the phase may leak with probability: the accountant's delta, thresholds, and the samplers' slack.
    pub delta: f64,
    /// The part of `delta` at which the accountant evaluates the stages.
    pub accounted_delta: f64,
    pub stages: Vec<Stage>,
}

impl Phase {
    /// Recomputes the phase's epsilon from its stages: never above the claim for an honest ledger.
    pub fn accounted_epsilon(&self) -> Result<f64> {
        accountant::epsilon(&self.mechanisms(), self.accounted_delta)
    }

    /// The stages as the accountant takes them.
    pub fn mechanisms(&self) -> Vec<(Mechanism, u64)> {
        self.stages.iter().map(|stage| (stage.mechanism, stage.times)).collect()
    }
}

/// The guarantee of one training. Phases compose by adding up epsilon and delta, because the parameters of a phase
/// may depend on what earlier phases released.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    pub epsilon: f64,
    pub delta: f64,
    pub neighbours: Neighbours,
    pub phases: Vec<Phase>,
}

impl Ledger {
    /// All stages in the order in which they ran.
    pub fn stages(&self) -> impl Iterator<Item = &Stage> {
        self.phases.iter().flat_map(|phase| &phase.stages)
    }
}

//! The cost of a training, stage by stage, and the resulting guarantee.

use serde::{Deserialize, Serialize};

use super::accountant;
use super::mechanisms::{Mechanism, Stage};
use super::meter::{Record, StageRecord};
use crate::engine::{EngineError, Result};

/// Which tables are neighbours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Neighbours {
    /// Tables that differ by adding or removing one row.
    AddRemoveRow,
    /// Tables that differ by adding or removing all rows of one unit.
    AddRemoveUnit(PrivacyUnit),
}

/// The protected unit, if it is not the row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivacyUnit {
    /// The column whose values identify the units. Each NULL is a unit by itself.
    pub column: String,
    /// Maximum number of rows used per unit.
    pub rows: u32,
}

impl Neighbours {
    /// The relation in words, for users.
    pub fn describe(&self) -> String {
        match self {
            Self::AddRemoveRow => "add or remove one row".to_owned(),
            Self::AddRemoveUnit(PrivacyUnit { column, rows }) => {
                format!("add or remove all rows of one \"{column}\" (at most {rows} used)")
            }
        }
    }

    /// The guarantee, in one sentence that can be quoted.
    pub fn guarantee(&self, epsilon: f64, delta: f64) -> String {
        let who = match self {
            Self::AddRemoveRow => "any one row".to_owned(),
            Self::AddRemoveUnit(PrivacyUnit { column, .. }) => format!("all rows of any one \"{column}\""),
        };
        format!(
            "Whatever anybody does with the model, and whatever else they know, each conclusion that they draw is at \
             most {} times as likely with {who} in the table as without, and the other way round, except with a \
             probability of {delta:e}.",
            factor(epsilon)
        )
    }

    /// The unit, if it is not the row.
    pub fn unit(&self) -> Option<&PrivacyUnit> {
        match self {
            Self::AddRemoveRow => None,
            Self::AddRemoveUnit(unit) => Some(unit),
        }
    }
}

/// `e^epsilon`, rounded up to three digits.
fn factor(epsilon: f64) -> String {
    let factor = epsilon.exp();
    let unit = 10f64.powf(factor.log10().floor() - 2.0);
    let rounded = (factor / unit).ceil() * unit;
    if rounded < 1e6 { format!("{}", (rounded * 1e6).round() / 1e6) } else { format!("{rounded:.2e}") }
}

/// Stages whose parameters were all fixed before the first of them ran. They compose tightly, by privacy-loss
/// distributions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Phase {
    /// Upper bound for the phase at `delta`.
    pub epsilon: f64,
    /// The total delta of the phase: the accountant's delta, thresholds, and the samplers' slack.
    pub delta: f64,
    /// The part of `delta` at which the accountant evaluates the stages.
    pub accounted_delta: f64,
    pub stages: Vec<Stage>,
}

impl Phase {
    /// Recomputes the phase's epsilon from its stages. It never exceeds the claim of a correct ledger.
    pub fn accounted_epsilon(&self) -> Result<f64> {
        accountant::epsilon(&self.mechanisms(), self.accounted_delta)
    }

    /// Whether the stages cost at most the claim, recomputed: their epsilon, or their delta at the claimed epsilon,
    /// within the possible difference of two grids of the accountant.
    ///
    /// # Errors
    /// `InvalidParameter` if a parameter of a mechanism is invalid, `Internal` if the accountant finds no bound.
    pub fn holds(&self) -> Result<bool> {
        match self.accounted_epsilon() {
            Ok(epsilon) if epsilon <= self.epsilon * (1.0 + ROOM) => Ok(true),
            Ok(_) | Err(EngineError::Internal(_)) => {
                let delta = accountant::delta_near(&self.mechanisms(), self.epsilon, self.accounted_delta)?;
                Ok(delta <= self.accounted_delta * (1.0 + GRID_ROOM))
            }
            Err(error) => Err(error),
        }
    }

    /// The stages in the accountant's form.
    pub fn mechanisms(&self) -> Vec<(Mechanism, u64)> {
        self.stages.iter().map(|stage| (stage.mechanism, stage.times)).collect()
    }
}

/// The guarantee of one training. Epsilon and delta of the phases add up, because the parameters of a phase may depend
/// on the releases of earlier phases.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    pub epsilon: f64,
    pub delta: f64,
    pub neighbours: Neighbours,
    pub phases: Vec<Phase>,
}

/// Relative error of sums of precisions and deltas, and of a recomputed epsilon.
const ROOM: f64 = 1e-9;
/// Maximum relative difference between bounds of one delta on different grids.
const GRID_ROOM: f64 = 1e-3;

/// Whether a stage covers what ran under its name. Without a stage, nothing may have run.
fn covers(charged: Option<&Stage>, ran: &StageRecord) -> bool {
    let one_use = charged.and_then(|stage| stage.mechanism.simplified());
    let uses = charged.map_or(0, |stage| stage.times.saturating_mul(stage.mechanism.steps()));
    let paid = one_use.map_or(StageRecord::NOTHING, |mechanism| mechanism.facts().pays_for(uses));
    ran.is_within(&paid, ROOM)
}

/// Maximum number of stages of a training.
const MAX_STAGES: usize = 100;

impl Ledger {
    /// Whether a training may have written it. Otherwise it might exhaust the accountant's memory or time.
    pub fn is_plausible(&self) -> bool {
        let known = |phase: &Phase| {
            (1e-60..1.0).contains(&phase.accounted_delta) && phase.stages.iter().all(Stage::is_plausible)
        };
        self.stages().count() <= MAX_STAGES
            && self.epsilon.is_finite()
            && self.epsilon > 0.0
            && self.delta > 0.0
            && self.delta < 1.0
            && self.phases.iter().all(known)
    }

    /// Compares the charge with what ran. `thresholds_delta` is the delta for keys above thresholds.
    ///
    /// # Errors
    /// `Internal` if anything ran that is not charged, or with less noise, or more often than charged.
    pub fn check(&self, record: &Record, thresholds_delta: f64) -> Result<()> {
        let mut names: Vec<&str> = self.stages().map(|stage| stage.name.as_str()).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(EngineError::Internal("two stages of a training have the same name"));
        }
        for (name, ran) in record.stages() {
            if !covers(self.stages().find(|stage| stage.name == name), ran) {
                return Err(EngineError::Internal("a training used a mechanism that is not charged"));
            }
        }
        let given_up: f64 = record.stages().map(|(_, ran)| ran.threshold_delta).sum();
        if !(given_up <= thresholds_delta * (1.0 + ROOM)) {
            return Err(EngineError::Internal("a training used more delta than is charged"));
        }
        Ok(())
    }

    /// All stages in the order in which they ran.
    pub fn stages(&self) -> impl Iterator<Item = &Stage> {
        self.phases.iter().flat_map(|phase| &phase.stages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::privacy::mechanisms::tests::extremes;

    #[test]
    fn extremes_of_what_is_plausible_are_answered() {
        for mechanism in extremes() {
            for (times, accounted_delta) in [(1, 1e-60), (1_000_000, 1e-6)] {
                let stages = vec![Stage { name: String::new(), mechanism, times }];
                let phase = Phase { epsilon: 1.0, delta: 1e-6, accounted_delta, stages };
                let _ = phase.accounted_epsilon();
                let neighbours = Neighbours::AddRemoveRow;
                assert!(Ledger { epsilon: 1.0, delta: 1e-6, neighbours, phases: vec![phase] }.is_plausible());
            }
        }
    }

    #[test]
    fn what_no_training_writes_is_not_plausible() {
        let ledger = |epsilon, noise_multiplier, steps, times| {
            let mechanism = Mechanism::SubsampledGaussian { sampling_rate: 0.5, noise_multiplier, steps };
            let stages = vec![Stage { name: String::new(), mechanism, times }];
            let phases = vec![Phase { epsilon, delta: 1e-6, accounted_delta: 1e-6, stages }];
            Ledger { epsilon, delta: 1e-6, neighbours: Neighbours::AddRemoveRow, phases }
        };
        assert!(ledger(1.0, 1.0, 1000, 1).is_plausible());
        for (epsilon, noise, steps, times) in
            [(f64::NAN, 1.0, 1, 1), (1.0, 1e-300, 1, 1), (1.0, 1.0, u64::MAX, 1), (1.0, 1.0, 1, u64::MAX)]
        {
            assert!(!ledger(epsilon, noise, steps, times).is_plausible());
        }
    }

    #[test]
    fn relations_are_stored_as_they_always_were() {
        assert_eq!(postcard::to_stdvec(&Neighbours::AddRemoveRow).unwrap(), [0]);
        let unit = Neighbours::AddRemoveUnit(PrivacyUnit { column: "patient".into(), rows: 3 });
        let bytes = postcard::to_stdvec(&unit).unwrap();
        assert_eq!(bytes[0], 1);
        assert_eq!(postcard::from_bytes::<Neighbours>(&bytes).unwrap(), unit);
        assert_eq!(unit.describe(), "add or remove all rows of one \"patient\" (at most 3 used)");
    }

    #[test]
    fn factors_are_rounded_up() {
        for (epsilon, expected) in [(1.0, "2.72"), (0.1, "1.11"), (3.0, "20.1"), (10.0, "22100"), (20.0, "4.86e8")] {
            assert_eq!(factor(epsilon), expected);
        }
        let unit = Neighbours::AddRemoveUnit(PrivacyUnit { column: "patient".into(), rows: 5 });
        let sentence = unit.guarantee(1.0, 1e-6);
        assert!(sentence.contains("2.72 times") && sentence.contains("\"patient\"") && sentence.contains("1e-6"));
    }
}

//! The private mechanisms that the accountant knows, as data. Neighbouring tables differ by adding or removing one
//! privacy unit throughout.

use serde::{Deserialize, Serialize};

/// One use of one mechanism with sensitivity 1 (noise is stated relative to the sensitivity).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Mechanism {
    /// Gaussian noise of standard deviation `noise_multiplier` times the L2 sensitivity.
    Gaussian { noise_multiplier: f64 },
    /// `steps` Gaussian sums, each over a fresh Poisson sample of the units with rate `sampling_rate`.
    SubsampledGaussian { sampling_rate: f64, noise_multiplier: f64, steps: u64 },
    /// Laplace noise of scale `scale` times the L1 sensitivity.
    Laplace { scale: f64 },
    /// Anything `epsilon`-differentially private.
    Pure { epsilon: f64 },
    /// A choice whose probabilities' log-ratio between neighbours varies by at most `epsilon` over the outcomes, such as
    /// the exponential mechanism with `exp(epsilon * score / 2)` for scores of sensitivity 1.
    BoundedRange { epsilon: f64 },
}

/// A mechanism used `times` times, with the name of what it paid for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// What was bought, such as `row count`, `numeric bins`, `training`.
    pub name: String,
    pub mechanism: Mechanism,
    pub times: u64,
}

impl Stage {
    /// Whether a training may have had it.
    pub fn is_plausible(&self) -> bool {
        self.times <= MAX_TIMES && self.mechanism.is_plausible()
    }
}

/// Uses of a mechanism, and steps of a training, at most.
const MAX_TIMES: u64 = 1_000_000;
const MAX_STEPS: u64 = 1_000_000_000;

impl Mechanism {
    fn is_plausible(self) -> bool {
        let epsilons = |epsilon: f64| epsilon == 0.0 || (1e-9..=1e6).contains(&epsilon);
        match self {
            Self::Gaussian { noise_multiplier } => (1e-9..=1e12).contains(&noise_multiplier),
            Self::SubsampledGaussian { sampling_rate, noise_multiplier, steps } => {
                (0.0..=1.0).contains(&sampling_rate) && (1e-3..=1e12).contains(&noise_multiplier) && steps <= MAX_STEPS
            }
            Self::Laplace { scale } => (1e-6..=1e12).contains(&scale),
            Self::Pure { epsilon } | Self::BoundedRange { epsilon } => epsilons(epsilon),
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The least and the most of each parameter that is plausible.
    pub fn extremes() -> Vec<Mechanism> {
        let mut all = Vec::new();
        for epsilon in [0.0, 1e-9, 1e6] {
            all.extend([Mechanism::Pure { epsilon }, Mechanism::BoundedRange { epsilon }]);
        }
        all.extend([1e-6, 1e12].map(|scale| Mechanism::Laplace { scale }));
        all.extend([1e-9, 1e12].map(|noise_multiplier| Mechanism::Gaussian { noise_multiplier }));
        for sampling_rate in [1e-12, 0.5] {
            for noise_multiplier in [1e-3, 1.0, 1e12] {
                for steps in [1, MAX_STEPS] {
                    all.push(Mechanism::SubsampledGaussian { sampling_rate, noise_multiplier, steps });
                }
            }
        }
        all
    }
}

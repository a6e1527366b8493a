//! The private mechanisms, each in a separate file: how it runs, what it costs, and a cross-check of the cost.
//! Neighbouring tables always differ by adding or removing one privacy unit.

pub mod exponential;
pub mod facts;
pub mod gaussian;
#[cfg(test)]
mod laplace;
pub mod noisy_counts;
pub mod sparse_histogram;
pub mod subsampled_gaussian;

use serde::{Deserialize, Serialize};

use self::exponential::BoundedRange;
use self::facts::Facts;
use self::gaussian::Gaussian;
use self::subsampled_gaussian::SubsampledGaussian;

/// One use of one mechanism with sensitivity 1 (noise is stated relative to the sensitivity).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub enum Mechanism {
    /// Gaussian noise of standard deviation `noise_multiplier` times the L2 sensitivity.
    Gaussian { noise_multiplier: f64 },
    /// `steps` Gaussian sums, each over a new Poisson sample of the units with rate `sampling_rate`.
    SubsampledGaussian { sampling_rate: f64, noise_multiplier: f64, steps: u64 },
    /// A choice for which the probabilities' log-ratio between neighbours varies by at most `epsilon` over the
    /// outcomes, such as the exponential mechanism with `exp(epsilon * score / 2)` for scores of sensitivity 1.
    BoundedRange { epsilon: f64 },
    /// Laplace noise of scale `scale` times the L1 sensitivity, for known answers of other accountants.
    #[cfg(test)]
    Laplace { scale: f64 },
    /// Any `epsilon`-differentially private mechanism, for the same purpose.
    #[cfg(test)]
    Pure { epsilon: f64 },
}

/// The stored form of a mechanism. The order of the variants is part of the format of models.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Mechanism")]
enum Stored {
    Gaussian {
        noise_multiplier: f64,
    },
    SubsampledGaussian {
        sampling_rate: f64,
        noise_multiplier: f64,
        steps: u64,
    },
    /// No training uses them.
    Laplace {
        scale: f64,
    },
    Pure {
        epsilon: f64,
    },
    BoundedRange {
        epsilon: f64,
    },
}

impl TryFrom<Stored> for Mechanism {
    type Error = &'static str;

    fn try_from(stored: Stored) -> Result<Self, &'static str> {
        Ok(match stored {
            Stored::Gaussian { noise_multiplier } => Self::Gaussian { noise_multiplier },
            Stored::SubsampledGaussian { sampling_rate, noise_multiplier, steps } => {
                Self::SubsampledGaussian { sampling_rate, noise_multiplier, steps }
            }
            Stored::BoundedRange { epsilon } => Self::BoundedRange { epsilon },
            Stored::Laplace { .. } | Stored::Pure { .. } => return Err("a mechanism that no training uses"),
        })
    }
}

impl From<Mechanism> for Stored {
    fn from(mechanism: Mechanism) -> Self {
        match mechanism {
            Mechanism::Gaussian { noise_multiplier } => Self::Gaussian { noise_multiplier },
            Mechanism::SubsampledGaussian { sampling_rate, noise_multiplier, steps } => {
                Self::SubsampledGaussian { sampling_rate, noise_multiplier, steps }
            }
            Mechanism::BoundedRange { epsilon } => Self::BoundedRange { epsilon },
            #[cfg(test)]
            Mechanism::Laplace { scale } => Self::Laplace { scale },
            #[cfg(test)]
            Mechanism::Pure { epsilon } => Self::Pure { epsilon },
        }
    }
}

/// Maximum uses of a mechanism, and maximum steps of a training.
const MAX_TIMES: u64 = 1_000_000;
const MAX_STEPS: u64 = 1_000_000_000;

impl Mechanism {
    /// The accountant's facts about one use, or about one step.
    pub fn facts(self) -> Box<dyn Facts> {
        match self {
            Self::Gaussian { noise_multiplier } => Box::new(Gaussian { noise_multiplier }),
            Self::SubsampledGaussian { sampling_rate, noise_multiplier, .. } => {
                Box::new(SubsampledGaussian { rate: sampling_rate, noise_multiplier })
            }
            Self::BoundedRange { epsilon } => Box::new(BoundedRange { epsilon }),
            #[cfg(test)]
            Self::Laplace { scale } => Box::new(laplace::Laplace { scale }),
            #[cfg(test)]
            Self::Pure { epsilon } => Box::new(laplace::Pure { epsilon }),
        }
    }

    /// Steps in one use.
    pub fn steps(self) -> u64 {
        match self {
            Self::SubsampledGaussian { steps, .. } => steps,
            Self::Gaussian { .. } | Self::BoundedRange { .. } => 1,
            #[cfg(test)]
            Self::Laplace { .. } | Self::Pure { .. } => 1,
        }
    }

    /// Rate of the Poisson samples, if it is applied to samples.
    pub fn sampling_rate(self) -> Option<f64> {
        match self {
            Self::SubsampledGaussian { sampling_rate, .. } => Some(sampling_rate),
            Self::Gaussian { .. } | Self::BoundedRange { .. } => None,
            #[cfg(test)]
            Self::Laplace { .. } | Self::Pure { .. } => None,
        }
    }

    /// One step of it. A sample of all units is not a sample, and a mechanism that releases nothing is `None`.
    pub fn simplified(self) -> Option<Self> {
        match self {
            Self::SubsampledGaussian { sampling_rate: 0.0, .. } | Self::BoundedRange { epsilon: 0.0 } => None,
            Self::SubsampledGaussian { sampling_rate: 1.0, noise_multiplier, .. } => {
                Some(Self::Gaussian { noise_multiplier })
            }
            Self::SubsampledGaussian { sampling_rate, noise_multiplier, .. } => {
                Some(Self::SubsampledGaussian { sampling_rate, noise_multiplier, steps: 1 })
            }
            #[cfg(test)]
            Self::Pure { epsilon: 0.0 } => None,
            Self::Gaussian { .. } | Self::BoundedRange { .. } => Some(self),
            #[cfg(test)]
            Self::Laplace { .. } | Self::Pure { .. } => Some(self),
        }
    }

    fn is_plausible(self) -> bool {
        self.steps() <= MAX_STEPS && self.facts().is_plausible()
    }
}

/// A mechanism that is used `times` times, with the name of its purpose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// The purpose, such as `row count`, `domains`, `training`.
    pub name: String,
    pub mechanism: Mechanism,
    pub times: u64,
}

impl Stage {
    /// Whether a training may have used it.
    pub fn is_plausible(&self) -> bool {
        self.times <= MAX_TIMES && self.mechanism.is_plausible()
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The plausible range of each parameter.
    pub fn extremes() -> Vec<Mechanism> {
        let mut all = Vec::new();
        for epsilon in [0.0, 1e-9, 1e6] {
            all.push(Mechanism::BoundedRange { epsilon });
        }
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

    #[test]
    fn mechanisms_are_stored_as_they_always_were() {
        let stored = |mechanism: Mechanism| postcard::to_stdvec(&mechanism).unwrap();
        assert_eq!(stored(Mechanism::Gaussian { noise_multiplier: 1.0 })[0], 0);
        let sampled = Mechanism::SubsampledGaussian { sampling_rate: 0.5, noise_multiplier: 1.0, steps: 3 };
        assert_eq!((stored(sampled)[0], stored(sampled).len()), (1, 18));
        let choice = Mechanism::BoundedRange { epsilon: 0.25 };
        assert_eq!(stored(choice)[0], 4);
        for mechanism in [sampled, choice] {
            assert_eq!(postcard::from_bytes::<Mechanism>(&stored(mechanism)).unwrap(), mechanism);
        }
        assert!(postcard::from_bytes::<Mechanism>(&stored(Mechanism::Pure { epsilon: 1.0 })).is_err());
    }
}

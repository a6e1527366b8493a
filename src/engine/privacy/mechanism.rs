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

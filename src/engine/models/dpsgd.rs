//! DP-SGD for every network of a model: sampling rates, numbers of steps, noise, and their cost. No method has separate
//! code for any of this.

use rayon::current_num_threads;

use super::contract::TrainingBudget;
use crate::engine::Result;
use crate::engine::nn::adam::{Adam, MovingAverage};
use crate::engine::nn::batch_sum::Gradients;
use crate::engine::nn::clip::Rule;
use crate::engine::nn::private_gradient::PrivateGradients;
use crate::engine::privacy::accountant;
use crate::engine::privacy::mechanisms::{Mechanism, Stage};
use crate::engine::privacy::meter::Meter;
use crate::engine::privacy::samplers::poisson::SamplingRate;

/// Constant that is added to a gradient's norm before it is scaled to the clipping norm C, in multiples of C.
const STABILITY: f64 = 0.01;

/// Number of steps and sampling rate of units.
#[derive(Debug, Clone, Copy)]
pub struct Steps {
    rate: SamplingRate,
    pub steps: u64,
}

impl Steps {
    /// Steps of `batch_size` expected units each that make `epochs` passes over `noisy_units` units.
    pub fn new(noisy_units: f64, epochs: f64, batch_size: f64) -> Self {
        let rate = SamplingRate::nearest((batch_size / noisy_units.max(1.0)).min(1.0));
        Self { rate, steps: (epochs / rate.value()).ceil().clamp(1.0, 1e9) as u64 }
    }

    /// All steps with this noise.
    fn stage(self, name: &str, noise_multiplier: f64) -> Stage {
        let (sampling_rate, steps) = (self.rate.value(), self.steps);
        let (mechanism, times) = if sampling_rate < 1.0 {
            (Mechanism::SubsampledGaussian { sampling_rate, noise_multiplier, steps }, 1)
        } else {
            (Mechanism::Gaussian { noise_multiplier }, steps)
        };
        Stage { name: name.to_owned(), mechanism, times }
    }

    /// Noise multiplier, up to a common factor, with which the steps cost `share` of the cost of all phases. Where
    /// subsampling amplifies, precision adds up as (rate / noise)^2 x steps.
    fn noise(self, share: f64) -> f64 {
        (self.rate.value().powi(2) * self.steps as f64 / share).sqrt()
    }
}

/// One network's part of a training.
#[derive(Debug, Clone, Copy)]
pub struct TrainingPhase {
    /// Its name in the ledger.
    pub name: &'static str,
    pub steps: Steps,
    /// Share of the training budget.
    pub share: f64,
}

impl TrainingPhase {
    /// The only phase of a training: see [`Steps::new`].
    pub fn alone(name: &'static str, noisy_units: f64, epochs: f64, batch_size: f64) -> Self {
        Self { name, steps: Steps::new(noisy_units, epochs, batch_size), share: 1.0 }
    }
}

/// The noise multipliers with which the phases together use up a budget.
///
/// # Errors
/// `InvalidParameter` if no noise is enough.
pub fn calibrate(phases: &[TrainingPhase], budget: &TrainingBudget) -> Result<Vec<f64>> {
    // Relative to the first, so that for a single phase the search is for its noise.
    let first = phases.first().map_or(1.0, |phase| phase.steps.noise(phase.share));
    let noise = |z: f64| phases.iter().map(move |phase| z * (phase.steps.noise(phase.share) / first));
    let family = |z: f64| {
        let stages = phases.iter().zip(noise(z)).map(|(phase, noise)| phase.steps.stage(phase.name, noise));
        stages.map(|stage| (stage.mechanism, stage.times)).collect()
    };
    let z = accountant::calibrate(&budget.prior, budget.epsilon, budget.delta, family)?;
    Ok(noise(z).collect())
}

/// The calibrated cost of phases.
///
/// # Errors
/// As [`calibrate`].
pub fn stages(phases: &[TrainingPhase], budget: &TrainingBudget) -> Result<Vec<Stage>> {
    let noise = calibrate(phases, budget)?;
    Ok(phases.iter().zip(noise).map(|(phase, noise)| phase.steps.stage(phase.name, noise)).collect())
}

/// Training settings of a network.
#[derive(Debug, Clone, Copy)]
pub struct DpSgdSettings {
    /// Bound C on the norm of a unit's gradient, and whether every gradient is scaled to it.
    pub clipping_norm: f64,
    pub normalise: bool,
    pub learning_rate: f64,
    /// Decay rates of Adam's moments.
    pub betas: (f64, f64),
    /// Weight of the past in the moving average of parameters.
    pub ema: f64,
}

/// The training of one network's parameters. `S` is the kind of sum of its gradients.
pub struct DpSgd<S> {
    phase: TrainingPhase,
    gradients: PrivateGradients<S>,
    adam: Adam,
    average: MovingAverage,
    parameters: usize,
}

impl<S> DpSgd<S> {
    /// Steps of `phase`, recorded under its name, with at least this noise, for this many units and parameters.
    ///
    /// # Errors
    /// `InvalidParameter` if this much noise cannot be drawn.
    pub fn new(
        phase: TrainingPhase,
        settings: DpSgdSettings,
        noise_multiplier: f64,
        noisy_units: f64,
        parameters: usize,
        meter: &Meter,
    ) -> Result<Self> {
        let rule = if settings.normalise { Rule::Normalised { stability: STABILITY } } else { Rule::Flat };
        let (rate, norm) = (phase.steps.rate, settings.clipping_norm);
        let expected = rate.value() * noisy_units;
        let gradients = PrivateGradients::new(
            rate,
            noise_multiplier,
            rule,
            norm,
            expected,
            parameters,
            meter.for_stage(phase.name)?,
        )?;
        let adam = Adam::new(parameters, settings.learning_rate, settings.betas);
        Ok(Self { phase, gradients, adam, average: MovingAverage::new(parameters, settings.ema), parameters })
    }

    /// Works on a private gradient over `units` units (or rows). Returns it once it is complete.
    ///
    /// # Errors
    /// `Internal` if the backend fails.
    pub fn advance<G: Gradients<Sum = S>>(&mut self, of: &G, units: usize) -> Result<Option<Vec<f32>>> {
        self.gradients.advance(of, units)
    }

    /// Takes a step along a private gradient. Then `bound` may move the parameters by public rules.
    pub fn update(&mut self, parameters: &mut [f32], gradient: &[f32], bound: impl FnOnce(&mut [f32])) {
        self.adam.step(parameters, gradient);
        bound(parameters);
        self.average.push(parameters);
    }

    /// The average of the parameters so far. Without one, the given parameters.
    pub fn average(&self, parameters: &[f32]) -> Vec<f32> {
        self.average.value().unwrap_or_else(|| parameters.to_vec())
    }

    /// Steps in all.
    pub fn steps(&self) -> u64 {
        self.phase.steps.steps
    }

    /// Their cost, with the realised noise.
    pub fn stage(&self) -> Stage {
        self.phase.steps.stage(self.phase.name, self.gradients.noise_multiplier())
    }

    /// Their number of draws of noise.
    pub fn noise_draws(&self) -> u64 {
        noise_draws(self.phase.steps, self.parameters)
    }
}

/// Number of draws of noise of these steps with this many parameters.
pub fn noise_draws(steps: Steps, parameters: usize) -> u64 {
    steps.steps.saturating_mul(parameters as u64)
}

/// Memory of training this many parameters: weights, moments, averages and gradients in `f32`, and a 64-bit sum for
/// each thread.
pub fn memory_estimate(parameters: usize) -> u64 {
    parameters as u64 * (4 * 8 + 8 * (current_num_threads() as u64 + 1))
}

//! Trains a diffusion model under DP-SGD. Then fits its sampler to the released shares, which costs nothing.

use super::architecture::{WIDEST_CONCATENATED, architecture, layout};
use super::denoising::{Denoising, Prediction, RowLoss};
use super::model::DiffusionModel;
use super::options::DiffusionOptions;
use super::sampler::Calibration;
use crate::engine::models::contract::{Synthesizer, TrainingBudget, TrainingInput};
use crate::engine::models::dpsgd::{self, DpSgd, DpSgdSettings, TrainingPhase};
use crate::engine::models::row_encoding::widest;
use crate::engine::models::training::Learner;
use crate::engine::nn::batch_sum::{BatchSum, Ghost};
use crate::engine::nn::mlp::{Architecture, Mlp};
use crate::engine::nn::normals::Normals;
use crate::engine::privacy::mechanisms::Stage;
use crate::engine::table::UnitTable;
use crate::engine::{EngineError, Result};

/// Decay rates of Adam's moments (table_diffusion.py, `b1`, `b2`).
const BETAS: (f64, f64) = (0.5, 0.999);
/// A diffusion model in training. The table is private; everything else is public or charged.
pub struct Diffusion {
    table: UnitTable,
    denoising: Denoising,
    options: DiffusionOptions,
    net: Mlp,
    sgd: DpSgd<BatchSum>,
    calibration: Option<Calibration>,
}

/// See [`crate::engine::models::Method::memory_estimate`].
pub fn memory_estimate(options: &DiffusionOptions, columns: usize) -> u64 {
    let states = widest(columns);
    let hidden = options.hidden.iter().map(|width| *width as usize).collect();
    let shape = Architecture { inputs: states, hidden, outputs: states, concatenate: states <= WIDEST_CONCATENATED };
    let parameters = shape.parameters().unwrap_or(usize::MAX / 1024);
    // A block's activations and gradients.
    let block = 320 * shape.width() as u64 * 4 * 8;
    dpsgd::memory_estimate(parameters) + block * rayon::current_num_threads() as u64
}

fn phase(noisy_units: f64, options: &DiffusionOptions) -> TrainingPhase {
    TrainingPhase::alone("training", noisy_units, options.epochs, options.batch_size)
}

/// See [`crate::engine::models::Method::least_draws`].
pub fn least_draws(noisy_units: f64, options: &DiffusionOptions, columns: usize) -> u64 {
    let hidden = options.hidden.iter().map(|width| *width as usize).collect();
    let shape = Architecture { inputs: columns, hidden, outputs: columns, concatenate: false };
    dpsgd::noise_draws(phase(noisy_units, options).steps, shape.parameters().unwrap_or(0))
}

/// See [`crate::engine::models::Method::stages`].
pub fn stages(noisy_units: f64, budget: &TrainingBudget, options: &DiffusionOptions) -> Result<Vec<Stage>> {
    dpsgd::stages(&[phase(noisy_units, options)], budget)
}

impl Diffusion {
    /// See [`crate::engine::models::Method::trainer`].
    pub fn new(prediction: Prediction, input: TrainingInput, options: DiffusionOptions) -> Result<Self> {
        let (table, domains, noisy_units, budget, mut meter) = input.split();
        let phase = phase(noisy_units, &options);
        let noise = dpsgd::calibrate(&[phase], &budget)?[0];
        let denoising = Denoising::new(layout(&domains, &options), prediction, &options);
        let mut random = Normals::secret(meter.rng());
        let net = Mlp::new(architecture(&denoising, &options), options.prior, &mut random)?;
        let settings = DpSgdSettings {
            clipping_norm: options.clipping_norm,
            normalise: options.normalise,
            learning_rate: options.learning_rate,
            betas: BETAS,
            ema: options.ema,
        };
        let sgd = DpSgd::new(phase, settings, noise, noisy_units, net.parameters.len(), &meter)?;
        Ok(Self { table, denoising, options, net, sgd, calibration: None })
    }

    /// Works on a private step. True once it is taken.
    fn private_step(&mut self) -> Result<bool> {
        let UnitTable { table, units } = &self.table;
        let objective = RowLoss { denoising: &self.denoising, table, units: units.as_ref() };
        let gradient = self.sgd.advance(&Ghost { net: &self.net, objective: &objective }, self.table.examples())?;
        let Some(gradient) = gradient else { return Ok(false) };
        self.sgd.update(&mut self.net.parameters, &gradient, |_| ());
        Ok(true)
    }

    fn calibration(&mut self) -> &mut Calibration {
        let (denoising, sgd, net) = (&self.denoising, &self.sgd, &self.net);
        self.calibration.get_or_insert_with(|| {
            let parameters = sgd.average(&net.parameters);
            let averaged = Mlp { architecture: net.architecture.clone(), parameters };
            Calibration::new(denoising.clone(), averaged)
        })
    }
}

impl Learner for Diffusion {
    fn steps(&self) -> u64 {
        self.sgd.steps() + u64::from(self.options.calibration_rounds)
    }

    fn work(&mut self, step: u64) -> Result<bool> {
        if step < self.sgd.steps() { self.private_step() } else { self.calibration().advance() }
    }

    fn mechanisms(&self) -> Vec<Stage> {
        vec![self.sgd.stage()]
    }

    fn noise_draws(&self) -> u64 {
        self.sgd.noise_draws()
    }

    fn finish(mut self) -> Result<Box<dyn Synthesizer>> {
        self.calibration();
        let calibration = self.calibration.take().ok_or(EngineError::Internal("no model was trained"))?;
        Ok(Box::new(DiffusionModel::new(self.options, calibration)))
    }
}

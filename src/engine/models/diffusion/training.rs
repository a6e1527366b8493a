//! Training a diffusion model under DP-SGD, then, free of charge, fitting its sampler to the released shares.

use rand::Rng;

use super::denoising::{Denoising, Prediction, RowLoss};
use super::model::Model;
use super::options::Options;
use super::row::{Layout, Settings};
use super::sampler::Calibration;
use crate::engine::models::{Synthesizer, Trainer, TrainingBudget};
use crate::engine::nn::adam::{Adam, MovingAverage};
use crate::engine::nn::clip::Rule;
use crate::engine::nn::mlp::{Architecture, Mlp};
use crate::engine::nn::normals::Normals;
use crate::engine::nn::step::PrivateGradients;
use crate::engine::privacy::accountant;
use crate::engine::privacy::mechanism::{Mechanism, Stage};
use crate::engine::privacy::poisson::SamplingRate;
use crate::engine::privacy::random::SecretRng;
use crate::engine::table::{Domain, UnitTable, Units};
use crate::engine::{EngineError, Result};

/// Added to a gradient's size before it is brought to the clipping norm C, in C.
const STABILITY: f64 = 0.01;
/// Decay rates of Adam's moments (table_diffusion.py, `b1`, `b2`).
const BETAS: (f64, f64) = (0.5, 0.999);
/// Rows of blocks over all columns together, at most: bounds the width of rows of very wide tables.
const MOST_STATES: usize = 2048;
/// Wider rows are not concatenated with hidden layers: the products would grow with the square of their width.
const WIDEST_CONCATENATED: usize = 512;
const MOST_STATES_OF_A_COLUMN: usize = 64;

/// A training in progress. The table is private; all else is public or paid for.
pub struct Training {
    table: UnitTable,
    denoising: Denoising,
    options: Options,
    net: Mlp,
    gradients: PrivateGradients,
    adam: Adam,
    average: MovingAverage,
    steps: Steps,
    done: u64,
    calibration: Option<Calibration>,
}

/// The layout that options and domains imply.
pub fn layout(domains: &[Domain], options: &Options) -> Layout {
    let most_states = (MOST_STATES / domains.len().max(1)).clamp(2, MOST_STATES_OF_A_COLUMN) as u32;
    let settings = Settings { numeric_bins: options.numeric_bins, least_share: options.least_share, most_states };
    Layout::new(domains, &settings)
}

/// The network's shape for a denoiser.
pub fn architecture(denoising: &Denoising, options: &Options) -> Architecture {
    Architecture {
        inputs: denoising.inputs(),
        hidden: options.hidden.iter().map(|width| *width as usize).collect(),
        outputs: denoising.layout.width,
        concatenate: denoising.layout.width <= WIDEST_CONCATENATED,
    }
}

/// See [`crate::engine::models::Method::memory_estimate`].
pub fn memory_estimate(options: &Options, columns: usize) -> u64 {
    let states = (MOST_STATES_OF_A_COLUMN * columns).min(MOST_STATES.max(2 * columns));
    let hidden = options.hidden.iter().map(|width| *width as usize).collect();
    let shape = Architecture { inputs: states, hidden, outputs: states, concatenate: states <= WIDEST_CONCATENATED };
    let parameters = shape.parameters().unwrap_or(usize::MAX / 1024) as u64;
    // Weights, moments, averages and gradients in f32; per thread a sum in i64; a block's activations and gradients.
    let threads = rayon::current_num_threads() as u64;
    let block = 320 * shape.width() as u64 * 4 * 8;
    parameters * (4 * 8 + 8 * (threads + 1)) + block * threads
}

/// How often which share of the units is looked at.
#[derive(Debug, Clone, Copy)]
struct Steps {
    rate: SamplingRate,
    steps: u64,
}

impl Steps {
    fn new(noisy_units: f64, options: &Options) -> Self {
        let rate = SamplingRate::nearest((options.batch_size / noisy_units.max(1.0)).min(1.0));
        Self { rate, steps: (options.epochs / rate.value()).ceil().clamp(1.0, 1e9) as u64 }
    }

    /// All steps with this noise.
    fn stage(self, noise_multiplier: f64) -> Stage {
        let (sampling_rate, steps) = (self.rate.value(), self.steps);
        let (mechanism, times) = if sampling_rate < 1.0 {
            (Mechanism::SubsampledGaussian { sampling_rate, noise_multiplier, steps }, 1)
        } else {
            (Mechanism::Gaussian { noise_multiplier }, steps)
        };
        Stage { name: "training".to_owned(), mechanism, times }
    }

    /// The noise multiplier that the budget calls for.
    fn calibrate(self, budget: &TrainingBudget) -> Result<f64> {
        let family = |noise_multiplier| {
            let stage = self.stage(noise_multiplier);
            vec![(stage.mechanism, stage.times)]
        };
        accountant::calibrate(&budget.prior, budget.epsilon, budget.delta, family)
    }
}

/// See [`crate::engine::models::Method::stages`].
pub fn stages(noisy_units: f64, budget: &TrainingBudget, options: &Options) -> Result<Vec<Stage>> {
    let steps = Steps::new(noisy_units, options);
    Ok(vec![steps.stage(steps.calibrate(budget)?)])
}

impl Training {
    /// See [`crate::engine::models::Method::trainer`].
    pub fn new(
        prediction: Prediction,
        table: UnitTable,
        domains: &[Domain],
        noisy_rows: f64,
        budget: TrainingBudget,
        options: Options,
        mut rng: SecretRng,
    ) -> Result<Self> {
        let noisy_units = table.units.as_ref().map_or(noisy_rows, |units| units.noisy_count).max(1.0);
        let steps = Steps::new(noisy_units, &options);
        let noise_multiplier = steps.calibrate(&budget)?;

        let denoising = Denoising::new(layout(domains, &options), prediction, &options);
        let mut key = [0; 32];
        rng.fill_bytes(&mut key);
        let net = Mlp::new(architecture(&denoising, &options), options.prior, &mut Normals::from_seed(key))?;
        let parameters = net.parameters.len();
        let rule = if options.normalise { Rule::Normalised { stability: STABILITY } } else { Rule::Flat };
        let (rate, norm) = (steps.rate, options.clipping_norm);
        let expected = rate.value() * noisy_units;
        let gradients = PrivateGradients::new(rate, noise_multiplier, rule, norm, expected, parameters, rng)?;
        let adam = Adam::new(parameters, options.learning_rate, BETAS);
        let average = MovingAverage::new(parameters, options.ema);
        Ok(Self { table, denoising, options, net, gradients, adam, average, steps, done: 0, calibration: None })
    }

    /// Works on a private step; true once it is taken.
    fn private_step(&mut self) -> Result<bool> {
        let UnitTable { table, units } = &self.table;
        let loss = RowLoss { denoising: &self.denoising, table, units: units.as_ref() };
        let examples = units.as_ref().map_or(table.rows, Units::count);
        let Some(gradient) = self.gradients.advance(&self.net, &loss, examples)? else { return Ok(false) };
        self.adam.step(&mut self.net.parameters, &gradient);
        self.average.push(&self.net.parameters);
        Ok(true)
    }

    fn calibration(&mut self) -> &mut Calibration {
        let (denoising, average, net) = (&self.denoising, &self.average, &self.net);
        self.calibration.get_or_insert_with(|| {
            let parameters = average.value().unwrap_or_else(|| net.parameters.clone());
            let averaged = Mlp { architecture: net.architecture.clone(), parameters };
            Calibration::new(denoising.clone(), averaged)
        })
    }
}

impl Trainer for Training {
    fn steps_total(&self) -> u64 {
        self.steps.steps + u64::from(self.options.calibration_rounds)
    }

    fn steps_done(&self) -> u64 {
        self.done
    }

    fn step(&mut self) -> Result<bool> {
        if self.done < self.steps.steps {
            if !self.private_step()? {
                return Ok(true);
            }
        } else if self.done < self.steps_total() && !self.calibration().advance()? {
            return Ok(true);
        }
        self.done = (self.done + 1).min(self.steps_total());
        Ok(self.done < self.steps_total())
    }

    fn mechanisms(&self) -> Vec<Stage> {
        vec![self.steps.stage(self.gradients.noise_multiplier())]
    }

    fn noise_draws(&self) -> u64 {
        self.steps.steps.saturating_mul(self.net.parameters.len() as u64)
    }

    fn finish(mut self: Box<Self>) -> Result<Box<dyn Synthesizer>> {
        self.calibration();
        let calibration = self.calibration.take().ok_or(EngineError::Internal("no model was trained"))?;
        Ok(Box::new(Model::new(self.options.clone(), calibration)))
    }
}

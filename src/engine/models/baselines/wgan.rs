//! `wgan`: a generator and a critic of whole rows (arXiv 1701.07875; dp_wgan.py).

use super::blocks::Blocks;
use super::critic::{self, Game};
use super::generator::{self, BETAS, Generator, GeneratorRows};
use super::model::{BaselineModel, layout};
use super::options::BaselineOptions;
use crate::engine::Result;
use crate::engine::models::contract::{Synthesizer, TrainingBudget, TrainingInput};
use crate::engine::models::dpsgd::{self, DpSgd, DpSgdSettings, TrainingPhase};
use crate::engine::models::row_encoding::{Layout, widest};
use crate::engine::models::training::Learner;
use crate::engine::nn::batch_sum::BatchSum;
use crate::engine::nn::mlp::{Architecture, Mlp};
use crate::engine::nn::normals::Normals;
use crate::engine::privacy::mechanisms::Stage;
use crate::engine::privacy::meter::Meter;
use crate::engine::table::UnitTable;

/// A GAN in training. The table is private; everything else is public or charged.
pub struct Wgan {
    table: UnitTable,
    layout: Layout,
    options: BaselineOptions,
    game: Game<Blocks>,
}

/// See [`crate::engine::models::Method::memory_estimate`].
pub fn memory_estimate(options: &BaselineOptions, columns: usize) -> u64 {
    let width = widest(columns);
    memory(&critic::shape(options, width)) + memory(&generator::shape(options, width)) + membership(columns)
}

/// Memory of training a network, with the activations of its batches.
pub fn memory(shape: &Architecture) -> u64 {
    let parameters = shape.parameters().unwrap_or(usize::MAX / 1024);
    let batch = 1024 * shape.width() as u64 * 4 * 8;
    2 * dpsgd::memory_estimate(parameters) + batch
}

/// Maximum memory of the block structure.
pub fn membership(columns: usize) -> u64 {
    8 * widest(columns) as u64 * 2 * columns as u64
}

fn phase(noisy_units: f64, options: &BaselineOptions) -> TrainingPhase {
    TrainingPhase::alone("critic", noisy_units, options.epochs, options.batch_size)
}

/// See [`crate::engine::models::Method::least_draws`].
pub fn least_draws(noisy_units: f64, options: &BaselineOptions, columns: usize) -> u64 {
    let parameters = critic::shape(options, columns).parameters().unwrap_or(0);
    dpsgd::noise_draws(phase(noisy_units, options).steps, parameters)
}

/// See [`crate::engine::models::Method::stages`].
pub fn stages(noisy_units: f64, budget: &TrainingBudget, options: &BaselineOptions) -> Result<Vec<Stage>> {
    dpsgd::stages(&[phase(noisy_units, options)], budget)
}

/// The training settings of networks that see the table.
pub fn settings(options: &BaselineOptions) -> DpSgdSettings {
    DpSgdSettings {
        clipping_norm: options.clipping_norm,
        normalise: options.normalise,
        learning_rate: options.learning_rate,
        betas: BETAS,
        ema: options.ema,
    }
}

/// An untrained critic for rows of this width, and its training.
pub fn critic(
    phase: TrainingPhase,
    noise: f64,
    noisy_units: f64,
    width: usize,
    options: &BaselineOptions,
    meter: &mut Meter,
) -> Result<(Mlp, DpSgd<BatchSum>)> {
    let net = Mlp::new(critic::shape(options, width), false, &mut Normals::secret(meter.rng()))?;
    let sgd = DpSgd::new(phase, settings(options), noise, noisy_units, net.parameters.len(), meter)?;
    Ok((net, sgd))
}

impl Wgan {
    /// See [`crate::engine::models::Method::trainer`].
    pub fn new(input: TrainingInput, options: BaselineOptions) -> Result<Self> {
        let (table, domains, noisy_units, budget, mut meter) = input.split();
        let phase = phase(noisy_units, &options);
        let noise = dpsgd::calibrate(&[phase], &budget)?[0];
        let layout = layout(&domains, &options);
        let generator = Generator::new(&options, layout.width, Blocks::new(&layout), Normals::secret(meter.rng()))?;
        let (critic, sgd) = critic(phase, noise, noisy_units, layout.width, &options, &mut meter)?;
        let game = Game::new(&options, generator, critic, sgd);
        Ok(Self { table, layout, options, game })
    }
}

impl Learner for Wgan {
    fn steps(&self) -> u64 {
        self.game.sgd.steps()
    }

    fn work(&mut self, _: u64) -> Result<bool> {
        self.game.work(&self.table, &self.layout)
    }

    fn mechanisms(&self) -> Vec<Stage> {
        vec![self.game.sgd.stage()]
    }

    fn noise_draws(&self) -> u64 {
        self.game.sgd.noise_draws()
    }

    fn finish(self) -> Result<Box<dyn Synthesizer>> {
        let parameters = vec![self.game.generator.average()];
        Ok(Box::new(BaselineModel::<GeneratorRows>::new(self.options, self.layout, parameters)?))
    }
}

//! `attention_gan`: an autoencoder whose encoder has attention over the numbers that it compresses a row to, and a GAN
//! whose generator makes such numbers, which the decoder turns into rows (arXiv 2308.14784; dp_attention_gan.py).
//!
//! Encoder and decoder are trained together under DP-SGD, with a share of the budget. Then the decoder is fixed, and
//! only the critic sees the table.

use burn_tensor::Tensor;
use burn_tensor::activation::{leaky_relu, sigmoid};

use super::blocks::Blocks;
use super::critic::{self, Game};
use super::generator::{self, Generator, Last, block_of_normals, choose};
use super::model::{BaselineModel, Maker, layout};
use super::options::BaselineOptions;
use super::wgan::{critic, membership, memory, settings};
use crate::engine::models::contract::{Synthesizer, TrainingBudget, TrainingInput};
use crate::engine::models::dpsgd::{self, DpSgd, Steps, TrainingPhase};
use crate::engine::models::row_encoding::{Clean, Layout, row_of, widest};
use crate::engine::models::training::Learner;
use crate::engine::nn::batch_sum::BatchSum;
use crate::engine::nn::mlp::{Architecture, Mlp};
use crate::engine::nn::normals::Normals;
use crate::engine::nn::per_example::{Explicit, RowObjective, RowSum};
use crate::engine::nn::tensors::{ParameterLayout, ParameterMatrix, attention, constant, dense, mlp, of_mlp};
use crate::engine::privacy::mechanisms::Stage;
use crate::engine::table::UnitTable;
use crate::engine::{EngineError, Result};

/// Slope of LeakyReLU below 0.
const SLOPE: f64 = 0.2;
/// Parts of the encoder: compression; queries, keys, values and output of the attention.
const ENCODER_PARTS: usize = 5;
/// Variance of a number that is uniform in [0, 1]. Its squared error is divided by this, to have the weight of a block.
const EVEN_VARIANCE: f64 = 1.0 / 12.0;

fn encoder_parts(options: &BaselineOptions, width: usize) -> Vec<ParameterMatrix> {
    let mut parts = vec![ParameterMatrix::dense(width, options.compression as usize)];
    parts.extend([ParameterMatrix::dense(1, 1); ENCODER_PARTS - 1]);
    parts
}

fn decoder_parts(options: &BaselineOptions, width: usize) -> Vec<ParameterMatrix> {
    let compression = options.compression as usize;
    let middle = usize::midpoint(compression, width).max(1);
    vec![ParameterMatrix::dense(compression, middle), ParameterMatrix::dense(middle, width)]
}

/// All parts of an autoencoder of rows of this width.
pub fn parts(options: &BaselineOptions, width: usize) -> ParameterLayout {
    ParameterLayout::new([encoder_parts(options, width), decoder_parts(options, width)].concat())
}

/// Compresses rows `[n, width]` with the encoder's parameters, one at a time, to `[n, compression]`.
pub fn encode(parameters: &[Tensor<2>], row: Tensor<2>) -> Tensor<2> {
    let compressed = leaky_relu(dense(row, &parameters[0]), SLOPE);
    let [_, numbers] = compressed.dims();
    let column: Tensor<2> = compressed.reshape([numbers, 1]);
    let [queries, keys, values] = [1, 2, 3].map(|part| dense(column.clone(), &parameters[part]));
    let attended = dense(attention(queries, keys, values, 1), &parameters[4]);
    (column + attended).reshape([1, numbers])
}

/// The decoder's outputs `[n, width]` for compressed rows `[n, compression]`, before softmax.
fn decode(parameters: &[Tensor<2>], compressed: Tensor<2>) -> Tensor<2> {
    dense(leaky_relu(dense(compressed, &parameters[0]), SLOPE), &parameters[1])
}

/// The reconstruction error of a row.
pub struct Reconstruction<'a> {
    pub table: &'a UnitTable,
    pub layout: &'a Layout,
    pub blocks: &'a Blocks,
    pub parts: &'a ParameterLayout,
}

impl RowObjective for Reconstruction<'_> {
    fn parts(&self) -> &ParameterLayout {
        self.parts
    }

    fn loss(&self, example: usize, random: &mut Normals, parameters: &[Tensor<2>]) -> Result<Tensor<1>> {
        let row = row_of(self.table.units.as_ref(), example, random);
        let (mut clean, mut entries) = (Clean::default(), vec![0.0; self.layout.width]);
        self.layout.encode(&self.table.table, row, random, &mut clean);
        self.layout.write(&clean, &mut entries);
        let (encoder, decoder) = parameters.split_at(ENCODER_PARTS);
        let (width, scalars) = (self.layout.width, self.layout.scalars);
        let outputs = decode(decoder, encode(encoder, constant(entries.clone(), 1, width)));
        let mut losses = Vec::new();
        if scalars > 0 {
            let numbers = constant(clean.numbers, 1, scalars);
            let error = sigmoid(outputs.clone().slice([0..1, 0..scalars])) - numbers;
            losses.push((error.clone() * error).sum().mul_scalar(1.0 / EVEN_VARIANCE));
        }
        if width > scalars {
            let logits = outputs.slice([0..1, scalars..width]);
            losses.push(self.blocks.cross_entropy(logits, entries.split_off(scalars))?.sum());
        }
        Ok(Tensor::cat(losses, 0).sum())
    }
}

/// A trained decoder.
pub struct AttentionDecoder {
    parameters: Vec<Tensor<2>>,
    blocks: Blocks,
}

impl Last for AttentionDecoder {
    fn cost(&self) -> usize {
        let parameters = self.parameters.iter().map(|part| part.dims().iter().product::<usize>());
        parameters.sum::<usize>() + self.blocks.cost()
    }

    fn rows(&self, outputs: Tensor<2>) -> Result<Tensor<2>> {
        let mut parameters = self.parameters.clone();
        if outputs.is_autodiff() {
            parameters = parameters.into_iter().map(|tensor| tensor.autodiff()).collect();
        }
        self.blocks.activate(decode(&parameters, outputs))
    }
}

/// See [`crate::engine::models::Method::memory_estimate`].
pub fn memory_estimate(options: &BaselineOptions, columns: usize) -> u64 {
    let width = widest(columns);
    let autoencoder = parts(options, width).parameters().unwrap_or(usize::MAX / 1024);
    memory(&critic::shape(options, width))
        + memory(&generator::shape(options, options.compression as usize))
        + 2 * dpsgd::memory_estimate(autoencoder)
        + 1024 * width as u64 * 4 * 8
        + membership(columns)
}

fn phases(noisy_units: f64, options: &BaselineOptions) -> [TrainingPhase; 2] {
    let steps = Steps::new(noisy_units, options.epochs, options.batch_size);
    let share = options.autoencoder_share;
    [TrainingPhase { name: "autoencoder", steps, share }, TrainingPhase { name: "critic", steps, share: 1.0 - share }]
}

/// See [`crate::engine::models::Method::least_draws`].
pub fn least_draws(noisy_units: f64, options: &BaselineOptions, columns: usize) -> u64 {
    let [first, second] = phases(noisy_units, options);
    let (autoencoder, critic) = (parts(options, columns).parameters(), critic::shape(options, columns).parameters());
    dpsgd::noise_draws(first.steps, autoencoder.unwrap_or(0))
        .saturating_add(dpsgd::noise_draws(second.steps, critic.unwrap_or(0)))
}

/// See [`crate::engine::models::Method::stages`].
pub fn stages(noisy_units: f64, budget: &TrainingBudget, options: &BaselineOptions) -> Result<Vec<Stage>> {
    dpsgd::stages(&phases(noisy_units, options), budget)
}

/// A training continued after it failed, or ended too early.
const FAILED: EngineError = EngineError::Internal("a failed training continued");

/// The GAN, which starts once the decoder is trained.
enum Play {
    /// The parts of the future GAN: the generator's key, and the critic with its training.
    Waiting(Box<(Normals, Mlp, DpSgd<BatchSum>)>),
    Playing(Box<Game<AttentionDecoder>>),
    /// The state after a failure.
    Failed,
}

/// An attention GAN in training. The table is private; everything else is public or charged.
pub struct AttentionGan {
    table: UnitTable,
    layout: Layout,
    blocks: Blocks,
    options: BaselineOptions,
    parts: ParameterLayout,
    autoencoder: Vec<f32>,
    sgd: DpSgd<RowSum>,
    critic_stage: Stage,
    critic_draws: u64,
    critic_steps: u64,
    play: Play,
}

impl AttentionGan {
    /// See [`crate::engine::models::Method::trainer`].
    pub fn new(input: TrainingInput, options: BaselineOptions) -> Result<Self> {
        let (table, domains, noisy_units, budget, mut meter) = input.split();
        let phases = phases(noisy_units, &options);
        let noise = dpsgd::calibrate(&phases, &budget)?;
        let layout = layout(&domains, &options);
        let parts = parts(&options, layout.width);
        let autoencoder = parts.start(&mut Normals::secret(meter.rng()))?;
        let count = autoencoder.len();
        let sgd = DpSgd::new(phases[0], settings(&options), noise[0], noisy_units, count, &meter)?;
        let random = Normals::secret(meter.rng());
        let (net, critic) = critic(phases[1], noise[1], noisy_units, layout.width, &options, &mut meter)?;
        Ok(Self {
            table,
            blocks: Blocks::new(&layout),
            layout,
            options,
            parts,
            autoencoder,
            sgd,
            critic_stage: critic.stage(),
            critic_draws: critic.noise_draws(),
            critic_steps: critic.steps(),
            play: Play::Waiting(Box::new((random, net, critic))),
        })
    }

    fn autoencode(&mut self) -> Result<bool> {
        let Self { table, layout, blocks, parts, .. } = self;
        let objective = Reconstruction { table, layout, blocks, parts };
        let of = Explicit { parameters: &self.autoencoder, objective: &objective };
        let Some(gradient) = self.sgd.advance(&of, table.examples())? else { return Ok(false) };
        self.sgd.update(&mut self.autoencoder, &gradient, |_| ());
        Ok(true)
    }

    /// The decoder's averaged parameters.
    fn decoder(&self) -> Vec<f32> {
        let encoder = ParameterLayout::new(encoder_parts(&self.options, self.layout.width)).parameters().unwrap_or(0);
        self.sgd.average(&self.autoencoder).split_off(encoder)
    }

    /// Starts the GAN, unless it has started.
    fn begin(&mut self) -> Result<()> {
        if matches!(self.play, Play::Playing(_)) {
            return Ok(());
        }
        let Play::Waiting(parts) = std::mem::replace(&mut self.play, Play::Failed) else { return Err(FAILED) };
        let (random, critic, sgd) = *parts;
        let cut = ParameterLayout::new(decoder_parts(&self.options, self.layout.width)).cut(&self.decoder());
        let last = AttentionDecoder { parameters: cut, blocks: Blocks::new(&self.layout) };
        let generator = Generator::new(&self.options, self.options.compression as usize, last, random)?;
        self.play = Play::Playing(Box::new(Game::new(&self.options, generator, critic, sgd)));
        Ok(())
    }
}

impl Learner for AttentionGan {
    fn steps(&self) -> u64 {
        self.sgd.steps() + self.critic_steps
    }

    fn work(&mut self, step: u64) -> Result<bool> {
        if step < self.sgd.steps() {
            return self.autoencode();
        }
        self.begin()?;
        let Play::Playing(game) = &mut self.play else { return Err(FAILED) };
        game.work(&self.table, &self.layout)
    }

    fn mechanisms(&self) -> Vec<Stage> {
        vec![self.sgd.stage(), self.critic_stage.clone()]
    }

    fn noise_draws(&self) -> u64 {
        self.sgd.noise_draws().saturating_add(self.critic_draws)
    }

    fn finish(self) -> Result<Box<dyn Synthesizer>> {
        let Play::Playing(game) = &self.play else { return Err(FAILED) };
        let parameters = vec![game.generator.average(), self.decoder()];
        Ok(Box::new(BaselineModel::<AttentionGanRows>::new(self.options, self.layout, parameters)?))
    }
}

/// A generator and a decoder, ready to sample.
pub struct AttentionGanRows {
    shape: Architecture,
    generator: Vec<Tensor<2>>,
    decoder: AttentionDecoder,
}

impl Maker for AttentionGanRows {
    fn new(options: &BaselineOptions, layout: &Layout, parameters: &[Vec<f32>]) -> Option<Self> {
        let [generator, decoder] = parameters else { return None };
        let architecture = generator::shape(options, options.compression as usize);
        let parts = ParameterLayout::new(decoder_parts(options, layout.width));
        if architecture.parameters() != Some(generator.len()) || parts.parameters() != Some(decoder.len()) {
            return None;
        }
        let net = Mlp { architecture, parameters: generator.clone() };
        let decoder = AttentionDecoder { parameters: parts.cut(decoder), blocks: Blocks::new(layout) };
        Some(Self { generator: of_mlp(&net), shape: net.architecture, decoder })
    }

    fn block(&self, layout: &Layout, random: &mut Normals) -> Result<Vec<Clean>> {
        let z = block_of_normals(self.shape.inputs, random);
        choose(layout, self.decoder.rows(mlp(&self.shape, &self.generator, z))?, random)
    }
}

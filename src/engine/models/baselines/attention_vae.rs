//! `attention_vae`: a variational autoencoder with SAINT's row encoding (arXiv 2308.14784; dp_attention_vae.py,
//! saint_ae.py). Each column is embedded, an additional token attends to all columns, and its result is encoded as a
//! normal distribution. From a sample of it, a decoder computes the probabilities of each category and a mixture of
//! normal distributions for each number.
//!
//! All parameters are trained together under DP-SGD. Attention is between the columns of one row. Rows are never mixed.

use burn_tensor::activation::{log_softmax, relu};
use burn_tensor::{Int, Tensor, TensorData};

use super::blocks::Blocks;
use super::generator::block_of_normals;
use super::model::{BaselineModel, Maker, layout};
use super::options::BaselineOptions;
use super::wgan::{membership, settings};
use crate::engine::models::contract::{Synthesizer, TrainingBudget, TrainingInput};
use crate::engine::models::dpsgd::{self, DpSgd, TrainingPhase};
use crate::engine::models::row_encoding::{Clean, Layout, draw, row_of, widest};
use crate::engine::models::sampling::BLOCK_ROWS;
use crate::engine::models::training::Learner;
use crate::engine::nn::device::{device, values};
use crate::engine::nn::normals::Normals;
use crate::engine::nn::per_example::{Explicit, RowObjective, RowSum};
use crate::engine::nn::simd::exp;
use crate::engine::nn::tensors::{ParameterLayout, ParameterMatrix, attention, constant, dense, layer_norm};
use crate::engine::privacy::mechanisms::Stage;
use crate::engine::table::UnitTable;
use crate::engine::{EngineError, Result};

/// Hidden width of the network of a number.
const NUMBER_WIDTH: usize = 16;
/// Target probability of a row's own state. The rest is spread over the other states of the block.
const CERTAINTY: f32 = 0.99;
/// Bounds of the log standard deviations of numbers, and of the log variances of the encoding.
const SPREAD: (f32, f32) = (-4.0, 2.0);
const VARIANCE: (f32, f32) = (-8.0, 4.0);
/// Half the logarithm of 2 pi.
const HALF_LOG_TAU: f32 = 0.918_938_5;

/// Sizes of a model.
#[derive(Debug, Clone)]
pub struct Shape {
    scalars: usize,
    states: usize,
    dimension: usize,
    heads: usize,
    hidden: Vec<usize>,
    latent: usize,
    mixture: usize,
}

impl Shape {
    /// For rows with this many numbers, and the states of each block.
    pub fn new(options: &BaselineOptions, scalars: usize, states: usize) -> Self {
        Self {
            scalars,
            states,
            dimension: options.dimension as usize,
            heads: options.heads as usize,
            hidden: options.widths(),
            latent: options.latent as usize,
            mixture: options.mixture as usize,
        }
    }

    /// Embeddings of all states and of the additional token; the networks of numbers; attention and the following
    /// layers; then the layers for mean and variance.
    fn encoder(&self) -> Vec<ParameterMatrix> {
        let d = self.dimension;
        let mut parts = vec![ParameterMatrix::table(self.states + 1, d)];
        if self.scalars > 0 {
            parts.extend([
                ParameterMatrix::table(self.scalars, NUMBER_WIDTH),
                ParameterMatrix::table(self.scalars, NUMBER_WIDTH),
            ]);
            parts.push(ParameterMatrix::table(self.scalars * (NUMBER_WIDTH + 1), d));
        }
        let norm = [ParameterMatrix::row(d, 1.0), ParameterMatrix::row(d, 0.0)];
        parts.extend(norm);
        parts.extend([ParameterMatrix::dense(d, d); 4]);
        parts.extend(norm);
        parts.extend([ParameterMatrix::dense(d, 2 * d), ParameterMatrix::dense(2 * d, d)]);
        parts.extend(chain(d, &self.hidden, 2 * self.latent));
        parts
    }

    /// The layers from a sample to a row's embedding; then the heads.
    fn decoder(&self) -> Vec<ParameterMatrix> {
        let mut parts = chain(self.latent, &self.hidden, self.dimension);
        if self.states > 0 {
            parts.push(ParameterMatrix::dense(self.dimension, self.states));
        }
        if self.scalars > 0 {
            parts.push(ParameterMatrix::dense(self.dimension, self.scalars * 3 * self.mixture));
        }
        parts
    }

    /// All parts.
    pub fn parts(&self) -> ParameterLayout {
        ParameterLayout::new([self.encoder(), self.decoder()].concat())
    }

    /// Logits `[n, states]` and mixtures `[n, scalars * 3 * mixture]`, if any, for samples `[n, latent]`.
    fn decode(&self, parameters: &[Tensor<2>], z: Tensor<2>) -> (Option<Tensor<2>>, Option<Tensor<2>>) {
        let (layers, heads) = parameters.split_at(self.hidden.len() + 1);
        let h = through(layers, z);
        let mut heads = heads.iter().map(|head| dense(h.clone(), head));
        let logits = if self.states > 0 { heads.next() } else { None };
        (logits, heads.next())
    }
}

/// Dense layers of these widths.
fn chain(inputs: usize, hidden: &[usize], outputs: usize) -> Vec<ParameterMatrix> {
    let mut fan_in = inputs;
    let layers = hidden
        .iter()
        .chain([&outputs])
        .map(|&fan_out| ParameterMatrix::dense(std::mem::replace(&mut fan_in, fan_out), fan_out));
    layers.collect()
}

/// Applies dense layers, with ReLU between them.
fn through(layers: &[Tensor<2>], x: Tensor<2>) -> Tensor<2> {
    let last = layers.len().saturating_sub(1);
    layers.iter().enumerate().fold(x, |x, (i, layer)| if i < last { relu(dense(x, layer)) } else { dense(x, layer) })
}

/// The loss of a row: the divergence of its encoding from the prior, and the reconstruction loss.
pub struct Evidence<'a> {
    pub table: &'a UnitTable,
    pub layout: &'a Layout,
    pub blocks: &'a Blocks,
    pub shape: &'a Shape,
    pub parts: &'a ParameterLayout,
    pub divergence_weight: f32,
}

impl Evidence<'_> {
    /// The additional token `[1, dimension]`, and all tokens `[1 + columns, dimension]`, of which it is the first.
    fn tokens(&self, clean: &Clean, parameters: &mut std::slice::Iter<Tensor<2>>) -> Option<(Tensor<2>, Tensor<2>)> {
        let table = parameters.next()?;
        let [rows, d] = table.dims();
        let mut places = vec![(rows - 1) as i32];
        places.extend(self.blocks.places(&clean.states).map(|place| place as i32));
        let count = places.len();
        let places = Tensor::<1, Int>::from_data(TensorData::new(places, [count]), &device().autodiff());
        let mut tokens = table.clone().select(0, places);
        let own = tokens.clone().slice([0..1, 0..d]);
        let scalars = self.shape.scalars;
        if scalars > 0 {
            let (weights, biases, second) = (parameters.next()?, parameters.next()?, parameters.next()?);
            let numbers = constant(clean.numbers.iter().map(|x| 2.0 * x - 1.0).collect(), scalars, 1);
            let h = relu(numbers * weights.clone() + biases.clone());
            let ones = constant(vec![1.0; scalars], scalars, 1);
            let width = NUMBER_WIDTH + 1;
            let h: Tensor<3> = Tensor::cat(vec![h, ones], 1).reshape([scalars, 1, width]);
            let second: Tensor<3> = second.clone().reshape([scalars, width, d]);
            let scale = (width as f32).sqrt().recip();
            tokens = Tensor::cat(vec![tokens, h.matmul(second).reshape([scalars, d]).mul_scalar(scale)], 0);
        }
        Some((own, tokens))
    }

    /// Mean and log variance `[1, latent]` of a row's encoding.
    fn encode(&self, clean: &Clean, parameters: &[Tensor<2>]) -> Option<(Tensor<2>, Tensor<2>)> {
        let (d, latent) = (self.shape.dimension, self.shape.latent);
        let mut parameters = parameters.iter();
        let (own, tokens) = self.tokens(clean, &mut parameters)?;
        let seen = layer_norm(tokens, parameters.next()?, parameters.next()?);
        let queries = dense(seen.clone().slice([0..1, 0..d]), parameters.next()?);
        let (keys, values) = (dense(seen.clone(), parameters.next()?), dense(seen, parameters.next()?));
        let own = own + dense(attention(queries, keys, values, self.shape.heads), parameters.next()?);
        let seen = layer_norm(own.clone(), parameters.next()?, parameters.next()?);
        let own = own + dense(relu(dense(seen, parameters.next()?)), parameters.next()?);
        let both = through(parameters.as_slice(), own);
        let (mean, spread) = (both.clone().slice([0..1, 0..latent]), both.slice([0..1, latent..2 * latent]));
        Some((mean, spread.clamp(VARIANCE.0, VARIANCE.1)))
    }

    /// The target probabilities of each block of a row: nearly all at its state.
    fn chances(&self, clean: &Clean) -> Vec<f32> {
        let mut chances = Vec::with_capacity(self.blocks.states);
        for (size, state) in self.blocks.sizes().zip(&clean.states) {
            let other = (1.0 - CERTAINTY) / (size.max(2) - 1) as f32;
            let own = 1.0 - other * (size - 1) as f32;
            chances.extend((0..size).map(|state_of| if state_of == *state as usize { own } else { other }));
        }
        chances
    }
}

/// The negative log density of numbers `[s]` under mixtures `[1, s * 3 * k]`: logits, means and log standard deviations
/// of each.
pub fn mixture_loss(mixtures: Tensor<2>, numbers: Vec<f32>, k: usize) -> Tensor<1> {
    let s = numbers.len();
    let mixtures: Tensor<2> = mixtures.reshape([s, 3 * k]);
    let part = |i: usize| mixtures.clone().slice([0..s, i * k..(i + 1) * k]);
    let spread = part(2).clamp(SPREAD.0, SPREAD.1);
    let away = (constant(numbers, s, 1) - part(1)) / spread.clone().exp();
    let logs = log_softmax(part(0), 1) - spread - (away.clone() * away).mul_scalar(0.5) - HALF_LOG_TAU;
    // The largest is subtracted, so that no power overflows and one of them is 1.
    let tops = logs.clone().max_dim(1).detach();
    let totals = (logs - tops.clone()).exp().sum_dim(1).log() + tops;
    totals.sum().neg()
}

impl RowObjective for Evidence<'_> {
    fn parts(&self) -> &ParameterLayout {
        self.parts
    }

    fn loss(&self, example: usize, random: &mut Normals, parameters: &[Tensor<2>]) -> Result<Tensor<1>> {
        let row = row_of(self.table.units.as_ref(), example, random);
        let mut clean = Clean::default();
        self.layout.encode(&self.table.table, row, random, &mut clean);
        let (encoder, decoder) = parameters.split_at(self.shape.encoder().len());
        let latent = self.shape.latent;
        let encoded = self.encode(&clean, encoder);
        let (mean, spread) = encoded.ok_or(EngineError::Internal("a network lacks a part"))?;
        let mut noise = vec![0.0; latent];
        random.fill(&mut noise);
        let z = mean.clone() + spread.clone().mul_scalar(0.5).exp() * constant(noise, 1, latent);
        let divergence = (mean.clone() * mean + spread.clone().exp() - spread - 1.0).sum();
        let mut losses = vec![divergence.mul_scalar(0.5 * self.divergence_weight)];
        let (logits, mixtures) = self.shape.decode(decoder, z);
        if let Some(logits) = logits {
            losses.push(self.blocks.cross_entropy(logits, self.chances(&clean))?.sum());
        }
        if let Some(mixtures) = mixtures {
            losses.push(mixture_loss(mixtures, clean.numbers, self.shape.mixture));
        }
        Ok(Tensor::cat(losses, 0).sum())
    }
}

/// See [`crate::engine::models::Method::memory_estimate`].
pub fn memory_estimate(options: &BaselineOptions, columns: usize) -> u64 {
    let width = widest(columns);
    let parameters = Shape::new(options, columns, width).parts().parameters().unwrap_or(usize::MAX / 1024);
    // Per thread: weights, gradients and integers of a row.
    let of_a_row = parameters as u64 * 4 * 6 * rayon::current_num_threads() as u64;
    dpsgd::memory_estimate(parameters) + of_a_row + membership(columns)
}

fn phase(noisy_units: f64, options: &BaselineOptions) -> TrainingPhase {
    TrainingPhase::alone("training", noisy_units, options.epochs, options.batch_size)
}

/// See [`crate::engine::models::Method::least_draws`].
pub fn least_draws(noisy_units: f64, options: &BaselineOptions, columns: usize) -> u64 {
    // The minimum of two cases: all columns are numbers, or all are states.
    let parameters = |scalars, states| Shape::new(options, scalars, states).parts().parameters().unwrap_or(0);
    let parameters = parameters(columns, 0).min(parameters(0, columns));
    dpsgd::noise_draws(phase(noisy_units, options).steps, parameters)
}

/// See [`crate::engine::models::Method::stages`].
pub fn stages(noisy_units: f64, budget: &TrainingBudget, options: &BaselineOptions) -> Result<Vec<Stage>> {
    dpsgd::stages(&[phase(noisy_units, options)], budget)
}

/// An attention VAE in training. The table is private; everything else is public or charged.
pub struct AttentionVae {
    table: UnitTable,
    layout: Layout,
    blocks: Blocks,
    options: BaselineOptions,
    shape: Shape,
    parts: ParameterLayout,
    parameters: Vec<f32>,
    sgd: DpSgd<RowSum>,
}

impl AttentionVae {
    /// See [`crate::engine::models::Method::trainer`].
    pub fn new(input: TrainingInput, options: BaselineOptions) -> Result<Self> {
        let (table, domains, noisy_units, budget, mut meter) = input.split();
        let phase = phase(noisy_units, &options);
        let noise = dpsgd::calibrate(&[phase], &budget)?[0];
        let layout = layout(&domains, &options);
        let shape = Shape::new(&options, layout.scalars, layout.width - layout.scalars);
        let parts = shape.parts();
        let parameters = parts.start(&mut Normals::secret(meter.rng()))?;
        let sgd = DpSgd::new(phase, settings(&options), noise, noisy_units, parameters.len(), &meter)?;
        Ok(Self { table, blocks: Blocks::new(&layout), layout, options, shape, parts, parameters, sgd })
    }
}

impl Learner for AttentionVae {
    fn steps(&self) -> u64 {
        self.sgd.steps()
    }

    fn work(&mut self, _: u64) -> Result<bool> {
        let Self { table, layout, blocks, shape, parts, .. } = self;
        let divergence_weight = self.options.divergence_weight as f32;
        let objective = Evidence { table, layout, blocks, shape, parts, divergence_weight };
        let of = Explicit { parameters: &self.parameters, objective: &objective };
        let Some(gradient) = self.sgd.advance(&of, table.examples())? else { return Ok(false) };
        self.sgd.update(&mut self.parameters, &gradient, |_| ());
        Ok(true)
    }

    fn mechanisms(&self) -> Vec<Stage> {
        vec![self.sgd.stage()]
    }

    fn noise_draws(&self) -> u64 {
        self.sgd.noise_draws()
    }

    fn finish(self) -> Result<Box<dyn Synthesizer>> {
        let encoder = ParameterLayout::new(self.shape.encoder()).parameters().unwrap_or(0);
        let decoder = self.sgd.average(&self.parameters).split_off(encoder);
        Ok(Box::new(BaselineModel::<VaeRows>::new(self.options, self.layout, vec![decoder])?))
    }
}

/// A decoder, ready to sample.
pub struct VaeRows {
    shape: Shape,
    parameters: Vec<Tensor<2>>,
    blocks: Blocks,
}

impl Maker for VaeRows {
    fn new(options: &BaselineOptions, layout: &Layout, parameters: &[Vec<f32>]) -> Option<Self> {
        let [decoder] = parameters else { return None };
        let shape = Shape::new(options, layout.scalars, layout.width - layout.scalars);
        let parts = ParameterLayout::new(shape.decoder());
        let fits = parts.parameters() == Some(decoder.len());
        fits.then(|| Self { parameters: parts.cut(decoder), shape, blocks: Blocks::new(layout) })
    }

    fn block(&self, layout: &Layout, random: &mut Normals) -> Result<Vec<Clean>> {
        let (logits, mixtures) = self.shape.decode(&self.parameters, block_of_normals(self.shape.latent, random));
        let mut chances = match logits {
            Some(logits) => values(self.blocks.softmax(logits)?)?,
            None => Vec::new(),
        };
        let mixtures = mixtures.map_or(Ok(Vec::new()), values)?;
        let (scalars, states, k) = (self.shape.scalars, self.shape.states, self.shape.mixture);
        let mut rows = Vec::with_capacity(BLOCK_ROWS);
        for row in 0..BLOCK_ROWS {
            let of_numbers = &mixtures[row * scalars * 3 * k..(row + 1) * scalars * 3 * k];
            let numbers = of_numbers.chunks_exact(3 * k).map(|mixture| number(mixture, k, random));
            let mut entries: Vec<f32> = numbers.collect();
            entries.extend(chances.drain(..states.min(chances.len())));
            rows.push(layout.choose(&entries, random));
        }
        Ok(rows)
    }
}

/// A number from a mixture: logits, means and log standard deviations of its `k` components.
fn number(mixture: &[f32], k: usize, random: &mut Normals) -> f32 {
    let top = mixture[..k].iter().copied().fold(f32::MIN, f32::max);
    let mut chances: Vec<f32> = mixture[..k].iter().map(|logit| exp(logit - top)).collect();
    let total: f32 = chances.iter().sum();
    chances.iter_mut().for_each(|chance| *chance /= total);
    let part = draw(&chances, random.uniform()) as usize;
    mixture[k + part] + exp(mixture[2 * k + part].clamp(SPREAD.0, SPREAD.1)) * random.normal()
}

//! The network's inputs for a noisy row, and the meaning of its outputs for the clean row.
//!
//! With the prior (ours), the network starts from what the released shares w imply. For a one-hot block with noise of
//! variance beta, the state is j with probability softmax_j(ln w_j + x_j / beta), exactly. For a number that is uniform
//! in [0, 1], the best linear guess is 1/2 + (x - 1/2) * s / (s + beta), s = 1/12. The network sees these instead of
//! the noisy entries, and outputs a correction to the guess and to the logits. So it knows the marginals before it is
//! trained. The noise it predicts is the noisy row minus the guess: x_t - guess, through softmax. Without the prior
//! (the paper), it sees the noisy entries and directly outputs noise or row.

use serde::{Deserialize, Serialize};

use super::options::DiffusionOptions;
use super::schedule::{Schedule, TIME_FEATURES};
use crate::engine::models::row_encoding::{Clean, Layout};
use crate::engine::nn::batch_sum::Objective;
use crate::engine::nn::normals::Normals;
use crate::engine::nn::simd::{exp, greater};
use crate::engine::table::{EncodedTable, Units};

/// Variance of a number that is uniform in [0, 1].
const EVEN_VARIANCE: f32 = 1.0 / 12.0;

/// Smallest probability of a state that is derived from predicted noise.
const MIN_PROBABILITY: f32 = 1e-6;

/// The prediction of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Prediction {
    /// The noise added to the row, sqrt(beta) included (`tablediffusion`).
    Noise,
    /// The clean row, blocks through softmax (`tablediffusion_denoiser`).
    Row,
}

/// Everything about a denoiser except its weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Denoising {
    pub layout: Layout,
    pub schedule: Schedule,
    pub prediction: Prediction,
    pub prior: bool,
    pub time: bool,
    /// Whether losses are means, as in the paper, rather than sums.
    pub means: bool,
}

impl Denoising {
    /// The denoiser for some options and rows of this layout.
    pub fn new(layout: Layout, prediction: Prediction, options: &DiffusionOptions) -> Self {
        Self {
            layout,
            schedule: Schedule::new(options),
            prediction,
            prior: options.prior,
            time: options.time_conditioning,
            means: !options.normalise,
        }
    }

    /// Inputs of the network.
    pub fn inputs(&self) -> usize {
        self.layout.width + if self.time { TIME_FEATURES } else { 0 }
    }

    /// Writes a row with noise of variance `level` added.
    pub fn add_noise(&self, clean: &Clean, level: f32, random: &mut Normals, noisy: &mut [f32]) {
        random.fill(noisy);
        let size = level.sqrt();
        noisy.iter_mut().for_each(|x| *x *= size);
        noisy.iter_mut().zip(&clean.numbers).for_each(|(x, number)| *x += number);
        for (block, state) in self.layout.blocks.iter().zip(&clean.states) {
            noisy[block.at + *state as usize] += 1.0;
        }
    }

    /// Prepares a noisy row `[width]` for the network: writes the inputs, and the base that outputs are relative to.
    /// The base is 0 without a prior; with one, guessed numbers and blocks of logits.
    pub fn show(&self, noisy: &[f32], level: f32, inputs: &mut [f32], base: &mut [f32]) {
        let width = self.layout.width;
        if self.time {
            inputs[width..].copy_from_slice(&self.schedule.features(level));
        }
        if !self.prior {
            inputs[..width].copy_from_slice(noisy);
            base.fill(0.0);
            return;
        }
        let slope = EVEN_VARIANCE / (EVEN_VARIANCE + level);
        for i in 0..self.layout.scalars {
            base[i] = 0.5 + slope * (noisy[i] - 0.5);
            inputs[i] = 2.0 * (base[i] - 0.5);
        }
        let sharpness = level.recip();
        let scalars = self.layout.scalars;
        for block in &self.layout.blocks {
            let span = block.at..block.at + block.states;
            for ((b, log), x) in base[span.clone()].iter_mut().zip(&block.logs).zip(&noisy[span]) {
                *b = log + x * sharpness;
            }
        }
        inputs[scalars..width].copy_from_slice(&base[scalars..]);
        self.softmax(&mut inputs[..width]);
        for block in &self.layout.blocks {
            let seen = &mut inputs[block.at..block.at + block.states];
            seen.iter_mut().zip(&block.weights).for_each(|(s, w)| *s -= w);
        }
    }

    /// Turns outputs into a guess of the clean row, in place: numbers in [0, 1], and probabilities in each block,
    /// tilted by `tilt` (logarithms, one per entry).
    pub fn guess(&self, noisy: &[f32], base: &[f32], tilt: &[f32], outputs: &mut [f32]) {
        let scalars = self.layout.scalars;
        if self.outright_noise() {
            outputs.iter_mut().zip(noisy).for_each(|(o, x)| *o = x - *o);
            for (p, tilt) in outputs[scalars..].iter_mut().zip(&tilt[scalars..]) {
                *p = greater(*p, MIN_PROBABILITY) * exp(*tilt);
            }
            self.normalise(outputs);
        } else {
            outputs.iter_mut().zip(base).zip(tilt).for_each(|((o, b), t)| *o += b + t);
            self.softmax(outputs);
        }
        outputs[..scalars].iter_mut().for_each(|x| *x = x.clamp(0.0, 1.0));
    }

    /// Softmax of each block of a row, in place.
    fn softmax(&self, row: &mut [f32]) {
        for block in &self.layout.blocks {
            let logits = &mut row[block.at..block.at + block.states];
            let top = top(logits);
            logits.iter_mut().for_each(|l| *l -= top);
        }
        row[self.layout.scalars..].iter_mut().for_each(|l| *l = exp(*l));
        self.normalise(row);
    }

    /// Scales each block of a row to add up to 1.
    fn normalise(&self, row: &mut [f32]) {
        for block in &self.layout.blocks {
            let powers = &mut row[block.at..block.at + block.states];
            let scale = total(powers).recip();
            powers.iter_mut().for_each(|p| *p *= scale);
        }
    }

    /// Whether outputs are the noise itself.
    fn outright_noise(&self) -> bool {
        self.prediction == Prediction::Noise && !self.prior
    }

    /// Replaces the outputs for one level of a row by the loss's gradient with respect to them. `base`, `target` and
    /// `states` are the level's memo.
    fn loss_gradient(&self, base: &[f32], target: &[f32], states: &[f32], outputs: &mut [f32]) {
        let (scalars, width) = (self.layout.scalars, self.layout.width);
        if self.outright_noise() {
            let scale = if self.means { 2.0 / width as f32 } else { 1.0 };
            outputs.iter_mut().zip(target).for_each(|(o, noise)| *o = scale * (*o - noise));
            return;
        }
        outputs.iter_mut().zip(base).for_each(|(o, b)| *o += b);
        // Numbers are uniform in [0, 1]. Divided by their variance, their squares have the weight of a block.
        let means = if self.prediction == Prediction::Noise { width } else { scalars.max(1) };
        let of_numbers = if self.means { 2.0 / means as f32 } else { 1.0 / EVEN_VARIANCE };
        outputs[..scalars].iter_mut().zip(target).for_each(|(o, number)| *o = of_numbers * (*o - number));
        self.softmax(outputs);
        match self.prediction {
            Prediction::Row => {
                let scale = if self.means { 1.0 / (width - scalars).max(1) as f32 } else { 1.0 };
                for (block, state) in self.layout.blocks.iter().zip(states) {
                    outputs[block.at + *state as usize] -= 1.0;
                }
                outputs[scalars..].iter_mut().for_each(|o| *o *= scale);
            }
            Prediction::Noise => {
                // Squares |p - row|^2, p = softmax(logits): gradient 2 p_j (e_j - sum_i p_i e_i), e = p - row.
                let scale = if self.means { 2.0 / width as f32 } else { 2.0 };
                for (block, state) in self.layout.blocks.iter().zip(states) {
                    let p = &mut outputs[block.at..block.at + block.states];
                    let mean = p.iter().map(|p| p * p).sum::<f32>() - p[*state as usize];
                    let own = p[*state as usize];
                    p.iter_mut().for_each(|p| *p *= scale * (*p - mean));
                    p[*state as usize] -= scale * own;
                }
            }
        }
    }
}

/// Largest entry, in four lanes.
fn top(x: &[f32]) -> f32 {
    let mut lanes = [f32::MIN; 4];
    let (parts, rest) = x.as_chunks::<4>();
    for part in parts {
        for (lane, x) in lanes.iter_mut().zip(part) {
            *lane = if *x > *lane { *x } else { *lane };
        }
    }
    lanes.iter().chain(rest).fold(f32::MIN, |top, x| if *x > top { *x } else { top })
}

/// Sum, in four lanes.
fn total(x: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 4];
    let (parts, rest) = x.as_chunks::<4>();
    for part in parts {
        lanes.iter_mut().zip(part).for_each(|(lane, x)| *lane += x);
    }
    lanes.iter().chain(rest).sum()
}

/// The denoiser's loss of a row of a table: the mean over levels. If units have several rows, each level uses a row
/// that is drawn from the unit's rows, so in expectation the loss is also the mean over its rows.
pub struct RowLoss<'a> {
    pub denoising: &'a Denoising,
    pub table: &'a EncodedTable,
    pub units: Option<&'a Units>,
}

impl Objective for RowLoss<'_> {
    fn copies(&self) -> usize {
        self.denoising.schedule.copies()
    }

    fn memo(&self) -> usize {
        // Base, target, states.
        2 * self.denoising.layout.width + self.denoising.layout.blocks.len()
    }

    fn prepare(&self, example: usize, random: &mut Normals, inputs: &mut [f32], memo: &mut [f32]) {
        let d = self.denoising;
        let (row, others) = match self.units.map(|units| units.rows(example)) {
            None => (example, None),
            Some([only]) => (*only as usize, None),
            Some(rows) => (0, Some(rows)),
        };
        let (width, seen) = (d.layout.width, d.inputs());
        let mut clean = Clean::default();
        let mut noisy = vec![0.0; width];
        if others.is_none() {
            d.layout.encode(self.table, row, random, &mut clean);
        }
        for (copy, (inputs, memo)) in inputs.chunks_exact_mut(seen).zip(memo.chunks_exact_mut(self.memo())).enumerate()
        {
            let (base, rest) = memo.split_at_mut(width);
            let (target, states) = rest.split_at_mut(width);
            if let Some(rows) = others {
                d.layout.encode(self.table, rows[random.below(rows.len())] as usize, random, &mut clean);
            }
            let level = d.schedule.training(copy, random);
            d.add_noise(&clean, level, random, &mut noisy);
            d.show(&noisy, level, inputs, base);
            if d.outright_noise() {
                // x_t - x.
                target.copy_from_slice(&noisy);
                target.iter_mut().zip(&clean.numbers).for_each(|(t, number)| *t -= number);
                for (block, state) in d.layout.blocks.iter().zip(&clean.states) {
                    target[block.at + *state as usize] -= 1.0;
                }
            } else {
                target[..clean.numbers.len()].copy_from_slice(&clean.numbers);
                states.iter_mut().zip(&clean.states).for_each(|(s, state)| *s = *state as f32);
            }
        }
    }

    fn delta(&self, memo: &[f32], outputs: &mut [f32]) {
        let d = self.denoising;
        let width = d.layout.width;
        let share = 1.0 / self.copies() as f32;
        for (outputs, memo) in outputs.chunks_exact_mut(width).zip(memo.chunks_exact(self.memo())) {
            let (base, rest) = memo.split_at(width);
            let (target, states) = rest.split_at(width);
            d.loss_gradient(base, target, states, outputs);
            outputs.iter_mut().for_each(|o| *o *= share);
        }
    }
}

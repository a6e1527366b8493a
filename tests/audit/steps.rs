//! White box: what one private gradient tells of whether a canary is in the table.
//!
//! The worst case is staged: all rows look alike to the network, the canary's gradient points away from that of the
//! others, and is far above the clipping norm. The attacker knows the rows and the network, and sees the gradient.

use burn_tensor::Tensor;
use rayon::prelude::*;
use tablediffusion::engine::Result;
use tablediffusion::engine::nn::batch_sum::{BatchSum, Ghost, Objective};
use tablediffusion::engine::nn::clip::{Clip, Rule};
use tablediffusion::engine::nn::exact::RoundingGrid;
use tablediffusion::engine::nn::mlp::{Architecture, Mlp};
use tablediffusion::engine::nn::normals::Normals;
use tablediffusion::engine::nn::per_example::{Explicit, RowObjective};
use tablediffusion::engine::nn::private_gradient::PrivateGradients;
use tablediffusion::engine::nn::tensors::{ParameterLayout, ParameterMatrix, constant};
use tablediffusion::engine::privacy::accountant;
use tablediffusion::engine::privacy::mechanisms::Mechanism;
use tablediffusion::engine::privacy::meter::Meter;
use tablediffusion::engine::privacy::samplers::poisson::SamplingRate;

use crate::bounds::Guesses;
use crate::{Finding, TIGHT, long};

const DELTA: f64 = 1e-5;
const INPUTS: usize = 4;
const OUTPUTS: usize = 4;
/// Runs whose statistics one generator makes.
const SERIES: usize = 2_000;

/// `others` rows, then the canary. The loss is linear in the outputs, so that the gradients are known exactly.
struct Stage {
    net: Mlp,
    others: usize,
    rule: Rule,
    /// Norm that the canary's gradient exceeds six times, and each other row's one and a half times.
    norm: f64,
    /// The canary's gradient, of size 1.
    canary: Vec<f64>,
}

/// The rows of a stage.
struct Rows {
    others: usize,
}

impl Objective for Rows {
    fn copies(&self) -> usize {
        1
    }
    fn memo(&self) -> usize {
        OUTPUTS
    }
    fn prepare(&self, row: usize, _: &mut Normals, inputs: &mut [f32], memo: &mut [f32]) {
        inputs.copy_from_slice(&[1.0, -0.5, 0.25, 0.75]);
        let scale = if row == self.others { 1.0 } else { -0.25 };
        memo.iter_mut().zip([1.0, -2.0, 0.5, 1.5]).for_each(|(m, x)| *m = scale * x);
    }
    fn delta(&self, memo: &[f32], outputs: &mut [f32]) {
        outputs.copy_from_slice(memo);
    }
}

impl Stage {
    fn new(others: usize) -> Self {
        let architecture = Architecture { inputs: INPUTS, hidden: vec![8], outputs: OUTPUTS, concatenate: true };
        let net = Mlp::new(architecture, false, &mut Normals::from_seed([1; 32])).expect("a network");
        let activation_step = f64::from(RoundingGrid::TRAINING.activation_step);
        // So large a norm clips nothing.
        let clip = Clip { rule: Rule::Flat, norm: 1e3, limit: 1 << 26, activation_step };
        let rows = Rows { others };
        let mut sum = BatchSum::new(&net, vec![others as u32], 1, [0; 32]);
        while sum.advance(&rows, &clip).expect("a sum") {}
        let canary: Vec<f64> = sum.finish().into_iter().map(|units| units as f64 * clip.unit()).collect();
        let size = norm(&canary);
        Self { net, others, rule: Rule::Flat, norm: size / 6.0, canary: canary.iter().map(|g| g / size).collect() }
    }

    fn gradients(&self, rate: SamplingRate, noise_multiplier: f64) -> PrivateGradients<BatchSum> {
        let (parameters, meter) = (self.net.parameters.len(), Meter::new().expect("random bits"));
        PrivateGradients::new(rate, noise_multiplier, self.rule, self.norm, 2.0, parameters, meter).expect("gradients")
    }

    /// Statistics of the gradient in `runs` runs without the canary, and with it.
    fn run<const N: usize>(
        &self,
        (rate, noise_multiplier): (SamplingRate, f64),
        runs: usize,
        statistics: impl Fn(&[f32]) -> [f64; N] + Sync,
    ) -> [(Vec<f64>, Vec<f64>); N] {
        let gradient_of = Ghost { net: &self.net, objective: &Rows { others: self.others } };
        let series = (0..runs / SERIES).into_par_iter().map(|_| {
            let mut gradients = self.gradients(rate, noise_multiplier);
            let mut one = |rows: usize| {
                loop {
                    if let Some(gradient) = gradients.advance(&gradient_of, rows).expect("a gradient") {
                        return statistics(&gradient);
                    }
                }
            };
            (0..SERIES).map(|_| (one(self.others), one(self.others + 1))).collect::<Vec<_>>()
        });
        let all: Vec<_> = series.flatten_iter().collect();
        std::array::from_fn(|k| all.iter().map(|(without, with)| (without[k], with[k])).unzip())
    }

    /// The multiplier of noise that buys `epsilon`, and the claim for what is really used.
    fn full_batch(&self, epsilon: f64) -> (f64, f64) {
        let family = |noise_multiplier| vec![(Mechanism::Gaussian { noise_multiplier }, 1)];
        let wanted = accountant::calibrate(&[], epsilon, DELTA, family).expect("noise");
        let used = self.gradients(SamplingRate::nearest(1.0), wanted).noise_multiplier();
        (wanted, accountant::epsilon(&family(used), DELTA).expect("an epsilon"))
    }
}

fn norm(vector: &[f64]) -> f64 {
    vector.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// The gradient's component along a direction.
fn along(gradient: &[f32], direction: &[f64]) -> f64 {
    gradient.iter().zip(direction).map(|(g, d)| f64::from(*g) * d).sum()
}

fn gaussian(attack: &str, claim: f64, (without, with): &(Vec<f64>, Vec<f64>), least: f64) {
    let guesses = Guesses::of(without, with, Guesses::proven_distance(1.0));
    let (lower, runs) = (guesses.gaussian_epsilon(DELTA), 2.0 * guesses.runs);
    Finding { attack: attack.to_owned(), claim, lower, runs, least }.judge();
}

/// The gradient along the canary's, every row taking part.
#[test]
fn step_full_batch() {
    let mut stage = Stage::new(2);
    let normalised = Rule::Normalised { stability: 0.01 };
    let settings: &[(f64, usize, Rule)] = if long() {
        &[
            (1.0, 400_000, Rule::Flat),
            (4.0, 100_000, Rule::Flat),
            (10.0, 100_000, Rule::Flat),
            (4.0, 100_000, normalised),
        ]
    } else {
        &[(4.0, 30_000, Rule::Flat)]
    };
    for &(epsilon, runs, rule) in settings {
        stage.rule = rule;
        let how = if rule == Rule::Flat { "clipped" } else { "normalised" };
        let (noise, claim) = stage.full_batch(epsilon);
        let rate = SamplingRate::nearest(1.0);
        let [found] = stage.run((rate, noise), runs, |gradient| [along(gradient, &stage.canary)]);
        gaussian(&format!("gradient of all rows, {how}"), claim, &found, TIGHT);
    }
}

/// The same where rows are sampled. No other row is there to hide the canary.
#[test]
fn step_subsampled() {
    let stage = Stage::new(0);
    let settings: &[(f64, f64, usize)] = if long() {
        &[(0.5, 1.0, 1_000_000), (0.5, 4.0, 200_000), (0.5, 10.0, 100_000)]
    } else {
        &[(0.5, 4.0, 100_000)]
    };
    for &(rate, epsilon, runs) in settings {
        let rate = SamplingRate::nearest(rate);
        let sampling_rate = rate.value();
        let family =
            |noise_multiplier| vec![(Mechanism::SubsampledGaussian { sampling_rate, noise_multiplier, steps: 1 }, 1)];
        let noise = accountant::calibrate(&[], epsilon, DELTA, family).expect("noise");
        let used = stage.gradients(rate, noise).noise_multiplier();
        let claim = accountant::epsilon(&family(used), DELTA).expect("an epsilon");
        let [(without, with)] = stage.run((rate, noise), runs, |gradient| [along(gradient, &stage.canary)]);
        let guesses = Guesses::of(&without, &with, Guesses::proven_distance(sampling_rate));
        let lower = guesses.subsampled_epsilon(sampling_rate, DELTA);
        let attack = format!("gradient of rows sampled at {sampling_rate:.1}");
        Finding { attack, claim, lower, runs: 2.0 * guesses.runs, least: TIGHT }.judge();
    }
}

/// Each layer alone gives away less than the whole.
#[test]
fn step_layer_by_layer() {
    let stage = Stage::new(2);
    let (noise, claim) = stage.full_batch(4.0);
    let starts: Vec<usize> = stage.net.architecture.layers().iter().map(|layer| layer.first).collect();
    let runs = if long() { 60_000 } else { 10_000 };
    let statistics = |gradient: &[f32]| {
        let (first, last) = gradient.split_at(starts[1]);
        [along(first, &stage.canary[..starts[1]]), along(last, &stage.canary[starts[1]..])]
    };
    let found = stage.run((SamplingRate::nearest(1.0), noise), runs, statistics);
    for (layer, found) in ["first", "last"].into_iter().zip(&found) {
        gaussian(&format!("gradient of all rows, {layer} layer"), claim, found, 0.0);
    }
}

/// The size of the gradient across the canary's tells nothing: it is noise, divided by a public number.
#[test]
fn step_size_of_the_rest() {
    let stage = Stage::new(2);
    let (noise, claim) = stage.full_batch(1.0);
    let runs = if long() { 60_000 } else { 10_000 };
    let across = |gradient: &[f32]| {
        let component = along(gradient, &stage.canary);
        let total: f64 = gradient.iter().map(|g| f64::from(*g).powi(2)).sum();
        [(total - component * component).sqrt()]
    };
    let [found] = stage.run((SamplingRate::nearest(1.0), noise), runs, across);
    gaussian("gradient of all rows, size across the canary's", claim, &found, 0.0);
}

/// Rows whose loss is linear in the parameters, so that gradients are known: that of the canary, the last row, points one way and
/// the others the other way, all beyond the clipping norm.
struct Linear {
    others: usize,
    parts: ParameterLayout,
}

impl RowObjective for Linear {
    fn parts(&self) -> &ParameterLayout {
        &self.parts
    }
    fn loss(&self, row: usize, _: &mut Normals, parameters: &[Tensor<2>]) -> Result<Tensor<1>> {
        let scale = if row == self.others { 6.0 } else { -1.5 };
        let direction = constant(DIRECTION.iter().map(|x| scale * *x as f32).collect(), 1, DIRECTION.len());
        Ok((parameters[0].clone() * direction).sum())
    }
}

/// Of size 1.
const DIRECTION: [f64; 4] = [0.5, -0.5, 0.1, 0.7];

/// The same for gradients that are formed row by row.
#[test]
fn step_explicit() {
    let linear = Linear { others: 1, parts: ParameterLayout::new(vec![ParameterMatrix::table(1, DIRECTION.len())]) };
    let family = |noise_multiplier| vec![(Mechanism::Gaussian { noise_multiplier }, 1)];
    let wanted = accountant::calibrate(&[], 4.0, DELTA, family).expect("noise");
    let (meter, rate) = (Meter::new().expect("random bits"), SamplingRate::nearest(1.0));
    let private = PrivateGradients::new(rate, wanted, Rule::Flat, 1.0, 1.0, DIRECTION.len(), meter);
    let runs = if long() { 100_000 } else { 16_000 };
    let of = Explicit { parameters: &[0.0; DIRECTION.len()], objective: &linear };
    let mut private = private.expect("gradients");
    let used = private.noise_multiplier();
    let claim = accountant::epsilon(&family(used), DELTA).expect("an epsilon");
    let mut one = |rows: usize| {
        loop {
            if let Some(gradient) = private.advance(&of, rows).expect("a gradient") {
                return along(&gradient, &DIRECTION);
            }
        }
    };
    let found: (Vec<f64>, Vec<f64>) = (0..runs).map(|_| (one(linear.others), one(linear.others + 1))).unzip();
    gaussian("gradient of all rows, formed one by one", claim, &found, TIGHT);
}

//! Compares the networks' gradients with brute force, and checks what they learn.

use crate::engine::models::TrainingInput;
use burn_tensor::Tensor;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::attention_gan::Reconstruction;
use super::attention_vae::{Evidence, Shape};
use super::blocks::Blocks;
use super::critic;
use super::options::{Baseline, BaselineOptions};
use crate::engine::Result;
use crate::engine::models::row_encoding::tests::{bins, categories};
use crate::engine::models::row_encoding::{Clean, Layout};
use crate::engine::models::{Method, TrainingBudget};
use crate::engine::nn::batch_sum::Gradients;
use crate::engine::nn::clip::{Clip, Rule};
use crate::engine::nn::mlp::Mlp;
use crate::engine::nn::normals::Normals;
use crate::engine::nn::per_example::{Explicit, RowObjective};
use crate::engine::nn::tensors::{ParameterLayout, gradient, leaves};
use crate::engine::privacy::meter::Meter;
use crate::engine::table::{Codes, Domain, EncodedTable, UnitTable};

fn domains() -> Vec<Domain> {
    vec![categories(&[0.5, 0.3, 0.2], None), bins(&[0.25; 4], None), bins(&[0.3, 0.3], Some(0.4))]
}

fn table(rows: usize) -> UnitTable {
    let column = |size: usize, step: usize| Codes::U8((0..rows).map(|row| (row * step % size) as u8).collect());
    EncodedTable { rows, columns: vec![column(3, 1), column(4, 3), column(3, 2)] }.into()
}

fn options(kind: Baseline) -> BaselineOptions {
    BaselineOptions {
        numeric_bins: 0,
        hidden: vec![5],
        latent: 3,
        compression: 4,
        dimension: 6,
        heads: 2,
        mixture: 3,
        divergence_weight: 0.3,
        ..BaselineOptions::new(kind)
    }
}

/// Matrices in double precision.
#[derive(Clone)]
struct Matrix {
    columns: usize,
    entries: Vec<f64>,
}

impl Matrix {
    fn new(columns: usize, entries: Vec<f64>) -> Self {
        Self { columns, entries }
    }
    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.entries.chunks_exact(self.columns)
    }
    fn map(&self, of: impl Fn(f64) -> f64) -> Self {
        Self::new(self.columns, self.entries.iter().map(|x| of(*x)).collect())
    }
    fn plus(&self, other: &Self) -> Self {
        Self::new(self.columns, self.entries.iter().zip(&other.entries).map(|(a, b)| a + b).collect())
    }
    fn head(&self, rows: usize) -> Self {
        Self::new(self.columns, self.entries[..rows * self.columns].to_vec())
    }
    fn relu(&self) -> Self {
        self.map(|x| x.max(0.0))
    }
}

/// Parameters in double precision, read part by part.
struct Flat<'a>(&'a [f64]);

impl Flat<'_> {
    fn take(&mut self, rows: usize, columns: usize) -> Matrix {
        let (part, rest) = self.0.split_at(rows * columns);
        self.0 = rest;
        Matrix::new(columns, part.to_vec())
    }

    fn dense(&mut self, x: &Matrix, fan_out: usize) -> Matrix {
        let layer = self.take(x.columns + 1, fan_out);
        let entry = |row: &[f64], o: usize| {
            let w = |i: usize| layer.entries[i * fan_out + o];
            row.iter().enumerate().map(|(i, x)| x * w(i)).sum::<f64>() + w(x.columns)
        };
        Matrix::new(
            fan_out,
            x.rows().flat_map(|row| (0..fan_out).map(move |o| (row, o))).map(|(r, o)| entry(r, o)).collect(),
        )
    }

    fn layer_norm(&mut self, x: &Matrix) -> Matrix {
        let (gamma, beta) = (self.take(1, x.columns), self.take(1, x.columns));
        let mut entries = Vec::new();
        for row in x.rows() {
            let mean = row.iter().sum::<f64>() / x.columns as f64;
            let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.columns as f64;
            let hats = row.iter().map(|x| (x - mean) / (variance + 1e-5).sqrt());
            entries.extend(hats.zip(&gamma.entries).zip(&beta.entries).map(|((x, g), b)| x * g + b));
        }
        Matrix::new(x.columns, entries)
    }
}

fn softmax(x: &[f64]) -> Vec<f64> {
    let powers: Vec<f64> = x.iter().map(|x| x.exp()).collect();
    let total: f64 = powers.iter().sum();
    powers.into_iter().map(|p| p / total).collect()
}

fn attend(queries: &Matrix, keys: &Matrix, values: &Matrix, heads: usize) -> Matrix {
    let part = queries.columns / heads;
    let mut entries = Vec::new();
    for query in queries.rows() {
        for head in 0..heads {
            let span = head * part..(head + 1) * part;
            let score = |key: &[f64]| {
                let dot: f64 = query[span.clone()].iter().zip(&key[span.clone()]).map(|(a, b)| a * b).sum();
                dot / (part as f64).sqrt()
            };
            let shares = softmax(&keys.rows().map(score).collect::<Vec<_>>());
            entries.extend(span.clone().map(|i| values.rows().zip(&shares).map(|(v, s)| v[i] * s).sum::<f64>()));
        }
    }
    Matrix::new(queries.columns, entries)
}

fn cross_entropy(layout: &Layout, logits: &[f64], clean: &Clean, certainty: f64) -> f64 {
    let blocks = layout.blocks.iter().zip(&clean.states).map(|(block, state)| {
        let chances = softmax(&logits[block.at - layout.scalars..][..block.states]);
        let other = if block.states > 1 { (1.0 - certainty) / (block.states - 1) as f64 } else { 0.0 };
        let wanted = |i: usize| if i == *state as usize { 1.0 - other * (block.states - 1) as f64 } else { other };
        chances.iter().enumerate().map(|(i, p)| -wanted(i) * p.ln()).sum::<f64>()
    });
    blocks.sum()
}

/// An independent implementation of the loss of `attention_vae`.
fn vae_loss(parameters: &[f64], o: &BaselineOptions, layout: &Layout, clean: &Clean, noise: &[f32]) -> f64 {
    let (d, latent, k, scalars) = (o.dimension as usize, o.latent as usize, o.mixture as usize, layout.scalars);
    let states = layout.width - scalars;
    let mut flat = Flat(parameters);
    let table = flat.take(states + 1, d);
    let mut tokens = table.rows().nth(states).unwrap().to_vec();
    for (block, state) in layout.blocks.iter().zip(&clean.states) {
        tokens.extend(table.rows().nth(block.at - scalars + *state as usize).unwrap());
    }
    let (weights, biases, second) = (flat.take(scalars, 16), flat.take(scalars, 16), flat.take(scalars * 17, d));
    for (s, number) in clean.numbers.iter().enumerate() {
        let x = 2.0 * f64::from(*number) - 1.0;
        let mut h: Vec<f64> =
            (0..16).map(|i| (x * weights.entries[s * 16 + i] + biases.entries[s * 16 + i]).max(0.0)).collect();
        h.push(1.0);
        let entry = |c: usize| h.iter().enumerate().map(|(i, h)| h * second.entries[(s * 17 + i) * d + c]).sum::<f64>();
        tokens.extend((0..d).map(|c| entry(c) / 17f64.sqrt()));
    }
    let tokens = Matrix::new(d, tokens);
    let seen = flat.layer_norm(&tokens);
    let queries = flat.dense(&seen.head(1), d);
    let (keys, values) = (flat.dense(&seen, d), flat.dense(&seen, d));
    let own = tokens.head(1).plus(&flat.dense(&attend(&queries, &keys, &values, o.heads as usize), d));
    let seen = flat.layer_norm(&own);
    let wide = flat.dense(&seen, 2 * d).relu();
    let own = own.plus(&flat.dense(&wide, d));
    let h = flat.dense(&own, 5).relu();
    let both = flat.dense(&h, 2 * latent).entries;
    let (mean, spread) = both.split_at(latent);
    let divergence: f64 = mean.iter().zip(spread).map(|(m, s)| 0.5 * (m * m + s.exp() - s - 1.0)).sum();
    let z = mean.iter().zip(spread).zip(noise).map(|((m, s), n)| m + (0.5 * s).exp() * f64::from(*n)).collect();
    let h = flat.dense(&Matrix::new(latent, z), 5).relu();
    let h = flat.dense(&h, d);
    let logits = flat.dense(&h, states).entries;
    let mixtures = flat.dense(&h, scalars * 3 * k).entries;
    assert!(flat.0.is_empty());
    let densities = clean.numbers.iter().zip(mixtures.chunks_exact(3 * k)).map(|(x, mixture)| {
        let shares = softmax(&mixture[..k]);
        let normal = |i: usize| {
            let spread = mixture[2 * k + i].exp();
            let away = (f64::from(*x) - mixture[k + i]) / spread;
            (-0.5 * away * away).exp() / spread / (2.0 * std::f64::consts::PI).sqrt()
        };
        -(0..k).map(|i| shares[i] * normal(i)).sum::<f64>().ln()
    });
    o.divergence_weight * divergence + cross_entropy(layout, &logits, clean, 0.99) + densities.sum::<f64>()
}

/// An independent implementation of the loss of `attention_gan`'s autoencoder.
fn reconstruction_loss(parameters: &[f64], o: &BaselineOptions, layout: &Layout, clean: &Clean) -> f64 {
    let leaky = |x: f64| if x > 0.0 { x } else { 0.2 * x };
    let mut row = vec![0.0; layout.width];
    layout.write(clean, &mut row);
    let mut flat = Flat(parameters);
    let row = Matrix::new(layout.width, row.into_iter().map(f64::from).collect());
    let compressed = flat.dense(&row, o.compression as usize).map(leaky);
    let column = Matrix::new(1, compressed.entries);
    let [queries, keys, values] = [0; 3].map(|_| flat.dense(&column, 1));
    let attended = flat.dense(&attend(&queries, &keys, &values, 1), 1);
    let encoded = Matrix::new(o.compression as usize, column.plus(&attended).entries);
    let middle = flat.dense(&encoded, (o.compression as usize + layout.width) / 2).map(leaky);
    let outputs = flat.dense(&middle, layout.width).entries;
    assert!(flat.0.is_empty());
    let (numbers, logits) = outputs.split_at(layout.scalars);
    let errors = numbers
        .iter()
        .zip(&clean.numbers)
        .map(|(x, number)| 12.0 * (1.0 / (1.0 + (-x).exp()) - f64::from(*number)).powi(2));
    errors.sum::<f64>() + cross_entropy(layout, logits, clean, 1.0)
}

/// The inputs of a row's loss, with the generator that objectives receive.
fn drawn(table: &UnitTable, layout: &Layout, row: usize, latent: usize, seed: u8) -> (Clean, Vec<f32>) {
    let mut random = Normals::from_seed([seed; 32]);
    let (mut clean, mut noise) = (Clean::default(), vec![0.0; latent]);
    layout.encode(&table.table, row, &mut random, &mut clean);
    random.fill(&mut noise);
    (clean, noise)
}

/// Compares loss and gradient of a row with a loss in double precision and its finite differences, to 1e-5.
fn agree(objective: &impl RowObjective, row: usize, seed: u8, brute: impl Fn(&[f64]) -> f64) {
    let parameters = objective.parts().start(&mut Normals::from_seed([seed + 1; 32])).unwrap();
    let leaves = leaves(&objective.parts().cut(&parameters));
    let loss = objective.loss(row, &mut Normals::from_seed([seed; 32]), &leaves).unwrap();
    let value: f32 = loss.clone().into_scalar();
    let found = gradient(loss, &leaves).unwrap();
    let mut exact: Vec<f64> = parameters.iter().map(|x| f64::from(*x)).collect();
    let wanted = brute(&exact);
    assert!((f64::from(value) / wanted - 1.0).abs() < 1e-5, "{value} {wanted}");
    const STEP: f64 = 1e-6;
    let differences: Vec<f64> = (0..exact.len())
        .map(|i| {
            let mut at = |x: f64| {
                let before = std::mem::replace(&mut exact[i], x);
                let loss = brute(&exact);
                exact[i] = before;
                loss
            };
            let x = f64::from(parameters[i]);
            (at(x + STEP) - at(x - STEP)) / (2.0 * STEP)
        })
        .collect();
    let size = differences.iter().map(|g| g * g).sum::<f64>().sqrt();
    let distance = found.iter().zip(&differences).map(|(f, d)| (f64::from(*f) - d).powi(2)).sum::<f64>().sqrt();
    assert!(size > 0.1 && distance < 1e-5 * size, "{distance} of {size}");
}

#[test]
fn gradients_of_embeddings_attention_norms_and_mixtures_are_right() {
    let (table, options) = (table(12), options(Baseline::AttentionVae));
    let layout = Layout::of(&domains(), 0, 0.0);
    assert!(layout.scalars == 2 && layout.blocks.len() == 2);
    let (blocks, shape) = (Blocks::new(&layout), Shape::new(&options, layout.scalars, layout.width - layout.scalars));
    let parts = shape.parts();
    for row in 0..6 {
        let objective = Evidence {
            table: &table,
            layout: &layout,
            blocks: &blocks,
            shape: &shape,
            parts: &parts,
            divergence_weight: 0.3,
        };
        let (clean, noise) = drawn(&table, &layout, row, 3, row as u8);
        agree(&objective, row, row as u8, |parameters| vae_loss(parameters, &options, &layout, &clean, &noise));
    }
}

#[test]
fn gradients_of_the_autoencoder_are_right() {
    let (table, options) = (table(12), options(Baseline::AttentionGan));
    let layout = Layout::of(&domains(), 0, 0.0);
    let blocks = Blocks::new(&layout);
    let parts = super::attention_gan::parts(&options, layout.width);
    for row in 0..6 {
        let objective = Reconstruction { table: &table, layout: &layout, blocks: &blocks, parts: &parts };
        let (clean, _) = drawn(&table, &layout, row, 0, row as u8);
        agree(&objective, row, row as u8, |parameters| reconstruction_loss(parameters, &options, &layout, &clean));
    }
}

/// An objective whose rows have no randomness.
struct Fixed<'a>(Reconstruction<'a>);

impl RowObjective for Fixed<'_> {
    fn parts(&self) -> &ParameterLayout {
        self.0.parts
    }
    fn loss(&self, row: usize, _: &mut Normals, parameters: &[Tensor<2>]) -> Result<Tensor<1>> {
        self.0.loss(row, &mut Normals::from_seed([row as u8; 32]), parameters)
    }
}

/// The sum over a batch equals the sum of each row's gradient, clipped and rounded separately, for any batch and any
/// thread.
#[test]
fn sums_are_those_of_rows_clipped_one_by_one() {
    let (table, options) = (table(60), options(Baseline::AttentionGan));
    let layout = Layout::of(&domains(), 0, 0.0);
    let blocks = Blocks::new(&layout);
    let parts = super::attention_gan::parts(&options, layout.width);
    let objective = Fixed(Reconstruction { table: &table, layout: &layout, blocks: &blocks, parts: &parts });
    let parameters = parts.start(&mut Normals::from_seed([9; 32])).unwrap();
    let explicit = Explicit { parameters: &parameters, objective: &objective };
    let of_row = |row: u32| {
        let leaves = leaves(&parts.cut(&parameters));
        let loss = objective.loss(row as usize, &mut Normals::from_seed([0; 32]), &leaves).unwrap();
        let gradient = gradient(loss, &leaves).unwrap();
        let size = gradient.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
        (gradient, size)
    };
    // About half of the rows exceed the clipping norm.
    let mut sizes: Vec<f64> = (0..60).map(|row| of_row(row).1).collect();
    sizes.sort_by(f64::total_cmp);
    let clip = Clip { rule: Rule::Flat, norm: sizes[30], limit: 300_000, activation_step: 1.0 };
    let sum = |rows: Vec<u32>| {
        let mut sum = explicit.begin(rows, [0; 32]);
        while explicit.advance(&mut sum, &clip).unwrap() {}
        Explicit::<Fixed>::finish(sum)
    };
    let together = sum((0..60).collect());
    let mut wanted = vec![0i64; parameters.len()];
    let (mut clipped, mut whole) = (0, 0);
    for row in 0..60u32 {
        let (gradient, size) = of_row(row);
        // A thousandth below the bound leaves room for rounding.
        let factor = (clip.norm / size * (1.0 - 1e-3)).min(1.0);
        *(if factor < 1.0 { &mut clipped } else { &mut whole }) += 1;
        let own: Vec<i64> =
            gradient.iter().map(|g| (f64::from(*g) * factor / clip.unit()).round_ties_even() as i64).collect();
        assert!(own.iter().map(|x| i128::from(*x).pow(2)).sum::<i128>() <= i128::from(clip.limit).pow(2));
        let alone = sum(vec![row]);
        assert!(alone.iter().zip(&own).all(|(a, b)| (a - b).abs() <= 1));
        wanted.iter_mut().zip(alone).for_each(|(sum, x)| *sum += x);
    }
    assert!(clipped > 0 && whole > 0, "{clipped} {whole}");
    assert!(together == wanted);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert!(pool.install(|| sum((0..60).rev().collect())) == wanted);
    assert!(sum(Vec::new()).iter().all(|x| *x == 0));
}

#[test]
fn a_critic_keeps_within_its_bound() {
    let options = options(Baseline::Wgan);
    let mut net = Mlp::new(critic::shape(&options, 7), false, &mut Normals::from_seed([1; 32])).unwrap();
    net.parameters.iter_mut().for_each(|w| *w *= 50.0);
    let shape = net.architecture.clone();
    critic::bound(&shape, &mut net.parameters, 0.1);
    for layer in shape.layers() {
        assert!(net.parameters[layer.first..layer.affine()].iter().all(|w| w.abs() <= 0.1));
    }
    assert!(net.parameters.iter().all(|w| w.abs() <= 1.0) && net.parameters.contains(&1.0));
}

/// With hardly any noise, a coin with probability 0.9 is distinguished from a fair one. Fixed seeds.
#[test]
fn shares_are_learned() {
    let rows = 400;
    let column = |of: &dyn Fn(usize) -> bool| Codes::U8((0..rows).map(|row| u8::from(of(row))).collect());
    let table = EncodedTable { rows, columns: vec![column(&|row| row % 10 == 0), column(&|row| row % 2 == 0)] };
    let coin = || categories(&[0.5, 0.5], None);
    for (method, json) in [
        (Method::Wgan, r#"{"epochs": 60, "batch_size": 200, "hidden": [16], "latent": 4}"#),
        (Method::AttentionVae, r#"{"epochs": 6, "batch_size": 50, "hidden": [8], "latent": 2, "dimension": 8}"#),
        (Method::AttentionGan, r#"{"epochs": 8, "batch_size": 40, "hidden": [16], "latent": 4, "compression": 4}"#),
        (
            Method::PateGan,
            r#"{"teachers": 10, "teacher_hidden": [8], "generator_steps": 5, "hidden": [16], "latent": 4}"#,
        ),
    ] {
        let options = method.options(&serde_json::from_str(json).unwrap(), &[]).unwrap();
        let budget = TrainingBudget { epsilon: 300.0, delta: 1e-6, prior: Vec::new() };
        let (table, domains, meter) = (table.clone().into(), vec![coin(), coin()], Meter::for_tests(5));
        let input = TrainingInput { table, domains, noisy_rows: rows as f64, budget, meter };
        let mut training = method.trainer(input, options).unwrap();
        while training.step().unwrap() {}
        let drawn = training.finish().unwrap().sample(2_000, &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
        let share = drawn.columns[0].iter().filter(|code| *code == 1).count() as f64 / 2_000.0;
        assert!(share < 0.3, "{}: {share}", method.name());
    }
}

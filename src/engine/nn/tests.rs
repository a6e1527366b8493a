//! Tests of the whole module: against burn's gradients, against brute force in integers, and with extreme inputs.

use burn_tensor::{Tensor, TensorData, activation::relu};

use super::batch_sum::{BatchSum, Objective, add_products};
use super::clip::{Clip, Rule, clip_rows};
use super::device::device;
use super::exact::{Rounded, RoundingGrid, Trace};
use super::mlp::{Architecture, EPSILON, Mlp};
use super::normals::Normals;

/// Mean squared distance from targets, over `copies` rows of given inputs.
struct Squares {
    copies: usize,
    inputs: usize,
    outputs: usize,
    x: Vec<f32>,
    y: Vec<f32>,
}

impl Squares {
    fn new(rows: usize, copies: usize, inputs: usize, outputs: usize, seed: u8) -> Self {
        let mut random = Normals::from_seed([seed; 32]);
        let (mut x, mut y) = (vec![0.0; rows * copies * inputs], vec![0.0; rows * copies * outputs]);
        random.fill(&mut x);
        random.fill(&mut y);
        Self { copies, inputs, outputs, x, y }
    }
}

impl Objective for Squares {
    fn copies(&self) -> usize {
        self.copies
    }
    fn memo(&self) -> usize {
        self.outputs
    }
    fn prepare(&self, row: usize, _: &mut Normals, inputs: &mut [f32], memo: &mut [f32]) {
        inputs.copy_from_slice(&self.x[row * self.copies * self.inputs..][..self.copies * self.inputs]);
        memo.copy_from_slice(&self.y[row * self.copies * self.outputs..][..self.copies * self.outputs]);
    }
    fn delta(&self, memo: &[f32], outputs: &mut [f32]) {
        let scale = 2.0 / outputs.len() as f32;
        outputs.iter_mut().zip(memo).for_each(|(o, y)| *o = scale * (*o - y));
    }
}

fn net(shape: Architecture, seed: u8) -> Mlp {
    Mlp::new(shape, false, &mut Normals::from_seed([seed; 32])).unwrap()
}

fn small(concatenate: bool) -> Architecture {
    Architecture { inputs: 19, hidden: vec![16, 13], outputs: 11, concatenate }
}

fn trace_of(rounded: &Rounded, objective: &Squares, rows: usize) -> (Trace, super::exact::Deltas) {
    let n = rows * objective.copies;
    let mut trace = rounded.forward(&objective.x[..n * objective.inputs], n).unwrap();
    let mut outputs = std::mem::take(&mut trace.outputs);
    let spans = outputs.chunks_exact_mut(objective.copies * objective.outputs);
    spans.zip(objective.y.chunks_exact(objective.copies * objective.outputs)).for_each(|(o, y)| objective.delta(y, o));
    let deltas = rounded.backward(&mut trace, outputs, objective.copies).unwrap();
    (trace, deltas)
}

/// One row's gradient by burn's autodiff, in the layout of the parameters.
fn autodiff(net: &Mlp, objective: &Squares, row: usize) -> Vec<f64> {
    let device = device().autodiff();
    let k = objective.copies;
    let tensor =
        |values: &[f32], shape: [usize; 2]| Tensor::<2>::from_data(TensorData::new(values.to_vec(), shape), &device);
    let mut h = tensor(&objective.x[row * k * objective.inputs..][..k * objective.inputs], [k, objective.inputs]);
    let y = tensor(&objective.y[row * k * objective.outputs..][..k * objective.outputs], [k, objective.outputs]);
    let mut leaves = Vec::new();
    for layer in net.architecture.layers() {
        let w = tensor(&net.parameters[layer.first..][..layer.fan_in * layer.fan_out], [layer.fan_in, layer.fan_out]);
        let b = tensor(&net.parameters[layer.affine() - layer.fan_out..layer.affine()], [1, layer.fan_out]);
        let (w, b) = (w.require_grad(), b.require_grad());
        let mut z = h.clone().matmul(w.clone()) + b.clone();
        leaves.extend([w, b]);
        if layer.hidden {
            let affine = &net.parameters[layer.affine()..][..2 * layer.fan_out];
            let gamma = tensor(&affine[..layer.fan_out], [1, layer.fan_out]).require_grad();
            let beta = tensor(&affine[layer.fan_out..], [1, layer.fan_out]).require_grad();
            let centred = z.clone() - z.mean_dim(1);
            let variance = (centred.clone() * centred.clone()).mean_dim(1);
            z = relu(centred / (variance + EPSILON).sqrt() * gamma.clone() + beta.clone());
            if net.architecture.concatenate {
                z = Tensor::cat(vec![z, h], 1);
            }
            leaves.extend([gamma, beta]);
        }
        h = z;
    }
    let gradients = (h - y).powi_scalar(2).mean().backward();
    let values =
        leaves.iter().flat_map(|leaf| leaf.grad(&gradients).unwrap().into_data().try_into_vec::<f32>().unwrap());
    values.map(f64::from).collect()
}

/// On fine grids, the gradient equals burn's to 1e-5 of its norm, and so does its norm, which is found without forming
/// it.
#[test]
fn ghost_gradients_are_those_of_autodiff() {
    const STEP: f32 = 1.0 / 262_144.0;
    let fine = RoundingGrid {
        activation_step: STEP,
        activation_limit: 4_000_000.0,
        activation_rms: 16.0,
        product_limit: 2f64.powi(60),
        delta_limit: 4_000_000.0,
    };
    for (copies, concatenate) in [(1, true), (5, true), (1, false), (5, false)] {
        let rows = 6;
        let shape = small(concatenate);
        let (net, objective) = (net(shape.clone(), 1), Squares::new(rows, copies, 19, 11, 2));
        let (trace, deltas) = trace_of(&Rounded::new(&net, fine), &objective, rows);
        // A clipping norm far above every gradient changes no norm, and its units are fine.
        let clip = Clip { rule: Rule::Flat, norm: 1e3, limit: u32::MAX, activation_step: f64::from(STEP) };
        let sizes = super::clip::sizes(&shape, &trace, &deltas, copies, &clip);
        for (row, got_size) in sizes.iter().enumerate() {
            let wanted = autodiff(&net, &objective, row);
            let size = wanted.iter().map(|g| g * g).sum::<f64>().sqrt();
            assert!((got_size / size - 1.0).abs() < 1e-5, "size {got_size} for {size}");
            let got = brute_force(&net, &trace, &deltas, copies, row, clip.activation_step);
            let distance = got.iter().zip(&wanted).map(|(g, w)| (g - w).powi(2)).sum::<f64>().sqrt();
            assert!(distance < 1e-5 * size, "distance {distance} of {size}");
        }
    }
}

/// A row's gradient as a sum of outer products, in double precision.
fn brute_force(
    net: &Mlp,
    trace: &Trace,
    deltas: &super::exact::Deltas,
    copies: usize,
    row: usize,
    step: f64,
) -> Vec<f64> {
    let width = net.architecture.width();
    let mut gradient = vec![0.0; net.parameters.len()];
    for (l, layer) in net.architecture.layers().iter().enumerate() {
        for k in row * copies..(row + 1) * copies {
            let seen = &trace.activations[k * width..][layer.seen()];
            let delta = &deltas.dense[l][k * layer.fan_out..(k + 1) * layer.fan_out];
            for (i, a) in seen.iter().enumerate() {
                for (o, d) in delta.iter().enumerate() {
                    gradient[layer.first + i * layer.fan_out + o] += step * f64::from(*a) * f64::from(*d);
                }
            }
        }
        if layer.hidden {
            let affine = &deltas.affine[l][2 * row * layer.fan_out..][..2 * layer.fan_out];
            affine.iter().enumerate().for_each(|(j, g)| gradient[layer.affine() + j] += f64::from(*g));
        }
    }
    gradient
}

fn production(norm: f64, limit: u32, rule: Rule) -> Clip {
    Clip { rule, norm, limit, activation_step: f64::from(RoundingGrid::TRAINING.activation_step) }
}

/// Integer gradients of each row by brute force in i64, from the clipped factors.
fn whole_rows(shape: &Architecture, trace: &Trace, clipped: &super::clip::Clipped, copies: usize) -> Vec<Vec<i64>> {
    let width = shape.width();
    let rows = trace.lost.len() / copies;
    let count = shape.parameters().unwrap();
    (0..rows)
        .map(|row| {
            let mut gradient = vec![0i64; count];
            for (l, layer) in shape.layers().iter().enumerate() {
                for k in row * copies..(row + 1) * copies {
                    let seen = &trace.activations[k * width..][layer.seen()];
                    let delta = &clipped.dense[l][k * layer.fan_out..(k + 1) * layer.fan_out];
                    for (i, a) in seen.iter().enumerate() {
                        for (o, d) in delta.iter().enumerate() {
                            gradient[layer.first + i * layer.fan_out + o] += *a as i64 * *d as i64;
                        }
                    }
                }
                if layer.hidden {
                    let affine = &clipped.affine[l][2 * row * layer.fan_out..][..2 * layer.fan_out];
                    affine.iter().enumerate().for_each(|(j, g)| gradient[layer.affine() + j] = *g as i64);
                }
            }
            gradient
        })
        .collect()
}

fn square(gradient: &[i64]) -> i128 {
    gradient.iter().map(|g| i128::from(*g) * i128::from(*g)).sum()
}

#[test]
fn sums_are_exact_and_rows_within_the_bound() {
    for (number, (copies, limit, rule)) in [
        (1, 300_000, Rule::Flat),
        (5, 200_000, Rule::Normalised { stability: 0.01 }),
        (5, 17, Rule::Flat),
        // Entries of deltas beyond 255, and groups that must be split.
        (3, 40_000_000, Rule::Normalised { stability: 0.0 }),
        (5, 200_000, Rule::Flat),
    ]
    .into_iter()
    .enumerate()
    {
        let concatenate = number < 3;
        let shape = Architecture { inputs: 70, hidden: vec![48, 40], outputs: 66, concatenate };
        let rows = 40;
        let (net, objective) = (net(shape.clone(), 5), Squares::new(rows, copies, 70, 66, 6));
        let (trace, deltas) = trace_of(&Rounded::new(&net, RoundingGrid::TRAINING), &objective, rows);
        assert!(trace.lost.iter().all(|lost| !lost));
        let clip = production(0.01, limit, rule);
        let clipped = clip_rows(&shape, &trace, &deltas, copies, &clip);
        assert!(limit < 1_000_000 || clipped.groups.len() > 1);
        let per_row = whole_rows(&shape, &trace, &clipped, copies);
        let bound = i128::from(limit) * i128::from(limit);
        assert!(per_row.iter().all(|row| square(row) <= bound));
        let total = (0..per_row[0].len()).map(|p| per_row.iter().map(|row| row[p]).sum()).collect::<Vec<i64>>();
        if limit > 1000 {
            // Rows are not scaled down more than necessary. Here all of them exceed the clipping norm.
            assert!(per_row.iter().all(|row| square(row) as f64 > 0.95 * bound as f64));
        }
        let mut sum = vec![0; total.len()];
        add_products(&shape, trace.activations, clipped, copies, &mut sum).unwrap();
        assert!(sum == total);
    }
}

/// A row's contribution does not depend on the other rows: the sum over a batch equals the sum over batches of one row,
/// to the last digit, in any order.
#[test]
fn a_row_adds_the_same_in_any_company() {
    [true, false].into_iter().for_each(adds_the_same);
}

fn adds_the_same(concatenate: bool) {
    let shape = Architecture { inputs: 33, hidden: vec![20, 24], outputs: 21, concatenate };
    let (net, objective) = (net(shape, 8), Squares::new(150, 5, 33, 21, 9));
    let clip = production(0.05, 100_000, Rule::Flat);
    let sum = |rows: &[u32]| {
        let mut batch = BatchSum::new(&net, rows.to_vec(), objective.copies, [1; 32]);
        while batch.advance(&objective, &clip).unwrap() {}
        batch.finish()
    };
    let all: Vec<u32> = (0..150).collect();
    let together = sum(&all);
    let reversed = sum(&all.iter().rev().copied().collect::<Vec<_>>());
    let mut apart = vec![0i64; together.len()];
    for row in &all {
        apart.iter_mut().zip(sum(&[*row])).for_each(|(t, x)| *t += x);
    }
    assert!(together == apart && together == reversed);
    assert!(together.iter().any(|x| *x != 0));
    assert!(sum(&[]).iter().all(|x| *x == 0));
}

/// Inputs, targets and weights of any size, infinite or NaN: no row exceeds the bound, and the sum stays exact. Rows
/// with NaN add nothing.
#[test]
fn no_row_exceeds_the_bound_under_attack() {
    let attacks = [0.0, 1e-38, -1e-20, 1e4, -1e19, 3e38, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    for (number, attack) in attacks.into_iter().enumerate() {
        for place in 0..4 {
            for copies in [1, 4] {
                let rows = 8;
                let mut objective = Squares::new(rows, copies, 19, 11, 3);
                let shape = small(number % 2 == 0);
                let mut net = net(shape.clone(), number as u8);
                let some = |i: usize| i % 7 == number % 7;
                match place {
                    0 => objective.x.iter_mut().enumerate().filter(|(i, _)| some(*i)).for_each(|(_, x)| *x = attack),
                    1 => objective.y.iter_mut().enumerate().filter(|(i, _)| some(*i)).for_each(|(_, y)| *y = attack),
                    2 => net.parameters.iter_mut().enumerate().filter(|(i, _)| some(*i)).for_each(|(_, w)| *w = attack),
                    _ => objective.x.iter_mut().take(19 * copies).for_each(|x| *x = attack),
                }
                for rule in [Rule::Flat, Rule::Normalised { stability: 0.0 }] {
                    let clip = production(1.0, 50_000, rule);
                    let (trace, deltas) = trace_of(&Rounded::new(&net, RoundingGrid::TRAINING), &objective, rows);
                    let clipped = clip_rows(&shape, &trace, &deltas, copies, &clip);
                    let per_row = whole_rows(&shape, &trace, &clipped, copies);
                    assert!(per_row.iter().all(|row| square(row) <= 50_000 * 50_000));
                    if place == 3 {
                        assert_eq!(square(&per_row[0]) == 0, !attack.is_finite() || attack.abs() > 1e3, "{attack}");
                        assert!(per_row[1..].iter().all(|row| square(row) > 0));
                    }
                    let mut sum = vec![0; per_row[0].len()];
                    add_products(&shape, trace.activations, clipped, copies, &mut sum).unwrap();
                    assert!((0..sum.len()).all(|p| sum[p] == per_row.iter().map(|row| row[p]).sum::<i64>()));
                }
            }
        }
    }
}

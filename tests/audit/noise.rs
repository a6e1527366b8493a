//! The noise, the samples and the generators of a training, as its attacker sees them.

use std::sync::Mutex;

use rand::Rng;
use statrs::function::beta::ln_beta;
use tablediffusion::engine::nn::batch_sum::{BatchSum, Ghost, Objective};
use tablediffusion::engine::nn::clip::Rule;
use tablediffusion::engine::nn::mlp::{Architecture, Mlp};
use tablediffusion::engine::nn::normals::Normals;
use tablediffusion::engine::nn::private_gradient::PrivateGradients;
use tablediffusion::engine::privacy::mechanisms::noisy_counts::noisy_counts;
use tablediffusion::engine::privacy::meter::Meter;
use tablediffusion::engine::privacy::samplers::poisson::SamplingRate;
use tablediffusion::engine::privacy::samplers::random::SecretRng;

use crate::bounds::{chi_square, kolmogorov_smirnov, mean_is_zero, normal_quantile};
use crate::{judge_deviation, long};

/// Remembers which rows took part.
struct Watched(Mutex<Vec<u32>>);

impl Objective for Watched {
    fn copies(&self) -> usize {
        1
    }
    fn memo(&self) -> usize {
        1
    }
    fn prepare(&self, row: usize, _: &mut Normals, _: &mut [f32], _: &mut [f32]) {
        self.0.lock().expect("a list").push(row as u32);
    }
    fn delta(&self, _: &[f32], _: &mut [f32]) {}
}

/// The steps of a training on `rows` rows: the gradients in units of their noise, and who took part.
struct Steps {
    net: Mlp,
    gradients: PrivateGradients<BatchSum>,
    watched: Watched,
    rows: usize,
}

impl Steps {
    /// A network of one layer with `width` squared parameters.
    fn new(rate: f64, rows: usize, width: usize) -> Self {
        let shape = Architecture { inputs: width - 1, hidden: Vec::new(), outputs: width, concatenate: true };
        let net = Mlp::new(shape, true, &mut Normals::from_seed([1; 32])).expect("a network");
        let meter = Meter::new().expect("random bits");
        let rate = SamplingRate::nearest(rate);
        let gradients = PrivateGradients::new(rate, 1.0, Rule::Flat, 1.0, 1.0, net.parameters.len(), meter);
        let gradients = gradients.expect("gradients");
        Self { net, gradients, watched: Watched(Mutex::new(Vec::new())), rows }
    }

    fn next(&mut self) -> (Vec<f64>, Vec<u32>) {
        self.watched.0.lock().expect("a list").clear();
        loop {
            let of = Ghost { net: &self.net, objective: &self.watched };
            if let Some(gradient) = self.gradients.advance(&of, self.rows).expect("a gradient") {
                let sd = self.gradients.noise_multiplier();
                let mut rows = self.watched.0.lock().expect("a list").clone();
                rows.sort_unstable();
                return (gradient.into_iter().map(|g| f64::from(g) / sd).collect(), rows);
            }
        }
    }
}

fn assert_normal(what: &str, mut x: Vec<f64>) {
    let n = x.len() as f64;
    x.sort_unstable_by(f64::total_cmp);
    judge_deviation(&format!("{what}: Kolmogorov-Smirnov"), kolmogorov_smirnov(&x), n);
    let cells = 500;
    let mut below = 0;
    let seen: Vec<f64> = (1..=cells)
        .map(|k| {
            let edge = normal_quantile(f64::from(k) / f64::from(cells));
            let end = if k == cells { x.len() } else { x.partition_point(|x| *x <= edge) };
            let seen = end - below;
            below = end;
            seen as f64
        })
        .collect();
    let expected = vec![n / f64::from(cells); cells as usize];
    judge_deviation(&format!("{what}: chi-square"), chi_square(&seen, &expected), n);
}

/// A step on no rows gives noise alone; so do counts of nothing.
#[test]
fn noise_is_normal() {
    let n = if long() { 10_000_000 } else { 1_000_000 };
    let mut steps = Steps::new(1.0, 0, 1024);
    let mut gradients = Vec::with_capacity(n + (1 << 20));
    while gradients.len() < n {
        gradients.extend(steps.next().0);
    }
    assert_normal("noise of gradients", gradients);
    let noisy = noisy_counts(&vec![0; n], 1.0, 3.0, &mut Meter::new().expect("random bits")).expect("counts");
    assert_normal("noise of counts", noisy.values.iter().map(|value| value / noisy.noise_sd).collect());
}

/// Sums over pairs of what has expectation 0 if the two are independent.
#[derive(Default)]
struct Together {
    pairs: f64,
    values: f64,
    squares: f64,
}

impl Together {
    fn add(&mut self, left: &[f64], right: &[f64]) {
        for (a, b) in left.iter().zip(right) {
            self.pairs += 1.0;
            self.values += a * b;
            self.squares += (a * a - 1.0) * (b * b - 1.0);
        }
    }

    fn judge(&self, what: &str) {
        let n = self.pairs;
        judge_deviation(&format!("noise of {what}: correlation"), mean_is_zero(self.values / n, 1.0, n), n);
        let of_squares = mean_is_zero(self.squares / n, 4.0, n);
        judge_deviation(&format!("noise of {what}: correlation of squares"), of_squares, n);
    }
}

/// Noise in neighbouring places, in the blocks of different generators, and in consecutive steps.
#[test]
fn noise_is_independent() {
    const BLOCK: usize = 1 << 14;
    let mut steps = Steps::new(1.0, 0, 1024);
    let (mut neighbours, mut blocks, mut consecutive) = (Together::default(), Together::default(), Together::default());
    let mut before = steps.next().0;
    for _ in 0..if long() { 10 } else { 1 } {
        let now = steps.next().0;
        neighbours.add(&now[1..], &now);
        blocks.add(&now[BLOCK..], &now);
        consecutive.add(&now, &before);
        before = now;
    }
    neighbours.judge("neighbours");
    blocks.judge("neighbouring blocks");
    consecutive.judge("consecutive steps");
}

/// Batch sizes are binomial, and a row's part in one step says nothing of its part in the next.
#[test]
fn batches_are_poisson() {
    let (rows, rate) = (60, 0.2);
    let runs = if long() { 200_000 } else { 20_000 };
    let mut steps = Steps::new(rate, rows, 2);
    let mut sizes = vec![0.0; rows + 1];
    let (mut before, mut together, mut n) = (None::<Vec<f64>>, 0.0, 0.0);
    let p = SamplingRate::nearest(rate).value();
    for _ in 0..runs {
        let batch = steps.next().1;
        sizes[batch.len()] += 1.0;
        let mut part = vec![-p; rows];
        batch.iter().for_each(|row| part[*row as usize] += 1.0);
        if let Some(before) = before.replace(part.clone()) {
            together += part.iter().zip(before).map(|(a, b)| a * b).sum::<f64>();
            n += rows as f64;
        }
    }
    judge_deviation(
        "rows of consecutive batches: correlation",
        mean_is_zero(together / n, (p * (1.0 - p)).powi(2), n),
        n,
    );
    let mass = |k: f64| {
        let r = rows as f64;
        (-ln_beta(k + 1.0, r - k + 1.0) - (r + 1.0).ln() + k * p.ln() + (r - k) * (1.0 - p).ln()).exp()
    };
    let expected: Vec<f64> = (0..=rows).map(|k| f64::from(runs) * mass(k as f64)).collect();
    let (mut seen_cells, mut expected_cells, mut tail) = (Vec::new(), Vec::new(), (0.0, 0.0));
    for (o, e) in sizes.iter().zip(&expected) {
        tail = (tail.0 + o, tail.1 + e);
        if tail.1 >= 20.0 {
            seen_cells.push(tail.0);
            expected_cells.push(tail.1);
            tail = (0.0, 0.0);
        }
    }
    // What is left over belongs to the last cell.
    if let (Some(o), Some(e)) = (seen_cells.last_mut(), expected_cells.last_mut()) {
        (*o, *e) = (*o + tail.0, *e + tail.1);
    }
    judge_deviation("batch sizes: chi-square", chi_square(&seen_cells, &expected_cells), f64::from(runs));
}

/// The first bits of a generator, which no two have in common.
fn fingerprint() -> [u8; 16] {
    let mut bytes = [0; 16];
    SecretRng::from_os().expect("random bits").fill_bytes(&mut bytes);
    bytes
}

/// Generators of one thread, of several, and of a parent and the processes forked from it, as sessions of PostgreSQL
/// are from its postmaster.
#[test]
fn streams_differ() {
    let mut seen: Vec<[u8; 16]> = (0..10_000).map(|_| fingerprint()).collect();
    let threads: Vec<_> =
        (0..4).map(|_| std::thread::spawn(|| (0..1_000).map(|_| fingerprint()).collect::<Vec<_>>())).collect();
    threads.into_iter().for_each(|thread| seen.extend(thread.join().expect("a thread")));
    seen.extend((0..20).map(|_| of_child()));
    let runs = seen.len() as f64;
    seen.sort_unstable();
    seen.dedup();
    // Two of 14,020 random fingerprints are alike with probability 3e-31.
    judge_deviation("generators that share a stream", if seen.len() as f64 == runs { 1.0 } else { 0.0 }, runs);
}

/// The fingerprint of a generator made in a forked process.
fn of_child() -> [u8; 16] {
    let (mut ends, mut bytes) = ([0; 2], [0u8; 16]);
    // SAFETY: the child makes its generator, writes to the pipe and ends, without touching what other threads hold.
    unsafe {
        assert_eq!(libc::pipe(ends.as_mut_ptr()), 0);
        let child = libc::fork();
        assert!(child >= 0);
        if child == 0 {
            let bytes = fingerprint();
            libc::write(ends[1], bytes.as_ptr().cast(), bytes.len());
            libc::_exit(0);
        }
        libc::close(ends[1]);
        let read = libc::read(ends[0], bytes.as_mut_ptr().cast(), bytes.len());
        libc::close(ends[0]);
        libc::waitpid(child, std::ptr::null_mut(), 0);
        assert_eq!(read, 16);
    }
    bytes
}

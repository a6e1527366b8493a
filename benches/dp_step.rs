//! One private training step against its matrix products alone: batch 1024, K = 5 noise levels a row, rows 110 wide,
//! hidden widths (128, 128), on two threads.
//!
//! `cargo bench --no-default-features --bench dp_step`, with `--features ndarray` for the other backend.

use std::time::Instant;

use rayon::prelude::*;
use tablediffusion::engine::models::{Method, TrainingBudget, TrainingInput};
use tablediffusion::engine::nn::device::{matrix, values};
use tablediffusion::engine::nn::mlp::Architecture;
use tablediffusion::engine::privacy::meter::Meter;
use tablediffusion::engine::table::{Category, Cells, Codes, Domain, EncodedTable};

const BATCH: usize = 1024;
const COPIES: usize = 5;
const WIDTH: usize = 110;
const THREADS: usize = 2;
const ROUNDS: usize = 40;
/// Rows of a block, as training cuts them.
const BLOCK: usize = 64 * COPIES;

fn main() {
    rayon::ThreadPoolBuilder::new().num_threads(THREADS).build_global().expect("a thread pool");
    let products = time(products());
    println!("{products:7.2} ms: matrix products alone");
    for (method, options) in [
        ("tablediffusion", r#"{"paper": true}"#),
        ("tablediffusion", r#"{"diffusion_steps": 5, "hidden": [128, 128], "time_conditioning": false}"#),
        ("tablediffusion_denoiser", r#"{"paper": true}"#),
        ("tablediffusion_denoiser", r#"{"diffusion_steps": 5, "hidden": [128, 128], "time_conditioning": false}"#),
    ] {
        let step = time(steps(method, options));
        println!("{step:7.2} ms, {:.2} times its products: {method} {options}", step / products);
    }
}

/// Best time of a call, in milliseconds.
fn time(mut work: impl FnMut()) -> f64 {
    (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64() * 1e3
        })
        .fold(f64::MAX, f64::min)
}

/// Steps of a training on a table of ten columns of eleven categories.
fn steps(method: &str, options: &str) -> impl FnMut() {
    let rows = 40_000;
    let columns = WIDTH / 11;
    let category = |value: usize| Category { value: value.to_string(), weight: 1.0 / 11.0 };
    let domain = Domain { cells: Cells::Categories((0..11).map(category).collect()), other: None, null: None };
    let codes = |column: usize| Codes::U8((0..rows).map(|row| ((row * (column + 3)) % 11) as u8).collect());
    let table = EncodedTable { rows, columns: (0..columns).map(codes).collect() };
    let method = Method::parse(method).expect("a method");
    let options = method.options(&serde_json::from_str(options).expect("JSON"), &[]).expect("options");
    let budget = TrainingBudget { epsilon: 1.0, delta: 1e-5, prior: Vec::new() };
    let (table, domains, meter) = (table.into(), vec![domain; columns], Meter::for_tests(1));
    let input = TrainingInput { table, domains, noisy_rows: rows as f64, budget, meter };
    let mut trainer = method.trainer(input, options).expect("a trainer");
    move || {
        // A step may take several calls.
        let done = trainer.steps_done();
        while trainer.steps_done() == done {
            trainer.step().expect("a step");
        }
    }
}

/// The products of a step: forward, back to the hidden layers, and activations^T x deltas.
fn products() -> impl FnMut() {
    let shape = Architecture { inputs: WIDTH, hidden: vec![128, 128], outputs: WIDTH, concatenate: true };
    let filled = |rows: usize, columns: usize| matrix(vec![1.0; rows * columns], rows, columns);
    let layers: Vec<_> = shape.layers().iter().map(|layer| (layer.fan_in + 1, layer.fan_out)).collect();
    let operands: Vec<_> = layers
        .iter()
        .map(|&(fan_in, fan_out)| {
            let reach = fan_in - 1 - WIDTH;
            (
                filled(BLOCK, fan_in),
                filled(fan_in, fan_out),
                filled(BLOCK, fan_out),
                filled(fan_out, reach.max(1)),
                reach,
            )
        })
        .collect();
    move || {
        (0..BATCH * COPIES / BLOCK).into_par_iter().for_each(|_| {
            for (seen, weights, deltas, back, reach) in &operands {
                values(seen.clone().matmul(weights.clone())).expect("a product");
                if *reach > 0 {
                    values(deltas.clone().matmul(back.clone())).expect("a product");
                }
                values(seen.clone().transpose().matmul(deltas.clone())).expect("a product");
            }
        });
    }
}

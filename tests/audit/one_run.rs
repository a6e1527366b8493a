//! One run: a single training, of which an attacker guesses who took part (Steinke, Nasr, Jagielski, arXiv 2305.08846).
//!
//! A thousand canaries are each in the table or not by the toss of a coin. Each has a coordinate of the gradient nearly
//! to itself; its score is what the training's gradients add up to there. The attacker guesses "in" for the highest
//! scores and "out" for the lowest.

use rand::RngExt;
use tablediffusion::engine::nn::batch_sum::{Ghost, Objective};
use tablediffusion::engine::nn::clip::Rule;
use tablediffusion::engine::nn::mlp::{Architecture, Mlp};
use tablediffusion::engine::nn::normals::Normals;
use tablediffusion::engine::nn::private_gradient::PrivateGradients;
use tablediffusion::engine::privacy::accountant;
use tablediffusion::engine::privacy::mechanisms::Mechanism;
use tablediffusion::engine::privacy::meter::Meter;
use tablediffusion::engine::privacy::samplers::poisson::SamplingRate;
use tablediffusion::engine::privacy::samplers::random::SecretRng;

use crate::bounds::{DOUBT, one_run_epsilon};
use crate::{Finding, long};

const CANARIES: usize = 1000;
/// Far below one over the canaries, because what canaries times delta allows is granted to the claim.
const DELTA: f64 = 1e-9;
const RATE: f64 = 0.5;
/// How many are guessed is fixed beforehand.
const GUESSES: usize = 200;

/// The canaries that are in the table.
struct Included(Vec<usize>);

impl Objective for Included {
    fn copies(&self) -> usize {
        1
    }
    fn memo(&self) -> usize {
        1
    }
    fn prepare(&self, row: usize, _: &mut Normals, inputs: &mut [f32], _: &mut [f32]) {
        inputs.fill(0.0);
        inputs[self.0[row]] = 7.9;
    }
    fn delta(&self, _: &[f32], outputs: &mut [f32]) {
        outputs.fill(1.0);
    }
}

/// How many guesses are right after a training of `steps` steps at `epsilon`; and the claim.
fn right(epsilon: f64, steps: u64) -> (u64, f64) {
    let rate = SamplingRate::nearest(RATE);
    let family = |noise_multiplier| {
        vec![(Mechanism::SubsampledGaussian { sampling_rate: rate.value(), noise_multiplier, steps }, 1)]
    };
    let noise = accountant::calibrate(&[], epsilon, DELTA, family).expect("noise");
    let shape = Architecture { inputs: CANARIES, hidden: Vec::new(), outputs: 1, concatenate: true };
    let net = Mlp::new(shape, true, &mut Normals::from_seed([1; 32])).expect("a network");
    let mut coins = SecretRng::from_os().expect("random bits");
    let included: Vec<bool> = (0..CANARIES).map(|_| coins.random()).collect();
    let table = Included((0..CANARIES).filter(|canary| included[*canary]).collect());
    let meter = Meter::new().expect("random bits");
    let mut gradients =
        PrivateGradients::new(rate, noise, Rule::Flat, 1.0, 1.0, net.parameters.len(), meter).expect("gradients");
    let claim = accountant::epsilon(&family(gradients.noise_multiplier()), DELTA).expect("an epsilon");
    let of = Ghost { net: &net, objective: &table };
    let mut scores = vec![0.0; CANARIES];
    for _ in 0..steps {
        let gradient = loop {
            if let Some(gradient) = gradients.advance(&of, table.0.len()).expect("a gradient") {
                break gradient;
            }
        };
        scores.iter_mut().zip(&gradient).for_each(|(score, g)| *score += f64::from(*g));
    }
    let mut order: Vec<usize> = (0..CANARIES).collect();
    order.sort_unstable_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let lowest = order.iter().take(GUESSES / 2).filter(|canary| !included[**canary]).count();
    let highest = order.iter().rev().take(GUESSES / 2).filter(|canary| included[**canary]).count();
    ((lowest + highest) as u64, claim)
}

#[test]
fn one_run() {
    for epsilon in [1.0, 4.0, 10.0] {
        for steps in if long() { vec![1, 10, 100] } else { vec![10] } {
            let (right, claim) = right(epsilon, steps);
            let lower = |doubt| one_run_epsilon(CANARIES as f64, GUESSES as u64, right, DELTA, doubt);
            let (lower, usual) = (lower(DOUBT), lower(0.05));
            let attack =
                format!("one run of {steps} steps, {right} of {GUESSES} guesses right ({usual:.2} at 95 percent)");
            Finding { attack, claim, lower, runs: 1.0, least: 0.0 }.judge();
        }
    }
}

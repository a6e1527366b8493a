//! White box: noisy counts, keys above a threshold, choices, and the row count of a whole job.

use serde_json::Map;
use tablediffusion::engine::job::{Job, Request};
use tablediffusion::engine::models::Method;
use tablediffusion::engine::privacy::accountant;
use tablediffusion::engine::privacy::budget::{Releases, Split};
use tablediffusion::engine::privacy::mechanisms::Mechanism;
use tablediffusion::engine::privacy::mechanisms::exponential::choose;
use tablediffusion::engine::privacy::mechanisms::noisy_counts::noisy_counts;
use tablediffusion::engine::privacy::mechanisms::sparse_histogram::release_heavy;
use tablediffusion::engine::privacy::meter::Meter;
use tablediffusion::engine::table::{Column, Declared, Measure};

use crate::bounds::{DOUBT, Guesses, at_most};
use crate::{Finding, TIGHT, long};

const DELTA: f64 = 1e-5;

/// Epsilon and how many runs prove most of it.
fn settings() -> &'static [(f64, usize)] {
    if long() { &[(1.0, 1_000_000), (4.0, 300_000), (10.0, 300_000)] } else { &[(1.0, 500_000), (10.0, 40_000)] }
}

fn meter() -> Meter {
    Meter::new().expect("random bits")
}

fn calibrated(epsilon: f64) -> f64 {
    let family = |noise_multiplier| vec![(Mechanism::Gaussian { noise_multiplier }, 1)];
    accountant::calibrate(&[], epsilon, DELTA, family).expect("noise")
}

fn claim(noise_multiplier: f64) -> f64 {
    accountant::epsilon(&[(Mechanism::Gaussian { noise_multiplier }, 1)], DELTA).expect("an epsilon")
}

fn gaussian(attack: &str, (claim, delta): (f64, f64), least: f64, runs: usize, mut statistic: impl FnMut(u64) -> f64) {
    let (without, with): (Vec<f64>, Vec<f64>) = (0..runs).map(|_| (statistic(0), statistic(1))).unzip();
    let guesses = Guesses::of(&without, &with, Guesses::proven_distance(1.0));
    let (lower, runs) = (guesses.gaussian_epsilon(delta), 2.0 * guesses.runs);
    Finding { attack: attack.to_owned(), claim, lower, runs, least }.judge();
}

/// A row that is counted three times.
#[test]
fn counts() {
    let mut meter = meter();
    for &(epsilon, runs) in settings() {
        let noise = calibrated(epsilon);
        let used = noisy_counts(&[0; 3], 3f64.sqrt(), noise, &mut meter).expect("counts").noise_multiplier;
        gaussian("three noisy counts", (claim(used), DELTA), TIGHT, runs, |canary| {
            noisy_counts(&[7 + canary; 3], 3f64.sqrt(), noise, &mut meter).expect("counts").values.iter().sum()
        });
    }
}

/// A row whose key many rows hold.
#[test]
fn heavy_keys() {
    let mut meter = meter();
    for &(epsilon, runs) in settings() {
        let noise = calibrated(epsilon);
        gaussian("count of a key above its threshold", (claim(noise), DELTA), TIGHT, runs, |canary| {
            let heavy = release_heavy(&[], [((), 1_000 + canary)], 1, noise, 1e-6, &mut meter).expect("keys");
            heavy.keys.first().map_or(0.0, |(_, count)| *count)
        });
    }
}

/// A key that one row holds is released with a probability of at most its share of delta.
#[test]
fn lonely_keys() {
    let mut meter = meter();
    let (share, noise) = (0.02, calibrated(1.0));
    let keys = if long() { 4_000_000 } else { 1_000_000 };
    let released =
        release_heavy(&[], (0..keys).map(|key| (key, 1)), 1, noise, share, &mut meter).expect("keys").keys.len();
    let lower = 1.0 - at_most(f64::from(keys) - released as f64, f64::from(keys), DOUBT);
    // The other half of the share pays for the release's absence.
    let attack = "delta of a key that one row holds".to_owned();
    Finding { attack, claim: share, lower, runs: f64::from(keys), least: 0.4 }.judge();
}

/// A row that raises one candidate's score and lowers all others'.
#[test]
fn choices() {
    let mut meter = meter();
    let candidates = 50;
    for epsilon in if long() { vec![1.0, 4.0] } else { vec![1.0] } {
        let runs = if long() { 2_000_000 } else { 800_000 };
        let scores = |canary: bool| -> Vec<f64> {
            (0..candidates).map(|place| f64::from(u8::from((place == 0) == canary))).collect()
        };
        let hits = |scores: Vec<f64>, meter: &mut Meter| {
            (0..runs).filter(|_| choose(&scores, epsilon, 1, meter).unwrap()[0] == 0).count() as f64
        };
        let (without, with) = (hits(scores(false), &mut meter), hits(scores(true), &mut meter));
        let runs = f64::from(runs);
        let lower = Guesses { runs, without, with }.any_epsilon(0.0);
        // Of what the bounded range allows, so many candidates reach this much; rounding scores costs 1/256.
        let attack = format!("choice among {candidates}");
        Finding { attack, claim: epsilon, lower, runs: 2.0 * runs, least: TIGHT }.judge();
    }
}

/// The noisy row count of a job, at an epsilon and delta large enough for its share of them to be seen.
#[test]
fn row_count() {
    let (epsilon, delta) = (30.0, 0.9);
    let column = Column {
        name: "sex".to_owned(),
        measure: Measure::Category,
        nullable: false,
        declared: Some(Declared::Categories(vec!["f".to_owned(), "m".to_owned()])),
    };
    let split = Split::new(epsilon, delta, Releases::default()).expect("a split");
    let claim = split.count_epsilon;
    // Jobs are slow to make; fewer of them prove less.
    let (runs, least) = if long() { (200_000, TIGHT) } else { (20_000, 0.5) };
    gaussian("row count of a job", (claim, split.count_delta), least, runs, |canary| {
        let request = Request {
            columns: vec![column.clone()],
            unit: None,
            epsilon,
            delta,
            method: Method::Guided,
            options: Map::new(),
            memory_limit: 0,
        };
        let mut job = Job::new(request).expect("a job");
        job.counted(1_000 + canary).expect("a count");
        job.noisy_rows().expect("a count")
    });
}

//! Black box: what synthetic rows tell of an outlier, whole trainings with and without it.
//!
//! The attacker knows the outlier, sees synthetic rows alone, and counts in how many of them something of it shows.

use serde_json::{Map, json};
use tablediffusion::engine::artifact::{Artifact, SAMPLE_BLOCK};
use tablediffusion::engine::job::{Job, Next, Request};
use tablediffusion::engine::models::Method;
use tablediffusion::engine::table::{Block, BlockColumn, Column, Declared, Measure};

use crate::bounds::{Guesses, auc};
use crate::{Finding, long};

const DELTA: f64 = 1e-5;
const ROWS: usize = 300;

/// The columns; with declared domains, these leave room for the outlier.
fn columns(declared: bool) -> Vec<Column> {
    let column = |name: &str, measure, domain: Declared| Column {
        name: name.to_owned(),
        measure,
        nullable: false,
        declared: declared.then_some(domain),
    };
    let groups = ["a", "b", "c", "planted"].map(str::to_owned).to_vec();
    vec![
        column("age", Measure::Lattice, Declared::Range { lo: Some(0.0), hi: Some(1_000.0) }),
        column("group", Measure::Category, Declared::Categories(groups)),
        column("income", Measure::Real, Declared::Range { lo: Some(0.0), hi: Some(1e7) }),
    ]
}

/// Ordinary rows, and the outlier if asked for.
fn table(outlier: bool) -> Block {
    let (mut age, mut group, mut income) = (BlockColumn::numbers(), BlockColumn::categories(), BlockColumn::numbers());
    for i in 0..ROWS {
        age.push_number(Some((18 + i % 50) as f64));
        group.push_text(Some(&b"abc"[i % 3..=i % 3]));
        income.push_number(Some(1_000.0 + 37.5 * (i * 7 % 100) as f64));
    }
    if outlier {
        age.push_number(Some(1_000.0));
        group.push_text(Some(b"planted"));
        income.push_number(Some(1e7));
    }
    Block { rows: ROWS + usize::from(outlier), columns: vec![age, group, income] }
}

fn train(method: Method, declared: bool, epsilon: f64, block: &Block) -> Artifact {
    let options = match method {
        Method::Guided => json!({ "rounds": 2 }),
        _ => json!({ "hidden": [16], "calibration_rounds": 2 }),
    };
    let options: Map<_, _> = options.as_object().cloned().unwrap_or_default();
    let request =
        Request { columns: columns(declared), unit: None, epsilon, delta: DELTA, method, options, memory_limit: 0 };
    let mut job = Job::new(request).expect("a job");
    loop {
        match job.next() {
            Next::Count => job.counted(block.rows as u64).expect("a count"),
            Next::Discover | Next::Encode => {
                job.observe(block).expect("rows");
                job.end_scan().expect("a scan");
            }
            Next::Step => job.step().expect("a step"),
            Next::CountUnits => unreachable!("rows are the units"),
            Next::Done => return job.finish().expect("a model"),
        }
    }
}

/// How much of the outlier shows.
fn score(artifact: &Artifact) -> f64 {
    let block = artifact.sampler(1).next_block(SAMPLE_BLOCK).expect("rows");
    let [age, group, income] = block.columns.as_slice() else { panic!("three columns") };
    let shows = |row: usize| {
        f64::from(u8::from(age.number(row).is_some_and(|age| age > 500.0)))
            + f64::from(u8::from(group.text(row) == Some(b"planted")))
            + f64::from(u8::from(income.number(row).is_some_and(|income| income > 1e6)))
    };
    (0..block.rows).map(shows).sum()
}

/// Scores of trainings without and with the outlier.
fn scores(method: Method, declared: bool, epsilon: f64, runs: usize) -> (Vec<f64>, Vec<f64>) {
    let of = |outlier: bool| {
        let block = table(outlier);
        (0..runs).map(|_| score(&train(method, declared, epsilon, &block))).collect()
    };
    // Threads of their own: jobs wait for work on the pool.
    std::thread::scope(|scope| {
        let with = scope.spawn(|| of(true));
        (of(false), with.join().expect("trainings"))
    })
}

fn attack(method: Method, declared: bool) {
    let (runs, epsilons): (usize, &[f64]) = if long() { (200, &[0.1, 1.0, 10.0]) } else { (60, &[0.1, 1.0]) };
    let domains = if declared { "declared" } else { "learned" };
    for &epsilon in epsilons {
        let (without, with) = scores(method, declared, epsilon, runs);
        let (area, width) = auc(&without, &with);
        let attack = format!("outlier in rows of {}, {domains} domains, AUC {area:.2} +- {width:.2}", method.name());
        let guesses = Guesses::of(&without, &with, Guesses::advantage);
        let (lower, counted) = (guesses.any_epsilon(DELTA), 2.0 * guesses.runs);
        Finding { attack: attack.clone(), claim: epsilon, lower, runs: counted, least: 0.0 }.judge();
        assert!(epsilon > 0.1 || (area - 0.5).abs() <= width, "{attack}: more than epsilon {epsilon} allows");
    }
}

#[test]
fn rows_declared() {
    attack(Method::Guided, true);
}

#[test]
fn rows_learned() {
    attack(Method::Guided, false);
}

/// The paper's network.
#[test]
fn rows_network() {
    attack(Method::TableDiffusion, false);
}

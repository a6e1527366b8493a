use serde_json::{Map, Value};

use super::memory::MIN_DISCOVERY_ROWS;
use super::*;
use crate::engine::privacy::ledger::PrivacyUnit;
use crate::engine::table::{Column, Declared, Measure};

/// Two columns, of which one must be learned.
fn columns() -> Vec<Column> {
    let column = |name: &str, measure, declared| Column { name: name.into(), measure, nullable: false, declared };
    let declared = Declared::Categories(vec!["a".into(), "b".into()]);
    vec![column("sort", Measure::Category, Some(declared)), column("size", Measure::Lattice, None)]
}

fn rows(rows: usize) -> Block {
    let (mut sort, mut size) = (BlockColumn::categories(), BlockColumn::numbers());
    for i in 0..rows {
        sort.push_text(Some(if i % 3 == 0 { b"a" } else { b"b" }));
        size.push_number(Some((i % 7) as f64));
    }
    Block { rows, columns: vec![sort, size] }
}

fn job(method: Method, epsilon: f64, options: &str) -> Job {
    let options = serde_json::from_str::<Map<String, Value>>(options).unwrap();
    Job::new(Request { columns: columns(), unit: None, epsilon, delta: 1e-6, method, options, memory_limit: 0 })
        .unwrap()
}

/// Gives the job its input, for a table of `count` rows, until its noise is known.
fn prepare(job: &mut Job, count: usize) {
    let block = rows(count);
    while job.cost().is_none() {
        match job.next() {
            Next::Count => job.counted(count as u64).unwrap(),
            Next::Discover | Next::Encode => {
                job.observe(&block).unwrap();
                job.end_scan().unwrap();
            }
            Next::Step => job.step().unwrap(),
            Next::CountUnits => panic!("rows are the units"),
            Next::Done => panic!("done before its noise was known"),
        }
    }
}

#[test]
fn a_training_that_is_held_costs_its_reserve_at_most() {
    // The last has a few steps of small batches. For these, the claim and the comparison differ most.
    let cases = [
        (Method::Guided, 12.0, "{}"),
        (Method::TableDiffusion, 1.0, r#"{"epochs": 2, "batch_size": 100000}"#),
        (Method::TableDiffusionDenoiser, 2.0, r#"{"epochs": 1, "batch_size": 64}"#),
    ];
    for (method, epsilon, options) in cases {
        let mut job = job(method, epsilon, options);
        let before = job.reserve();
        job.hold();
        assert!(job.reserve().precision <= before.precision);
        prepare(&mut job, 2_000);
        let (cost, reserve) = (job.cost().unwrap(), job.reserve());
        assert!(cost.precision <= reserve.precision && cost.delta <= reserve.delta, "{options} {epsilon}");
    }
}

#[test]
fn trainings_of_the_default_method_cost_about_their_claim() {
    for epsilon in [0.1, 1.0, 10.0] {
        let mut job = job(Method::Guided, epsilon, "{}");
        prepare(&mut job, 2_000);
        assert!(job.cost().unwrap().precision <= job.reserve().precision, "{epsilon}");
        // Close to the cost of one Gaussian mechanism with this epsilon and delta.
        let spent = job.cost().unwrap().epsilon(1e-6);
        assert!(spent > 0.8 * epsilon && spent < 1.08 * epsilon, "{epsilon}: {spent}");
    }
}

/// If the accountant finds no epsilon, its delta is enough to check the claim.
#[test]
fn claims_that_protect_nobody_are_checked_too() {
    for (method, options) in [(Method::TableDiffusion, r#"{"epochs": 0.1}"#), (Method::Wgan, r#"{"epochs": 0.1}"#)] {
        for epsilon in [20.0, 30.0, 100.0] {
            prepare(&mut job(method, epsilon, options), 2_000);
        }
    }
}

/// Public facts decide how many rows of wide tables are used to learn domains, so that wide tables can be trained on.
#[test]
fn memory_bounds_what_domains_are_learned_from() {
    let job = |columns: usize, memory_limit| {
        let column = |i| Column { name: format!("c{i}"), measure: Measure::Category, nullable: true, declared: None };
        let columns = (0..columns).map(column).collect();
        let (method, options) = (Method::Guided, Map::new());
        Job::new(Request { columns, unit: None, epsilon: 1.0, delta: 1e-6, method, options, memory_limit }).unwrap()
    };
    assert_eq!(job(1, 0).setup.discovery_rows(), 500_000.0);
    let wide = job(200, 0);
    assert!((MIN_DISCOVERY_ROWS..50_000.0).contains(&wide.setup.discovery_rows()));
    assert!(job(200, 4 << 30).expect_rows(1e6).is_ok());
    assert_eq!(job(200, 1 << 20).setup.discovery_rows(), MIN_DISCOVERY_ROWS);
}

/// A training is refused before the charge if its draws of noise exceed delta for any domains. Others are not refused.
#[test]
fn draws_beyond_delta_are_refused_before_a_row_is_read() {
    let job = |method, delta, options: &str| {
        let options = serde_json::from_str::<Map<String, Value>>(options).unwrap();
        Job::new(Request { columns: columns(), unit: None, epsilon: 1.0, delta, method, options, memory_limit: 0 })
            .unwrap()
    };
    for method in Method::ALL {
        assert!(job(method, 1e-6, "{}").expect_draws(1e6).is_ok(), "{}", method.name());
    }
    for method in [Method::TableDiffusion, Method::Wgan, Method::AttentionGan, Method::AttentionVae] {
        let job = job(method, 1e-9, "{}");
        assert!(job.expect_draws(1e9).is_err() && job.plan(1e9).is_err(), "{}", method.name());
        assert!(job.expect_draws(0.0).is_ok());
        let (columns, draws) = (job.setup.columns.len(), |rows| method.least_draws(&job.setup.options, 2, rows));
        assert!(columns == 2 && draws(1e6) > 100 * draws(1e3));
    }
    // The lower bound is at most the actual number.
    for method in Method::ALL {
        let mut job = job(method, 1e-6, crate::engine::models::contract_tests::options(method));
        prepare(&mut job, 400);
        let least = method.least_draws(&job.setup.options, job.setup.columns.len(), job.noisy_units().unwrap());
        assert!(least <= job.known().unwrap().noise_draws, "{}: {least}", method.name());
    }
}

/// The charge, once the noise is known.
fn ledger(job: &Job) -> Ledger {
    let known = job.known().unwrap();
    job.setup.ledger(discovery_mechanism(&job.setup, known.counted), &known.stages)
}

#[test]
fn a_plan_is_what_a_training_of_that_size_does() {
    for (method, options) in [(Method::Guided, "{}"), (Method::TableDiffusion, r#"{"epochs": 0.5}"#)] {
        let mut job = job(method, 2.0, options);
        prepare(&mut job, 2_000);
        // With the size that the training assumed for the table.
        let planned = job.plan(job.noisy_rows().unwrap()).unwrap();
        let done: Vec<Stage> = ledger(&job).stages().cloned().collect();
        assert_eq!(planned.stages.len(), done.len());
        for ((planned, alone), done) in planned.stages.iter().zip(&done) {
            assert_eq!(planned.name, done.name);
            assert!(*alone > 0.0 && *alone <= 2.0, "{}: {alone}", planned.name);
        }
        // Up to the tolerance of calibration, and noise that is rounded up by at most a thousandth.
        let noise = |mechanism| match mechanism {
            Mechanism::Gaussian { noise_multiplier } => noise_multiplier,
            Mechanism::SubsampledGaussian { noise_multiplier, .. } => noise_multiplier,
            other => panic!("{other:?}"),
        };
        let last = |stages: &[Stage]| stages.last().map(|stage| noise(stage.mechanism)).unwrap();
        let planned: Vec<Stage> = planned.stages.into_iter().map(|(stage, _)| stage).collect();
        assert!((last(&planned) / last(&done) - 1.0).abs() < 2e-3);
    }
}

#[test]
fn a_scan_that_brings_more_rows_than_were_counted_is_ended() {
    let mut job = job(Method::Guided, 1.0, "{}");
    job.counted(100).unwrap();
    let block = rows(4_000);
    let mut result = Ok(());
    for _ in 0..20 {
        result = result.and_then(|()| job.observe(&block));
    }
    assert_eq!(result, Err(EngineError::MoreRowsThanCounted));
}

#[test]
fn counting_units_ends_where_memory_does() {
    let unit = Some(PrivacyUnit { column: "who".into(), rows: 1 });
    let options = Map::new();
    let request = Request {
        columns: columns(),
        unit,
        epsilon: 1.0,
        delta: 1e-6,
        method: Method::Guided,
        options,
        memory_limit: 1 << 20,
    };
    let mut job = Job::new(request).unwrap();
    let mut result = Ok(());
    for start in (0..100_000u32).step_by(1_000) {
        let mut units = BlockColumn::categories();
        (start..start + 1_000).for_each(|unit| units.push_text(Some(&unit.to_ne_bytes())));
        result = result.and_then(|()| job.observe_units(&Block { rows: 1_000, columns: Vec::new() }, &units));
    }
    assert_eq!(result, Err(EngineError::MoreRowsThanExpected { limit: 1 << 20 }));
}

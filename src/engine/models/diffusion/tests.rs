//! Both diffusion methods from table to rows, and damaged stored models.

use crate::engine::models::TrainingInput;
use crate::engine::privacy::meter::Meter;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};

use super::architecture::{architecture, layout};
use super::denoising::{Denoising, Prediction, RowLoss};
use super::options::DiffusionOptions;
use crate::engine::models::row_encoding::tests::{bins, categories};
use crate::engine::models::{Method, Synthesizer, TrainingBudget};
use crate::engine::nn::batch_sum::BatchSum;
use crate::engine::nn::clip::{Clip, Rule};
use crate::engine::nn::exact::RoundingGrid;
use crate::engine::nn::mlp::Mlp;
use crate::engine::nn::normals::Normals;
use crate::engine::privacy::mechanisms::Mechanism;
use crate::engine::table::{Codes, Domain, EncodedTable, UnitTable, Units};
use crate::engine::{EngineError, Result};

const METHODS: [Method; 2] = [Method::TableDiffusion, Method::TableDiffusionDenoiser];

/// Two columns that agree in four of five rows, a number, and a number with NULL.
fn table(rows: usize) -> (EncodedTable, Vec<Domain>) {
    let first = |row: usize| (row % 2) as u8;
    let second = |row: usize| if row.is_multiple_of(5) { 1 - first(row) } else { first(row) };
    let columns = vec![
        Codes::U8((0..rows).map(first).collect()),
        Codes::U8((0..rows).map(second).collect()),
        Codes::U8((0..rows).map(|row| (row % 7) as u8).collect()),
        Codes::U8((0..rows).map(|row| (row % 3) as u8).collect()),
    ];
    let third = 1.0 / 3.0;
    let domains = vec![
        categories(&[0.5, 0.5], None),
        categories(&[0.5, 0.5], None),
        bins(&[1.0 / 7.0; 7], None),
        bins(&[third, third], Some(third)),
    ];
    (EncodedTable { rows, columns }, domains)
}

fn options(json: &str) -> Map<String, Value> {
    serde_json::from_str(json).unwrap()
}

fn train(method: Method, rows: usize, noisy_rows: f64, epsilon: f64, json: &str) -> Result<Box<dyn Synthesizer>> {
    let (table, domains) = table(rows);
    let options = method.options(&options(json), &[])?;
    let budget = TrainingBudget { epsilon, delta: 1e-6, prior: Vec::new() };
    let (table, meter) = (table.into(), Meter::for_tests(5));
    let mut trainer = method.trainer(TrainingInput { table, domains, noisy_rows, budget, meter }, options)?;
    let mut steps = 1;
    while trainer.step()? {
        steps += 1;
    }
    assert_eq!((steps, trainer.steps_done()), (trainer.steps_total(), trainer.steps_total()));
    assert!(trainer.noise_draws() > 0 && !trainer.mechanisms().is_empty());
    trainer.finish()
}

fn sample(model: &dyn Synthesizer, rows: usize, seed: u64) -> EncodedTable {
    model.sample(rows, &mut ChaCha8Rng::seed_from_u64(seed)).unwrap()
}

/// Fixed user seed. The noise of training comes from a fixed test generator.
#[test]
fn what_is_learned_shows_in_the_rows() {
    for method in METHODS {
        for json in ["{\"batch_size\": 256}", "{\"batch_size\": 256, \"numeric_bins\": 0}"] {
            let model = train(method, 4000, 4000.0, 20.0, json).unwrap();
            let rows = sample(model.as_ref(), 4000, 1);
            let share = |of: &dyn Fn(usize) -> bool| (0..rows.rows).filter(|row| of(*row)).count() as f64 / 4000.0;
            let agree = share(&|row| rows.columns[0].get(row) == rows.columns[1].get(row));
            assert!(agree > 0.65, "{} {json}: {agree} agree", method.name());
            // Shares are fitted to the released ones; 0.05 is 7 standard errors of a sample.
            assert!((share(&|row| rows.columns[0].get(row) == 0) - 0.5).abs() < 0.06);
            assert!((share(&|row| rows.columns[3].get(row) == 2) - 1.0 / 3.0).abs() < 0.06);
            assert!((share(&|row| rows.columns[2].get(row) < 3) - 3.0 / 7.0).abs() < 0.1);
        }
    }
}

#[test]
fn the_paper_preset_trains() {
    for method in METHODS {
        let model = train(method, 500, 480.0, 1.0, "{\"paper\": true, \"epochs\": 2}").unwrap();
        let rows = sample(model.as_ref(), 100, 3);
        assert!((0..100).all(|row| rows.columns[3].get(row) < 3 && rows.columns[2].get(row) < 7));
    }
}

#[test]
fn small_and_empty_tables_train() {
    for rows in [0, 1, 3] {
        for method in METHODS {
            let model = train(method, rows, 1.0, 0.5, "{}").unwrap();
            assert_eq!(sample(model.as_ref(), 7, 1).rows, 7);
            assert_eq!(sample(model.as_ref(), 0, 1).rows, 0);
        }
    }
}

/// Rows are a function of the seed. They do not depend on threads or on how many rows are requested.
#[test]
fn equal_seeds_give_equal_rows() {
    let model = train(Method::TableDiffusionDenoiser, 300, 300.0, 1.0, "{\"epochs\": 1}").unwrap();
    let many = sample(model.as_ref(), 700, 9);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(pool.install(|| sample(model.as_ref(), 700, 9)), many);
    let few = sample(model.as_ref(), 300, 9);
    for (few, many) in few.columns.iter().zip(&many.columns) {
        assert!((0..300).all(|row| few.get(row) == many.get(row)));
    }
    assert_ne!(sample(model.as_ref(), 700, 10), many);
}

#[test]
fn stored_models_sample_alike() {
    for json in ["{\"epochs\": 1}", "{\"epochs\": 1, \"numeric_bins\": 0}"] {
        let method = Method::TableDiffusion;
        let model = train(method, 300, 300.0, 1.0, json).unwrap();
        let bytes = model.save().unwrap();
        let read = method.load(&bytes, &table(1).1, &|_| Ok(())).unwrap();
        assert_eq!(sample(read.as_ref(), 200, 4), sample(model.as_ref(), 200, 4));
        assert_eq!(read.save().unwrap(), bytes);
    }
}

/// Damage causes an error or a model that still samples, and never a panic.
#[test]
fn damaged_models_are_refused() {
    let method = Method::TableDiffusionDenoiser;
    let model = train(method, 100, 100.0, 1.0, "{\"epochs\": 0.01, \"hidden\": [5]}").unwrap();
    let (bytes, domains) = (model.save().unwrap(), table(1).1);
    let refused = |bytes: &[u8], domains: &[Domain]| {
        matches!(method.load(bytes, domains, &|_| Ok(())), Err(EngineError::CorruptModel { .. }))
    };
    assert!((0..bytes.len()).all(|end| refused(&bytes[..end], &domains)));
    assert!(refused(&[&bytes[..], &[0]].concat(), &domains));
    assert!(refused(&bytes, &domains[..3]) && refused(&bytes, &[]));
    let mut damaged = bytes.clone();
    for at in 0..bytes.len().min(400) {
        for change in [0xff, 0x80, 0x01, 0x7f] {
            damaged[at] ^= change;
            if let Ok(model) = method.load(&damaged, &domains, &|_| Ok(())) {
                sample(model.as_ref(), 2, 1);
            }
            damaged[at] = bytes[at];
        }
    }
    assert!(refused(&[0xff; 64], &domains));
}

#[test]
fn methods_are_known_by_name() {
    for method in METHODS {
        assert_eq!(Method::parse(method.name()).unwrap(), method);
    }
    let Err(EngineError::InvalidParameter { hint: Some(hint), .. }) = Method::parse("diffusion") else { panic!() };
    assert!(METHODS.iter().all(|method| hint.contains(method.name())));
}

/// Whatever the number of its rows, a unit adds one gradient within the clipping norm, from rows that are drawn from
/// all of its rows.
#[test]
fn a_unit_adds_one_clipped_gradient() {
    let (table, domains) = table(1_200);
    // Rows 0 to 999 belong to one unit, the others to units of one to three rows.
    let unit_of: Vec<u32> = (0..1_200u32).map(|row| if row < 1_000 { 0 } else { 1 + (row - 1_000) / 3 }).collect();
    let units = Units::new(&unit_of, 1_000, 68.0);
    let options = DiffusionOptions::measured();
    let denoising = Denoising::new(layout(&domains, &options), Prediction::Row, &options);
    let net = Mlp::new(architecture(&denoising, &options), true, &mut Normals::from_seed([1; 32])).unwrap();
    let limit = 200_000;
    let activation_step = f64::from(RoundingGrid::TRAINING.activation_step);
    let sum = |rule, units: Option<&Units>, examples: Vec<u32>, key| {
        let loss = RowLoss { denoising: &denoising, table: &table, units };
        let clip = Clip { rule, norm: 0.01, limit, activation_step };
        let mut batch = BatchSum::new(&net, examples, 3, [key; 32]);
        while batch.advance(&loss, &clip).unwrap() {}
        batch.finish()
    };
    let size = |sum: &[i64]| (sum.iter().map(|x| i128::from(*x) * i128::from(*x)).sum::<i128>() as f64).sqrt();
    for rule in [Rule::Flat, Rule::Normalised { stability: 0.0 }] {
        for unit in 0..8 {
            let gradient = sum(rule, Some(&units), vec![unit], unit as u8);
            let found = size(&gradient) / f64::from(limit);
            assert!(found <= 1.0 && found > 0.9, "{found}");
        }
        // The sum over its rows would be far larger for the large unit.
        assert!(size(&sum(rule, None, (0..1_000).collect(), 1)) > 5.0 * f64::from(limit));
        // Other keys select other rows of the unit.
        assert_ne!(sum(rule, Some(&units), vec![0], 1), sum(rule, Some(&units), vec![0], 2));
    }
}

/// Steps and rates follow the number of units, not of rows. The mechanism is the same as for rows.
#[test]
fn units_are_sampled_at_a_rate_of_their_own() {
    let mut mechanisms = Vec::new();
    for noisy_units in [None, Some(500.0)] {
        let (table, domains) = table(2_000);
        let unit_of: Vec<u32> = (0..2_000).map(|row| row / 4).collect();
        let units = noisy_units.map(|noisy| Units::new(&unit_of, 4, noisy));
        let options = METHODS[0].options(&options(r#"{"batch_size": 62.5, "epochs": 0.5}"#), &[]).unwrap();
        let budget = TrainingBudget { epsilon: 1.0, delta: 1e-6, prior: Vec::new() };
        let (table, meter) = (UnitTable { table, units }, Meter::for_tests(5));
        let input = TrainingInput { table, domains, noisy_rows: 2_000.0, budget, meter };
        let mut trainer = METHODS[0].trainer(input, options).unwrap();
        while trainer.step().unwrap() {}
        mechanisms.push(trainer.mechanisms()[0].mechanism);
    }
    let rates = mechanisms.iter().map(|mechanism| match mechanism {
        Mechanism::SubsampledGaussian { sampling_rate, steps, .. } => (*sampling_rate, *steps),
        _ => panic!("not sampled"),
    });
    assert_eq!(rates.collect::<Vec<_>>(), [(1.0 / 32.0, 16), (1.0 / 8.0, 4)]);
}

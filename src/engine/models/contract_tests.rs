//! Requirements that every method meets.

use crate::engine::models::TrainingInput;
use crate::engine::privacy::meter::Meter;
use std::fmt::Debug;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};

use super::method::Family;
use super::row_encoding::tests::{bins, categories};
use super::{Method, Synthesizer, Trainer, TrainingBudget};
use crate::engine::privacy::accountant;
use crate::engine::privacy::mechanisms::{Mechanism, Stage};
use crate::engine::table::{Codes, Domain, EncodedTable, UnitTable, Units};
use crate::engine::{EngineError, Result};

const DELTA: f64 = 1e-6;
/// Far above the time of a step, and far below that of a training.
const MAX_PER_STEP: Duration = Duration::from_secs(2);

/// Options for a short training.
pub fn options(method: Method) -> &'static str {
    match method {
        Method::Guided => r#"{"rounds": 2, "marginals_per_round": 2}"#,
        Method::TableDiffusion | Method::TableDiffusionDenoiser => {
            r#"{"epochs": 1, "batch_size": 64, "hidden": [8], "calibration_rounds": 1, "sampling_steps": 2}"#
        }
        Method::AttentionVae => {
            r#"{"epochs": 0.5, "batch_size": 32, "hidden": [8], "latent": 4, "dimension": 8, "heads": 2, "mixture": 2}"#
        }
        Method::AttentionGan => {
            r#"{"epochs": 0.5, "batch_size": 32, "hidden": [8], "latent": 4, "compression": 3, "numeric_bins": 0}"#
        }
        Method::Wgan => r#"{"epochs": 1, "batch_size": 64, "hidden": [8], "latent": 4}"#,
        Method::PateGan => {
            r#"{"rounds": 3, "queries": 4, "teachers": 3, "teacher_hidden": [4], "hidden": [8], "latent": 4, "batch_size": 8}"#
        }
    }
}

fn parsed(json: &str) -> Map<String, Value> {
    serde_json::from_str(json).unwrap()
}

/// Categories with other and NULL, numbers with and without NULL, a number with one bin, and a column with only NULL.
fn domains() -> Vec<Domain> {
    let third = 1.0 / 3.0;
    vec![
        Domain { other: Some(0.1), ..categories(&[0.5, 0.2, 0.1], Some(0.1)) },
        bins(&[third, third], Some(third)),
        bins(&[0.2; 5], None),
        bins(&[1.0], None),
        categories(&[], Some(1.0)),
    ]
}

fn table(rows: usize) -> EncodedTable {
    let columns = domains().into_iter().enumerate().map(|(column, domain)| {
        let size = domain.size();
        Codes::U8((0..rows).map(|row| ((row * (column + 1) + row / 7) % size) as u8).collect())
    });
    EncodedTable { rows, columns: columns.collect() }
}

fn budget() -> TrainingBudget {
    let prior = vec![(Mechanism::SubsampledGaussian { sampling_rate: 0.5, noise_multiplier: 8.0, steps: 1 }, 1)];
    TrainingBudget { epsilon: 2.0, delta: DELTA, prior }
}

fn trainer(method: Method, table: impl Into<UnitTable>, noisy_rows: f64) -> Box<dyn Trainer> {
    let options = method.options(&parsed(options(method)), &[]).unwrap();
    let (table, domains, meter) = (table.into(), domains(), Meter::for_tests(3));
    method.trainer(TrainingInput { table, domains, noisy_rows, budget: budget(), meter }, options).unwrap()
}

/// Runs a training to its end.
fn train(method: Method, table: impl Into<UnitTable>, noisy_rows: f64) -> Box<dyn Synthesizer> {
    let mut trainer = trainer(method, table, noisy_rows);
    let (total, draws) = (trainer.steps_total(), trainer.noise_draws());
    assert!(total > 0 && draws > 0);
    let mut done = 0;
    loop {
        let start = Instant::now();
        let more = trainer.step().unwrap();
        assert!(start.elapsed() < MAX_PER_STEP, "{}: {:?}", method.name(), start.elapsed());
        let now = trainer.steps_done();
        assert!(done <= now && now <= total);
        done = now;
        if !more {
            break;
        }
    }
    assert_eq!((done, trainer.steps_total(), trainer.noise_draws()), (total, total, draws));
    trainer.finish().unwrap()
}

fn sample(model: &dyn Synthesizer, rows: usize, seed: u64) -> EncodedTable {
    model.sample(rows, &mut ChaCha8Rng::seed_from_u64(seed)).unwrap()
}

fn load(method: Method, bytes: &[u8], domains: &[Domain]) -> Result<Box<dyn Synthesizer>> {
    method.load(bytes, domains, &|_| Ok(()))
}

/// Rows have codes of their domains, and are a function of model and seed. They do not depend on threads or on storing
/// the model.
#[test]
fn models_make_the_rows_of_their_seed() {
    let domains = domains();
    for method in Method::ALL {
        let model = train(method, table(300), 290.0);
        let rows = sample(&*model, 300, 7);
        assert_eq!((rows.rows, rows.columns.len()), (300, domains.len()));
        for (codes, domain) in rows.columns.iter().zip(&domains) {
            assert!(codes.len() == 300 && codes.iter().all(|code| (code as usize) < domain.size()));
        }
        let bytes = model.save().unwrap();
        let again = load(method, &bytes, &domains).unwrap();
        assert!(sample(&*again, 300, 7) == rows, "{}", method.name());
        assert_eq!(again.save().unwrap(), bytes);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert!(pool.install(|| sample(&*model, 300, 7)) == rows);
        assert!(sample(&*model, 300, 8) != rows);
        assert_eq!(sample(&*model, 0, 8).rows, 0);
    }
}

#[test]
fn trainings_may_be_left_at_any_step() {
    for method in Method::ALL {
        for steps in [0, 1, 4] {
            let mut trainer = trainer(method, table(300), 300.0);
            for _ in 0..steps {
                trainer.step().unwrap();
            }
            assert!(steps > 0 || trainer.finish().is_err(), "{}", method.name());
        }
    }
}

#[test]
fn tables_of_hardly_any_rows_are_trained() {
    for method in Method::ALL {
        for rows in [0, 1] {
            assert_eq!(sample(&*train(method, table(rows), 1.0), 5, 1).rows, 5);
        }
    }
}

/// The noise of a stage's mechanism, and everything else about the stage.
fn noise(stage: &Stage) -> (f64, impl PartialEq + Debug + use<>) {
    let (mechanism, facts) = (stage.mechanism, stage.mechanism.facts());
    let noise = facts.noise_multiplier().unwrap_or_else(|| facts.pure_epsilon().recip());
    (noise, (stage.name.clone(), facts.name(), mechanism.sampling_rate(), mechanism.steps(), stage.times))
}

/// The plan equals the charge, stays within the budget, and leaves almost nothing of it.
#[test]
fn what_is_planned_is_charged_and_affordable() {
    for method in Method::ALL {
        let parsed = method.options(&parsed(options(method)), &[]).unwrap();
        let planned = method.stages(domains().len(), 300.0, &budget(), &parsed).unwrap();
        let charged = trainer(method, table(280), 300.0).mechanisms();
        assert_eq!(planned.len(), charged.len());
        for (planned, charged) in planned.iter().zip(&charged) {
            let ((planned, a), (charged, b)) = (noise(planned), noise(charged));
            assert_eq!(a, b);
            assert!((0.0..1e-3).contains(&(charged / planned - 1.0)), "{}: {planned} {charged}", method.name());
        }
        let mut all = budget().prior;
        all.extend(charged.iter().map(|stage| (stage.mechanism, stage.times)));
        let spent = accountant::epsilon(&all, DELTA).unwrap();
        assert!(spent <= 2.0 && spent > 1.98, "{}: {spent}", method.name());
        assert!(charged.iter().all(Stage::is_plausible));
        assert!(method.memory_estimate(&parsed, domains().len()) > 0);
    }
}

/// Units replace rows: the charge depends on the number of units, not on how many rows they have.
#[test]
fn units_of_several_rows_are_trained() {
    for method in Method::ALL {
        let unit_of: Vec<u32> = (0..300).map(|row| row / 4).collect();
        let units = Some(Units::new(&unit_of, 4, 80.0));
        let data = UnitTable { table: table(300), units };
        let charged = trainer(method, data.clone(), 300.0).mechanisms();
        let parsed = method.options(&parsed(options(method)), &[]).unwrap();
        let planned = method.stages(domains().len(), 80.0, &budget(), &parsed).unwrap();
        let bare = |stages: &[Stage]| stages.iter().map(|stage| noise(stage).1).collect::<Vec<_>>();
        assert_eq!(bare(&charged), bare(&planned), "{}", method.name());
        assert_eq!(sample(&*train(method, data, 300.0), 10, 1).rows, 10);
    }
}

/// Whether a model of one method is recognised as not being of the other. Models of the two diffusion methods have the
/// same format.
fn is_told(method: Method, other: Method) -> bool {
    let diffusion = |method: Method| matches!(method.family(), Family::Diffusion(_));
    method != other && !(diffusion(method) && diffusion(other))
}

/// Damage causes an error, or a model that still makes rows, and never a panic.
#[test]
fn damaged_models_are_refused() {
    let domains = domains();
    for method in Method::ALL {
        let bytes = train(method, table(100), 100.0).save().unwrap();
        let refused = |bytes: &[u8], domains: &[Domain]| {
            matches!(load(method, bytes, domains), Err(EngineError::CorruptModel { .. }))
        };
        for end in (0..bytes.len()).step_by(1 + bytes.len() / 400) {
            assert!(refused(&bytes[..end], &domains), "{} {end}", method.name());
        }
        assert!(refused(&bytes, &domains[..3]) && refused(&bytes, &[]) && refused(&[0xff; 64], &domains));
        assert!(refused(&[&bytes[..], &[0]].concat(), &domains));
        let mut damaged = bytes.clone();
        let places = (0..bytes.len().min(300)).chain((300..bytes.len()).step_by(1 + bytes.len() / 40));
        for at in places {
            for change in [0xff, 0x80, 0x01] {
                damaged[at] ^= change;
                if let Ok(model) = load(method, &damaged, &domains) {
                    let _ = model.sample(2, &mut ChaCha8Rng::seed_from_u64(1));
                }
                damaged[at] = bytes[at];
            }
        }
        for other in Method::ALL {
            if is_told(method, other) {
                assert!(load(other, &bytes, &domains).is_err(), "{} as {}", method.name(), other.name());
            }
        }
    }
}

#[test]
fn weights_that_are_no_numbers_are_refused() {
    for method in Method::ALL.into_iter().filter(|method| matches!(method.family(), Family::Network(_))) {
        let mut bytes = train(method, table(100), 100.0).save().unwrap();
        let last = bytes.len() - 4;
        bytes[last..].copy_from_slice(&f32::NAN.to_le_bytes());
        assert!(load(method, &bytes, &domains()).is_err());
    }
}

#[test]
fn methods_are_known_by_name_and_options_by_theirs() {
    for method in Method::ALL {
        assert_eq!(Method::parse(method.name()).unwrap(), method);
        assert!(method.options(&parsed(r#"{"nonsense": 1}"#), &[]).is_err());
        let wide = method.options(&parsed("{}"), &[]).unwrap();
        // The announced memory for a table with many columns does not overflow.
        assert!(method.memory_estimate(&wide, 1_600) >= method.memory_estimate(&wide, 2));
    }
}

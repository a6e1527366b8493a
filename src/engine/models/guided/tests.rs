use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::engine::table::{Category, Cells, Codes};

/// Three columns of 3, 3 and 4 codes: the second repeats the first nine times out of ten, the third is a coin of the
/// first's parity and noise.
fn table(rows: usize) -> EncodedTable {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut columns: Vec<Codes> = vec![Codes::with_width(4); 3];
    for _ in 0..rows {
        let first = u32::from(rng.random_bool(0.5)) + u32::from(rng.random_bool(0.3));
        let second = if rng.random_bool(0.9) { first } else { rng.random_range(0..3) };
        let third = first % 2 * 2 + u32::from(rng.random_bool(0.2));
        for (column, code) in columns.iter_mut().zip([first, second, third]) {
            column.push(code);
        }
    }
    EncodedTable { rows, columns }
}

fn domains() -> Vec<Domain> {
    let category = |i: usize| Category { value: i.to_string(), weight: 0.25 };
    let domain = |size| Domain { cells: Cells::Categories((0..size).map(category).collect()), other: None, null: None };
    [3, 3, 4].map(domain).to_vec()
}

fn train(rows: usize, epsilon: f64) -> Box<dyn Synthesizer> {
    let budget = TrainingBudget { epsilon, delta: 1e-6, prior: Vec::new() };
    let rng = SecretRng::for_tests(2);
    let training = Training::new(table(rows), &domains(), rows as f64, budget, &Options::default(), rng).unwrap();
    let mut training: Box<dyn Trainer> = Box::new(training);
    while training.step().unwrap() {}
    assert_eq!(training.steps_done(), training.steps_total());
    training.finish().unwrap()
}

fn distance(a: &EncodedTable, b: &EncodedTable, pair: [usize; 2]) -> f64 {
    let shares = |table: &EncodedTable| {
        let mut shares = [0.0; 16];
        for row in 0..table.rows {
            let [x, y] = pair.map(|column| table.columns[column].get(row) as usize);
            shares[4 * x + y] += 1.0 / table.rows as f64;
        }
        shares
    };
    0.5 * shares(a).iter().zip(shares(b)).map(|(a, b)| (a - b).abs()).sum::<f64>()
}

#[test]
fn pairs_are_learned() {
    let (rows, mut rng) = (20_000, ChaCha8Rng::seed_from_u64(3));
    let drawn = train(rows, 5.0).sample(rows, &mut rng).unwrap();
    let real = table(rows);
    // Seeds are fixed; independent columns would be 0.3 and more away.
    for pair in [[0, 1], [0, 2], [1, 2]] {
        assert!(distance(&real, &drawn, pair) < 0.03, "{pair:?}: {}", distance(&real, &drawn, pair));
    }
}

#[test]
fn equal_seeds_give_equal_rows_also_after_saving() {
    let model = train(2_000, 1.0);
    let rows = |model: &dyn Synthesizer, seed| model.sample(700, &mut ChaCha8Rng::seed_from_u64(seed)).unwrap();
    let saved = Guided::load(&model.save().unwrap(), &domains()).unwrap();
    assert_eq!(rows(&*model, 5), rows(&saved, 5));
    assert_ne!(rows(&*model, 5), rows(&*model, 6));
}

#[test]
fn damaged_models_are_refused() {
    let bytes = train(500, 1.0).save().unwrap();
    for length in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        assert!(Guided::load(&bytes[..length], &domains()).is_err());
    }
    assert!(Guided::load(&bytes, &domains()[..2]).is_err());
}

#[test]
fn tables_of_no_rows_or_one_column_are_trained() {
    for columns in [1, 3] {
        let empty = EncodedTable { rows: 0, columns: vec![Codes::with_width(4); columns] };
        let budget = TrainingBudget { epsilon: 1.0, delta: 1e-6, prior: Vec::new() };
        let domains = &domains()[..columns];
        let mut training =
            Training::new(empty, domains, 1.0, budget, &Options::default(), SecretRng::for_tests(4)).unwrap();
        while training.step().unwrap() {}
        let model = Box::new(training).finish().unwrap();
        assert_eq!(model.sample(10, &mut ChaCha8Rng::seed_from_u64(5)).unwrap().rows, 10);
    }
}

use crate::engine::table::UnitTable;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::engine::table::units::UnitBook;
use crate::engine::table::{BlockColumn, Category, Cells, Codes, EncodedTable, Units};

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

fn training(
    table: impl Into<UnitTable>,
    domains: Vec<Domain>,
    noisy_rows: f64,
    budget: TrainingBudget,
    options: &GuidedOptions,
    seed: u64,
) -> GuidedTraining {
    let (table, meter) = (table.into(), Meter::for_tests(seed));
    GuidedTraining::new(TrainingInput { table, domains, noisy_rows, budget, meter }, options).unwrap()
}

fn train(rows: usize, epsilon: f64) -> Box<dyn Synthesizer> {
    let budget = TrainingBudget { epsilon, delta: 1e-6, prior: Vec::new() };
    let training = training(table(rows), domains(), rows as f64, budget, &GuidedOptions::default(), 2);
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

/// Three coins, the third the parity of the two others: no pair of them is more than chance.
#[test]
fn triples_are_learned() {
    let (rows, mut rng) = (20_000, ChaCha8Rng::seed_from_u64(3));
    let mut columns: Vec<Codes> = vec![Codes::with_width(2); 3];
    for _ in 0..rows {
        let [a, b] = [0, 1].map(|_| rng.random_range(0..2u32));
        for (column, code) in columns.iter_mut().zip([a, b, a ^ b]) {
            column.push(code);
        }
    }
    let category = |i: usize| Category { value: i.to_string(), weight: 0.5 };
    let coin = Domain { cells: Cells::Categories((0..2).map(category).collect()), other: None, null: None };
    let budget = TrainingBudget { epsilon: 5.0, delta: 1e-6, prior: Vec::new() };
    let table = EncodedTable { rows, columns };
    let options = GuidedOptions { targets: vec![2], ..GuidedOptions::default() };
    let mut training = training(table, vec![coin.clone(), coin.clone(), coin], rows as f64, budget, &options, 2);
    while training.step().unwrap() {}
    let drawn = Box::new(training).finish().unwrap().sample(rows, &mut ChaCha8Rng::seed_from_u64(3)).unwrap();
    let codes = |row| drawn.columns.iter().map(move |column| column.get(row)).fold(0, |parity, code| parity ^ code);
    let odd = (0..rows).filter(|row| codes(*row) == 1).count();
    // Seeds are fixed; columns whose pairs alone were known would be odd half the time.
    assert!(odd < rows / 10, "{odd}");
}

#[test]
fn the_stronger_the_signal_the_more_is_measured() {
    let plan = |rows, epsilon, options: &GuidedOptions| {
        let budget = TrainingBudget { epsilon, delta: 1e-6, prior: Vec::new() };
        GuidedPlan::new(15, rows, &budget, options).unwrap()
    };
    let options = GuidedOptions::default();
    let count = |rows, epsilon| {
        let plan = plan(rows, epsilon, &options);
        plan.rounds * plan.marginals_per_round
    };
    let (weak, middle, strong) = (count(40_000.0, 0.1), count(40_000.0, 1.0), count(40_000.0, 10.0));
    assert!(15 <= weak && weak < middle && middle < strong && strong <= 8 * 15 + 12, "{weak} {middle} {strong}");
    // What counts is rows times epsilon, nearly.
    assert!(count(400_000.0, 0.1).abs_diff(middle) <= 12);
    let given = plan(1.0, 1.0, &GuidedOptions { rounds: Some(2), marginals_per_round: Some(5), ..options.clone() });
    assert_eq!((given.rounds, given.marginals_per_round), (2, 5));
}

#[test]
fn equal_seeds_give_equal_rows_also_after_saving() {
    let model = train(2_000, 1.0);
    let rows = |model: &dyn Synthesizer, seed| model.sample(700, &mut ChaCha8Rng::seed_from_u64(seed)).unwrap();
    let saved = Guided::load(&model.save().unwrap(), &domains(), &|_| Ok(())).unwrap();
    assert_eq!(rows(&*model, 5), rows(&saved, 5));
    assert_ne!(rows(&*model, 5), rows(&*model, 6));
}

#[test]
fn damaged_models_are_refused() {
    let bytes = train(500, 1.0).save().unwrap();
    for length in [0, 1, bytes.len() / 2, bytes.len() - 1] {
        assert!(Guided::load(&bytes[..length], &domains(), &|_| Ok(())).is_err());
    }
    assert!(Guided::load(&[&bytes[..], &[0]].concat(), &domains(), &|_| Ok(())).is_err());
    assert!(Guided::load(&bytes, &domains()[..2], &|_| Ok(())).is_err());
}

/// A few bytes of a marginal of many columns would become a table for each pair of them.
#[test]
fn marginals_of_more_columns_than_are_measured_are_refused() {
    let category = |i: usize| Category { value: i.to_string(), weight: 0.5 };
    let coin = Domain { cells: Cells::Categories((0..2).map(category).collect()), other: None, null: None };
    for (columns, known) in [(3, true), (4, false)] {
        let (domains, sizes) = (vec![coin.clone(); columns], vec![2; columns]);
        let tree = ChowLiuTree::fit(&ByteTable::zeros(100, &sizes), &[], &vec![vec![0.5, 0.5]; columns]);
        let marginal = Marginal::of_codes(Clique::new((0..columns).collect()));
        let potentials = vec![Potential { marginal, weights: vec![0.0; 1 << columns] }];
        let bytes = Guided::new(&domains, tree, Coarsening::of_codes(&sizes), potentials).save().unwrap();
        assert_eq!(Guided::load(&bytes, &domains, &|_| Ok(())).is_ok(), known);
    }
}

#[test]
fn models_that_outgrow_the_memory_are_refused() {
    let bytes = train(500, 1.0).save().unwrap();
    let refuse = |needed| Err(EngineError::MemoryLimit { needed, limit: 1 });
    assert!(matches!(Guided::load(&bytes, &domains(), &refuse), Err(EngineError::MemoryLimit { needed: 1000.., .. })));
}

#[test]
fn tables_of_no_rows_or_one_column_are_trained() {
    for columns in [1, 3] {
        let empty = EncodedTable { rows: 0, columns: vec![Codes::with_width(4); columns] };
        let budget = TrainingBudget { epsilon: 1.0, delta: 1e-6, prior: Vec::new() };
        let domains = domains()[..columns].to_vec();
        let mut training = training(empty, domains, 1.0, budget, &GuidedOptions::default(), 4);
        while training.step().unwrap() {}
        let model = Box::new(training).finish().unwrap();
        assert_eq!(model.sample(10, &mut ChaCha8Rng::seed_from_u64(5)).unwrap().rows, 10);
    }
}

/// A table with the rows that are kept of units of these sizes.
fn unit_table(sizes: &[u32], unit_rows: u32, seed: u64) -> UnitTable {
    let (mut book, mut rng) = (UnitBook::new(unit_rows), Meter::for_tests(seed));
    let mut units = BlockColumn::categories();
    for (unit, size) in sizes.iter().enumerate() {
        (0..*size).for_each(|_| units.push_text(Some(&unit.to_le_bytes())));
    }
    book.count(&units).unwrap();
    book.begin(SamplingRate::nearest(1.0), &mut rng);
    let kept = book.keep(&units, &mut rng).unwrap();
    let all = table(units.rows());
    let mut columns = vec![Codes::with_width(4); 3];
    for (column, codes) in columns.iter_mut().zip(&all.columns) {
        kept.rows.iter().for_each(|row| column.push(codes.get(*row as usize)));
    }
    let count = sizes.len() as f64;
    let units = Units::new(&kept.units, unit_rows, count);
    UnitTable { table: EncodedTable { rows: kept.rows.len(), columns }, units: Some(units) }
}

/// One unit more or less moves every count that training releases by as much as its noise is made for, and every score
/// by 1; the noise is `m` times that of rows.
#[test]
fn a_unit_changes_counts_and_scores_by_its_share_at_most() {
    let most = 5u32;
    let mut sizes: Vec<u32> = (0..400).map(|unit| unit % (most + 1)).collect();
    let before = unit_table(&sizes, most, 1);
    for added in [1, 5, 60, 700] {
        sizes.push(added);
        let after = unit_table(&sizes, most, 2);
        sizes.pop();
        assert_eq!(after.table.rows - before.table.rows, added.min(most) as usize);
        let groups = Groups::new(&domains());
        let (small, large) = (groups.group(&before.table), groups.group(&after.table));
        let pool = ByteTable { rows: 100, ..groups.group(&table(100)) };
        let coarsening = Coarsening::new(&[vec![1.0; 3], vec![1.0; 3], vec![1.0; 4]], &[0, 0, 4], &vec![vec![]; 3]);
        let clique = |columns: &[usize]| Clique::new(columns.to_vec());
        for columns in [&[0][..], &[1], &[2], &[0, 1], &[0, 2], &[1, 2]] {
            let marginal = Marginal::of_codes(clique(columns));
            let pairs = marginal.count(&coarsening, &small).into_iter().zip(marginal.count(&coarsening, &large));
            let squares: u64 = pairs.map(|(a, b)| a.abs_diff(b).pow(2)).sum();
            assert!(squares <= u64::from(most).pow(2), "{columns:?}");
        }
        let pairs = [clique(&[0, 1]), clique(&[0, 2]), clique(&[1, 2]), clique(&[0, 1, 2])];
        let scores = |table| select::scores(&pairs, &coarsening, table, &pool, 1_000.0, 3.0);
        let moves = scores(&small).into_iter().zip(scores(&large)).map(|(a, b)| (a.score - b.score).abs());
        let moved = moves.fold(0.0, f64::max);
        assert!(moved <= f64::from(most) + 1e-9, "{moved}");
    }
    let training = |table: UnitTable| {
        let budget = TrainingBudget { epsilon: 1.0, delta: 1e-6, prior: Vec::new() };
        let options = GuidedOptions { rounds: Some(3), marginals_per_round: Some(1), ..GuidedOptions::default() };
        let mut training = training(table, domains(), 1_000.0, budget, &options, 6);
        for _ in 0..2 {
            training.step().unwrap();
        }
        training
    };
    let (rows, units) = (training(before.table.clone().into()), training(before));
    assert_eq!(rows.plan, units.plan);
    assert_eq!(rows.measurements.len(), units.measurements.len());
    // The counts of single columns are combined with what discovery knows of them.
    let pairs = rows.measurements.iter().zip(&units.measurements).skip(3);
    assert!(pairs.len() > 0);
    for (a, b) in pairs {
        // Noise is rounded up by a thousandth at most.
        assert!((b.noise_sd / a.noise_sd / f64::from(most) - 1.0).abs() < 2e-3);
    }
}

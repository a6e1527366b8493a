//! The replay audit of every method. It compares a table with the same table plus one unit, with rows that are as
//! unusual as possible. The change in each mechanism's input is compared with the ledger's claim, stage by stage.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::engine::models::contract_tests::options;
use crate::engine::privacy::ledger::PrivacyUnit;
use crate::engine::privacy::replay::{Realised, Replay};
use crate::engine::table::{Column, Declared, Measure};

/// Relative error of sums, and the maximum that rounding of scores may add to a change of 1.
const ROOM: f64 = 1e-9;

#[derive(Clone, Copy, Debug)]
enum Value {
    Null,
    Text(&'static str),
    Numbered(&'static str, u32),
    Number(f64),
}

/// A row, and its unit.
type Row = (Vec<Value>, Option<u32>);

const CODES: [&str; 4] = ["a", "a", "b", "undeclared"];
const ODD_TEXTS: [&str; 6] = ["", "new", "usual", "common", "a", "true"];
const ODD_NUMBERS: [f64; 16] = [
    0.0,
    -0.0,
    7.0,
    12.5,
    100.0,
    -5.0,
    0.1 + 0.2,
    1e300,
    -1e300,
    f64::MAX,
    5e-324,
    4_503_599_627_370_497.5,
    1e15 + 0.3,
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
];

/// Every way to find a domain, with and without NULLs.
fn columns() -> Vec<Column> {
    let column = |name: &str, measure, nullable, declared| Column { name: name.into(), measure, nullable, declared };
    let values = |values: &[&str]| Some(Declared::Categories(values.iter().map(|&value| value.to_owned()).collect()));
    let range = |lo, hi| Some(Declared::Range { lo, hi });
    vec![
        column("word", Measure::Category, true, None),
        column("word without NULL", Measure::Category, false, None),
        column("declared", Measure::Category, false, values(&["a", "b", "c"])),
        column("flag", Measure::Category, true, values(&["true", "false"])),
        column("real", Measure::Real, true, None),
        column("whole", Measure::Lattice, false, None),
        column("bounded", Measure::Real, true, range(Some(0.0), Some(100.0))),
        column("half bounded", Measure::Lattice, true, range(Some(-5.0), None)),
        column("listed", Measure::Lattice, true, values(&["1", "2", "3"])),
        column("moment", Measure::Moment { per_day: 24 }, true, None),
    ]
}

fn usual(rng: &mut ChaCha8Rng) -> Vec<Value> {
    let null = |rng: &mut ChaCha8Rng, value| if rng.random_range(0..20) == 0 { Value::Null } else { value };
    let word = |rng: &mut ChaCha8Rng| match rng.random_range(0..10) {
        0..5 => Value::Text("usual"),
        5..7 => Value::Text("common"),
        // About as many as the threshold, and single ones.
        7..9 => Value::Numbered("w", rng.random_range(0..20)),
        _ => Value::Numbered("u", rng.random_range(0..100_000)),
    };
    let (first, second) = (word(rng), word(rng));
    let real = match rng.random_range(0..8) {
        0 => Value::Number(12.5),
        1 => Value::Number((rng.random::<f64>() - 0.5) * 10f64.powi(rng.random_range(-8..30))),
        2 => Value::Number(f64::NAN),
        _ => Value::Number(f64::from(rng.random_range(0..500)) * 0.01),
    };
    let whole = match rng.random_range(0..4) {
        0 => 7.0,
        1 => f64::from(rng.random_range(-1_000_000..1_000_000)),
        _ => f64::from(rng.random_range(0..2_000)) * 5.0,
    };
    let flag = ["true", "false"][rng.random_range(0..2)];
    let half = f64::from(rng.random_range(-20..300));
    let listed = f64::from(rng.random_range(0..6));
    // Office hours of every seventh day.
    let moment = f64::from(168 * rng.random_range(900..1_000) + rng.random_range(9..17));
    let bounded = [100.0, 1e9, -3.0, rng.random::<f64>() * 20.0][rng.random_range(0..4)];
    vec![
        null(rng, first),
        second,
        Value::Text(CODES[rng.random_range(0..CODES.len())]),
        null(rng, Value::Text(flag)),
        null(rng, real),
        Value::Number(whole),
        null(rng, Value::Number(bounded)),
        null(rng, Value::Number(half)),
        null(rng, Value::Number(listed)),
        null(rng, Value::Number(moment)),
    ]
}

/// A row whose values are mostly edge cases.
fn odd(rng: &mut ChaCha8Rng) -> Vec<Value> {
    let mut row = usual(rng);
    for (value, column) in row.iter_mut().zip(columns()) {
        *value = match rng.random_range(0..6) {
            0 => *value,
            1 => Value::Null,
            _ if column.measure == Measure::Category => Value::Text(ODD_TEXTS[rng.random_range(0..ODD_TEXTS.len())]),
            _ => Value::Number(ODD_NUMBERS[rng.random_range(0..ODD_NUMBERS.len())]),
        };
    }
    row
}

fn blocks(rows: &[Row]) -> Vec<(Block, BlockColumn)> {
    let block = |rows: &[Row]| {
        let new = |column: &Column| match column.measure {
            Measure::Category => BlockColumn::categories(),
            _ => BlockColumn::numbers(),
        };
        let mut columns: Vec<BlockColumn> = columns().iter().map(new).collect();
        let mut units = BlockColumn::categories();
        for (values, unit) in rows {
            for (column, value) in columns.iter_mut().zip(values) {
                match (value, &column) {
                    (Value::Text(text), _) => column.push_text(Some(text.as_bytes())),
                    (Value::Numbered(text, i), _) => column.push_text(Some(format!("{text}{i}").as_bytes())),
                    (Value::Number(number), _) => column.push_number(Some(*number)),
                    (Value::Null, BlockColumn::Categories { .. }) => column.push_text(None),
                    (Value::Null, BlockColumn::Numbers { .. }) => column.push_number(None),
                }
            }
            units.push_text(unit.map(u32::to_le_bytes).as_ref().map(|unit| &unit[..]));
        }
        (Block { rows: rows.len(), columns }, units)
    };
    rows.chunks(700).map(block).collect()
}

/// The training under test.
#[derive(Clone, Copy)]
struct Case {
    method: Method,
    options: &'static str,
    epsilon: f64,
    /// Rows of a unit, if units are not rows.
    unit: Option<u32>,
}

/// Trains on some rows, under a meter that records or replays, and returns the charge.
fn train(case: Case, source: &[(Block, BlockColumn)], replay: &Arc<Mutex<Replay>>) -> Ledger {
    let request = Request {
        columns: columns(),
        unit: case.unit.map(|rows| PrivacyUnit { column: "who".into(), rows }),
        epsilon: case.epsilon,
        delta: 1e-6,
        method: case.method,
        options: serde_json::from_str(case.options).unwrap(),
        memory_limit: 0,
    };
    let mut job = Job::with_meter(request, Meter::replayed(replay)).unwrap();
    while job.next() != Next::Done {
        match job.next() {
            Next::Step => job.step().unwrap(),
            Next::Count => job.counted(source.iter().map(|(block, _)| block.rows as u64).sum()).unwrap(),
            scan => {
                for (block, units) in source {
                    let none = Block { rows: block.rows, columns: Vec::new() };
                    match case.unit {
                        None => job.observe(block).unwrap(),
                        Some(_) if scan == Next::CountUnits => job.observe_units(&none, units).unwrap(),
                        Some(_) => job.observe_units(block, units).unwrap(),
                    }
                }
                job.end_scan().unwrap();
            }
        }
    }
    job.finish().unwrap().ledger
}

/// Records a training on `count` rows, replays it with one more unit, and compares the change with the ledger. Returns
/// the share of each stage's claim that the unit used.
fn audit(case: Case, count: usize, seed: u64) -> BTreeMap<String, f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let of_table: Vec<Row> = (0..count)
        .map(|_| {
            // Rows without a unit come last among the examples of a network, and the new unit must be last.
            let alone = case.method == Method::Guided && rng.random_range(0..10) == 0;
            let unit = if alone { None } else { Some(rng.random_range(0..count as u32 / 3)) };
            (usual(&mut rng), unit)
        })
        .collect();
    // Some units also have more rows than are used.
    let rows = case.unit.map_or(1, |most| rng.random_range(1..=most + 1));
    let first = odd(&mut rng);
    let alike = rng.random_range(0..2) == 0;
    let of_unit: Vec<Row> =
        (0..rows).map(|_| (if alike { first.clone() } else { odd(&mut rng) }, Some(u32::MAX))).collect();

    let replay = Arc::new(Mutex::new(Replay::default()));
    let table = blocks(&of_table);
    let ledger = train(case, &table, &replay);
    replay.lock().unwrap().rewind();
    let neighbour = [table, blocks(&of_unit)].concat();
    assert_eq!(train(case, &neighbour, &replay), ledger);
    let replay = replay.lock().unwrap();
    assert!(replay.is_over(), "answers were recorded that nobody asked for again");
    compare(&ledger, &replay.realised, case.unit.unwrap_or(1))
}

/// Compares the change by one unit with the charge.
fn compare(ledger: &Ledger, realised: &BTreeMap<&'static str, Realised>, unit_rows: u32) -> BTreeMap<String, f64> {
    let mut used = BTreeMap::new();
    for (name, found) in realised {
        for stage in ledger.stages().filter(|stage| stage.name == *name) {
            let share = stage.mechanism.facts().used(found, stage.times);
            assert!(share <= 1.0 + ROOM, "{name}: {share} of {stage:?}");
            used.insert((*name).to_owned(), share);
        }
        let charged = ledger.stages().any(|stage| stage.name == *name);
        assert!(charged || found.answers == 0, "{name} is not charged");
        assert!(found.new_rows <= u64::from(unit_rows), "{name}: {} new rows", found.new_rows);
    }
    used
}

/// The largest used share of a claim, by stage.
fn largest(cases: impl IntoIterator<Item = (Case, usize, u64)>) -> BTreeMap<String, f64> {
    let mut all: BTreeMap<String, f64> = BTreeMap::new();
    for (case, count, seed) in cases {
        for (name, share) in audit(case, count, seed) {
            let known = all.entry(name).or_insert(0.0);
            *known = known.max(share);
        }
    }
    all
}

const UNITS: [Option<u32>; 3] = [None, Some(1), Some(4)];

#[test]
fn no_unit_changes_what_guided_sees_by_more_than_is_charged() {
    let (method, options) = (Method::Guided, r#"{"rounds": 2, "marginals_per_round": 3}"#);
    let case = |seed: u64| {
        let (epsilon, unit) = ([20.0, 3.0][seed as usize % 2], UNITS[seed as usize % 3]);
        (Case { method, options, epsilon, unit }, 900, seed)
    };
    let used = largest((0..6).map(case));
    // The share is also close to 1: the noise is calibrated for a unit that fills every cell it can.
    for (name, least) in [("row count", 0.9), ("domains", 0.2), ("one-way counts", 0.9), ("joint counts", 0.9)] {
        assert!(used[name] > least, "{name}: {used:?}");
    }
}

#[test]
fn no_unit_changes_what_networks_see_by_more_than_is_charged() {
    // All rows in each step, and below, a few rows in each step.
    let whole = r#"{"epochs": 2, "batch_size": 1e6, "hidden": [8]}"#;
    let pate = r#"{"rounds": 2, "queries": 20, "teachers": 8, "hidden": [8], "teacher_hidden": [8]}"#;
    let mut methods = vec![
        (Method::TableDiffusion, whole),
        (Method::Wgan, whole),
        (Method::AttentionGan, whole),
        (Method::AttentionVae, whole),
        (Method::PateGan, pate),
    ];
    methods.extend(Method::ALL.map(|method| (method, options(method))));
    let case = |(seed, (method, options)): (usize, (Method, &'static str))| {
        (Case { method, options, epsilon: 10.0, unit: [None, Some(4)][seed % 2] }, 300, seed as u64)
    };
    let used = largest(methods.into_iter().enumerate().map(case));
    for name in ["training", "critic", "autoencoder"] {
        assert!(used.get(name).is_some_and(|share| *share > 0.3), "{name}: {used:?}");
    }
    // It depends on chance whether one unit changes the vote of its teacher.
    assert!(used.contains_key("votes"), "{used:?}");
}

/// The audit detects errors: a claim of a tenth more noise than was drawn is exceeded.
#[test]
fn an_unpaid_unit_is_noticed() {
    let mut ledger = {
        let case = Case { method: Method::Guided, options: r#"{"rounds": 0}"#, epsilon: 3.0, unit: None };
        let replay = Arc::new(Mutex::new(Replay::default()));
        train(case, &blocks(&[(usual(&mut ChaCha8Rng::seed_from_u64(1)), None)]), &replay)
    };
    let found = |precision: f64| {
        let mut found = Realised::default();
        found.add(precision, 1.0);
        found
    };
    let count = &mut ledger.phases[0].stages[0];
    let Mechanism::Gaussian { noise_multiplier } = &mut count.mechanism else { panic!("{count:?}") };
    let charged = noise_multiplier.powi(-2);
    *noise_multiplier *= 1.1;
    let outcome = std::panic::catch_unwind(|| compare(&ledger, &BTreeMap::from([(ROW_COUNT, found(charged))]), 1));
    assert!(outcome.is_err());
    // The meter's own comparison also detects it.
    let mut meter = Meter::for_tests(1);
    noisy_counts(&[1], 1.0, charged.powf(-0.5), meter.stage(ROW_COUNT)).unwrap();
    assert!(ledger.check(&meter.record(), 0.0).is_err());
    let mut other = Meter::for_tests(1);
    noisy_counts(&[1], 1.0, 1e9, other.stage("nothing that is charged")).unwrap();
    assert!(ledger.check(&other.record(), 0.0).is_err());
}

//! Trainings with groups of rows as units, from the first scan to the stored model.
//!
//! The noise is not seeded. Bounds on noisy counts are six standard deviations away: a false alarm in 5e8.

use super::*;
use crate::engine::privacy::ledger::PrivacyUnit;
use crate::engine::table::{Column, Declared, Measure};

fn columns() -> Vec<Column> {
    let column = |name: &str, measure, declared| Column { name: name.into(), measure, nullable: false, declared };
    vec![
        column("kind", Measure::Category, Some(Declared::Categories(vec!["a".into(), "b".into()]))),
        column("word", Measure::Category, None),
        column("size", Measure::Lattice, None),
    ]
}

fn request(rows: u32, method: Method, options: &str) -> Request {
    Request {
        columns: columns(),
        unit: Some(PrivacyUnit { column: "person".into(), rows }),
        epsilon: 20.0,
        delta: 1e-6,
        method,
        options: serde_json::from_str(options).unwrap(),
        memory_limit: 0,
    }
}

/// Blocks of rows with their units. Unit `u` has `u % 7` rows, the first 3,000 more, and 40 rows have no unit. All rows
/// of the large unit have "b" and "huge".
fn source() -> Vec<(Block, BlockColumn)> {
    let large = (0..3_000).map(|_| Some(0u32));
    let others = (0..2_000u32).flat_map(|unit| vec![Some(unit); unit as usize % 7]);
    let all: Vec<Option<u32>> = large.chain(others).chain(vec![None; 40]).collect();
    let block = |units: &[Option<u32>]| {
        let (mut kind, mut word, mut size) =
            (BlockColumn::categories(), BlockColumn::categories(), BlockColumn::numbers());
        let mut column = BlockColumn::categories();
        for (row, unit) in units.iter().enumerate() {
            let is_large = *unit == Some(0);
            kind.push_text(Some(if is_large || row % 10 == 0 { b"b" } else { b"a" }));
            word.push_text(Some(if is_large { b"huge" } else { b"usual" }));
            size.push_number(Some((row % 4) as f64));
            column.push_text(unit.map(u32::to_le_bytes).as_ref().map(|bytes| &bytes[..]));
        }
        (Block { rows: units.len(), columns: vec![kind, word, size] }, column)
    };
    all.chunks(700).map(block).collect()
}

/// The expected counts of a source with this many units: units, and rows with at most `most` of each.
fn totals(most: u64) -> (f64, f64) {
    let others: u64 = (1..2_000).map(|unit| (unit % 7).min(most)).sum();
    let units = (1..2_000).filter(|unit| unit % 7 > 0).count() as u64;
    ((units + 1 + 40) as f64, (others + most + 40) as f64)
}

fn drive(request: Request) -> (Job, Vec<Next>) {
    let (source, mut job) = (source(), Job::new(request).unwrap());
    let mut scans = Vec::new();
    while job.next() != Next::Done {
        match job.next() {
            Next::Step => job.step().unwrap(),
            scan => {
                scans.push(scan);
                for (block, units) in &source {
                    let none = Block { rows: block.rows, columns: Vec::new() };
                    job.observe_units(if scan == Next::CountUnits { &none } else { block }, units).unwrap();
                }
                job.end_scan().unwrap();
            }
        }
    }
    (job, scans)
}

#[test]
fn units_are_counted_capped_learned_and_told_of() {
    let quick = r#"{"epochs": 0.2, "calibration_rounds": 0, "hidden": [8]}"#;
    for (rows, method, options) in
        [(1, Method::Guided, r#"{"rounds": 1}"#), (4, Method::Guided, "{}"), (4, Method::TableDiffusion, quick)]
    {
        let (job, scans) = drive(request(rows, method, options));
        assert_eq!(scans, [Next::CountUnits, Next::Discover, Next::Encode]);
        let (units, kept) = totals(rows.into());
        let noise = job.setup.split.count_noise(2);
        let (noisy_units, noisy_rows) = (job.noisy_units().unwrap(), job.noisy_rows().unwrap());
        assert!((noisy_units - units).abs() < 6.0 * noise, "{noisy_units} {units}");
        assert!((noisy_rows - kept).abs() < 6.0 * noise * f64::from(rows), "{noisy_rows} {kept}");
        assert!((noisy_units..=noisy_units * f64::from(rows)).contains(&noisy_rows));
        assert!(job.setup.memory_estimate(kept, units) > (units * 100.0) as u64);
        // Three thousand rows of one unit do not release a word.
        let words = job.known().unwrap().released.domains[1].weights();
        assert_eq!(words.len(), 2, "{words:?}");

        let artifact = job.finish().unwrap();
        let ledger = &artifact.ledger;
        assert_eq!(ledger.neighbours.unit(), Some(&PrivacyUnit { column: "person".into(), rows }));
        let counted: Vec<&str> = ledger.phases[0].stages.iter().map(|stage| stage.name.as_str()).collect();
        assert_eq!(counted, if rows == 1 { &["unit count"][..] } else { &["unit count", "row count"] });
        for phase in &ledger.phases {
            assert!(phase.holds().unwrap());
        }
        let spent: f64 = ledger.phases.iter().map(|phase| phase.epsilon).sum();
        assert!(spent <= ledger.epsilon);
        let again = Artifact::from_bytes(&artifact.to_bytes().unwrap()).unwrap();
        assert_eq!(&again.ledger, ledger);

        if method == Method::Guided && rows == 4 {
            let block = again.sampler(1).next_block(4_000).unwrap();
            let b = (0..4_000).filter(|row| block.columns[0].text(*row) == Some(b"b")).count();
            // A tenth, as among the used rows. Among all rows it is over a third.
            assert!((300..550).contains(&b), "{b}");
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    for rows in [0, 10_001] {
        let refused = Job::new(request(rows, Method::Guided, "{}")).err().unwrap();
        assert!(matches!(refused, EngineError::InvalidParameter { .. }), "{refused}");
    }
    let (block, units) = source().remove(0);
    let mut job = Job::new(request(3, Method::Guided, "{}")).unwrap();
    assert!(job.counted(5).is_err() && job.observe(&block).is_err() && job.step().is_err());
    let mut rows = Job::new(Request { unit: None, ..request(3, Method::Guided, "{}") }).unwrap();
    assert!(rows.observe_units(&block, &units).is_err());
    assert_eq!(rows.next(), Next::Count);
    // A memory limit that the units alone exceed.
    let mut job = Job::new(Request { memory_limit: 1 << 10, ..request(3, Method::Guided, "{}") }).unwrap();
    // The noise of the count decides how early it is refused.
    let refused =
        job.observe_units(&Block { rows: block.rows, columns: Vec::new() }, &units).and_then(|()| job.end_scan());
    assert!(matches!(refused, Err(EngineError::MoreRowsThanExpected { .. })), "{refused:?}");
}

#[test]
fn a_source_without_rows_is_trained() {
    let mut job = Job::new(request(5, Method::Guided, "{}")).unwrap();
    while job.next() != Next::Done {
        match job.next() {
            Next::Step => job.step().unwrap(),
            _ => job.end_scan().unwrap(),
        }
    }
    assert!(job.noisy_units().unwrap() >= 1.0);
    assert!(job.finish().is_ok());
}

//! Choice and numbering of units' rows. Seeds are fixed; over random seeds each statistical check fails with
//! probability below 1e-7.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// Units of rows: numbers, or NULL.
fn column(units: &[Option<u32>]) -> BlockColumn {
    let mut column = BlockColumn::categories();
    units.iter().for_each(|unit| column.push_text(unit.map(u32::to_le_bytes).as_ref().map(|bytes| &bytes[..])));
    column
}

fn scan(book: &mut UnitBook, units: &BlockColumn, rate: f64, meter: &mut Meter) -> Kept {
    book.begin(SamplingRate::nearest(rate), meter);
    book.keep(units, meter).unwrap()
}

#[test]
fn every_choice_of_a_units_rows_is_as_likely() {
    let mut meter = Meter::for_tests(1);
    // Six rows of unit 7 among others; two are kept: 15 choices.
    let units = column(&[7, 1, 7, 7, 2, 2, 7, 2, 7, 1, 7].map(Some));
    let mut book = UnitBook::new(2);
    book.count(&units).unwrap();
    assert_eq!(book.totals(), (3, 6));
    let (scans, mut found) = (60_000u32, BTreeMap::new());
    for _ in 0..scans {
        let kept = scan(&mut book, &units, 1.0, &mut meter);
        assert_eq!(kept.rows.len(), 6);
        assert!(kept.rows.contains(&1) && kept.rows.contains(&9));
        let of_seven: Vec<u32> = kept.rows.into_iter().filter(|row| [0, 2, 3, 6, 8, 10].contains(row)).collect();
        *found.entry(of_seven).or_insert(0u32) += 1;
    }
    let expected = f64::from(scans) / 15.0;
    let distance: f64 = found.values().map(|n| (f64::from(*n) - expected).powi(2) / expected).sum();
    // Chi-square of 14 degrees of freedom exceeds 62 with probability 5e-8.
    assert!(found.len() == 15 && distance < 62.0, "{distance}");
}

#[test]
fn no_unit_keeps_more_than_it_may_whatever_a_scan_shows() {
    let mut meter = Meter::for_tests(2);
    let first: Vec<Option<u32>> = (0..50).flat_map(|unit| vec![Some(unit); unit as usize % 7]).collect();
    let mut book = UnitBook::new(3);
    book.count(&column(&first)).unwrap();
    // Later scans show more rows, fewer, and units that were not there; in blocks.
    for round in 0..200u32 {
        let shown: Vec<Option<u32>> = (0..600).map(|_| Some(meter.rng().random_range(0..60))).collect();
        book.begin(SamplingRate::nearest([1.0, 0.5][round as usize % 2]), &mut meter);
        let mut kept = BTreeMap::<u32, u32>::new();
        for block in shown.chunks(70) {
            let of_block = book.keep(&column(block), &mut meter).unwrap();
            for (row, unit) in of_block.rows.iter().zip(of_block.units) {
                *kept.entry(unit).or_default() += 1;
                assert!((*row as usize) < block.len());
            }
        }
        assert!(kept.values().all(|n| *n <= 3) && kept.len() > 15);
    }
    assert!(book.states.len() <= 60);
    assert_eq!(UnitBook::new(u32::MAX).unit_rows, MAX_ROWS);
}

#[test]
fn all_rows_of_a_unit_take_part_or_none() {
    let mut meter = Meter::for_tests(3);
    let units: Vec<Option<u32>> = (0..2_000u32).map(|row| (row % 5 > 0).then_some(row / 10)).collect();
    let mut book = UnitBook::new(3);
    book.count(&column(&units)).unwrap();
    assert_eq!(book.totals(), (200 + 400, 600 + 400));
    let (rounds, rate) = (500, 0.3);
    let (mut grouped, mut alone, mut together) = (0.0, 0.0, 0.0);
    let mut before = BTreeSet::new();
    for _ in 0..rounds {
        let kept = scan(&mut book, &column(&units), rate, &mut meter);
        let mut sizes = BTreeMap::<u32, u32>::new();
        kept.units.iter().filter(|unit| **unit != ALONE).for_each(|unit| *sizes.entry(*unit).or_default() += 1);
        assert!(sizes.values().all(|rows| *rows == 3));
        grouped += sizes.len() as f64;
        alone += kept.units.iter().filter(|unit| **unit == ALONE).count() as f64;
        let now: BTreeSet<u32> = sizes.into_keys().collect();
        together += now.intersection(&before).count() as f64;
        before = now;
    }
    // Each binomial, 5.3 standard errors; scans are independent.
    for (found, n, p) in [(grouped, 200.0, rate), (alone, 400.0, rate), (together, 200.0, rate * rate)] {
        let (expected, sd) = (n * p * f64::from(rounds), (n * p * (1.0 - p) * f64::from(rounds)).sqrt());
        assert!((found - expected).abs() < 5.3 * sd + n * p, "{found} for {expected}");
    }
}

#[test]
fn one_unit_more_leaves_the_others_alone() {
    let mut meter = Meter::for_tests(4);
    let few: Vec<Option<u32>> = (0..300u32).map(|row| (row % 11 > 0).then_some(row / 3)).collect();
    let mut more = few.clone();
    more.extend([Some(1_000); 90]);
    let totals = |units: &[Option<u32>]| {
        let mut book = UnitBook::new(4);
        book.count(&column(units)).unwrap();
        (book.totals(), scan(&mut book, &column(units), 1.0, &mut Meter::for_tests(5)).rows)
    };
    let ((units, rows), kept) = totals(&few);
    let ((units_more, rows_more), kept_more) = totals(&more);
    assert_eq!((units_more - units, rows_more - rows), (1, 4));
    assert!(kept_more.starts_with(&kept) && kept_more.len() == kept.len() + 4);
    // A unit's number hangs on the order of rows alone, and rows come back in order.
    let kept = scan(&mut UnitBook::new(2), &column(&[Some(3), None, Some(3), Some(8), Some(3)]), 1.0, &mut meter);
    assert_eq!(kept, Kept { rows: vec![0, 1, 2, 3], units: vec![0, ALONE, 0, 1] });
}

#[test]
fn rows_find_their_units() {
    let units = Units::new(&[4, ALONE, 2, 4, ALONE, 2, 2], 3, 5.0);
    let all: Vec<&[u32]> = (0..units.count()).map(|unit| units.rows(unit)).collect();
    assert_eq!(all, [&[2, 5, 6][..], &[0, 3], &[1], &[4]]);
    assert_eq!(Units::new(&[], 3, 1.0).count(), 0);
}

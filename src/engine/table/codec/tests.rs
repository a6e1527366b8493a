//! Codes and values, there and back.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::engine::table::{
    Bin, Block, BlockColumn, Category, Cells, Codes, Column, Domain, EncodedTable, Measure, Part,
};

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

fn column(measure: Measure, nullable: bool) -> Column {
    Column { name: "c".into(), measure, nullable, declared: None }
}

fn categories(values: &[(&str, f64)], other: Option<f64>, null: Option<f64>) -> Domain {
    let category = |(value, weight): &(&str, f64)| Category { value: (*value).into(), weight: *weight };
    Domain { cells: Cells::Categories(values.iter().map(category).collect()), other, null }
}

fn bins(bins: &[&[(f64, f64, f64)]], step: f64, null: Option<f64>) -> Domain {
    let part = |(lo, hi, weight): &(f64, f64, f64)| Part { lo: *lo, hi: *hi, weight: *weight };
    let bins = bins.iter().map(|parts| Bin { parts: parts.iter().map(part).collect() }).collect();
    Domain { cells: Cells::Bins { bins, step }, other: None, null }
}

fn texts(values: &[Option<&str>]) -> Block {
    let mut column = BlockColumn::categories();
    values.iter().for_each(|value| column.push_text(value.map(str::as_bytes)));
    Block { rows: values.len(), columns: vec![column] }
}

fn numbers(values: &[Option<f64>]) -> Block {
    let mut column = BlockColumn::numbers();
    values.iter().for_each(|value| column.push_number(*value));
    Block { rows: values.len(), columns: vec![column] }
}

fn encode(column: &Column, domain: &Domain, block: &Block) -> EncodedTable {
    let mut encoder = Encoder::new(std::slice::from_ref(column), std::slice::from_ref(domain));
    encoder.push(block, &mut rng()).unwrap();
    encoder.finish()
}

fn codes(column: &Column, domain: &Domain, block: &Block) -> Vec<u32> {
    encode(column, domain, block).columns[0].iter().collect()
}

fn decode(domain: &Domain, codes: &[u32]) -> BlockColumn {
    let mut table = EncodedTable::with_sizes(&[domain.size()]);
    codes.iter().for_each(|code| table.columns[0].push(*code));
    table.rows = codes.len();
    Decoder::new(std::slice::from_ref(domain)).decode(&table, &mut rng()).unwrap().columns.remove(0)
}

#[test]
fn texts_there_and_back() {
    let domain = categories(&[("a", 0.2), ("é", 0.1), ("", 0.1)], Some(0.5), Some(0.1));
    let column = column(Measure::Category, true);
    let block = texts(&[Some("é"), None, Some(""), Some("unknown"), Some("a")]);
    assert_eq!(codes(&column, &domain, &block), [1, 4, 2, 3, 0]);
    let back = decode(&domain, &[1, 4, 2, 3, 0]);
    let back: Vec<Option<&[u8]>> = (0..5).map(|row| back.text(row)).collect();
    assert_eq!(back, [Some("é".as_bytes()), None, Some(b""), None, Some(b"a")]);
}

/// A few rare texts are no NULLs; where most texts are rare, the released ones do not stand for them.
#[test]
fn other_becomes_null_only_where_it_is_most_of_a_column() {
    for (other, is_null) in [(0.39, false), (0.41, true)] {
        let domain = categories(&[("a", 0.4)], Some(other), Some(0.2));
        let back = decode(&domain, &[1; 100]);
        assert!((0..100).all(|row| back.text(row).is_none() == is_null));
    }
}

#[test]
fn other_becomes_a_released_text_where_there_is_no_null() {
    let domain = categories(&[("a", 0.6), ("b", 0.2)], Some(0.2), None);
    let column = column(Measure::Category, false);
    assert_eq!(codes(&column, &domain, &texts(&[None, Some("unknown")])), [2, 2]);
    let back = decode(&domain, &[2; 10_000]);
    let a = (0..10_000).filter(|row| back.text(*row) == Some(b"a")).count();
    // Binomial with mean 7500 and standard deviation 43: six of these fail at random below 2e-9.
    assert!((0..10_000).all(|row| back.text(row).is_some()) && a.abs_diff(7_500) < 260, "{a}");
    // Nothing released at all: nothing to offer.
    let domain = categories(&[], Some(1.0), None);
    assert_eq!(decode(&domain, &[0]).text(0), None);
}

#[test]
fn values_without_a_code_are_null_or_drawn() {
    let nullable = column(Measure::Category, true);
    let declared = categories(&[("a", 0.4), ("b", 0.4)], None, Some(0.2));
    assert_eq!(codes(&nullable, &declared, &texts(&[Some("c"), Some("b")])), [2, 1]);
    let strict = column(Measure::Category, false);
    let declared = categories(&[("a", 0.25), ("b", 0.75)], None, None);
    let drawn = codes(&strict, &declared, &texts(&[Some("c"); 10_000]));
    assert!(drawn.iter().filter(|code| **code == 1).count().abs_diff(7_500) < 260);
    let drawn = codes(&column(Measure::Real, false), &bins(&[&[(0.0, 1.0, 0.25)], &[(1.0, 2.0, 0.75)]], 0.0, None), &{
        numbers(&[Some(f64::NAN); 10_000])
    });
    assert!(drawn.iter().filter(|code| **code == 1).count().abs_diff(7_500) < 260);
}

#[test]
fn numbers_go_to_the_nearest_bin() {
    let domain =
        bins(&[&[(0.0, 0.0, 0.5)], &[(1.0, 9.0, 0.2), (20.0, 29.0, 0.1)], &[(1000.0, 1999.0, 0.1)]], 1.0, None);
    let domain = Domain { null: Some(0.1), ..domain };
    let column = column(Measure::Lattice, true);
    let cases = [
        (-5.0, 0),
        (0.0, 0),
        (1.0, 1),
        (15.0, 1),
        (29.0, 1),
        (514.0, 1),
        (515.0, 2),
        (1e300, 2),
        (f64::INFINITY, 2),
        (f64::NEG_INFINITY, 0),
        (f64::NAN, 3),
    ];
    for (value, code) in cases {
        assert_eq!(codes(&column, &domain, &numbers(&[Some(value)])), [code], "{value}");
    }
    assert_eq!(codes(&column, &domain, &numbers(&[None])), [3]);
}

#[test]
fn atoms_among_reals_keep_their_code() {
    let atom = 0.1f64;
    let domain =
        bins(&[&[(0.0, atom.next_down(), 1.0)], &[(atom, atom, 1.0)], &[(atom.next_up(), 1.0, 1.0)]], 0.0, None);
    let column = column(Measure::Real, false);
    let values = [0.05, atom, atom.next_up(), 0.5];
    assert_eq!(codes(&column, &domain, &numbers(&values.map(Some))), [0, 1, 2, 2]);
}

#[test]
fn draws_follow_the_parts() {
    let domain = bins(&[&[(0.0, 3.0, 0.3), (10.0, 10.0, 0.6), (20.0, 29.0, 0.0)], &[(50.0, 50.0, 0.1)]], 1.0, None);
    let back = decode(&domain, &[0; 30_000]);
    let count = |value: f64| (0..30_000).filter(|row| back.number(*row) == Some(value)).count();
    // Means 20000 and 2500, standard deviations 82 and 48; six of these fail at random below 2e-9.
    assert!(count(10.0).abs_diff(20_000) < 500);
    for value in [0.0, 1.0, 2.0, 3.0] {
        assert!(count(value).abs_diff(2_500) < 290, "{}", count(value));
    }
    assert_eq!([0.0, 1.0, 2.0, 3.0, 10.0].map(count).iter().sum::<usize>(), 30_000);
    // A domain without weights is drawn from evenly.
    let back = decode(&bins(&[&[(1.0, 1.0, 0.0), (2.0, 2.0, 0.0)]], 1.0, None), &[0; 100]);
    assert!((0..100).any(|row| back.number(row) == Some(1.0)) && (0..100).any(|row| back.number(row) == Some(2.0)));
}

#[test]
fn steps_below_one_give_the_decimals_themselves() {
    let domain = bins(&[&[(0.1, 0.7, 1.0)]], 0.1, None);
    let back = decode(&domain, &[0; 1_000]);
    let decimals = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7];
    assert!((0..1_000).all(|row| decimals.contains(&back.number(row).unwrap())));
    assert!(decimals.iter().all(|decimal| (0..1_000).any(|row| back.number(row) == Some(*decimal))));
}

#[test]
fn wide_parts_stay_finite() {
    for step in [0.0, 1.0] {
        let domain = bins(&[&[(-1e308, 1e308, 1.0)]], step, None);
        let back = decode(&domain, &[0; 1_000]);
        assert!((0..1_000).all(|row| back.number(row).unwrap().is_finite()));
        assert!((0..1_000).any(|row| back.number(row).unwrap() < 0.0));
    }
}

#[test]
fn codes_are_as_wide_as_the_domain_needs() {
    for (size, bytes) in [(1, 1), (256, 1), (257, 2), (65_536, 2), (65_537, 4)] {
        let mut codes = Codes::with_width(size);
        codes.push(size as u32 - 1);
        assert_eq!(codes.get(0), size as u32 - 1);
        assert_eq!(codes.bytes() % bytes, 0);
        assert_eq!(matches!(codes, Codes::U8(_)), bytes == 1);
        assert_eq!(matches!(codes, Codes::U32(_)), bytes == 4);
    }
}

#[test]
fn equal_generators_give_equal_rows() {
    let domain = bins(&[&[(0.0, 1.0, 0.5), (3.0, 9.0, 0.5)]], 0.0, None);
    let (first, second) = (decode(&domain, &[0; 50]), decode(&domain, &[0; 50]));
    assert!((0..50).all(|row| first.number(row) == second.number(row)));
}

#[test]
fn tables_of_another_shape_are_refused() {
    let domain = categories(&[("a", 1.0)], None, None);
    let mut encoder = Encoder::new(&[column(Measure::Category, false)], std::slice::from_ref(&domain));
    assert!(encoder.push(&numbers(&[Some(1.0)]), &mut rng()).is_err());
    assert!(encoder.push(&Block { rows: 0, columns: vec![] }, &mut rng()).is_err());
    let decoder = Decoder::new(std::slice::from_ref(&domain));
    let outside = EncodedTable { rows: 1, columns: vec![Codes::U8(vec![1])] };
    assert!(decoder.decode(&outside, &mut rng()).is_err());
    assert!(decoder.decode(&EncodedTable { rows: 0, columns: vec![] }, &mut rng()).is_err());
    assert!(decoder.decode(&EncodedTable { rows: 2, columns: vec![Codes::U8(vec![0])] }, &mut rng()).is_err());
}

//! Features there and back.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::engine::table::{Bin, Block, BlockColumn, Cells, Measure, Part};

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

fn column(name: &str, measure: Measure) -> Column {
    Column { name: name.into(), measure, nullable: true, declared: None }
}

fn text(value: &str) -> Scalar {
    Scalar::Text(value.into())
}

fn texts(values: &[Option<&str>]) -> BlockColumn {
    let mut column = BlockColumn::categories();
    values.iter().for_each(|value| column.push_text(value.map(str::as_bytes)));
    column
}

fn numbers(values: &[Option<f64>]) -> BlockColumn {
    let mut column = BlockColumn::numbers();
    values.iter().for_each(|value| column.push_number(*value));
    column
}

fn points(count: usize, other: Option<f64>) -> Domain {
    let bins = (0..count).map(|place| Bin { parts: vec![Part::point(place as f64, 1.0)] }).collect();
    Domain { cells: Cells::Bins { bins, step: 1.0 }, other, null: None }
}

/// Cities in countries, with the countries' codes.
fn places() -> Combination {
    let row =
        |city: Scalar, country: &str, code: f64, weight| (vec![city, text(country), Scalar::Number(code)], weight);
    let rows = vec![
        row(text("Wien"), "AT", 43.0, 0.3),
        row(text("Graz"), "AT", 43.0, 0.2),
        row(text("Bern"), "CH", 41.0, 0.1),
        row(Scalar::Null, "CH", 41.0, 0.1),
    ];
    Combination::new(vec![0, 2, 3], vec![false, false, true], Some(1), rows)
}

fn residual() -> Residual {
    Residual {
        column: 1,
        on: 4,
        curve: Curve::Same,
        default: 100.0,
        step: 1.0,
        lo: 0.0,
        hi: 1_000.0,
        never: Some(Side::Below),
    }
}

fn block() -> Block {
    let columns = vec![
        texts(&[Some("Graz"), Some("Linz"), None, Some("Rom"), Some("Wien")]),
        numbers(&[Some(12.0), None, Some(130.0), Some(990.0), Some(9.0)]),
        texts(&[Some("AT"), Some("AT"), Some("CH"), Some("IT"), Some("AT")]),
        numbers(&[Some(43.0), Some(43.0), Some(41.0), Some(39.0), Some(43.0)]),
        numbers(&[Some(10.0), Some(5.0), None, Some(2_000.0), Some(9.0)]),
    ];
    Block { rows: 5, columns }
}

fn features() -> Features {
    Features::new(5, vec![Feature::Residual(residual()), Feature::Combination(places())], Vec::new())
}

fn encoder(features: &Features) -> FeatureEncoder {
    let of: Vec<Column> = (0..5).map(|place| column(&place.to_string(), Measure::Lattice)).collect();
    let domains: Vec<Domain> = features.iter().map(|_| points(1, None)).collect();
    FeatureEncoder::new(features, &of, &domains)
}

#[test]
fn features_stand_in_an_order_in_which_they_can_be_turned_back() {
    let features = features();
    assert!(features.is_valid(5) && !features.is_valid(4) && !features.is_plain());
    assert!(matches!(features.iter().next(), Some(Feature::Combination(_))));
    assert_eq!((features.alone(4), features.alone(1)), (Some(1), None));
    assert_eq!([0, 1, 2, 3, 4].map(|column| features.feature_of(column)), [0, 2, 0, 0, 1].map(Some));
    assert!(Features::plain(3).is_plain() && Features::plain(3).is_valid(3));
    let of: Vec<Column> = [("city", Measure::Category), ("end", Measure::Lattice), ("country", Measure::Category)]
        .into_iter()
        .chain([("code", Measure::Lattice), ("start", Measure::Lattice)])
        .map(|(name, measure)| column(name, measure))
        .collect();
    let names: Vec<String> = features.columns(&of).into_iter().map(|column| column.name).collect();
    assert_eq!(names, ["city, country, code", "start", "end"]);
}

/// Rows whose combination was released come back as they were, and others as one of their parent, or as any.
#[test]
fn rows_there_and_back() {
    let (features, block) = (features(), block());
    let values = encoder(&features).values(&block, &mut rng()).unwrap();
    let back = FeatureDecoder::new(&features).decode(values, &mut rng()).unwrap();
    let row = |row: usize| {
        let text =
            |column: usize| back.columns[column].text(row).map(|text| String::from_utf8_lossy(text).into_owned());
        (text(0), text(2), back.columns[3].number(row))
    };
    let known =
        |city: Option<&str>, country: &str, code| (city.map(str::to_owned), Some(country.to_owned()), Some(code));
    assert_eq!(row(0), known(Some("Graz"), "AT", 43.0));
    assert_eq!(row(2), known(None, "CH", 41.0));
    assert_eq!(row(4), known(Some("Wien"), "AT", 43.0));
    // Linz is no released combination, but Austria has some.
    assert_eq!((row(1).1.as_deref(), row(1).2), (Some("AT"), Some(43.0)));
    assert!(["AT", "CH"].contains(&row(3).1.unwrap().as_str()));
    let ends: Vec<Option<f64>> = (0..5).map(|row| back.columns[1].number(row)).collect();
    // The fourth lies beyond the range, but not before its start.
    assert_eq!(ends, [Some(12.0), None, Some(130.0), Some(2_000.0), Some(9.0)]);
}

#[test]
fn cells_of_a_parent_are_neighbours() {
    let combination = places();
    let parents: Vec<&str> = combination
        .cells()
        .iter()
        .map(|cell| match cell {
            Cell::Values(values, _) => &values[1],
            Cell::Rest(parent) => parent,
        })
        .map(|parent| if *parent == text("AT") { "AT" } else { "CH" })
        .collect();
    assert_eq!(parents, ["AT", "AT", "AT", "CH", "CH", "CH"]);
    assert_eq!(combination.weight_of(&text("AT")), 0.5);
    // Without a parent, a number gives the order.
    let rows = [3.0, 1.0, 2.0].map(|number| (vec![text("a"), Scalar::Number(number)], 0.1)).to_vec();
    let combination = Combination::new(vec![0, 1], vec![false, true], None, rows);
    let numbers = combination.cells().iter().map(|cell| match cell {
        Cell::Values(values, _) => values[1].clone(),
        Cell::Rest(_) => Scalar::Null,
    });
    assert_eq!(numbers.collect::<Vec<_>>(), [1.0, 2.0, 3.0].map(Scalar::Number));
}

#[test]
fn features_that_do_not_belong_together_are_refused() {
    let columns = |features: Vec<Feature>| Features { features, columns: 2, calendars: Vec::new() };
    let follows = |column, on| Feature::Residual(Residual { column, on, ..residual() });
    assert!(columns(vec![Feature::Plain(0), follows(1, 0)]).is_valid(2));
    // Before what it follows, itself, twice, out of range, and none.
    assert!(!columns(vec![follows(1, 0), Feature::Plain(0)]).is_valid(2));
    assert!(!columns(vec![follows(1, 1), Feature::Plain(0)]).is_valid(2));
    assert!(!columns(vec![Feature::Plain(0), Feature::Plain(0), Feature::Plain(1)]).is_valid(2));
    assert!(!columns(vec![Feature::Plain(0), Feature::Plain(2)]).is_valid(2));
    assert!(!columns(vec![Feature::Plain(0)]).is_valid(2));
    let broken = [
        Residual { lo: 1.0, hi: 0.0, ..residual() },
        Residual { step: f64::NAN, ..residual() },
        Residual { default: f64::INFINITY, ..residual() },
        Residual { curve: Curve::Knots(vec![]), ..residual() },
        Residual { curve: Curve::Knots(vec![(1.0, 0.0), (1.0, 2.0)]), ..residual() },
        Residual { curve: Curve::Line { slope: f64::NAN, intercept: 0.0 }, ..residual() },
    ];
    assert!(residual().is_valid() && broken.iter().all(|residual| !residual.is_valid()));
    let rows = |values: Vec<Scalar>| Combination::new(vec![0, 1], vec![false, true], None, vec![(values, 0.5)]);
    assert!(rows(vec![text("a"), Scalar::Number(1.0)]).is_valid());
    assert!(!rows(vec![text("a"), text("b")]).is_valid());
    assert!(!rows(vec![text("a"), Scalar::Number(f64::NAN)]).is_valid());
    let of = [&column("a", Measure::Category), &column("b", Measure::Lattice)];
    let feature = Feature::Combination(rows(vec![text("a"), Scalar::Number(1.0)]));
    assert!(feature.fits(&points(1, Some(0.5)), &of));
    assert!(!feature.fits(&points(1, Some(0.5)), &[of[1], of[0]]) && !feature.fits(&points(1, None), &of[..1]));
    assert!(!follows(1, 0).fits(&points(1, None), &of) && follows(1, 0).fits(&points(1, None), &[of[1], of[1]]));
}

#[test]
fn curves_pass_through_quantiles() {
    let bins = |lo: f64, hi: f64| vec![Bin { parts: vec![Part { lo, hi, weight: 1.0 }] }];
    let rising = Curve::through_quantiles(&bins(0.0, 10.0), &bins(100.0, 300.0), false).unwrap();
    let falling = Curve::through_quantiles(&bins(0.0, 10.0), &bins(100.0, 300.0), true).unwrap();
    for x in [1.0, 5.0, 9.0] {
        assert!((rising.at(x) - (100.0 + 20.0 * x)).abs() < 1e-9 && (falling.at(x) - (300.0 - 20.0 * x)).abs() < 1e-9);
    }
    // Flat beyond its knots.
    assert!((rising.at(-5.0) - rising.at(0.0)).abs() < 1e-9 && rising.is_valid());
    let line = rising.straightened().unwrap();
    assert!((line.at(20.0) - 500.0).abs() < 1e-6 && rising.distance_from(&line) < 1e-6);
    assert_eq!(Curve::through_quantiles(&[], &bins(0.0, 1.0), false), None);
    assert_eq!(Curve::through_quantiles(&bins(1.0, 1.0), &bins(0.0, 1.0), false), None);
}

//! Discovery as a whole, on columns that are kind to it and columns that are not.
//!
//! Seeds are fixed, so these tests are deterministic. Over random seeds, bounds on shares and distances lie eight
//! standard deviations or more from what 300 seeds gave. That no cell is made of noise alone is a matter of the rates
//! that `significance` and `grouping` state: 2 of 5,000 columns without a bound, 11 of 5,000 with two.

use crate::engine::privacy::samplers::random::SecretRng;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::number_line::{CellGrid, Interval, NumberLine};
use super::plan::{MIN_COUNT, Shares};
use super::refine;
use super::spacing;
use super::texts::TextCounts;
use super::tree::Estimate;
use super::*;
use crate::engine::table::codec::{Decoder, Encoder};
use crate::engine::table::{Block, BlockColumn, Cells, Part};
use crate::engine::table::{Declared, Measure};

fn column(measure: Measure, nullable: bool, declared: Option<Declared>) -> Column {
    Column { name: "c".into(), measure, nullable, declared }
}

fn plan(noise_multiplier: f64, rows: usize) -> DiscoveryPlan {
    DiscoveryPlan { noise_multiplier, unit_rows: 1, threshold_delta: 1e-8, sampled_rows: rows as f64 }
}

fn numbers(values: impl IntoIterator<Item = Option<f64>>) -> Block {
    let mut column = BlockColumn::numbers();
    values.into_iter().for_each(|value| column.push_number(value));
    Block { rows: column.rows(), columns: vec![column] }
}

fn texts<'a>(values: impl IntoIterator<Item = Option<&'a str>>) -> Block {
    let mut column = BlockColumn::categories();
    values.into_iter().for_each(|value| column.push_text(value.map(str::as_bytes)));
    Block { rows: column.rows(), columns: vec![column] }
}

fn discover(column: &Column, block: &Block, plan: DiscoveryPlan, seed: u64) -> Domain {
    discover_for(Goal::Domains, column, block, plan, seed)
}

fn discover_for(goal: Goal, column: &Column, block: &Block, plan: DiscoveryPlan, seed: u64) -> Domain {
    let mut sample = DiscoverySample::new(std::slice::from_ref(column), goal);
    sample.push(block, &(0..block.rows as u32).collect::<Vec<_>>()).unwrap();
    let mut discovery = Discovery::new(sample, &[], plan, Meter::for_tests(seed));
    while discovery.step().unwrap() {}
    let mut domains = discovery.finish();
    assert!(domains.len() == 1 && domains[0].is_valid(), "{:?}", domains[0]);
    domains.remove(0)
}

/// Encodes and decodes; the values that come back.
fn round_trip(column: &Column, domain: &Domain, block: &Block) -> BlockColumn {
    let mut encoder = Encoder::new(std::slice::from_ref(column), std::slice::from_ref(domain));
    encoder.push(block, &mut SecretRng::for_tests(5)).unwrap();
    let decoder = Decoder::new(std::slice::from_ref(domain));
    let mut block = decoder.decode(&encoder.finish(), &mut ChaCha8Rng::seed_from_u64(6)).unwrap();
    block.columns.remove(0)
}

fn present(column: &BlockColumn) -> Vec<f64> {
    (0..column.rows()).filter_map(|row| column.number(row)).collect()
}

fn unit(rng: &mut impl Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

fn parts(domain: &Domain) -> Vec<Part> {
    match &domain.cells {
        Cells::Bins { bins, .. } => bins.iter().flat_map(|bin| bin.parts.clone()).collect(),
        Cells::Categories(_) => Vec::new(),
    }
}

fn step(domain: &Domain) -> f64 {
    match &domain.cells {
        Cells::Bins { step, .. } => *step,
        Cells::Categories(_) => f64::NAN,
    }
}

/// Share of a single value that has a code of its own.
fn share_of(domain: &Domain, value: f64) -> Option<f64> {
    let Cells::Bins { bins, .. } = &domain.cells else { return None };
    let code = bins.iter().position(|bin| bin.lo() == value && bin.hi() == value)?;
    Some(domain.weights()[code])
}

/// How far two samples' shares over some cells are apart: half the sum of absolute differences.
fn distance(edges: &[f64], a: &[f64], b: &[f64]) -> f64 {
    let shares = |values: &[f64]| {
        let mut shares = vec![0.0; edges.len() + 1];
        values.iter().for_each(|v| shares[edges.partition_point(|edge| edge <= v)] += 1.0 / values.len() as f64);
        shares
    };
    shares(a).iter().zip(shares(b)).map(|(a, b)| (a - b).abs()).sum::<f64>() / 2.0
}

fn changed(before: &[u64], after: &[u64]) -> u64 {
    assert_eq!(before.len(), after.len());
    before.iter().zip(after).map(|(a, b)| a.abs_diff(*b)).sum()
}

#[test]
fn one_row_changes_one_count_by_one() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for round in 0..300 {
        let lattice = round % 2 == 0;
        let bounds = if round % 3 == 0 { (Some(-50.0), Some(1e6)) } else { (None, None) };
        let line = NumberLine::new(lattice, bounds.0, bounds.1);
        let mut value = || {
            let magnitude = libm::exp(unit(&mut rng) * 60.0 - 20.0);
            line.clip(if rng.next_u32() % 2 == 0 { magnitude } else { -magnitude })
        };
        let mut values: Vec<f64> = (0..200).map(|_| value()).collect();
        values.extend((0..50).map(|_| value().trunc().clamp(-3.0, 3.0)).map(|value| line.clip(value)));
        values.sort_by(f64::total_cmp);
        let mut points = vec![values[20], values[100], values[130], line.clip(0.0)];
        points.sort_by(f64::total_cmp);
        points.dedup();
        let removed = rng.next_u32() as usize % values.len();
        let mut fewer = values.clone();
        fewer.remove(removed);

        // The public octaves cover every value; so do equal cells between public bounds.
        let octaves = CellGrid { intervals: line.octaves(), points: points.clone() };
        let (before, after) = (octaves.histogram(&values, Some(3)), octaves.histogram(&fewer, Some(3)));
        assert_eq!(changed(&before, &after), 1);
        assert_eq!(changed(&before, &octaves.histogram(&values, Some(4))), 1);
        assert_eq!(before.iter().sum::<u64>(), values.len() as u64 + 3);
        let bounded = CellGrid { intervals: refine::within_bounds(line, 1e4, 5.0), points: points.clone() };
        assert_eq!(changed(&bounded.histogram(&values, None), &bounded.histogram(&fewer, None)), 1);

        // Cells cut out of octaves, or joined, cover every value too.
        let noisy = |cells: &[Interval], rng: &mut ChaCha8Rng| -> Vec<Estimate> {
            let mass = |_: &Interval| Estimate { value: unit(rng).powi(8) * 1e4, variance: 100.0 };
            cells.iter().map(mass).collect()
        };
        let next = |parents: Vec<usize>, cells: &[Interval], masses: &[Estimate]| -> Vec<Vec<Interval>> {
            let blocks = refine::next(line, parents, cells, masses, |_| false, |_| false).concat();
            assert!(blocks.iter().map(|block| block.cells.len()).sum::<usize>() == cells.len());
            blocks.into_iter().map(|block| block.pieces).collect()
        };
        let masses = noisy(&octaves.intervals, &mut rng);
        let cells = next(vec![octaves.intervals.len()], &octaves.intervals, &masses);
        let masses = noisy(&cells.concat(), &mut rng);
        let fine = next(cells.iter().map(Vec::len).collect(), &cells.concat(), &masses);
        for intervals in [cells.concat(), fine.concat()] {
            assert!(intervals.iter().zip(&intervals[1..]).all(|(a, b)| a.start < a.end && a.end == b.start));
            let grid = CellGrid { intervals, points: points.clone() };
            assert_eq!(changed(&grid.histogram(&values, None), &grid.histogram(&fewer, None)), 1);
        }
        for measure in [Measure::Lattice, Measure::Real] {
            let counts = |values: &[f64]| spacing::counts(spacing::candidates(measure), values);
            assert_eq!(changed(&counts(&values), &counts(&fewer)), u64::from(values[removed] != 0.0));
        }
    }
}

#[test]
fn bytes_that_are_no_text_are_not_released() {
    let mut counts = TextCounts::default();
    for _ in 0..2 * MIN_COUNT {
        [&b"caf\xe9"[..], "caf\u{e9}".as_bytes(), b"\xff"].into_iter().for_each(|text| counts.add(Some(text)));
    }
    assert_eq!(counts.frequent(), [("caf\u{e9}".to_owned(), 2 * MIN_COUNT)]);
}

#[test]
fn one_row_changes_one_excess_by_one() {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    for _ in 0..200 {
        let mut values: Vec<String> = (0..120).map(|_| format!("{}", (unit(&mut rng).powi(2) * 20.0) as u32)).collect();
        let excess = |values: &[String]| -> Vec<u64> {
            let mut counts = TextCounts::default();
            values.iter().for_each(|value| counts.add(Some(value.as_bytes())));
            let frequent = counts.frequent();
            let of = |key: u32| frequent.iter().find(|(text, _)| *text == key.to_string());
            (0..20).map(|key| of(key).map_or(0, |(_, rows)| rows - (MIN_COUNT - 1))).collect()
        };
        let before = excess(&values);
        values.remove(rng.next_u32() as usize % 120);
        assert!(changed(&before, &excess(&values)) <= 1);
    }
}

/// What holds for a row holds for a unit of many: each histogram changes by as many as its rows, in all its cells.
#[test]
fn a_unit_changes_a_histogram_by_its_rows_at_most() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for round in 0..200 {
        let rows = [2, 5, 40][round % 3];
        let line = NumberLine::new(round % 2 == 0, None, None);
        let crowd = |x: f64| line.clip((x * 8.0).trunc());
        let mut values: Vec<f64> = (0..300).map(|_| crowd(unit(&mut rng))).collect();
        let fewer = values.clone();
        // Spread over several values, old and new, or all on one.
        let reach = if round % 4 == 0 { 0.0 } else { 3.0 };
        values.extend((0..rows).map(|_| crowd(unit(&mut rng) * reach)));
        let atoms = |values: &[f64]| -> Vec<u64> {
            let count = |at: i32| values.iter().filter(|value| **value == f64::from(at)).count() as u64;
            (0..30).map(|at| count(at).saturating_sub(MIN_COUNT - 1)).collect()
        };
        let texts = |values: &[f64]| -> Vec<u64> {
            let mut counts = TextCounts::default();
            values.iter().for_each(|value| counts.add(Some(value.to_string().as_bytes())));
            let frequent = counts.frequent();
            let of = |at: i32| frequent.iter().find(|(text, _)| *text == f64::from(at).to_string());
            (0..30).map(|at| of(at).map_or(0, |(_, rows)| rows - (MIN_COUNT - 1))).collect()
        };
        assert!(changed(&atoms(&fewer), &atoms(&values)) <= rows);
        assert!(changed(&texts(&fewer), &texts(&values)) <= rows);
        let steps = |values: &[f64]| spacing::counts(spacing::candidates(Measure::Real), values);
        assert!(changed(&steps(&fewer), &steps(&values)) <= rows);
        let (mut fewer, mut values) = (fewer, values);
        fewer.sort_by(f64::total_cmp);
        values.sort_by(f64::total_cmp);
        let grid = CellGrid { intervals: line.octaves(), points: vec![0.0, 3.0, 9.0] };
        let nulls = rng.next_u64() % 3;
        let (before, after) = (grid.histogram(&fewer, Some(7)), grid.histogram(&values, Some(7 + nulls)));
        assert_eq!(changed(&before, &after), rows + nulls);
    }
}

/// Texts that are new with one unit of `m` rows, however these spread over them: fixed seeds, else a false alarm with
/// probability below 1e-7 (5.3 standard errors).
#[test]
fn what_one_unit_holds_is_released_as_rarely_as_promised() {
    let column = column(Measure::Category, false, None);
    let (share, unit_rows, units, seeds) = (0.02, 4, 500, 20);
    // Half the share for each unit.
    let allowed = f64::from(units) * seeds as f64 * share / 2.0;
    for texts_a_unit in [1, 2, 4] {
        // Other rows leave every text one short of the least that counts.
        let times = MIN_COUNT as u32 - 1 + unit_rows / texts_a_unit;
        let values: Vec<String> =
            (0..units * texts_a_unit).flat_map(|i| vec![format!("a{i}"); times as usize]).collect();
        let mut found = 0;
        for seed in 0..seeds {
            let block = texts(values.iter().map(|value| Some(value.as_str())));
            let plan = DiscoveryPlan { threshold_delta: share, unit_rows, ..plan(0.7, block.rows) };
            let Cells::Categories(categories) = discover(&column, &block, plan, 2_000 + seed).cells else { panic!() };
            let released = categories.iter().map(|category| category.value[1..].parse::<u32>().unwrap() / texts_a_unit);
            found += released.collect::<std::collections::BTreeSet<u32>>().len();
        }
        assert!((found as f64) < allowed + 5.3 * allowed.sqrt(), "{found} of {allowed}");
        // All on one text is the worst case here.
        assert!(texts_a_unit > 1 || found as f64 > 0.6 * allowed, "{found} of {allowed}");
    }
}

/// Noise grows with a unit's rows, and so do the thresholds for what stands out: what was a value of its own is not any
/// more, and nothing is made of noise.
#[test]
fn noise_of_large_units_teaches_nothing() {
    for seed in 0..40 {
        for (measure, unit_rows) in [(Measure::Lattice, 50), (Measure::Real, 1_000)] {
            let declared = (seed % 3 == 0).then_some(Declared::Range { lo: Some(0.0), hi: Some(1e6) });
            let column = column(measure, true, declared);
            let block = numbers((0..200).map(|i| (i % 2 == 0).then_some(7.0)));
            let plan = DiscoveryPlan { unit_rows, ..plan(1e4, 200) };
            let domain = discover(&column, &block, plan, 500 + seed);
            assert!(domain.released_nothing(), "{domain:?}");
        }
    }
    let column = column(Measure::Lattice, false, None);
    let block = numbers((0..20_000).map(|i| Some(f64::from(i % 5))));
    let rows = discover(&column, &block, plan(20.0, 20_000), 7);
    let units = discover(&column, &block, DiscoveryPlan { unit_rows: 10, ..plan(20.0, 20_000) }, 7);
    assert!(share_of(&rows, 3.0).is_some() && share_of(&units, 3.0).is_some_and(|share| (share - 0.2).abs() < 0.1));
    let sample = || DiscoverySample::new(std::slice::from_ref(&column), Goal::Domains);
    let draws = |unit_rows| {
        let plan = DiscoveryPlan { unit_rows, ..plan(1.0, 1) };
        Discovery::new(sample(), &[], plan, Meter::for_tests(8)).noise_draws()
    };
    assert_eq!((draws(1), draws(10)), (EXACT_PRECISION + 4, 10 * (EXACT_PRECISION + 4)));
}

#[test]
fn columns_cost_what_they_say() {
    let range = |lo, hi| Some(Declared::Range { lo, hi });
    for (measure, declared, expected) in [
        (Measure::Category, None, (TEXT_PRECISION, 1)),
        (Measure::Category, Some(Declared::Categories(vec!["a".into()])), (0, 0)),
        (Measure::Lattice, None, (EXACT_PRECISION + 4, 1)),
        (Measure::Lattice, range(Some(0.0), None), (EXACT_PRECISION + 4, 1)),
        (Measure::Lattice, range(Some(0.0), Some(9.0)), (EXACT_PRECISION + 3, 1)),
        (Measure::Lattice, Some(Declared::Categories(vec!["1".into(), "2".into()])), (0, 0)),
        (Measure::Real, None, (EXACT_PRECISION + 4, 1)),
        (Measure::Real, range(Some(0.0), Some(1.0)), (EXACT_PRECISION + 3, 1)),
    ] {
        let column = column(measure, true, declared);
        assert_eq!((histograms(&column, Goal::Domains), thresholds(&column)), expected, "{column:?}");
        assert_eq!(histograms(&column, Goal::Shares), expected.0.max(1), "{column:?}");
    }
}

#[test]
fn however_its_histograms_share_a_column_pays_the_same() {
    let bounds = |bounded: bool| bounded.then_some(Declared::Range { lo: Some(0.0), hi: Some(1.0) });
    for (rows, rounds) in [(100, 2), (100, 3), (1_000_000, 2), (1_000_000, 3)] {
        let plan = plan(10.0, rows);
        let Shares { steps, exact, round } = plan.of_numbers(rounds);
        let column = column(Measure::Real, true, bounds(rounds == 2));
        assert_eq!(steps + exact + rounds as f64 * round, histograms(&column, Goal::Domains) as f64);
        let precision = |share: f64| plan.times(share).noise_multiplier.powi(-2);
        let all = precision(steps) + precision(exact) + rounds as f64 * precision(round);
        assert!(all <= histograms(&column, Goal::Domains) as f64 * plan.noise_multiplier.powi(-2));
    }
}

#[test]
fn shares_of_declared_values_are_counted_where_they_are_wanted() {
    let values = |values: &[&str]| Some(Declared::Categories(values.iter().map(|v| v.to_string()).collect()));
    let shares = |column: &Column, block: &Block, goal| {
        // Noise of 20 rows among 20,000: six standard deviations are 0.006.
        let weights = discover_for(goal, column, block, plan(20.0, 20_000), 9).weights();
        weights.iter().map(|w| (w * 20.0).round() / 20.0).collect::<Vec<_>>()
    };
    // "x" was not declared and counts as missing; without NULLs it counts nowhere.
    let block = texts((0..20_000).map(|i| Some(["a", "a", "b", "x", "a"][i % 5])));
    let nullable = column(Measure::Category, true, values(&["b", "a"]));
    assert_eq!(shares(&nullable, &block, Goal::Shares), [0.2, 0.6, 0.2]);
    assert_eq!(shares(&nullable, &block, Goal::Domains), [0.35, 0.35, 0.35]);
    let filled = column(Measure::Category, false, values(&["b", "a"]));
    assert_eq!(shares(&filled, &block, Goal::Shares), [0.25, 0.75]);
    let block = numbers((0..20_000).map(|i| Some([1.0, 2.0, 2.0, 2.0][i % 4])));
    let numeric = column(Measure::Lattice, false, values(&["2", "1"]));
    assert_eq!(shares(&numeric, &block, Goal::Shares), [0.25, 0.75]);
    // Values that were declared may occur, even if none did.
    let nothing = texts((0..20_000).map(|_| None));
    let found = |seed| discover_for(Goal::Shares, &nullable, &nothing, plan(20.0, 20_000), seed);
    assert!((0..20).all(|seed| !found(seed).released_nothing()));
    // One row is one count, and none at all is no reason to know less than was declared.
    let mut counts = declared::Counts::new(category::declared(&["a".to_owned()], true));
    counts.add(&texts([Some("a")]).columns[0], 0);
    counts.add(&texts([None]).columns[0], 0);
    assert_eq!(counts.nothing().weights(), [0.5, 0.5]);
    assert_eq!(shares(&filled, &texts([]), Goal::Domains), [0.5, 0.5]);
}

#[test]
fn a_spike_with_a_heavy_tail() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    // Nine tenths zero, else Pareto: half of them below 2000, one in a thousand above a million.
    let mut tail = || (1000.0 / unit(&mut rng).max(1e-5)).floor();
    let values: Vec<f64> = (0..40_000).map(|i| if i % 10 > 0 { 0.0 } else { tail() }).collect();
    let column = column(Measure::Lattice, false, None);
    for (noise, tolerance) in [(5.0, 0.01), (50.0, 0.03)] {
        let domain = discover(&column, &numbers(values.iter().copied().map(Some)), plan(noise, 40_000), 1);
        assert!((share_of(&domain, 0.0).unwrap() - 0.9).abs() < 0.02);
        let back = present(&round_trip(&column, &domain, &numbers(values.iter().copied().map(Some))));
        assert!(back.iter().all(|value| value.fract() == 0.0 && (0.0..2e8).contains(value)));
        assert_eq!(back.iter().filter(|value| **value == 0.0).count(), 36_000);
        assert!(distance(&[0.5, 1e3, 1.5e3, 2e3, 3e3, 5e3, 1e4, 2e4], &values, &back) < tolerance);
    }
}

#[test]
fn a_week_in_microseconds() {
    let (start, week, hour) = (760_000_000_000_000.0, 604_800_000_000.0, 3_600_000_000.0);
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let values: Vec<f64> = (0..40_000).map(|_| (start + week * unit(&mut rng)).floor()).collect();
    let column = column(Measure::Lattice, false, None);
    for (noise, slack) in [(5.0, 2.0), (50.0, 24.0)] {
        let domain = discover(&column, &numbers(values.iter().copied().map(Some)), plan(noise, 40_000), 2);
        assert!(domain.size() >= 8);
        let back = present(&round_trip(&column, &domain, &numbers(values.iter().copied().map(Some))));
        let range = start - slack * hour..start + week + slack * hour;
        assert!(back.iter().all(|value| range.contains(value)), "{:?}", parts(&domain));
        let days: Vec<f64> = (1..7).map(|day| start + f64::from(day) * 24.0 * hour).collect();
        assert!(distance(&days, &values, &back) < 0.03);
    }
}

#[test]
fn decimals_come_back_as_decimals() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let values: Vec<f64> = (0..20_000).map(|_| (unit(&mut rng) * 20_000.0).floor() / 100.0).collect();
    for single in [false, true] {
        let stored = |value: f64| if single { f64::from(value as f32) } else { value };
        let column = column(Measure::Real, false, None);
        let block = numbers(values.iter().map(|value| Some(stored(*value))));
        let domain = discover(&column, &block, plan(20.0, 20_000), 3);
        assert_eq!(step(&domain), 0.01);
        for value in present(&round_trip(&column, &domain, &block)) {
            assert_eq!(value, format!("{value:.2}").parse::<f64>().unwrap());
        }
    }
    let block = numbers((0..20_000).map(|_| Some(unit(&mut rng))));
    assert_eq!(step(&discover(&column(Measure::Real, false, None), &block, plan(20.0, 20_000), 4)), 0.0);
}

#[test]
fn frequent_values_come_back_as_they_stand() {
    // Knots in miles per hour: decimals but for rounding, which is different from that of decimals.
    let value = |i: usize| 1.15078 * (i % 9 + 1) as f64;
    assert!((0..9).map(value).any(|value| value != (value * 1e5).round() / 1e5));
    let column = column(Measure::Real, false, None);
    let block = numbers((0..20_000).map(|i| Some(value(i))));
    let domain = discover(&column, &block, plan(20.0, 20_000), 6);
    assert_eq!((step(&domain), domain.size()), (1e-5, 9));
    let back = present(&round_trip(&column, &domain, &block));
    assert!(back.iter().enumerate().all(|(i, back)| *back == value(i)));
}

#[test]
fn whole_numbers_come_back_as_multiples() {
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let hour = 3_600_000_000.0;
    // Hours of a year from a distant day, and zeros that say nothing.
    let at = |u: f64| (400_000.0 + (u * 8_760.0).floor()) * hour;
    let values: Vec<f64> = (0..20_000).map(|i| if i % 4 == 0 { 0.0 } else { at(unit(&mut rng)) }).collect();
    let column = column(Measure::Lattice, false, None);
    let block = numbers(values.iter().copied().map(Some));
    let domain = discover(&column, &block, plan(20.0, 20_000), 7);
    assert_eq!(step(&domain), hour);
    assert!(present(&round_trip(&column, &domain, &block)).iter().all(|value| value % hour == 0.0));
}

#[test]
fn reals_of_both_signs() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let values: Vec<f64> = (0..40_000).map(|_| (0..12).map(|_| unit(&mut rng)).sum::<f64>() - 6.0).collect();
    let column = column(Measure::Real, false, None);
    let block = numbers(values.iter().copied().map(Some));
    let domain = discover(&column, &block, plan(50.0, 40_000), 5);
    let back = present(&round_trip(&column, &domain, &block));
    let edges: Vec<f64> = (-8..9).map(|i| f64::from(i) / 4.0).collect();
    assert!(distance(&edges, &values, &back) < 0.03);
    assert!(back.iter().all(|value| value.abs() <= 16.0));
}

#[test]
fn no_value_from_a_gap() {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let value = |i: usize, u: f64| if i.is_multiple_of(2) { (u * 10.0).floor() } else { 1e12 + (u * 1e10).floor() };
    let values: Vec<f64> = (0..20_000).map(|i| value(i, unit(&mut rng))).collect();
    let column = column(Measure::Lattice, false, None);
    let block = numbers(values.iter().copied().map(Some));
    for seed in 0..20 {
        let domain = discover(&column, &block, plan(20.0, 20_000), seed);
        let back = present(&round_trip(&column, &domain, &block));
        assert!(back.iter().all(|v| *v < 16.0 || (9e11..1.1e12).contains(v)), "{:?}", parts(&domain));
        assert!(distance(&[5.0, 1e6, 1.005e12], &values, &back) < 0.02);
    }
}

#[test]
fn few_whole_numbers_are_told_apart() {
    let value = |i: usize| [0.0, 1.0, 1.0, 2.0, 5.0, 5.0, 5.0, 16.0][i % 8];
    let column = column(Measure::Lattice, true, None);
    let block = numbers((0..8_000).map(|i| (i % 10 != 0).then(|| value(i))));
    let domain = discover(&column, &block, plan(10.0, 8_000), 8);
    for (value, share) in [(0.0, 0.1), (1.0, 0.225), (2.0, 0.125), (5.0, 0.3375), (16.0, 0.1125)] {
        let found = share_of(&domain, value).unwrap();
        assert!((found - share).abs() < 0.04, "{value}: {found}");
    }
    assert!((domain.weights()[domain.null_code().unwrap() as usize] - 0.1).abs() < 0.01);
    assert!((domain.weights().iter().sum::<f64>() - 1.0).abs() < 1e-12);
}

#[test]
fn declared_bounds_are_kept() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    // All values crowd in a billionth of the declared range.
    let values: Vec<f64> = (0..20_000).map(|_| (unit(&mut rng) * 900.0).floor() + 100.0).collect();
    let declared = Declared::Range { lo: Some(0.0), hi: Some(1e12) };
    let column = column(Measure::Lattice, false, Some(declared));
    let block = numbers(values.iter().copied().map(Some));
    let domain = discover(&column, &block, plan(20.0, 20_000), 9);
    let back = present(&round_trip(&column, &domain, &block));
    assert!(distance(&[200.0, 400.0, 600.0, 800.0], &values, &back) < 0.03, "{:?}", parts(&domain));
    assert!(back.iter().all(|value| (0.0..1100.0).contains(value)));

    let declared = Declared::Range { lo: Some(0.0), hi: Some(150.5) };
    let column = Column { declared: Some(declared), ..column };
    let domain = discover(&column, &block, plan(20.0, 20_000), 9);
    assert_eq!(parts(&domain).last().unwrap().hi, 150.0);
    assert!(share_of(&domain, 150.0).unwrap() > 0.9);
}

#[test]
fn infinities_and_the_ends_of_the_line() {
    let special = [f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN, f64::NAN, f64::MIN_POSITIVE, -0.0];
    let extremes = [i64::MAX as f64, i64::MIN as f64, 0.0, 1.0, -1.0];
    for measure in [Measure::Real, Measure::Lattice] {
        for (nullable, values) in [(true, &special[..]), (false, &special[..]), (true, &extremes[..])] {
            let column = column(measure, nullable, None);
            let block = numbers((0..7_000).map(|i| Some(values[i % values.len()])));
            let domain = discover(&column, &block, plan(10.0, 7_000), 10);
            let back = round_trip(&column, &domain, &block);
            assert!(present(&back).iter().all(|value| value.is_finite()));
            assert_eq!(present(&back).len() < 7_000, nullable && values.len() == special.len());
            if values == extremes {
                assert!(present(&back).contains(&(i64::MIN as f64)) && present(&back).contains(&(i64::MAX as f64)));
            }
        }
    }
    // Infinities alone teach nothing.
    let column = column(Measure::Real, false, None);
    assert!(discover(&column, &numbers(vec![Some(f64::INFINITY); 5_000]), plan(5.0, 5_000), 11).released_nothing());
}

#[test]
fn a_constant() {
    for (measure, constant) in [(Measure::Lattice, 42.0), (Measure::Real, 0.1), (Measure::Real, std::f64::consts::PI)] {
        let column = column(measure, false, None);
        let block = numbers(vec![Some(constant); 5_000]);
        let domain = discover(&column, &block, plan(20.0, 5_000), 12);
        let back = present(&round_trip(&column, &domain, &block));
        assert!(back.iter().filter(|value| **value == constant).count() > 4_950, "{domain:?}");
    }
}

#[test]
fn tables_with_little_or_nothing_in_them() {
    for measure in [Measure::Lattice, Measure::Real] {
        for nullable in [false, true] {
            for (lo, hi) in [(None, None), (Some(5.0), None), (None, Some(-7.5)), (Some(0.0), Some(10.0))] {
                let declared = (lo.is_some() || hi.is_some()).then_some(Declared::Range { lo, hi });
                let column = column(measure, nullable, declared);
                let nulls = vec![None; 3_000];
                for values in [vec![], vec![Some(3.0)], vec![None], nulls] {
                    let block = numbers(values.iter().copied());
                    let domain = discover(&column, &block, plan(30.0, block.rows.max(1)), 19);
                    assert!(domain.released_nothing() && domain.cell_count() == 1);
                    let part = &parts(&domain)[0];
                    assert!(lo.is_none_or(|lo| part.lo >= lo) && hi.is_none_or(|hi| part.hi <= hi), "{part:?}");
                    round_trip(&column, &domain, &block);
                    if nullable && values.len() == 3_000 {
                        assert!(domain.weights()[1] > 0.9);
                    }
                }
            }
        }
    }
    let text = column(Measure::Category, true, None);
    for values in [vec![], vec![Some("x")], vec![None; 3_000]] {
        let domain = discover(&text, &texts(values.iter().copied()), plan(30.0, values.len().max(1)), 14);
        assert!(domain.released_nothing() && domain.size() == 2);
    }
}

#[test]
fn noise_alone_teaches_nothing() {
    // Noise comes up with something in a few columns in a thousand.
    for seed in 0..60 {
        let declared = (seed % 3 == 0).then_some(Declared::Range { lo: Some(0.0), hi: Some(1e6) });
        let column = column(Measure::Lattice, true, declared);
        let domain = discover(&column, &numbers([Some(7.0), None]), plan(1e6, 2), seed);
        assert!(domain.released_nothing(), "{domain:?}");
    }
}

#[test]
fn frequent_texts_are_released_with_their_shares() {
    let long = "x".repeat(1025);
    let value = |i: usize| match i % 20 {
        0..=9 => Some("often"),
        10..=14 => Some("größer"),
        15 | 16 => None,
        17 | 18 => Some(long.as_str()),
        _ => Some(["rare 1", "rare 2", "rare 3"][i % 3]),
    };
    let column = column(Measure::Category, true, None);
    let block = texts((0..20_000).map(value));
    let domain = discover(&column, &block, plan(60.0 * (TEXT_PRECISION as f64).sqrt(), 20_000), 15);
    let Cells::Categories(categories) = &domain.cells else { panic!("no categories") };
    let names: Vec<&str> = categories.iter().map(|category| category.value.as_str()).collect();
    assert_eq!(names, ["often", "größer"]);
    for (found, share) in domain.weights().iter().zip([0.5, 0.25, 0.15, 0.1]) {
        assert!((found - share).abs() < 0.04, "{:?}", domain.weights());
    }
}

#[test]
fn distinct_texts_take_little_memory_and_are_not_released() {
    let column = column(Measure::Category, false, None);
    let values: Vec<String> = (0..300_000).map(|i| format!("{i:0>200}")).collect();
    let block = texts(values.iter().map(|value| Some(value.as_str())));
    let mut sample = DiscoverySample::new(std::slice::from_ref(&column), Goal::Domains);
    sample.push(&block, &(0..300_000).collect::<Vec<_>>()).unwrap();
    assert!((sample.bytes() as u64) < 300_000 * bytes_per_row(std::slice::from_ref(&column)));
    let mut discovery = Discovery::new(sample, &[], plan(4.0, 300_000), Meter::for_tests(16));
    while discovery.step().unwrap() {}
    let domain = discovery.finish().remove(0);
    assert!(domain.released_nothing() && domain.size() == 1 && domain.weights() == [1.0]);
}

#[test]
fn what_one_row_holds_is_released_as_rarely_as_promised() {
    let column = column(Measure::Category, false, None);
    let share = 0.02;
    let (mut found, texts_each, seeds) = (0, 2_000, 20);
    // Texts one row away from never being released, among others that only one row holds.
    let values: Vec<String> = (0..texts_each).flat_map(|i| vec![format!("a{i}"); MIN_COUNT as usize]).collect();
    let lonely: Vec<String> = (0..texts_each).map(|i| format!("b{i}")).collect();
    for seed in 0..seeds {
        let block = texts(values.iter().chain(&lonely).map(|value| Some(value.as_str())));
        let plan = DiscoveryPlan { threshold_delta: share, ..plan(3.0, block.rows) };
        let Cells::Categories(categories) = discover(&column, &block, plan, 1_000 + seed).cells else { panic!() };
        assert!(categories.iter().all(|category| category.value.starts_with('a')));
        found += categories.len();
    }
    let allowed = f64::from(texts_each) * seeds as f64 * share;
    assert!((found as f64) < allowed && found > 0, "{found} of at most {allowed}");
}

#[test]
fn declared_values_are_free() {
    let values = vec!["b".to_owned(), "a".to_owned()];
    let column = column(Measure::Category, true, Some(Declared::Categories(values)));
    let sample = DiscoverySample::new(std::slice::from_ref(&column), Goal::Domains);
    let mut discovery = Discovery::new(sample, &[], plan(f64::INFINITY, 1), Meter::for_tests(17));
    assert!(!discovery.step().unwrap() && discovery.noise_draws() == 0);
    let domain = discovery.finish().remove(0);
    assert!(domain.is_valid() && !domain.released_nothing() && domain.size() == 3);

    let values = vec!["10".to_owned(), "-2".to_owned(), "3".to_owned()];
    let column = Column { measure: Measure::Lattice, declared: Some(Declared::Categories(values)), ..column };
    let domain = discover(&column, &numbers([Some(3.0)]), plan(1.0, 1), 18);
    assert_eq!(parts(&domain).iter().map(|part| part.lo).collect::<Vec<_>>(), [-2.0, 3.0, 10.0]);
}

#[test]
fn blocks_of_another_shape_are_refused() {
    let columns = [column(Measure::Lattice, false, None)];
    let mut sample = DiscoverySample::new(&columns, Goal::Domains);
    assert!(sample.push(&texts([Some("a")]), &[0]).is_err());
    assert!(sample.push(&numbers([Some(1.0)]), &[1]).is_err());
    assert!(sample.push(&Block { rows: 1, columns: vec![] }, &[0]).is_err());
    assert!(sample.push(&numbers([Some(1.0)]), &[0]).is_ok());
}

/// Share of a domain's rows at values within an interval.
fn share_within(domain: &Domain, lo: f64, hi: f64) -> f64 {
    let part = |part: Part| {
        let width = part.hi - part.lo;
        let inside = (part.hi.min(hi) - part.lo.max(lo)).max(0.0);
        if width > 0.0 { part.weight * inside / width } else { part.weight * f64::from(lo <= part.lo && part.lo <= hi) }
    };
    parts(domain).into_iter().map(part).sum()
}

/// One row in a hundred, far above all others, is kept there, whether bounds are declared or not.
#[test]
fn a_few_rows_far_out_stay_where_they_are() {
    for seed in 0..10 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let value =
            |i: u32| if i.is_multiple_of(100) { 800.0 + 400.0 * unit(&mut rng) } else { 20.0 + 160.0 * unit(&mut rng) };
        let values: Vec<f64> = (0..20_000).map(value).collect();
        for declared in [Some(Declared::Range { lo: Some(20.0), hi: Some(1_200.0) }), None] {
            let column = column(Measure::Real, false, declared);
            let block = numbers(values.iter().map(|value| Some(*value)));
            let domain = discover(&column, &block, plan(25.0, 20_000), 40 + seed);
            // Undeclared, it is known by octaves only.
            let (tail, gap) = (share_within(&domain, 512.0, 4_096.0), share_within(&domain, 256.0, 512.0));
            // The tail's noise is some 25 of 200 rows.
            assert!((tail - 0.01).abs() < 0.008 && gap < 0.006, "{seed}: {tail} {gap}");
        }
    }
}

/// What lies beyond the last value that is released exactly is not taken for that value.
#[test]
fn a_thin_tail_beyond_frequent_values_is_kept() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let age =
        |i: u32| if i.is_multiple_of(40) { 69.0 + (unit(&mut rng) * 22.0).floor() } else { f64::from(17 + i % 52) };
    let values: Vec<f64> = (0..40_000).map(age).collect();
    for seed in 0..10 {
        let declared = Some(Declared::Range { lo: Some(17.0), hi: Some(90.0) });
        let column = column(Measure::Lattice, false, declared);
        let block = numbers(values.iter().map(|value| Some(*value)));
        let domain = discover(&column, &block, plan(60.0, 40_000), 60 + seed);
        let beyond = share_within(&domain, 69.0, 90.0);
        // One count in 74 cells with a noise of 60 each: their sum has one of 300 rows or so, the tail 1,000.
        assert!((beyond - 0.025).abs() < 0.02, "{seed}: {beyond}");
        let last = parts(&domain).last().map(|part| part.hi);
        assert!(last.is_some_and(|last| last > 75.0), "{seed}: {last:?}");
    }
}

#[test]
fn nulls_are_released_only_where_they_stand_out() {
    for (every, expected) in [(usize::MAX, 0.0), (10, 0.1)] {
        let value = |i: usize| (i % every != 1).then_some((i % 7) as f64);
        let column_of_numbers = column(Measure::Lattice, true, None);
        let numbers = numbers((0..20_000).map(value));
        let column_of_texts = column(Measure::Category, true, None);
        let texts = texts((0..20_000).map(|i| (i % every != 1).then_some(["a", "b", "c"][i % 3])));
        for seed in 0..10 {
            for (column, block) in [(&column_of_numbers, &numbers), (&column_of_texts, &texts)] {
                let null = discover(column, block, plan(20.0, 20_000), 80 + seed).null;
                // A false alarm has a probability of 0.0013 a column, by 60 rows or more.
                assert!(null.is_some_and(|null| (null - expected).abs() < 0.008), "{null:?}");
                assert!(expected > 0.0 || null.is_some_and(|null| null == 0.0 || null > 0.0029), "{null:?}");
            }
        }
    }
}

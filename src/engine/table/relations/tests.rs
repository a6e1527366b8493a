//! What is found on made-up tables, and what is not.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::engine::table::codec::Decoder;
use crate::engine::table::discover::{self, Discovery, DiscoverySample, Goal};
use crate::engine::table::features::{FeatureDecoder, FeatureEncoder, Period, Scalar, Side};
use crate::engine::table::{Block, BlockColumn, Declared, Measure};

fn column(name: &str, measure: Measure) -> Column {
    Column { name: name.into(), measure, nullable: true, declared: None }
}

/// Finds the features of a table as a training does, with noise of so many rows on a histogram and on a unit.
fn found(columns: &[Column], block: &Block, noise: f64, seed: u64) -> (Vec<Domain>, Found) {
    let (domains, found, _) = found_with(columns, block, noise, seed);
    (domains, found)
}

/// The same, with the meter of all that ran.
fn found_with(columns: &[Column], block: &Block, noise: f64, seed: u64) -> (Vec<Domain>, Found, Meter) {
    let all = Meter::for_tests(seed);
    let plan =
        DiscoveryPlan { noise_multiplier: noise, unit_rows: 1, threshold_delta: 1e-7, sampled_rows: block.rows as f64 };
    let meter = all.for_stage("domains").unwrap();
    let (mut sample, mut rows) = (DiscoverySample::new(columns, Goal::Domains), RowSample::new(columns));
    let kept: Vec<u32> = (0..block.rows as u32).collect();
    sample.push(block, &kept).unwrap();
    rows.push(block, &kept);
    let mut dependencies = Dependencies::new(rows, plan, plan.times(TEXT_PRECISION as f64), meter);
    while dependencies.step().unwrap() {}
    let (compared, meter) = dependencies.finish(&mut sample);
    let others: Vec<usize> = compared.groups.iter().flat_map(Group::pooled).collect();
    let mut discovery = Discovery::new(sample, &others, plan, meter);
    while discovery.step().unwrap() {}
    let (domains, meter) = discovery.finish_with_meter();
    let plans = Plans { histograms: plan, relations: plan, scope: Scope::All };
    let mut relations = Relations::new(compared, columns.to_vec(), domains, plans, meter);
    while relations.step().unwrap() {}
    let (domains, found) = relations.finish();
    // What is stored is read again.
    let read = Found::with(
        found.features.clone(),
        &columns.iter().collect::<Vec<_>>(),
        &domains.iter().collect::<Vec<_>>(),
        found.own_domains(),
    );
    assert!(read.is_some_and(|read| read.features == found.features && read.domains == found.domains));
    (domains, found, all)
}

struct Table {
    columns: Vec<Column>,
    block: Block,
}

impl Table {
    fn new(rows: usize) -> Self {
        Self { columns: Vec::new(), block: Block { rows, columns: Vec::new() } }
    }

    fn texts(mut self, name: &str, value: impl Fn(usize) -> Option<String>) -> Self {
        let mut values = BlockColumn::categories();
        (0..self.block.rows).for_each(|row| values.push_text(value(row).as_deref().map(str::as_bytes)));
        self.columns.push(column(name, Measure::Category));
        self.block.columns.push(values);
        self
    }

    fn numbers(mut self, name: &str, value: impl Fn(usize) -> Option<f64>) -> Self {
        let mut values = BlockColumn::numbers();
        (0..self.block.rows).for_each(|row| values.push_number(value(row)));
        self.columns.push(column(name, Measure::Lattice));
        self.block.columns.push(values);
        self
    }

    fn moments(self, name: &str, per_day: u64, value: impl Fn(usize) -> Option<f64>) -> Self {
        let mut table = self.numbers(name, value);
        table.columns.last_mut().unwrap().measure = Measure::Moment { per_day };
        table
    }

    /// The rows that the features of a table's rows are turned back into.
    fn back(&self, found: &Found) -> Block {
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let mut encoder = FeatureEncoder::new(&found.features, &self.columns, &found.domains);
        encoder.push(&self.block, &mut rng).unwrap();
        let values = Decoder::new(&found.domains).decode(&encoder.finish(), &mut rng).unwrap();
        FeatureDecoder::new(&found.features).decode(values, &mut rng).unwrap()
    }

    fn found(&self, noise: f64, seed: u64) -> (Vec<Domain>, Found) {
        found(&self.columns, &self.block, noise, seed)
    }
}

fn draws(seed: u64, rows: usize) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..rows).map(|_| rng.random::<f64>()).collect()
}

fn combination(found: &Found) -> Option<&Combination> {
    found.features.iter().find_map(|feature| match feature {
        Feature::Combination(combination) => Some(combination),
        _ => None,
    })
}

fn residuals(found: &Found) -> Vec<(usize, usize)> {
    let residual = |feature: &Feature| match feature {
        Feature::Residual(residual) => Some((residual.column, residual.on)),
        _ => None,
    };
    found.features.iter().filter_map(residual).collect()
}

/// 300 codes with their labels and numbers: three columns that are one.
#[test]
fn codes_and_labels_go_together() {
    let of = |row: usize| row * 7919 % 300;
    let table = Table::new(30_000)
        .texts("code", |row| Some(format!("C{}", of(row))))
        .numbers("number", |row| Some(1_000.0 + 3.0 * of(row) as f64))
        .texts("label", |row| Some(format!("label {}", of(row))))
        .numbers("quantity", |row| Some((row % 9) as f64));
    let (domains, found) = table.found(20.0, 1);
    let combination = combination(&found).unwrap();
    let mut columns = combination.columns().to_vec();
    columns.sort_unstable();
    assert_eq!(columns, [0, 1, 2]);
    let right = |cell: &Cell| match cell {
        Cell::Rest(_) => false,
        Cell::Values(values, _) => {
            let at = |column| &values[combination.columns().iter().position(|of| *of == column).unwrap()];
            let Scalar::Text(code) = at(0) else { return false };
            let number: f64 = code[1..].parse().unwrap();
            *at(2) == Scalar::Text(format!("label {number}")) && *at(1) == Scalar::Number(1_000.0 + 3.0 * number)
        }
    };
    // 100 rows of each; the threshold is about 75 rows with noise of 7.
    assert!(combination.cells().len() > 280 && combination.cells().iter().all(right));
    assert!(domains[0].cell_count() == combination.cells().len() && domains[3].cell_count() > 5);
    assert_eq!(found.domains.len(), 2);
}

/// Rare cities are lost, but their country is not.
#[test]
fn a_city_lies_in_its_country() {
    let u = draws(2, 40_000);
    let city = |row: usize| (7.0 * u[row]).exp() as usize;
    let table = Table::new(40_000)
        .texts("city", |row| Some(format!("city {}", city(row))))
        .texts("country", |row| Some(format!("country {}", city(row) % 5)))
        .texts("other", |row| (row % 7 > 0).then(|| format!("{}", row % 3)));
    let (domains, found) = table.found(20.0, 3);
    let combination = combination(&found).unwrap();
    assert_eq!(combination.columns(), [0, 1]);
    let rests = combination.cells().iter().filter(|cell| matches!(cell, Cell::Rest(_))).count();
    assert_eq!(rests, 5);
    let shares = found.domains[0].weights();
    let country = |cell: &Cell| match cell {
        Cell::Values(values, _) => values[1].clone(),
        Cell::Rest(parent) => parent.clone(),
    };
    for number in 0..5 {
        let name = Scalar::Text(format!("country {number}"));
        let of = combination.cells().iter().zip(&shares).filter(|(cell, _)| country(cell) == name);
        let share: f64 = of.map(|(_, share)| share).sum();
        let real = (0..40_000).filter(|row| city(*row) % 5 == number).count() as f64 / 40_000.0;
        assert!((share - real).abs() < 0.02, "{number}: {share} for {real}");
    }
    assert!(domains[0].other.unwrap() > 0.2 && domains[1].cell_count() == 5, "{:?}", domains[0].other);
    // Nothing else comes out.
    let mut places = BlockColumn::numbers();
    (0..combination.cells().len() + 1).for_each(|place| places.push_number(Some(place as f64)));
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let mut others = BlockColumn::categories();
    (0..places.rows()).for_each(|_| others.push_text(Some(b"1")));
    let block = Block { rows: places.rows(), columns: vec![places, others] };
    let back = FeatureDecoder::new(&found.features).decode(block, &mut rng).unwrap();
    for row in 0..back.rows {
        let number = |column: usize| -> usize {
            let text = String::from_utf8(back.columns[column].text(row).unwrap().to_vec()).unwrap();
            text.rsplit(' ').next().unwrap().parse().unwrap()
        };
        assert_eq!(number(0) % 5, number(1));
    }
}

/// Two columns of texts that are one.
#[test]
fn texts_that_say_the_same_twice_go_together() {
    let table = Table::new(20_000)
        .texts("a", |row| Some(format!("a{}", row * 31 % 50)))
        .texts("b", |row| (row * 31 % 50 > 3).then(|| format!("b{}", row * 31 % 50)))
        .numbers("c", |row| Some((row % 77) as f64));
    let (_, found) = table.found(20.0, 13);
    assert_eq!(combination(&found).unwrap().columns().len(), 2);
}

#[test]
fn an_end_follows_its_start_and_never_precedes_it() {
    let (starts, gaps) = (draws(5, 20_000), draws(6, 20_000));
    let start = |row: usize| (starts[row] * 1_000.0).floor();
    let end = |row: usize| start(row) + (-4.0 * (1.0 - gaps[row]).ln()).floor();
    let table = Table::new(20_000)
        .numbers("start", |row| Some(start(row)))
        .numbers("end", |row| (row % 10 > 0).then(|| end(row)))
        .numbers("other", |row| Some((row * 37 % 100) as f64));
    let (_, found) = table.found(20.0, 7);
    assert_eq!(residuals(&found), [(1, 0)]);
    let never = found
        .features
        .iter()
        .any(|feature| matches!(feature, Feature::Residual(residual) if residual.never == Some(Side::Below)));
    assert!(never);
    let gaps = &found.domains[found.features.feature_of(1).unwrap()];
    let Cells::Bins { bins, .. } = &gaps.cells else { panic!("a gap is a number") };
    assert!(bins.first().unwrap().lo() >= 0.0 && (gaps.null.unwrap() - 0.1).abs() < 0.02, "{gaps:?}");
}

/// A linear relation between numbers of different kinds.
#[test]
fn an_age_follows_the_date_of_birth() {
    let u = draws(8, 20_000);
    let born = |row: usize| (-30_000.0 + u[row] * 32_000.0).floor();
    let table = Table::new(20_000)
        .numbers("age", |row| Some(((8_766.0 - born(row)) / 365.25).floor()))
        .numbers("born", |row| Some(born(row)))
        .texts("sex", |row| Some(["f", "m"][row % 2].to_owned()));
    let (_, found) = table.found(20.0, 9);
    assert_eq!(residuals(&found), [(0, 1)]);
}

/// Days and months that are written as whole numbers come back as such, and what follows from them does.
#[test]
fn dates_written_as_numbers_are_dates() {
    let day = |row: usize| 738_156.0 + (row * 13 % 900) as f64;
    let table = Table::new(12_000)
        .numbers("day", |row| (row % 11 > 0).then(|| Calendar::Days.written(day(row))))
        .numbers("month", |row| Some((Calendar::Days.written(day(row)) / 100.0).floor()))
        .numbers("amount", |row| Some((row * 7919 % 5_000) as f64))
        .texts("shop", |row| Some(format!("s{}", row % 9)));
    let (domains, found) = table.found(20.0, 11);
    assert_eq!(
        [0, 1, 2].map(|column| found.features.calendar(column)),
        [Some(Calendar::Days), Some(Calendar::Months), None]
    );
    assert_eq!((found.features.alone(0), found.features.is_plain()), (None, false));
    let Cells::Bins { bins, .. } = &domains[0].cells else { panic!("a date is a number") };
    assert!(bins.iter().all(|bin| Calendar::Days.number(bin.lo()).is_some()) && domains[0].is_valid());
    let back = table.back(&found);
    let is_date = |row: usize| back.columns[0].number(row).is_none_or(|day| Calendar::Days.number(day).is_some());
    assert!((0..back.rows).all(|row| is_date(row) && Calendar::of(back.columns[1].number(row).unwrap()).is_some()));
    let nulls = (0..back.rows).filter(|row| back.columns[0].number(*row).is_none()).count();
    assert_eq!(nulls, 12_000usize.div_ceil(11));
}

/// Columns that have nothing to do with one another, spikes, keys and constants: nothing is found. Twenty trainings: with
/// so little noise nothing is left to chance.
#[test]
fn nothing_is_found_where_nothing_is() {
    for seed in 0..20 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let random: Vec<u32> = (0..60_000).map(|_| rng.next_u32()).collect();
        let at = |row: usize, column: usize| random[row * 6 + column];
        let table = Table::new(10_000)
            .texts("key", |row| Some(format!("{row}")))
            .texts("constant", |row| Some(if at(row, 0) % 100 == 0 { "b" } else { "a" }.to_owned()))
            .texts("wide", |row| Some(format!("{}", at(row, 1) % 150)))
            .numbers("spike", |row| Some(if at(row, 2) % 10 > 0 { 0.0 } else { f64::from(at(row, 2) % 5_000) }))
            .numbers("small", |row| Some(f64::from(at(row, 3) % 5)))
            .numbers("even", |row| Some(f64::from(at(row, 4) % 1_000)))
            .numbers("other", |row| (at(row, 5) % 5 > 0).then(|| f64::from(at(row, 5) % 1_000)));
        let (domains, found) = table.found(20.0, seed);
        assert!(found.features.is_plain() && found.domains == domains, "{seed}");
    }
}

fn cycles(found: &Found) -> Vec<(usize, Period)> {
    let cycle = |feature: &Feature| match feature {
        Feature::Cycle(cycle) => Some((cycle.column, cycle.period)),
        _ => None,
    };
    found.features.iter().filter_map(cycle).collect()
}

/// Calls on weekdays at whole hours from 9 to 16, and bills at the first and the last of the month.
#[test]
fn time_is_as_people_keep_it() {
    let u = draws(5, 30_000);
    let day = |row: usize| (u[row] * 1_500.0).floor() + 8_000.0;
    // 2000-01-01 was a Saturday.
    let workday = |row: usize| day(row) + (2.0 - day(row) % 7.0).max(0.0);
    let table = Table::new(30_000)
        .moments("called", 1_440, |row| {
            (row % 10 > 0).then(|| workday(row) * 1_440.0 + 60.0 * (9 + row * 7 % 8) as f64)
        })
        .moments("billed", 1, |row| Some((row * 7919 % 360) as f64 * 1461.0 / 48.0).map(|day| (day + 15.0).floor()))
        .moments("seen", 1_440, |row| Some((day(row * 7 % 30_000) * 1_440.0 + u[row * 11 % 30_000] * 1_440.0).floor()))
        .moments("born", 1, |row| Some((u[row * 13 % 30_000] * 20_000.0).floor() - 15_000.0));
    let mut block = table.block.clone();
    // The first of a month.
    let billed = Cycle { column: 1, period: Period::Month, per_day: 1.0, lo: 0.0, hi: 12_000.0 };
    let first = {
        let mut places = BlockColumn::numbers();
        (0..block.rows).for_each(|row| places.push_number(Some(if row % 3 == 0 { 31.0 } else { 1.0 })));
        places
    };
    block.columns[1] = billed.decode(&block.columns[1], &first);
    let table = Table { block, ..table };
    let (_, found) = table.found(20.0, 1);
    assert_eq!(cycles(&found), [(0, Period::Week), (0, Period::Day), (1, Period::Month)]);
    assert_eq!((found.features.alone(0), found.features.alone(2)), (None, Some(5)));
    let back = table.back(&found);
    let at = |row: usize| back.columns[0].number(row);
    assert!((0..back.rows).all(|row| at(row).is_some() == (row % 10 > 0)));
    let is_right =
        |row: &usize| at(*row).is_none_or(|at| (540.0..=960.0).contains(&(at % 1_440.0)) && at % 60.0 == 0.0);
    let is_workday = |row: &usize| at(*row).is_none_or(|at| (at / 1_440.0).floor() % 7.0 >= 2.0);
    let share = |is: &dyn Fn(&usize) -> bool| (0..back.rows).filter(|row| is(row)).count() as f64 / back.rows as f64;
    let is_billed =
        |row: &usize| billed.place(back.columns[1].number(*row).unwrap()).is_some_and(|day| [1.0, 31.0].contains(&day));
    assert!(share(&is_billed) > 0.99, "{}", share(&is_billed));
    assert!(share(&is_right) > 0.99 && share(&is_workday) > 0.99, "{} {}", share(&is_right), share(&is_workday));
}

/// Orders by the second, and the day on which each is paid.
#[test]
fn a_day_follows_a_moment() {
    let u = draws(6, 20_000);
    let ordered = |row: usize| ((8_000.0 + u[row] * 700.0) * 86_400.0).floor();
    let table = Table::new(20_000)
        .moments("ordered", 86_400, |row| Some(ordered(row)))
        .moments("paid", 1, |row| (row % 10 > 0).then(|| (ordered(row) / 86_400.0).floor() + (row % 15) as f64));
    let (_, found) = table.found(20.0, 1);
    assert_eq!(residuals(&found), [(1, 0)]);
    let back = table.back(&found);
    let [ordered, paid] = [0, 1].map(|column| &back.columns[column]);
    let gaps: Vec<f64> =
        (0..back.rows).filter_map(|row| Some(paid.number(row)? - (ordered.number(row)? / 86_400.0).floor())).collect();
    let share = |from: f64| gaps.iter().filter(|gap| (from..=15.0).contains(*gap)).count() as f64 / 18_000.0;
    assert!(gaps.len() == 18_000 && share(0.0) > 0.99, "{}", share(0.0));
}

fn ties(found: &Found) -> Vec<(usize, usize)> {
    let tie = |feature: &Feature| match feature {
        Feature::Tie(tie) => Some((tie.column, tie.on)),
        _ => None,
    };
    found.features.iter().filter_map(tie).collect()
}

/// Services that nobody has who has no line, and a bill that is missing where nothing was sent.
#[test]
fn values_stand_together() {
    let (u, v) = (draws(7, 20_000), draws(8, 20_000));
    let service = |row: usize, salt: usize| match (u[row] < 0.2, v[row * salt % 20_000] < 0.4) {
        (true, _) => "no line",
        (false, true) => "yes",
        (false, false) => "no",
    };
    let line = |row: usize| if u[row] < 0.2 { "none" } else { ["slow", "fast"][row % 2] };
    let sent = |row: usize| v[row * 3 % 20_000] < 0.7;
    let state = |row: usize| if sent(row) { ["sent", "seen"][row / 2 % 2] } else { "open" };
    let mut table = Table::new(20_000)
        .texts("television", |row| Some(service(row, 7).to_owned()))
        .texts("line", |row| Some(line(row).to_owned()))
        .texts("backup", |row| Some(service(row, 11).to_owned()))
        .numbers("billed", |row| sent(row).then_some((row % 90) as f64))
        .texts("state", |row| Some(state(row).to_owned()))
        .texts("other", |row| Some((v[row * 13 % 20_000] < 0.2).to_string()));
    table.columns[4].declared = Some(Declared::Categories(["sent", "seen", "open"].map(str::to_owned).to_vec()));
    let (_, found) = table.found(20.0, 1);
    assert_eq!(ties(&found), [(1, 0), (2, 0), (4, 3)]);
    assert_eq!(found.domains[4].cell_count(), 2, "what is not tied is left");
    let back = table.back(&found);
    let text = |column: usize, row: usize| back.columns[column].text(row).unwrap();
    for row in 0..back.rows {
        let none = text(1, row) == b"none";
        assert!((text(0, row) == b"no line") == none && (text(2, row) == b"no line") == none);
        assert_eq!(back.columns[3].number(row).is_some(), text(4, row) != b"open");
    }
}

/// A value that is declared twice makes no row count twice.
#[test]
fn values_declared_twice_count_once() {
    let mut table = Table::new(5_000)
        .texts("twice", |row| Some(["a", "b"][row % 2].to_owned()))
        .texts("other", |row| Some(["c", "d", "e"][row % 3].to_owned()));
    table.columns[0].declared = Some(Declared::Categories(["a", "a", "b"].map(str::to_owned).to_vec()));
    let mut sample = RowSample::new(&table.columns);
    sample.push(&table.block, &(0..5_000).collect::<Vec<u32>>());
    let (domains, _) = table.found(20.0, 1);
    assert!(domains[0].cell_count() == 3);
    assert_eq!(ties::rows_of_values(0, &domains[0], &sample), [2_500, 0, 2_500, 0]);
}

/// An end that follows its start does not decide whether there is a start.
#[test]
fn nothing_follows_what_follows_it() {
    let u = draws(9, 20_000);
    let known = |row: usize| row % 10 >= 3;
    let table = Table::new(20_000)
        .moments("start", 1, |row| known(row).then(|| (8_000.0 + 900.0 * u[row]).floor()))
        .moments("end", 1, |row| known(row).then(|| (8_000.0 + 900.0 * u[row]).floor() + (row % 9) as f64))
        .texts("state", |row| Some(["open", "done", "seen"][if known(row) { 1 + row % 2 } else { 0 }].to_owned()));
    let (_, found) = table.found(20.0, 1);
    assert!(found.features.is_valid(3));
    assert_eq!((residuals(&found), ties(&found)), (vec![(1, 0)], vec![(2, 1)]));
}

/// Codes that are numbers, in two groups: what is spent is what is paid for, whatever is found.
#[test]
fn no_more_is_spent_than_is_paid_for() {
    let table = Table::new(30_000)
        .numbers("a", |row| Some((row * 7919 % 100) as f64))
        .numbers("b", |row| Some((row * 7919 % 100 * 7) as f64))
        .numbers("c", |row| Some((row * 104_729 % 90 * 3 % 97) as f64))
        .numbers("d", |row| Some((row * 104_729 % 90 * 3 % 97 * 5) as f64))
        .texts("e", |row| Some(format!("{}", row * 31 % 80)))
        .texts("f", |row| Some(format!("f{}", row * 31 % 80)))
        .texts("g", |row| (row * 31 % 80 > 0).then(|| format!("g{}", row * 31 % 80 % 7)));
    let noise = 20.0;
    let (_, found, meter) = found_with(&table.columns, &table.block, noise, 1);
    let groups = found.features.iter().filter(|feature| matches!(feature, Feature::Combination(_))).count();
    assert!(groups >= 2, "{groups}");
    let histograms: u64 = table.columns.iter().map(|column| discover::histograms(column, Goal::Domains)).sum();
    let paid = (histograms + units(&table.columns, Scope::All)) as f64 / (noise * noise);
    let spent: f64 = meter.record().stages().map(|(_, ran)| ran.precision).sum();
    assert!(spent <= paid * (1.0 + 1e-9) && spent > 0.5 * paid, "{spent} of {paid}");
    let thresholds: u64 = table.columns.iter().map(discover::thresholds).sum::<u64>() + thresholds(&table.columns);
    let delta: f64 = meter.record().stages().map(|(_, ran)| ran.threshold_delta).sum();
    assert!(delta <= thresholds as f64 * 1e-7 * (1.0 + 1e-9));
}

/// Combinations do not leave what is declared.
#[test]
fn declared_bounds_bind_combinations_too() {
    let mut table = Table::new(30_000)
        .texts("code", |row| Some(format!("{}", row % 100)))
        .numbers("number", |row| Some((row % 100) as f64));
    table.columns[1].declared = Some(Declared::Range { lo: Some(0.0), hi: Some(79.0) });
    let (_, found) = table.found(20.0, 2);
    let combination = combination(&found).unwrap();
    let number = combination.columns().iter().position(|column| *column == 1).unwrap();
    let within = |cell: &Cell| match cell {
        Cell::Values(values, _) => matches!(values[number], Scalar::Number(number) if number <= 79.0),
        Cell::Rest(_) => false,
    };
    assert!(combination.cells().len() > 60 && combination.cells().iter().all(within));
}

#[test]
fn costs_follow_from_the_columns_alone() {
    let of = |texts: usize, numbers: usize| -> Vec<Column> {
        let texts = (0..texts).map(|i| column(&format!("t{i}"), Measure::Category));
        texts.chain((0..numbers).map(|i| column(&format!("n{i}"), Measure::Real))).collect()
    };
    let cost = |texts, numbers| (units(&of(texts, numbers), Scope::All), thresholds(&of(texts, numbers)));
    assert_eq!((cost(1, 0), cost(0, 1)), ((0, 0), (0, 0)));
    assert_eq!((cost(2, 0), cost(1, 1)), ((16, 1), (16, 1)));
    assert_eq!((cost(0, 2), cost(9, 6), cost(0, 60)), ((23, 2), (29, 4), (38, 7)));
}

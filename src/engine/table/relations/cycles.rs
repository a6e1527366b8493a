//! Moments at usual times: which cycles tell more of a column than its bins do.

use super::row_sample::RowSample;
use crate::engine::table::features::{Cycle, Period};
use crate::engine::table::{Bin, Cells, Domain, Measure, Part};

/// Rows of a histogram, relative to the noise of a cell, below which it tells nothing.
pub const LEAST_SIGNAL: f64 = 20.0;
/// Cells of the histograms of one column: hours, whole ones apart; days of the week; days of the month.
const HOURS: usize = 48;
const WEEKDAYS: usize = 7;
const DAYS: usize = 31;
const CELLS: usize = HOURS + WEEKDAYS + DAYS;
/// A cycle is told apart from bins by at least this total variation distance.
const DISTANCE: f64 = 0.05;
/// What stands out from noise, in standard deviations.
const STANDS_OUT: f64 = 2.0;
/// Places within a part that the released domain is asked for.
const POINTS: usize = 64;
const GOLDEN: f64 = 0.618_033_988_749_895;

/// A column of moments, and what lies where in its cycles.
pub struct Moments {
    column: usize,
    per_day: f64,
    lo: f64,
    hi: f64,
    /// What its released domain alone would give, as shares of rows.
    expected: [f64; CELLS],
    pub counts: [u64; CELLS],
}

impl Moments {
    /// Of a column, if it is one of moments of which something is known.
    pub fn new(column: usize, measure: Measure, domain: &Domain, sample: &RowSample) -> Option<Self> {
        let (Measure::Moment { per_day }, Cells::Bins { bins, step }) = (measure, &domain.cells) else { return None };
        let (lo, hi, per_day) = (bins.first()?.lo(), bins.last()?.hi(), per_day as f64);
        let mut moments = Self { column, per_day, lo, hi, expected: [0.0; CELLS], counts: [0; CELLS] };
        moments.expect(bins, step.max(1.0));
        for moment in sample.numbers(column).iter().filter(|moment| moment.is_finite()) {
            moments.cells(*moment).for_each(|cell| moments.counts[cell] += 1);
        }
        bins.iter().any(|bin| bin.weight() > 0.0).then_some(moments)
    }

    /// Spreads bins over the cycles, as they are decoded.
    fn expect(&mut self, bins: &[Bin], step: f64) {
        let total: f64 = bins.iter().map(Bin::weight).sum();
        for part in bins.iter().flat_map(|bin| &bin.parts).filter(|part| part.weight > 0.0) {
            let values = ((part.hi - part.lo) / step).round() + 1.0;
            for point in 0..POINTS {
                let moment = part.lo + ((point as f64 * GOLDEN).fract() * values).floor() * step;
                for cell in self.cells(moment) {
                    self.expected[cell] += part.weight / total / POINTS as f64;
                }
            }
        }
    }

    fn has_clock(&self) -> bool {
        self.per_day > 1.0
    }

    /// Histograms that a row counts in.
    pub fn parts(&self) -> usize {
        2 + usize::from(self.has_clock())
    }

    fn cycle(&self, period: Period) -> Cycle {
        Cycle { column: self.column, period, per_day: self.per_day, lo: self.lo, hi: self.hi }
    }

    /// The cells that a moment counts in, one in each histogram.
    fn cells(&self, moment: f64) -> impl Iterator<Item = usize> + use<> {
        let of = |period| self.cycle(period).place(moment);
        let time = of(Period::Day).filter(|_| self.has_clock()).map(|time| {
            let hour = self.per_day / 24.0;
            let whole = (time / hour).floor().clamp(0.0, 23.0);
            2 * whole as usize + usize::from(time != (whole * hour).round())
        });
        let weekday = of(Period::Week).map(|day| HOURS + day as usize);
        let day = of(Period::Month).map(|day| HOURS + WEEKDAYS + day as usize - 1);
        [time, weekday, day].into_iter().flatten()
    }

    /// How far the histogram of a cycle lies from what the bins say: the total variation distance without what noise may
    /// be in each cell.
    fn distance(&self, counts: &[f64], noise_sd: f64, period: Period) -> f64 {
        // Every moment has a weekday, and fewest cells have least noise.
        let rows: f64 = counts[cells_of(Period::Week)].iter().sum();
        if rows < LEAST_SIGNAL * noise_sd.max(1.0) {
            return 0.0;
        }
        let gap = |cell: usize| (counts[cell] / rows - self.expected[cell]).abs() - STANDS_OUT * noise_sd / rows;
        0.5 * cells_of(period).map(|cell| gap(cell).max(0.0)).sum::<f64>()
    }
}

/// The cells of a cycle's histogram.
fn cells_of(period: Period) -> std::ops::Range<usize> {
    match period {
        Period::Day => 0..HOURS,
        Period::Week => HOURS..HOURS + WEEKDAYS,
        Period::Month => HOURS + WEEKDAYS..CELLS,
    }
}

/// What is worth telling apart from the bins.
pub struct Chosen {
    /// Weekdays or days of the month of a column, whichever lie farther from what its bins say.
    pub days: Vec<(Cycle, Domain)>,
    /// Times of day, whose domain is to be found.
    pub clocks: Vec<Cycle>,
}

/// The cycles that tell more of columns than their bins, by noisy histograms, with so many times of day at most.
pub fn choose(moments: &[Moments], counts: &[f64], noise_sd: f64, most: usize) -> Chosen {
    let (mut days, mut clocks) = (Vec::new(), Vec::new());
    for (moments, counts) in moments.iter().zip(counts.chunks(CELLS)) {
        let distance = |period| moments.distance(counts, noise_sd, period);
        if moments.has_clock() && distance(Period::Day) >= DISTANCE {
            clocks.push((moments.cycle(Period::Day), distance(Period::Day)));
        }
        let period = if distance(Period::Week) >= distance(Period::Month) { Period::Week } else { Period::Month };
        if distance(period) >= DISTANCE {
            days.extend(places(period, counts, noise_sd).map(|places| (moments.cycle(period), places)));
        }
    }
    clocks.sort_by(|a, b| b.1.total_cmp(&a.1));
    clocks.truncate(most);
    Chosen { days, clocks: clocks.into_iter().map(|(cycle, _)| cycle).collect() }
}

/// The domain of weekdays or days of the month: those that stand out from noise.
fn places(period: Period, counts: &[f64], noise_sd: f64) -> Option<Domain> {
    let (cells, first) = (cells_of(period), if period == Period::Month { 1 } else { 0 });
    let counts = &counts[cells];
    let rows: f64 = counts.iter().filter(|count| **count > STANDS_OUT * noise_sd).sum();
    let bin = |(place, count): (usize, &f64)| {
        (*count > STANDS_OUT * noise_sd)
            .then(|| Bin { parts: vec![Part::point((first + place) as f64, count / rows.max(1.0))] })
    };
    let bins: Vec<Bin> = counts.iter().enumerate().filter_map(bin).collect();
    (!bins.is_empty()).then_some(Domain { cells: Cells::Bins { bins, step: 1.0 }, other: None, null: None })
}

//! Numbers that follow another number: how far they lie from a released curve of it.

use super::row_sample::RowSample;
use crate::engine::table::features::{Calendar, Curve, FIRST_DAY, Quantiles, Residual, Side};
use crate::engine::table::{Bin, Cells, Column, Domain, Measure};

/// Rows of a histogram, relative to the noise of a cell, below which it tells nothing.
pub const LEAST_SIGNAL: f64 = 30.0;
/// Curves that are looked at for two columns, at most, and for all.
pub const CURVES_PER_PAIR: u64 = 3;
const MAX_CANDIDATES: usize = 400;
/// Bins that a column has at least to be worth a look.
const MIN_BINS: usize = 8;
/// Octaves of distance that are told apart, on either side.
const OCTAVES: usize = 7;
/// Cells of a histogram of distances: octaves below and above, nothing between, and rows without the other number.
pub const CELLS: usize = 2 * OCTAVES + 2;
const ZERO: usize = OCTAVES;
const ALONE: usize = 2 * OCTAVES + 1;
/// A number follows another if this share of rows lies within so many octaves below the column's own spread ...
const NEAR: f64 = 0.8;
const NEAR_OCTAVES: f64 = 3.0;
/// ... or if it never lies on the other side of it: at most this share does,
const BEYOND: f64 = 0.005;
/// where at least this share would if the columns were independent.
const BEYOND_BY_CHANCE: f64 = 0.1;
/// Rows whose other number is missing, at most.
const MAX_ALONE: f64 = 0.02;
/// A curve is straight if it lies nearer to a line than so many times the distances.
const STRAIGHT: f64 = 0.5;
/// Places that the narrowest width is looked for at.
const QUANTILES: usize = 40;
/// The shares between which a column's spread is taken.
const TAIL: f64 = 0.05;

/// A number that may follow another along a curve.
#[derive(Debug, Clone)]
pub struct Follower {
    pub residual: Residual,
    /// The same for two moments the other way round, if it turns out that the other is the later one.
    swapped: Option<Residual>,
    /// Whether the curve is the other number itself.
    is_same: bool,
    /// The spread of the column.
    spread: f64,
    /// Share of rows below the other number if the columns were independent.
    below_by_chance: f64,
    /// How far the medians of both lie apart.
    apart: f64,
    /// How many octaves below its spread the width is within which [`NEAR`] of it lies anyway.
    octaves_alone: f64,
}

/// The curves worth a look, by released domains alone, among columns that are free.
pub fn candidates(
    columns: &[Column],
    domains: &[Domain],
    calendars: &[(usize, Calendar)],
    free: impl Fn(usize) -> bool,
) -> Vec<Follower> {
    let numbers: Vec<Number> = (0..columns.len())
        .filter(|column| free(*column))
        .filter_map(|column| Number::new(column, columns, domains, calendars))
        .collect();
    let mut candidates = Vec::new();
    for (place, a) in numbers.iter().enumerate() {
        for b in &numbers[place + 1..] {
            let (on, of) = if b.comes_before(a) { (b, a) } else { (a, b) };
            candidates.extend(on.followed_by(of));
        }
    }
    candidates.truncate(MAX_CANDIDATES);
    candidates
}

/// A column of numbers, by its released domain.
struct Number<'a> {
    column: usize,
    measure: Measure,
    calendar: Option<Calendar>,
    bins: &'a [Bin],
    step: f64,
    nulls: f64,
    lo: f64,
    hi: f64,
    median: f64,
    spread: f64,
}

impl<'a> Number<'a> {
    fn new(column: usize, columns: &[Column], domains: &'a [Domain], calendars: &[(usize, Calendar)]) -> Option<Self> {
        let domain = &domains[column];
        let Cells::Bins { bins, step } = &domain.cells else { return None };
        let quantiles = Quantiles::new(bins)?;
        let spread = quantiles.at(1.0 - TAIL) - quantiles.at(TAIL);
        let (lo, hi) = (bins.first()?.lo(), bins.last()?.hi());
        (bins.len() >= MIN_BINS && spread > 0.0 && spread.is_finite()).then_some(Self {
            column,
            measure: columns[column].measure,
            calendar: calendars.iter().find(|(of, _)| *of == column).map(|(_, calendar)| *calendar),
            bins,
            step: *step,
            nulls: domain.null.unwrap_or(0.0),
            lo,
            hi,
            median: quantiles.at(0.5),
            spread,
        })
    }

    /// The month that it lies in, if it is a day or a moment.
    fn month(&self) -> Option<Curve> {
        match (self.measure, self.calendar) {
            (_, Some(Calendar::Days)) => Some(Curve::Month { per_day: 1.0, first_day: 0.0 }),
            (Measure::Moment { per_day }, _) => Some(Curve::Month { per_day: per_day as f64, first_day: FIRST_DAY }),
            _ => None,
        }
    }

    fn is_moment(&self) -> bool {
        matches!(self.measure, Measure::Moment { .. })
    }

    /// How many values its spread has room for.
    fn resolution(&self) -> f64 {
        if self.step > 0.0 { self.spread / self.step } else { f64::INFINITY }
    }

    /// Whether the other follows it rather than the other way round: the finer one goes before, or that which has fewer
    /// NULLs, or that of the lesser median. Of two moments, time alone decides.
    fn comes_before(&self, other: &Self) -> bool {
        let (own, its) = (self.resolution(), other.resolution());
        let are_moments = self.is_moment() && self.measure == other.measure;
        if !are_moments && (own > 4.0 * its || its > 4.0 * own) {
            return own > its;
        }
        if !self.nulls_are_like(other) {
            return self.nulls < other.nulls;
        }
        self.median < other.median
    }

    /// The narrowest width within which [`NEAR`] of its rows lie.
    fn narrowest(&self) -> f64 {
        let Some(quantiles) = Quantiles::new(self.bins) else { return self.spread };
        let width = |place: usize| {
            let from = place as f64 / QUANTILES as f64 * (1.0 - NEAR);
            quantiles.at(from + NEAR) - quantiles.at(from)
        };
        (0..=QUANTILES).map(width).fold(self.spread, f64::min).max(self.spread * 2f64.powi(-(OCTAVES as i32)))
    }

    /// The curves along which another may follow it.
    fn followed_by(&self, of: &Self) -> Vec<Follower> {
        let scale = self.scale_to(of);
        let [lo, hi, spread, median] = [self.lo, self.hi, self.spread, self.median].map(|of| of * scale.unwrap_or(1.0));
        let overlap = hi.min(of.hi) - lo.max(of.lo) > 0.5 * spread.min(of.spread);
        let mut curves = Vec::new();
        if overlap && (0.5..=2.0).contains(&(spread / of.spread)) {
            curves.extend(scale.map(same));
        }
        curves.extend(self.month().filter(|_| of.calendar == Some(Calendar::Months)));
        // Of two moments, one does not run backwards.
        let directions: &[bool] = if self.is_moment() && of.is_moment() { &[false] } else { &[false, true] };
        for &falling in directions {
            curves.extend(Curve::through_quantiles(self.bins, of.bins, falling));
        }
        let below_by_chance = below(of.bins, self.bins, scale.unwrap_or(1.0));
        let apart = (of.median - median).abs();
        let octaves_alone = (of.spread / of.narrowest()).log2().max(0.0);
        let residual = |of: &Self, on: &Self, curve: Curve| {
            let range = [on.lo, on.hi].map(|end| curve.at(end));
            // A month reaches as far as its days, and nobody declares one.
            let is_month = matches!(curve, Curve::Month { .. });
            let [lo, hi] = if is_month { [of.lo.min(range[0]), of.hi.max(range[1])] } else { [of.lo, of.hi] };
            Residual { column: of.column, on: on.column, default: on.median, step: of.step, lo, hi, curve, never: None }
        };
        curves
            .into_iter()
            .map(|curve| {
                let is_same = scale.is_some_and(|scale| curve == same(scale));
                let swaps = curve == Curve::Same && self.is_moment() && self.nulls_are_like(of);
                let swapped = swaps.then(|| residual(self, of, Curve::Same));
                let residual = residual(of, self, curve);
                Follower { residual, swapped, is_same, spread: of.spread, apart, below_by_chance, octaves_alone }
            })
            .collect()
    }

    fn nulls_are_like(&self, other: &Self) -> bool {
        (self.nulls - other.nulls).abs() <= 0.01
    }

    /// The other's units in one of its own, if both count the same.
    fn scale_to(&self, of: &Self) -> Option<f64> {
        match (self.measure, of.measure) {
            (Measure::Moment { per_day: own }, Measure::Moment { per_day: its }) => Some(its as f64 / own as f64),
            (own, its) => (own == its).then_some(1.0),
        }
    }
}

/// The number itself, in units of the other: moments are those of the beginning of a day, or their day.
fn same(scale: f64) -> Curve {
    // Rounding comes after it. The last milliseconds of a day are the next one's.
    const DOWN: f64 = -0.5 + 1e-8;
    match scale {
        1.0 => Curve::Same,
        slope => Curve::Line { slope, intercept: if slope < 1.0 { DOWN } else { 0.0 } },
    }
}

/// The share of pairs of independent rows of which the first number is below the second, in units of the first.
fn below(first: &[Bin], second: &[Bin], scale: f64) -> f64 {
    let (Some(first), Some(second)) = (Quantiles::new(first), Quantiles::new(second)) else { return 0.0 };
    const POINTS: usize = 64;
    let values = |quantiles: &Quantiles| -> Vec<f64> {
        (0..POINTS).map(|place| quantiles.at((place as f64 + 0.5) / POINTS as f64)).collect()
    };
    let (first, second) = (values(&first), values(&second));
    let pairs = first.iter().flat_map(|a| second.iter().map(move |b| *a < scale * b));
    pairs.filter(|below| *below).count() as f64 / (POINTS * POINTS) as f64
}

impl Follower {
    /// How many rows lie how far from the curve: each row that has the number counts in one cell.
    pub fn histogram(&self, sample: &RowSample) -> [u64; CELLS] {
        let (of, on) = (sample.numbers(self.residual.column), sample.numbers(self.residual.on));
        let mut counts = [0; CELLS];
        for (of, on) in of.iter().zip(on).filter(|(of, _)| of.is_finite()) {
            let cell = if on.is_finite() {
                let distance = of - self.residual.expected(Some(*on));
                cell_of(distance / self.spread)
            } else {
                ALONE
            };
            counts[cell] += 1;
        }
        counts
    }

    /// The distances of all sampled rows that have the number, and how many have none.
    pub fn distances(&self, sample: &RowSample) -> (Vec<f64>, u64) {
        let (of, on) = (sample.numbers(self.residual.column), sample.numbers(self.residual.on));
        let present = of.iter().zip(on).filter(|(of, _)| of.is_finite());
        let distances = present.map(|(of, on)| self.residual.distance(*of, Some(*on).filter(|on| !on.is_nan())));
        (distances.collect(), of.iter().filter(|of| of.is_nan()).count() as u64)
    }

    /// Bounds of the distances.
    pub fn bounds(&self) -> [Option<f64>; 2] {
        [(Side::Below, 0.0), (Side::Above, 0.0)]
            .map(|(side, bound)| (self.residual.never == Some(side)).then_some(bound))
    }

    /// How much is known of the number by following the other, in octaves; nothing if that is not enough.
    fn gain(&mut self, counts: &[f64], noise_sd: f64) -> Option<f64> {
        let all: f64 = counts.iter().sum();
        if all < LEAST_SIGNAL * noise_sd || counts[ALONE] > MAX_ALONE * all + 2.0 * noise_sd {
            return None;
        }
        self.residual.never = self.is_same.then(|| self.empty_side(counts, noise_sd, all)).flatten();
        if let (Some(Side::Above), Some(swapped)) = (self.residual.never, self.swapped.take()) {
            self.residual = Residual { never: Some(Side::Below), ..swapped };
        }
        let near = octaves(counts, NEAR * all);
        let octaves = near - self.octaves_alone;
        self.straighten(self.spread * 2f64.powf(-near));
        // A difference is told by no numbers.
        let simple = f64::from(u8::from(self.is_same));
        let ordered = f64::from(u8::from(self.residual.never.is_some()));
        (octaves >= NEAR_OCTAVES || self.residual.never.is_some()).then_some(octaves + simple + ordered)
    }

    /// Makes the curve a straight line if that is as good, distances being so large: noise in the quantiles of a line is
    /// averaged.
    fn straighten(&mut self, width: f64) {
        let curve = &self.residual.curve;
        if let Some(line) = curve.straightened().filter(|line| curve.distance_from(line) <= STRAIGHT * width) {
            self.residual.curve = line;
        }
    }

    /// The side on which no rows lie, if there would be some by chance.
    fn empty_side(&self, counts: &[f64], noise_sd: f64, all: f64) -> Option<Side> {
        let noise = noise_sd * (OCTAVES as f64).sqrt();
        let is_empty = |cells: std::ops::Range<usize>, by_chance: f64| {
            let rows: f64 = counts[cells].iter().sum();
            by_chance >= BEYOND_BY_CHANCE
                && rows <= BEYOND * all + 2.0 * noise
                && rows + 2.0 * noise <= 0.5 * by_chance * all
        };
        if is_empty(0..ZERO, self.below_by_chance) {
            Some(Side::Below)
        } else if is_empty(ZERO + 1..ALONE, 1.0 - self.below_by_chance) {
            Some(Side::Above)
        } else {
            None
        }
    }
}

/// The cell of a distance relative to the column's spread.
fn cell_of(distance: f64) -> usize {
    if distance == 0.0 {
        return ZERO;
    }
    // Octave 0 is the nearest one.
    let octave = (distance.abs().log2() + OCTAVES as f64).floor().clamp(0.0, (OCTAVES - 1) as f64) as usize;
    if distance < 0.0 { ZERO - 1 - octave } else { ZERO + 1 + octave }
}

/// How many octaves below the spread the width is within which so many rows lie: the narrowest run of cells.
fn octaves(counts: &[f64], wanted: f64) -> f64 {
    let edge = |octave: usize| 2f64.powi(octave as i32 + 1 - OCTAVES as i32);
    // Up to `lower` octaves below nothing, and `upper` above.
    let mut best = f64::INFINITY;
    for lower in 0..=OCTAVES {
        for upper in 0..=OCTAVES {
            let rows: f64 = counts[ZERO - lower..=ZERO + upper].iter().sum();
            let reach = |octaves: usize| octaves.checked_sub(1).map_or(0.0, edge);
            if rows >= wanted {
                best = best.min(reach(lower) + reach(upper));
            }
        }
    }
    -best.max(2f64.powi(-(OCTAVES as i32))).log2()
}

/// The best ones, so that each column follows one other at most and none follows itself through others.
pub fn choose(candidates: Vec<Follower>, counts: &[f64], noise_sd: f64, most: usize) -> Vec<Follower> {
    let gains = candidates.into_iter().zip(counts.chunks(CELLS)).filter_map(|(mut follower, counts)| {
        let gain = follower.gain(counts, noise_sd)?;
        Some((follower, gain))
    });
    let mut known: Vec<(Follower, f64)> = gains.collect();
    // Of equals, the one that it is nearest to.
    let apart = |follower: &Follower| follower.apart;
    known.sort_by(|a, b| b.1.total_cmp(&a.1).then(apart(&a.0).total_cmp(&apart(&b.0))));
    let mut chosen: Vec<Follower> = Vec::new();
    for (follower, _) in known {
        if chosen.len() == most {
            break;
        }
        let Residual { column, on, .. } = follower.residual;
        let next = |of: usize| chosen.iter().find(|other| other.residual.column == of).map(|other| other.residual.on);
        let follows_itself = std::iter::successors(Some(on), |of| next(*of)).any(|of| of == column);
        if next(column).is_none() && !follows_itself {
            chosen.push(follower);
        }
    }
    chosen
}

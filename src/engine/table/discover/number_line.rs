//! The number line, cut into cells, and the counting of sorted numbers over them.
//!
//! On a lattice, numbers here are whole: units of the lattice.

/// Numbers lie strictly between minus and plus this: beyond it they are clipped, by a public rule.
pub const LIMIT: f64 = 340_282_366_920_938_463_463_374_607_431_768_211_456.0; // 2^128

/// The octave below which a real number counts as zero: `|x| < 2^-64`.
const MIN_OCTAVE: i32 = -64;
const LAST_OCTAVE: i32 = 127;

/// The numbers from `start` up to, but not including, `end`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub start: f64,
    pub end: f64,
}

impl Interval {
    /// Length of the interval: how many values it holds, on a lattice.
    pub fn width(&self) -> f64 {
        self.end - self.start
    }
}

/// Cells of a histogram: disjoint ascending intervals, and ascending single values, which belong to no interval.
/// Every number falls into one cell or none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CellGrid {
    pub intervals: Vec<Interval>,
    pub points: Vec<f64>,
}

impl CellGrid {
    /// How many of the ascending `values` fall into each interval, and how many equal each single value; last, the
    /// number of NULLs, where there can be any. A row counts once at most.
    pub fn histogram(&self, values: &[f64], nulls: Option<u64>) -> Vec<u64> {
        let below = |x: f64| values.partition_point(|value| *value < x);
        let at_most = |x: f64| values.partition_point(|value| *value <= x);
        let points: Vec<u64> = self.points.iter().map(|point| (at_most(*point) - below(*point)) as u64).collect();
        let interval = |interval: &Interval| {
            let all = (below(interval.end) - below(interval.start)) as u64;
            let from = self.points.partition_point(|point| *point < interval.start);
            let to = self.points.partition_point(|point| *point < interval.end);
            all - points[from..to].iter().sum::<u64>()
        };
        self.intervals.iter().map(interval).chain(points.iter().copied()).chain(nulls).collect()
    }
}

/// Whether numbers are whole, and which of them can occur: `range`, from public facts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumberLine {
    pub lattice: bool,
    pub range: Interval,
    /// Whether both ends of the range were declared.
    pub is_bounded: bool,
}

impl NumberLine {
    /// The line between two declared bounds, both of which may occur.
    pub fn new(lattice: bool, lo: Option<f64>, hi: Option<f64>) -> Self {
        let is_bounded = lo.is_some() && hi.is_some();
        let clip = |x: f64| x.clamp(-LIMIT, LIMIT.next_down());
        let lo = clip(lo.unwrap_or(-LIMIT));
        let hi = clip(hi.unwrap_or(LIMIT)).max(lo);
        let (lo, hi) = if lattice { (lo.ceil(), hi.floor().max(lo.ceil())) } else { (lo, hi) };
        let end = if lattice { (hi + 1.0).max(hi.next_up()) } else { hi.next_up() };
        Self { lattice, range: Interval { start: lo, end }, is_bounded }
    }

    /// The nearest number that can occur.
    pub fn clip(&self, x: f64) -> f64 {
        let x = if self.lattice { x.round() } else { x };
        // Adding zero turns minus zero into zero.
        x.clamp(self.range.start, self.before(self.range.end)) + 0.0
    }

    /// The greatest number below `x`.
    pub fn before(&self, x: f64) -> f64 {
        if self.lattice { (x - 1.0).min(x.next_down()) } else { x.next_down() }
    }

    /// The least number above `x`.
    pub fn after(&self, x: f64) -> f64 {
        if self.lattice { (x + 1.0).max(x.next_up()) } else { x.next_up() }
    }

    /// The public octaves: `2^e..2^(e + 1)`, their mirror images, and zero, as far as they can occur. A few hundred
    /// intervals that cover the line's range.
    pub fn octaves(&self) -> Vec<Interval> {
        let least = if self.lattice { 0 } else { MIN_OCTAVE };
        let power = |e: i32| libm::ldexp(1.0, e);
        let negative = |e: i32| if self.lattice { 1.0 - power(e) } else { -power(e) };
        let edges = (least..=LAST_OCTAVE + 1).rev().map(negative).chain((least..=LAST_OCTAVE + 1).map(power));
        let edges: Vec<f64> = edges.collect();
        cut(self.range, &edges)
    }
}

/// An interval cut at those of the ascending edges that lie inside it.
pub fn cut(interval: Interval, edges: &[f64]) -> Vec<Interval> {
    let inside = edges.iter().copied().filter(|edge| interval.start < *edge && *edge < interval.end);
    let starts: Vec<f64> = std::iter::once(interval.start).chain(inside).collect();
    let ends = starts.iter().skip(1).copied().chain(std::iter::once(interval.end));
    starts.iter().copied().zip(ends).map(|(start, end)| Interval { start, end }).collect()
}

//! Which cells to measure next, given what is known of their parents. Public rules of released quantities.

use super::number_line::{Interval, NumberLine, cut};

/// Cells of one histogram of bins, at most (and as many again for what is retained of the octaves).
pub const MAX_CELLS: usize = 1024;

/// A cell should be expected to hold so many standard deviations of the noise of a count.
const ROWS_PER_CELL: f64 = 4.0;

/// Cuts each interval into about as many equal cells as its rows can fill: the pieces, interval by interval.
///
/// Not many more than [`MAX_CELLS`] beyond one for each interval. Intervals of a lattice are never cut below a value,
/// and down to single values as soon as that is about as fine as wanted.
pub fn split(line: NumberLine, intervals: &[Interval], rows: &[f64], noise_sd: f64) -> Vec<Vec<Interval>> {
    let wanted = |rows: f64| (rows / (ROWS_PER_CELL * noise_sd)).clamp(0.0, MAX_CELLS as f64);
    let total: f64 = rows.iter().map(|rows| wanted(*rows)).sum();
    let scale = (MAX_CELLS as f64 / total.max(1.0)).min(1.0);
    let pieces = |(interval, rows): (&Interval, &f64)| {
        let pieces = (wanted(*rows) * scale).floor().max(1.0);
        equal(line, *interval, if line.lattice && interval.width() < 1.5 * pieces { interval.width() } else { pieces })
    };
    intervals.iter().zip(rows).map(pieces).collect()
}

/// Where both bounds are public: equal cells over the whole range, and octaves where these are finer (so that a wide
/// range says nothing about where in it the values lie), down to a billionth of the range.
pub fn within_bounds(line: NumberLine, rows: f64, noise_sd: f64) -> Vec<Interval> {
    let pieces = (rows / (ROWS_PER_CELL * noise_sd)).clamp(8.0, MAX_CELLS as f64 / 4.0).floor();
    let width = line.range.width() / pieces;
    if line.lattice && width < 1.5 {
        return equal(line, line.range, line.range.width());
    }
    let finer = |octave: &Interval| octave.width() < width && octave.width() > line.range.width() * 1e-9;
    let octaves = line.octaves().into_iter().filter(finer).flat_map(|octave| [octave.start, octave.end]);
    let mut edges: Vec<f64> = octaves.chain(equal(line, line.range, pieces).iter().map(|cell| cell.start)).collect();
    edges.sort_unstable_by(f64::total_cmp);
    edges.dedup();
    cut(line.range, &edges)
}

/// An interval cut into so many equal pieces, or fewer where a lattice or the precision of numbers has none.
fn equal(line: NumberLine, interval: Interval, pieces: f64) -> Vec<Interval> {
    let edge = |i: u32| {
        let edge = interval.start + interval.width() * (f64::from(i) / pieces);
        if line.lattice { edge.round() } else { edge }
    };
    let mut edges: Vec<f64> = (1..pieces as u32).map(edge).collect();
    edges.dedup();
    cut(interval, &edges)
}

//! Which cells to measure next, given what is known of their parents. Public rules of released quantities.

use std::ops::Range;

use super::number_line::{Interval, NumberLine, cut};
use super::significance::standing_out;
use super::tree::Estimate;

/// Cells of one histogram of bins, at most (and as many again for what is retained of the octaves).
pub const MAX_CELLS: usize = 1024;

/// A cell should be expected to hold so many standard deviations of the noise of a count.
const ROWS_PER_CELL: f64 = 4.0;

/// Adjacent cells of one histogram, and the cells of the next one that take their place.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    pub cells: Range<usize>,
    pub pieces: Vec<Interval>,
}

/// The cells of the next histogram. A cell is cut into about as many pieces as its rows can fill. Cells that do not
/// stand out from the noise are joined, the more of them the farther from those that do: what little lies out there is
/// counted in one cell, with the noise of one. Only cells within one of the `parents` are joined, whose blocks come one by one.
///
/// Not many more than [`MAX_CELLS`] beyond one for each cell. `settled` are cells that need no more measuring: they are
/// left as they are.
pub fn next(
    line: NumberLine,
    parents: impl IntoIterator<Item = usize>,
    cells: &[Interval],
    masses: &[Estimate],
    anchored: impl Fn(&Interval) -> bool,
    settled: impl Fn(&Interval) -> bool,
) -> Vec<Vec<Block>> {
    let settled: Vec<bool> = cells.iter().map(settled).collect();
    let scores = masses.iter().zip(&settled).map(|(mass, settled)| if *settled { 0.0 } else { mass.score() });
    let mut standing = standing_out(&scores.collect::<Vec<_>>(), |i| anchored(&cells[i]));
    standing.iter_mut().zip(&settled).for_each(|(standing, settled)| *standing |= settled);

    let wanted = |mass: &Estimate| (mass.value / (ROWS_PER_CELL * mass.variance.sqrt())).clamp(0.0, MAX_CELLS as f64);
    let total: f64 = masses.iter().map(wanted).sum();
    let scale = (MAX_CELLS as f64 / total.max(1.0)).min(1.0);
    let pieces = |i: usize| if settled[i] { 1.0 } else { (wanted(&masses[i]) * scale).floor().max(1.0) };
    let octaves = octave_edges(line);
    let mut start = 0;
    let blocks_of = |size: usize| {
        let parent = start..start + size;
        let mut blocks = Vec::new();
        for run in runs(&standing[parent.clone()]) {
            let lengths = if standing[start + run.start] {
                vec![1; run.len()]
            } else {
                lengths(run.len(), run.start > 0, run.end < size)
            };
            let mut from = start + run.start;
            for length in lengths {
                let joined = from..from + length;
                let whole = Interval { start: cells[from].start, end: cells[joined.end - 1].end };
                let pieces = if length == 1 { cut_cell(line, &octaves, whole, pieces(from)) } else { vec![whole] };
                from = joined.end;
                blocks.push(Block { cells: joined, pieces });
            }
        }
        start = parent.end;
        blocks
    };
    parents.into_iter().map(blocks_of).collect()
}

/// Maximal runs of equal flags.
pub fn runs(flags: &[bool]) -> Vec<Range<usize>> {
    let mut start = 0;
    let run = |run: &[bool]| {
        let range = start..start + run.len();
        start = range.end;
        range
    };
    flags.chunk_by(|a, b| a == b).map(run).collect()
}

/// How many of `cells` cells are joined at a time: 1, 1, 2, 4 and so on, away from either end that has a neighbour.
fn lengths(cells: usize, left: bool, right: bool) -> Vec<usize> {
    let (mut from_left, mut from_right) = (Vec::new(), Vec::new());
    let mut rest = cells;
    for doubled in 0.. {
        let length = 1usize << i32::max(doubled - 1, 0).min(62);
        for (wanted, lengths) in [(left || !right, &mut from_left), (right, &mut from_right)] {
            if wanted && rest > 0 {
                // What is left over is no cell of its own.
                let length = if rest < 2 * length { rest } else { length };
                lengths.push(length);
                rest -= length;
            }
        }
        if rest == 0 {
            break;
        }
    }
    from_right.reverse();
    [from_left, from_right].concat()
}

/// A cell in so many pieces. Cells of a lattice are never cut below a value, and down to single values as soon as that is
/// about as fine as wanted; cells that reach over several octaves are cut into these first.
fn cut_cell(line: NumberLine, octave_edges: &[f64], cell: Interval, pieces: f64) -> Vec<Interval> {
    let octaves = cut(cell, octave_edges);
    if pieces >= 2.0 && octaves.len() > 2 {
        return octaves;
    }
    equal(line, cell, if line.lattice && cell.width() < 1.5 * pieces { cell.width() } else { pieces })
}

/// Where octaves begin.
pub fn octave_edges(line: NumberLine) -> Vec<f64> {
    line.octaves().iter().map(|octave| octave.start).collect()
}

/// Where both bounds are public: equal cells over the whole range, and octaves where these are finer (so that a wide
/// range says nothing about where in it the values lie), down to a billionth of the range.
pub fn within_bounds(line: NumberLine, rows: f64, noise_sd: f64) -> Vec<Interval> {
    let pieces = (rows / (4.0 * ROWS_PER_CELL * noise_sd)).clamp(8.0, MAX_CELLS as f64 / 4.0).floor();
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

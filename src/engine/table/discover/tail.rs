//! What lies beyond the last cell that stands out: few rows, but those that decide means and deviations. Their mass is
//! kept where it is, with a density that falls away from what stands out. Post-processing of noisy counts.

use std::ops::Range;

use super::leaf::Leaf;
use super::number_line::{Interval, NumberLine, cut};
use super::refine::octave_edges;
use super::tree::Estimate;

/// Standard deviations of its noise that a tail must hold to be kept.
#[derive(Debug, Clone, Copy)]
pub struct Evidence {
    /// Next to what stands out.
    pub next_to: f64,
    /// Anywhere else.
    pub apart: f64,
    /// Where values are not plausible.
    pub far: f64,
    /// What is expected of a tail that nothing is seen of.
    pub unseen: f64,
}

/// Where both bounds are declared, all between them is plausible.
pub const BOUNDED: Evidence = Evidence { next_to: 1.0, apart: 2.5, far: 2.5, unseen: 0.5 };
/// Elsewhere a few rows of noise, far out, would distort every mean.
pub const UNBOUNDED: Evidence = Evidence { next_to: 2.5, apart: 3.0, far: 5.5, unseen: 0.0 };

/// Settles the masses of cells, in order away from what stands out. Those next to it, and some beyond, that probably hold
/// rows keep them. Between declared bounds the others hold less than can be seen, and half as much from cell to cell;
/// elsewhere nothing. All that is kept is a bin of its own, whose rows models count again.
pub fn keep(cells: &mut [Leaf], plausible: Interval, evidence: Evidence) {
    let is_plausible = |leaf: &Leaf| plausible.start <= leaf.interval.start && leaf.interval.end <= plausible.end;
    let least = |leaf: &Leaf, near: f64| if is_plausible(leaf) { near } else { evidence.far };
    let most_certain = |starts: Range<usize>, ends: usize| {
        let scored = starts.flat_map(|start| {
            let totals = cells[start..ends].iter().scan(Estimate { value: 0.0, variance: 0.0 }, |total, leaf| {
                *total = Estimate::sum(&[*total, leaf.mass]);
                Some(total.score())
            });
            totals.enumerate().map(move |(place, score)| (score, start..start + place + 1))
        });
        let certain = scored.filter(|(score, range)| {
            let near = if range.start == 0 { evidence.next_to } else { evidence.apart };
            *score > least(&cells[range.end - 1], near)
        });
        certain.max_by(|a, b| a.0.total_cmp(&b.0)).map_or(0..0, |(_, range)| range)
    };
    let first = most_certain(0..cells.len(), cells.len());
    let (next_to, apart) = if first.start == 0 {
        let beyond = first.end..cells.len();
        (first, if beyond.start > 0 { most_certain(beyond, cells.len()) } else { 0..0 })
    } else {
        (most_certain(0..1, first.start), first)
    };
    for range in [next_to.clone(), apart.clone()] {
        fall(&mut cells[range]);
    }
    let mut unseen = evidence.unseen * cells.first().map_or(0.0, |leaf| leaf.mass.variance.sqrt());
    for (place, leaf) in cells.iter_mut().enumerate() {
        if next_to.contains(&place) || apart.contains(&place) {
            unseen = unseen.min(leaf.mass.value);
        } else {
            unseen /= 2.0;
            leaf.mass.value = unseen;
        }
        leaf.tail = leaf.mass.value > 0.0;
    }
}

/// The nearest masses whose density does not rise from cell to cell: those of adjacent cells that violate this are
/// pooled (least squares by pooling adjacent violators, weighted as if noise grew with width).
fn fall(cells: &mut [Leaf]) {
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    for leaf in cells.iter() {
        let mut pool = (leaf.mass.value, leaf.interval.width(), 1);
        while let Some(last) = pools.last().filter(|last| last.0 * pool.1 <= pool.0 * last.1) {
            pool = (last.0 + pool.0, last.1 + pool.1, last.2 + pool.2);
            pools.pop();
        }
        pools.push(pool);
    }
    let mut cells = cells.iter_mut();
    for (mass, width, count) in pools {
        for leaf in cells.by_ref().take(count) {
            leaf.mass.value = (mass * (leaf.interval.width() / width)).max(0.0);
        }
    }
}

/// A cell of a tail that reaches over several octaves away from zero, as those octaves, each with half as many rows as the
/// one before it.
pub fn by_octaves(line: NumberLine, leaf: &Leaf) -> Vec<Leaf> {
    let octaves = cut(leaf.interval, &octave_edges(line));
    if octaves.len() < 3 {
        return vec![*leaf];
    }
    let share = |octave: &Interval| octave.start.abs().max(octave.end.abs()).recip();
    let total: f64 = octaves.iter().map(share).sum();
    let piece = |octave: &Interval| {
        let part = share(octave) / total;
        let mass = Estimate { value: leaf.mass.value * part, variance: leaf.mass.variance * part };
        Leaf { interval: *octave, mass, ..*leaf }
    };
    octaves.iter().map(piece).collect()
}

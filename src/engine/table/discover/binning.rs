//! Measured cells become at most [`MAX_BINS`] bins of about equal mass. Pure post-processing of noisy counts.
//!
//! 1. Cells that do not stand out from the noise are pooled with their neighbours, and emptied where the pool does not
//!    stand out either.
//! 2. Single values that would fill a bin by themselves get a bin of their own; what lies between is cut into bins of
//!    about equal mass, at wide gaps first, none so small that it would drown in noise.
//! 3. Within a bin, the masses of the cells are drawn towards an even density by as much as noise explains their
//!    spread (James and Stein).

use super::leaf::Leaf;
use super::number_line::{Interval, NumberLine};
use super::refine::runs;
use super::significance::standing_out;
use super::tail;
use super::tree::Estimate;
use crate::engine::table::{Bin, MAX_CODES, Part};

/// Bins of one column, at most: with NULL, no more codes than models tell apart.
pub const MAX_BINS: usize = MAX_CODES - 1;

/// What a pool of cells must hold, in standard deviations of its noise, not to be emptied: noise alone holds that with
/// probability 0.0013.
const POOL_STANDS_OUT: f64 = 3.0;

/// The same for all cells together where none stands out.
const ALL_STANDS_OUT: f64 = 4.0;

/// The same for a pool of at most [`CLEFT`] cells between two that stand out: values there are not absurd.
const CLEFT_STANDS_OUT: f64 = 1.0;
const CLEFT: usize = 3;

/// The same for some cells of a pool next to one that stands out, such as the tail of a hump before a long stretch of
/// nothing: they are looked for at ten lengths or so on either side.
const FRINGE_STANDS_OUT: f64 = 3.5;

/// Two halves of a pool differ if they do by so many standard deviations.
const HALVES_DIFFER: f64 = 2.5;

/// A bin should hold so many standard deviations of the noise of a count: the first [`FEW_BINS`] need less, without which
/// nothing would be told apart.
const ROWS_PER_BIN: f64 = 12.0;
const ROWS_PER_FIRST_BIN: f64 = 6.0;
const FEW_BINS: f64 = 32.0;

/// A single value that many rows hold.
#[derive(Debug, Clone, Copy)]
pub struct Atom {
    pub value: f64,
    pub rows: f64,
}

/// All that was measured of a column: ascending cells, each adjacent to the next, and ascending atoms.
#[derive(Debug, Clone)]
pub struct Masses {
    pub leaves: Vec<Leaf>,
    pub atoms: Vec<Atom>,
    /// Standard deviation of the noise of one count.
    pub noise_sd: f64,
}

/// A stretch of values `lo..=hi` of even density.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    lo: f64,
    hi: f64,
    rows: f64,
    width: f64,
    variance: f64,
    atom: bool,
    tail: bool,
}

impl Stretch {
    fn is_point(&self) -> bool {
        self.lo == self.hi
    }
}

/// Ascending bins with parts weighted by rows; none if nothing stands out.
pub fn bins(line: NumberLine, masses: Masses) -> Vec<Bin> {
    let noise_sd = masses.noise_sd;
    let leaves = settle(line, masses.leaves);
    let stretches = stretches(line, &leaves, &masses.atoms);
    let mut groups = group(line, &stretches, noise_sd);
    groups.iter_mut().for_each(|group| shrink(line, group));
    groups.iter().map(|group| Bin { parts: parts(line, group) }).collect()
}

/// Makes the masses of adjacent cells count: none negative, and none but noise. Cells without any are left out.
fn settle(line: NumberLine, mut cells: Vec<Leaf>) -> Vec<Leaf> {
    let scores: Vec<f64> = cells.iter().map(|leaf| leaf.mass.score()).collect();
    let mut standing = standing_out(&scores, |_| false);
    standing.iter_mut().zip(cells.iter()).for_each(|(standing, leaf)| *standing |= leaf.full);
    let first = standing.iter().position(|standing| *standing).unwrap_or(0);
    let last = standing.iter().rposition(|standing| *standing).unwrap_or(cells.len());
    for run in runs(&standing).into_iter().filter(|run| !standing[run.start]) {
        let between = run.start > first && run.end <= last;
        let run = &mut cells[run];
        if between && run.len() <= CLEFT {
            pool(run, CLEFT_STANDS_OUT);
        } else if between && !stands_out(run, POOL_STANDS_OUT) {
            keep_fringes(run);
        } else if between {
            pool(run, POOL_STANDS_OUT);
        } else if last == standing.len() {
            pool(run, ALL_STANDS_OUT);
        }
    }
    if last < standing.len() {
        let kept = Interval { start: cells[first].interval.start, end: cells[last].interval.end };
        let (range, evidence) =
            if line.is_bounded { (line.range, tail::BOUNDED) } else { (plausible(kept), tail::UNBOUNDED) };
        tail::keep(&mut cells[last + 1..], range, evidence);
        cells[..first].reverse();
        tail::keep(&mut cells[..first], range, evidence);
        cells[..first].reverse();
    }
    let away_from_zero =
        |place: usize, cell: &Interval| (place < first && cell.end <= 0.0) || (place > last && cell.start >= 0.0);
    let cells = cells.into_iter().enumerate().filter(|(_, leaf)| leaf.mass.value > 0.0);
    let shaped =
        cells.flat_map(
            |(place, leaf)| {
                if away_from_zero(place, &leaf.interval) { tail::by_octaves(line, &leaf) } else { vec![leaf] }
            },
        );
    shaped.collect()
}

/// Where values may lie if these stand out: as far again on both sides, four times as far from zero, and all that is nearer
/// to zero.
fn plausible(kept: Interval) -> Interval {
    let Interval { start, end } = kept;
    let width = kept.width();
    Interval { start: (start - width).min(4.0 * start).min(0.0), end: (end + width).max(4.0 * end).max(0.0) }
}

/// Spreads the mass of some cells evenly, or by halves where they differ; nothing remains if it is but noise.
fn pool(cells: &mut [Leaf], stands_out: f64) {
    if !self::stands_out(cells, stands_out) {
        cells.iter_mut().for_each(|leaf| leaf.mass.value = 0.0);
        return;
    }
    let width: f64 = cells.iter().map(|leaf| leaf.interval.width()).sum();
    let (left, right) = cells.split_at_mut(cells.len() / 2);
    let share = left.iter().map(|leaf| leaf.interval.width()).sum::<f64>() / width;
    let (in_left, in_right) = (sum(left), sum(right));
    let difference = in_left.value * (1.0 - share) - in_right.value * share;
    let variance = in_left.variance * (1.0 - share).powi(2) + in_right.variance * share.powi(2);
    if !left.is_empty() && difference.abs() > HALVES_DIFFER * variance.sqrt() {
        pool(left, stands_out);
        pool(right, stands_out);
    } else {
        spread(cells);
    }
}

/// Whether some cells together hold more than so many standard deviations of their noise.
fn stands_out(cells: &[Leaf], deviations: f64) -> bool {
    let total = sum(cells);
    total.value > deviations * total.variance.sqrt()
}

/// Spreads the mass of some cells evenly.
fn spread(cells: &mut [Leaf]) {
    let total = sum(cells).value;
    let width: f64 = cells.iter().map(|leaf| leaf.interval.width()).sum();
    cells.iter_mut().for_each(|leaf| leaf.mass.value = total * leaf.interval.width() / width);
}

/// Empties cells that do not stand out together, but for those at either end that do.
fn keep_fringes(cells: &mut [Leaf]) {
    let length = |cells: &[Leaf]| {
        let lengths = std::iter::successors(Some(1), |length| Some(2 * length)).take_while(|n| *n <= cells.len());
        let mut lengths = lengths.filter(|length| stands_out(&cells[..*length], FRINGE_STANDS_OUT));
        lengths.next().unwrap_or(0)
    };
    let from_left = length(cells);
    cells.reverse();
    let from_right = length(cells).min(cells.len() - from_left);
    cells.reverse();
    let (fringe, rest) = cells.split_at_mut(from_left);
    let (rest, other) = rest.split_at_mut(rest.len() - from_right);
    spread(fringe);
    rest.iter_mut().for_each(|leaf| leaf.mass.value = 0.0);
    spread(other);
    other.iter_mut().for_each(|leaf| leaf.mass.value = leaf.mass.value.max(0.0));
}

fn sum(cells: &[Leaf]) -> Estimate {
    Estimate {
        value: cells.iter().map(|leaf| leaf.mass.value).sum(),
        variance: cells.iter().map(|leaf| leaf.mass.variance).sum(),
    }
}

/// Cells and atoms in one ascending sequence; a cell with atoms inside is cut at them.
fn stretches(line: NumberLine, leaves: &[Leaf], atoms: &[Atom]) -> Vec<Stretch> {
    let mut all: Vec<Stretch> = Vec::with_capacity(leaves.len() + 2 * atoms.len());
    let atom = |atom: &Atom| {
        let Atom { value, rows } = *atom;
        Stretch { lo: value, hi: value, rows, width: 0.0, variance: 0.0, atom: true, tail: false }
    };
    all.extend(atoms.iter().filter(|atom| atom.rows > 0.0).map(atom));
    for leaf in leaves {
        let Interval { start, end } = leaf.interval;
        let mut pieces = Vec::new();
        let mut lo = start;
        for inside in atoms.iter().map(|atom| atom.value).filter(|value| start <= *value && *value < end) {
            pieces.push((lo, line.before(inside)));
            lo = line.after(inside);
        }
        pieces.push((lo, line.before(end)));
        pieces.retain(|(lo, hi)| lo <= hi);
        let width = |(lo, hi): (f64, f64)| if line.lattice { hi - lo + 1.0 } else { (hi - lo).max(f64::MIN_POSITIVE) };
        let total: f64 = pieces.iter().copied().map(width).sum();
        all.extend(pieces.iter().map(|piece| {
            let share = width(*piece) / total;
            Stretch {
                lo: piece.0,
                hi: piece.1,
                rows: leaf.mass.value * share,
                width: width(*piece),
                variance: leaf.mass.variance * share,
                atom: false,
                tail: leaf.tail,
            }
        }));
    }
    all.sort_by(|a, b| a.lo.total_cmp(&b.lo));
    all
}

/// Cuts the sequence into groups, one a bin.
fn group(line: NumberLine, stretches: &[Stretch], noise_sd: f64) -> Vec<Vec<Stretch>> {
    let rows: f64 = stretches.iter().map(|stretch| stretch.rows).sum();
    let few = affordable(rows / noise_sd).clamp(FEW_BINS, MAX_BINS as f64);
    if stretches.len() as f64 <= few && stretches.iter().all(Stretch::is_point) {
        return stretches.iter().map(|stretch| vec![*stretch]).collect();
    }
    let (heavy, target) = heavy(stretches, noise_sd);
    let mut groups: Vec<(Vec<Stretch>, f64, bool)> = Vec::new();
    for (stretch, heavy) in stretches.iter().zip(heavy) {
        match groups.last_mut() {
            Some((group, rows, false))
                if !heavy
                    && group.last().is_some_and(|last| last.tail == stretch.tail)
                    && *rows + stretch.rows / 2.0 <= target
                    && (5.0 * *rows < target || !is_apart(line, group, stretch)) =>
            {
                group.push(*stretch);
                *rows += stretch.rows;
            }
            _ => groups.push((vec![*stretch], stretch.rows, heavy)),
        }
    }
    // Slivers between heavy values are not worth a bin; nor are there bins to spare.
    loop {
        let sliver = |(_, rows, heavy): &(_, f64, bool)| !heavy && *rows < (0.2 * target).max(noise_sd);
        let cost = |i: usize| {
            let (left, right) = (&groups[i], &groups[i + 1]);
            let purity = f64::from(u8::from(left.2) + u8::from(right.2));
            (left.1 + right.1) * (1.0 + purity)
        };
        let is_tail = |i: usize| groups[i].0.iter().any(|stretch| stretch.tail);
        let mergeable = |i: &usize| {
            let wanted = groups.len() > MAX_BINS || sliver(&groups[*i]) || sliver(&groups[*i + 1]);
            wanted && is_tail(*i) == is_tail(*i + 1)
        };
        let pairs = 0..groups.len().saturating_sub(1);
        let Some(best) = pairs.filter(mergeable).min_by(|a, b| cost(*a).total_cmp(&cost(*b))) else {
            return groups.into_iter().map(|(group, _, _)| group).collect();
        };
        let (group, rows, _) = groups.remove(best + 1);
        groups[best].0.extend(group);
        groups[best].1 += rows;
        groups[best].2 = false;
    }
}

/// Whether a gap wider than the whole group lies between it and the next stretch.
fn is_apart(line: NumberLine, group: &[Stretch], next: &Stretch) -> bool {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return false };
    next.lo - line.after(last.hi) > last.hi - first.lo
}

/// How many bins so many rows, in standard deviations of the noise of a count, are worth.
fn affordable(rows: f64) -> f64 {
    (rows / ROWS_PER_BIN).max((rows / ROWS_PER_FIRST_BIN).min(FEW_BINS))
}

/// Which stretches are single values that fill a bin by themselves, and the rows that each other bin should hold.
fn heavy(stretches: &[Stretch], noise_sd: f64) -> (Vec<bool>, f64) {
    let mut heavy = vec![false; stretches.len()];
    loop {
        let alone = heavy.iter().filter(|heavy| **heavy).count();
        let rest: f64 = stretches.iter().zip(&heavy).filter(|(_, heavy)| !**heavy).map(|(s, _)| s.rows).sum();
        let free = MAX_BINS.saturating_sub(alone).max(1) as f64;
        let target = rest / affordable(rest / noise_sd).floor().clamp(1.0, free);
        let found: Vec<usize> = (0..stretches.len())
            .filter(|i| !heavy[*i] && stretches[*i].is_point() && stretches[*i].rows >= target)
            .collect();
        if found.is_empty() || alone + found.len() >= MAX_BINS {
            return (heavy, target);
        }
        found.into_iter().for_each(|i| heavy[i] = true);
    }
}

/// Draws the masses of a group's adjacent cells towards an even density. Atoms stand by themselves, and so do cells much
/// wider than their neighbours: these were not cut because little was found in them.
fn shrink(line: NumberLine, group: &mut [Stretch]) {
    let alike = |a: &Stretch, b: &Stretch| {
        let widths = if a.width > b.width { a.width / b.width } else { b.width / a.width };
        !a.atom && !b.atom && !a.tail && line.after(a.hi) == b.lo && widths < 4.0
    };
    for cells in group.chunk_by_mut(alike) {
        let rows: f64 = cells.iter().map(|cell| cell.rows).sum();
        let width: f64 = cells.iter().map(|cell| cell.width).sum();
        let even = |cell: &Stretch| rows * (cell.width / width);
        let spread: f64 = cells.iter().map(|cell| (cell.rows - even(cell)).powi(2)).sum();
        let noise = cells.iter().map(|cell| cell.variance).sum::<f64>() * (1.0 - 1.0 / cells.len() as f64);
        if cells.len() > 1 {
            let keep = if spread > noise { 1.0 - noise / spread } else { 0.0 };
            cells.iter_mut().for_each(|cell| cell.rows = even(cell) + keep * (cell.rows - even(cell)));
        }
    }
}

/// The parts of a bin: adjacent stretches of one density are one part.
fn parts(line: NumberLine, group: &[Stretch]) -> Vec<Part> {
    let mut merged: Vec<Stretch> = Vec::with_capacity(group.len());
    for stretch in group {
        match merged.last_mut() {
            Some(last)
                if !last.atom
                    && !stretch.atom
                    && line.after(last.hi) == stretch.lo
                    && (last.rows * stretch.width - stretch.rows * last.width).abs()
                        <= 1e-9 * (last.rows * stretch.width).abs() =>
            {
                last.hi = stretch.hi;
                last.rows += stretch.rows;
                last.width += stretch.width;
            }
            _ => merged.push(*stretch),
        }
    }
    merged.iter().map(|stretch| Part { lo: stretch.lo, hi: stretch.hi, weight: stretch.rows }).collect()
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn bins_are_few_ascending_and_hold_what_stands_out() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut unit = || (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        for round in 0..200 {
            let line = NumberLine::new(round % 2 == 0, None, None);
            let mut start = -500.0;
            let mut leaves = Vec::new();
            for i in 1..=300 {
                let end = start + if i % 60 == 0 { 1_000.0 } else { 1.0 + (unit() * 10.0).floor() };
                let interval = Interval { start, end };
                start = end;
                let mass = Estimate { value: 400.0 * unit().powi(3) - 20.0, variance: 200.0 };
                leaves.push(Leaf::new(interval, mass, false));
            }
            let values = [-500.0, -499.0, -450.0, 0.0, 700.0, 9_000.0];
            let atoms = values.iter().map(|value| Atom { value: *value, rows: 3_000.0 * unit() }).collect();
            let bins = bins(line, Masses { leaves, atoms, noise_sd: 20.0 });
            assert!(bins.len() <= MAX_BINS && bins.len() > 20, "{}", bins.len());
            let parts: Vec<&Part> = bins.iter().flat_map(|bin| &bin.parts).collect();
            assert!(parts.iter().all(|part| part.lo <= part.hi && part.weight >= 0.0));
            assert!(parts.iter().zip(&parts[1..]).all(|(left, right)| left.hi < right.lo));
            for atom in values {
                assert!(parts.iter().any(|part| part.lo == atom && part.hi == atom));
            }
        }
    }

    /// What becomes of adjacent cells whose noise has a standard deviation of 1.
    fn settled(masses: &[f64]) -> Vec<f64> {
        let cell = |(i, mass): (usize, &f64)| {
            let interval = Interval { start: 100.0 + i as f64, end: 101.0 + i as f64 };
            Leaf::new(interval, Estimate { value: *mass, variance: 1.0 }, false)
        };
        let mut settled = vec![0.0; masses.len()];
        let line = NumberLine::new(true, Some(100.0), None);
        for leaf in settle(line, masses.iter().enumerate().map(cell).collect()) {
            settled[leaf.interval.start as usize - 100] = leaf.mass.value;
        }
        settled
    }

    #[test]
    fn noise_around_a_cell_is_emptied_and_a_low_plain_is_kept() {
        assert_eq!(settled(&[0.5, -1.0, 1.2, 0.1, 9.0, -0.3, 0.7]), [0.0, 0.0, 0.0, 0.0, 9.0, 0.0, 0.0]);
        // Sixteen cells of one and a half standard deviations each hold six of theirs together.
        assert_eq!(settled(&[1.5; 16]), [1.5; 16]);
        let mut half = [1.5; 32];
        half[16..].fill(0.0);
        assert_eq!(settled(&half), half);
    }

    #[test]
    fn the_tail_of_a_hump_is_kept_before_a_long_stretch_of_nothing() {
        let mut masses = vec![0.0; 500];
        masses[..6].copy_from_slice(&[9.0, 1.9, 1.8, 1.9, 1.8, -1.0]);
        let mut mirrored = masses.clone();
        mirrored.reverse();
        for (masses, end) in [(&masses, 0), (&mirrored, 499)] {
            let settled = settled(masses);
            let at = |place: usize| settled[usize::abs_diff(end, place)];
            let around = |place: usize, value: f64| (at(place) - value).abs() < 0.06;
            assert!((1..5).all(|place| around(place, 1.85)) && (5..500).all(|place| at(place) == 0.0), "{settled:?}");
        }
        // Where nothing joins it, it may be anything.
        let mut alone = vec![0.0; 500];
        alone[3..7].fill(1.9);
        assert_eq!(settled(&alone), [0.0; 500]);
    }
}

//! Which marginals to measure next: how wrong the model's counts are, on grids from fine to coarse.

use rayon::prelude::*;

use super::byte_table::ByteTable;
use super::clique::Clique;
use super::coarsening::Coarsening;
use super::marginal::Marginal;

/// Columns that a candidate has, at most.
pub const MAX_COLUMNS: usize = 3;
/// Groups of a column that a candidate of three columns sees, at most.
const MAX_GROUPS_OF_THREE: usize = 16;

/// Columns through levels of their coarsenings, and what measuring them would mend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Its place among the cliques.
    pub clique: usize,
    /// One level for each of the clique's columns.
    pub levels: [u8; MAX_COLUMNS],
    pub score: f64,
}

impl Candidate {
    /// What it would measure, as one of `cliques`.
    pub fn marginal(&self, cliques: &[Clique]) -> Marginal {
        let clique = cliques[self.clique].clone();
        Marginal { levels: self.levels[..clique.columns().len()].to_vec(), clique }
    }
}

/// How much a measurement of each clique would mend, through every combination of levels: the L1 distance between the
/// table's counts and the model's, less what noise of `noise_sd` a count would add (AIM: McKenna et al., arXiv
/// 2201.12677, section 3). A fine grid shows more of the distance and adds more noise, so that the best of a clique's
/// grids is as fine as its counts can bear. `rows` is the (noisy) number of rows of `table`, to which the pool is
/// scaled.
///
/// Adding or removing a row of `table` changes one cell of every grid by one, and so every score by at most 1;
/// `m` rows, by at most `m`.
pub fn scores(
    cliques: &[Clique],
    coarsening: &Coarsening,
    table: &ByteTable,
    pool: &ByteTable,
    rows: f64,
    noise_sd: f64,
) -> Vec<Candidate> {
    let scale = rows / pool.rows as f64;
    let noise = (2.0 / std::f64::consts::PI).sqrt() * noise_sd;
    let score = |(place, clique): (usize, &Clique)| {
        let finest = finest(clique, coarsening);
        let counts = finest.count(coarsening, table).into_iter().zip(finest.count(coarsening, pool));
        let grid: Vec<f64> = counts.map(|(real, model)| real as f64 - model as f64 * scale).collect();
        let mut candidates = Vec::new();
        let mut levels = [0; MAX_COLUMNS];
        coarsen(&finest, coarsening, 0, grid, &mut levels, &mut |grid, levels| {
            let distance: f64 = grid.iter().map(|cell| cell.abs()).sum();
            candidates.push(Candidate { clique: place, levels, score: distance - noise * grid.len() as f64 });
        });
        candidates
    };
    cliques.par_iter().enumerate().flat_map_iter(score).collect()
}

/// The finest marginal of a clique that is looked at.
fn finest(clique: &Clique, coarsening: &Coarsening) -> Marginal {
    if clique.columns().len() < 3 {
        return Marginal::of_codes(clique.clone());
    }
    let level = |column: &usize| {
        let narrow = coarsening.levels(*column).iter().position(|level| level.size <= MAX_GROUPS_OF_THREE);
        narrow.unwrap_or(coarsening.levels(*column).len() - 1) as u8
    };
    Marginal { levels: clique.columns().iter().map(level).collect(), clique: clique.clone() }
}

/// Visits every grid that `grid`, which is `finest`, becomes through coarser levels of the columns from `axis` on.
fn coarsen(
    finest: &Marginal,
    coarsening: &Coarsening,
    axis: usize,
    mut grid: Vec<f64>,
    levels: &mut [u8; MAX_COLUMNS],
    visit: &mut impl FnMut(&[f64], [u8; MAX_COLUMNS]),
) {
    let Some(column) = finest.clique.columns().get(axis) else { return visit(&grid, *levels) };
    let below: usize = finest.levels(coarsening).skip(axis + 1).map(|(_, level)| level.size).product();
    let ladder_rungs = coarsening.levels(*column);
    let start = usize::from(finest.levels[axis]);
    for (i, level) in ladder_rungs.iter().enumerate().skip(start) {
        if i > start {
            grid = merge(&grid, &level.above(&ladder_rungs[i - 1]), level.size, below);
        }
        levels[axis] = i as u8;
        coarsen(finest, coarsening, axis + 1, grid.clone(), levels, visit);
    }
}

/// The grid with slice `g` of one axis added to slice `above[g]` of `size`; `below` cells lie between its slices.
fn merge(grid: &[f64], above: &[u8], size: usize, below: usize) -> Vec<f64> {
    let mut merged = vec![0.0; grid.len() / above.len() * size];
    for (from, to) in grid.chunks_exact(above.len() * below).zip(merged.chunks_exact_mut(size * below)) {
        for (slice, group) in from.chunks_exact(below).zip(above) {
            let to = &mut to[usize::from(*group) * below..][..below];
            to.iter_mut().zip(slice).for_each(|(sum, cell)| *sum += cell);
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const SIZES: [usize; 3] = [2, 40, 6];

    fn rows(rows: usize, seed: u64) -> ByteTable {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let column = |size: usize| (0..rows).map(|_| rng.random_range(0..size) as u8).collect();
        ByteTable { rows, sizes: SIZES.to_vec(), columns: SIZES.map(column).to_vec() }
    }

    fn coarsening() -> Coarsening {
        Coarsening::new(&SIZES.map(|size| vec![1.0; size]), &[0, 40, 6], &vec![vec![]; 3])
    }

    fn cliques() -> [Clique; 3] {
        [vec![0, 2], vec![1, 2], vec![0, 1, 2]].map(Clique::new)
    }

    #[test]
    fn one_row_changes_a_score_by_one_at_most() {
        let (large, pool) = (rows(60, 1), rows(90, 2));
        let small = large.subset(&(1..60).collect::<Vec<u32>>());
        let scores = |table| scores(&cliques(), &coarsening(), table, &pool, 59.5, 1.0);
        for (a, b) in scores(&small).iter().zip(scores(&large)) {
            assert!((a.score - b.score).abs() <= 1.0 + 1e-12);
        }
    }

    #[test]
    fn every_grid_has_the_score_of_its_own_counts() {
        let (table, pool, cliques) = (rows(60, 3), rows(30, 4), cliques());
        let candidates = scores(&cliques, &coarsening(), &table, &pool, 60.0, 0.5);
        let levels = |column: usize| coarsening().levels(column).len();
        let narrow = coarsening().levels(1).iter().filter(|level| level.size <= MAX_GROUPS_OF_THREE).count();
        let wanted = levels(0) * levels(2) + levels(1) * levels(2) + levels(0) * narrow * levels(2);
        assert!(candidates.len() == wanted && narrow < levels(1));
        for candidate in candidates {
            let marginal = candidate.marginal(&cliques);
            let counts = marginal.count(&coarsening(), &table).into_iter().zip(marginal.count(&coarsening(), &pool));
            let distance: f64 = counts.map(|(a, b)| (a as f64 - 2.0 * b as f64).abs()).sum();
            let noise = 0.5 * (2.0 / std::f64::consts::PI).sqrt() * marginal.cells(&coarsening()) as f64;
            assert!((candidate.score - (distance - noise)).abs() < 1e-9);
        }
    }
}

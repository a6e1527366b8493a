//! Which marginals to measure next: how wrong the model's counts are, on grids from fine to coarse.

use rayon::prelude::*;

use super::clique::Clique;
use super::ladder::Ladder;
use super::marginal::Marginal;
use super::rows::Rows;

/// A pair of columns through two rungs, and what measuring it would mend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Its place among the pairs.
    pub pair: usize,
    pub rungs: [u8; 2],
    pub score: f64,
}

/// How much a measurement of each pair would mend, through every combination of rungs: the L1 distance between the
/// table's counts and the model's, less what noise of `noise_sd` a count would add (AIM: McKenna et al., arXiv
/// 2201.12677, section 3). A fine grid shows more of the distance and adds more noise, so that the best of a pair's
/// grids is as fine as its counts can bear. `rows` is the (noisy) number of rows of `table`, to which the pool is
/// scaled.
///
/// Adding or removing a row of `table` changes one cell of every grid by one, and so every score by at most 1;
/// `m` rows, by at most `m`.
pub fn scores(
    pairs: &[Clique],
    ladder: &Ladder,
    table: &Rows,
    pool: &Rows,
    rows: f64,
    noise_sd: f64,
) -> Vec<Candidate> {
    let scale = rows / pool.rows as f64;
    let noise = (2.0 / std::f64::consts::PI).sqrt() * noise_sd;
    let score = |(pair, clique): (usize, &Clique)| {
        let codes = Marginal::of_codes(clique.clone());
        let counts = codes.count(ladder, table).into_iter().zip(codes.count(ladder, pool));
        let mut rest: Vec<f64> = counts.map(|(real, model)| real as f64 - model as f64 * scale).collect();
        let &[first, second] = clique.columns() else { return Vec::new() };
        let mut candidates = Vec::new();
        for (i, rung) in ladder.rungs(first).iter().enumerate() {
            if i > 0 {
                rest = merge_rows(&rest, &rung.above(&ladder.rungs(first)[i - 1]), rung.size);
            }
            let mut grid = rest.clone();
            for (j, other) in ladder.rungs(second).iter().enumerate() {
                if j > 0 {
                    let finer = &ladder.rungs(second)[j - 1];
                    grid = merge_columns(&grid, &other.above(finer), other.size);
                }
                let distance: f64 = grid.iter().map(|cell| cell.abs()).sum();
                let score = distance - noise * grid.len() as f64;
                candidates.push(Candidate { pair, rungs: [i as u8, j as u8], score });
            }
        }
        candidates
    };
    pairs.par_iter().enumerate().flat_map_iter(score).collect()
}

/// The grid with row `r` added to row `above[r]` of `size`.
fn merge_rows(grid: &[f64], above: &[u8], size: usize) -> Vec<f64> {
    let width = grid.len() / above.len();
    let mut merged = vec![0.0; size * width];
    for (row, to) in grid.chunks_exact(width).zip(above) {
        let to = &mut merged[usize::from(*to) * width..][..width];
        to.iter_mut().zip(row).for_each(|(sum, cell)| *sum += cell);
    }
    merged
}

/// The grid with column `c` of every row added to column `above[c]` of `size`.
fn merge_columns(grid: &[f64], above: &[u8], size: usize) -> Vec<f64> {
    let mut merged = vec![0.0; grid.len() / above.len() * size];
    for (row, to) in grid.chunks_exact(above.len()).zip(merged.chunks_exact_mut(size)) {
        row.iter().zip(above).for_each(|(cell, group)| to[usize::from(*group)] += cell);
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(first: &[u8], second: &[u8]) -> Rows {
        Rows { rows: first.len(), sizes: vec![2, 6], columns: vec![first.to_vec(), second.to_vec()] }
    }

    fn ladder() -> Ladder {
        Ladder::new(&[vec![1.0; 2], vec![1.0; 6]], &[0, 6])
    }

    #[test]
    fn one_row_changes_a_score_by_one_at_most() {
        let (small, large) = (rows(&[0, 1], &[1, 5]), rows(&[0, 1, 0], &[1, 5, 3]));
        let pool = rows(&[0, 1, 1], &[4, 0, 1]);
        let scores = |table| scores(&[Clique::new(vec![0, 1])], &ladder(), table, &pool, 2.5, 1.0);
        for (a, b) in scores(&small).iter().zip(scores(&large)) {
            assert!((a.score - b.score).abs() <= 1.0 + 1e-12);
        }
    }

    #[test]
    fn every_grid_has_the_score_of_its_own_counts() {
        let table = rows(&[0, 1, 0, 1, 1, 1], &[0, 1, 2, 3, 4, 4]);
        let pool = rows(&[0, 0, 1], &[5, 4, 1]);
        let candidates = scores(&[Clique::new(vec![0, 1])], &ladder(), &table, &pool, 6.0, 0.5);
        assert_eq!(candidates.len(), ladder().rungs(1).len());
        for candidate in candidates {
            let marginal = Marginal { clique: Clique::new(vec![0, 1]), rungs: candidate.rungs.to_vec() };
            let counts = marginal.count(&ladder(), &table).into_iter().zip(marginal.count(&ladder(), &pool));
            let distance: f64 = counts.map(|(a, b)| (a as f64 - 2.0 * b as f64).abs()).sum();
            let noise = 0.5 * (2.0 / std::f64::consts::PI).sqrt() * marginal.cells(&ladder()) as f64;
            assert!((candidate.score - (distance - noise)).abs() < 1e-9);
        }
    }
}

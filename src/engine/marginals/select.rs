//! Which cliques to measure next: how wrong the model's counts are.

use rayon::prelude::*;

use super::clique::Clique;
use super::rows::Rows;

/// How much a measurement of each candidate would mend: the L1 distance between the table's counts and the model's,
/// less what noise of `noise_sd` a count would add (AIM: McKenna et al., arXiv 2201.12677, section 3). `rows` is the
/// (noisy) number of rows of `table`, to which the pool is scaled.
///
/// Adding or removing a row of `table` changes every score by at most 1, and so `m` rows by at most `m`.
pub fn scores(candidates: &[Clique], table: &Rows, pool: &Rows, rows: f64, noise_sd: f64) -> Vec<f64> {
    let scale = rows / pool.rows as f64;
    let noise = (2.0 / std::f64::consts::PI).sqrt() * noise_sd;
    let score = |clique: &Clique| {
        let counts = clique.count(table).into_iter().zip(clique.count(pool));
        let distance: f64 = counts.map(|(real, model)| (real as f64 - model as f64 * scale).abs()).sum();
        distance - noise * clique.cells(&table.sizes) as f64
    };
    candidates.par_iter().map(score).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_changes_a_score_by_one_at_most() {
        let pool = Rows { rows: 3, sizes: vec![2, 2], columns: vec![vec![0, 1, 1], vec![0, 0, 1]] };
        let small = Rows { rows: 2, sizes: vec![2, 2], columns: vec![vec![0, 1], vec![1, 1]] };
        let large = Rows { rows: 3, sizes: vec![2, 2], columns: vec![vec![0, 1, 0], vec![1, 1, 0]] };
        let candidates = [Clique::new(vec![0, 1]), Clique::new(vec![0])];
        let scores = |table| scores(&candidates, table, &pool, 2.5, 1.0);
        for (a, b) in scores(&small).iter().zip(scores(&large)) {
            assert!((a - b).abs() <= 1.0 + 1e-12);
        }
    }
}

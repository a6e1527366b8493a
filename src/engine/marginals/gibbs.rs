//! Rows as states of a Markov chain with restarts: at each sweep a row starts afresh from the tree with a fixed
//! probability, and is then denoised column by column. A row is thus a tree row after a geometric number of sweeps,
//! in fitting and in sampling alike, so the model is fitted to exactly what sampling does, however slowly the
//! denoiser alone would mix.

use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;

use super::byte_table::{ByteTable, for_each_chunk};
use super::chow_liu::ChowLiuTree;
use super::denoiser::Denoiser;

/// Chance of a restart at each sweep: eight sweeps a row on average.
const RESTART: f64 = 0.125;
/// Sweeps a row gets at most: one in fifty thousand would get more.
const MAX_SWEEPS: usize = 80;

/// One sweep over a pool of rows whose ages are in their stationary distribution.
pub fn advance(pool: &mut ByteTable, tree: &ChowLiuTree, denoiser: &Denoiser, seed: u64) {
    for_each_chunk(pool, seed, |chunk, rng: &mut ChaCha8Rng| {
        for row in 0..chunk[0].len() {
            if rng.random_bool(RESTART) {
                tree.draw(chunk, row, rng);
            }
        }
        denoiser.enter(chunk);
        denoiser.sweep(chunk, rng);
        denoiser.leave(chunk, rng);
    });
}

/// Fresh rows, each drawn from the tree and given its own number of sweeps.
pub fn sample(rows: usize, sizes: &[usize], tree: &ChowLiuTree, denoiser: &Denoiser, seed: u64) -> ByteTable {
    let mut pool = ByteTable::zeros(rows, sizes);
    for_each_chunk(&mut pool, seed, |chunk, rng: &mut ChaCha8Rng| {
        let count = chunk[0].len();
        let mut sweeps: Vec<usize> = (0..count).map(|_| sweeps(rng)).collect();
        sweeps.sort_unstable_by(|a, b| b.cmp(a));
        (0..count).for_each(|row| tree.draw(chunk, row, rng));
        denoiser.enter(chunk);
        // Rows stand in descending order of the sweeps they are due, so those still due are a prefix.
        for done in 0..sweeps[0] {
            let due = sweeps.partition_point(|due| *due > done);
            let mut prefix: Vec<&mut [u8]> = chunk.iter_mut().map(|column| &mut column[..due]).collect();
            denoiser.sweep(&mut prefix, rng);
        }
        denoiser.leave(chunk, rng);
        for row in (1..count).rev() {
            let other = rng.random_range(0..=row);
            chunk.iter_mut().for_each(|column| column.swap(row, other));
        }
    });
    pool
}

/// Sweeps since the last restart, the one that followed it included.
fn sweeps(rng: &mut impl Rng) -> usize {
    let uniform = 1.0 - rng.random::<f64>();
    ((uniform.ln() / (1.0 - RESTART).ln()) as usize + 1).min(MAX_SWEEPS)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn ages_have_the_mean_of_the_chain() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mean = (0..100_000).map(|_| sweeps(&mut rng) as f64).sum::<f64>() / 1e5;
        // Standard deviation 7.5 / sqrt(1e5) = 0.024; six of them leave a false alarm of 2e-9.
        assert!((mean - 1.0 / RESTART).abs() < 0.15, "{mean}");
    }
}

//! Tables of small codes: at most 256 a column, so that a code is a byte.

use rand::{Rng, SeedableRng};
use rayon::prelude::*;

/// Codes column by column, one byte each; column `c` takes values below `sizes[c]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByteTable {
    pub rows: usize,
    pub sizes: Vec<usize>,
    pub columns: Vec<Vec<u8>>,
}

impl ByteTable {
    /// A table of zeros.
    pub fn zeros(rows: usize, sizes: &[usize]) -> Self {
        Self { rows, sizes: sizes.to_vec(), columns: vec![vec![0; rows]; sizes.len()] }
    }

    /// The rows with these numbers.
    pub fn subset(&self, rows: &[u32]) -> Self {
        let columns = self.columns.iter().map(|column| rows.iter().map(|row| column[*row as usize]).collect());
        Self { rows: rows.len(), sizes: self.sizes.clone(), columns: columns.collect() }
    }

    /// Disjoint runs of at most `length` rows, each as one mutable slice a column.
    pub fn chunks_mut(&mut self, length: usize) -> Vec<Vec<&mut [u8]>> {
        let mut chunks: Vec<Vec<&mut [u8]>> = Vec::new();
        chunks.resize_with(self.rows.div_ceil(length), Vec::new);
        for column in &mut self.columns {
            for (chunk, part) in chunks.iter_mut().zip(column.chunks_mut(length)) {
                chunk.push(part);
            }
        }
        chunks
    }
}

/// Rows that one task works on: few enough to stay in the first-level cache.
const CHUNK: usize = 512;

/// Runs `work` on every chunk of rows (one slice a column), each with a generator of its own made from `seed` and the
/// chunk's number, so that the outcome does not depend on how threads are scheduled.
pub fn for_each_chunk<R: Rng + SeedableRng>(
    rows: &mut ByteTable,
    seed: u64,
    work: impl Fn(&mut [&mut [u8]], &mut R) + Sync,
) {
    rows.chunks_mut(CHUNK).into_par_iter().enumerate().for_each(|(number, mut chunk)| {
        let mut rng = R::seed_from_u64(seed.wrapping_add((number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        work(&mut chunk, &mut rng);
    });
}

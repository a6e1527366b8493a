//! Shared by models that generate encoded rows: blocks of rows on all threads, tables of codes, and stored numbers.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::de::DeserializeOwned;

use super::row_encoding::{Clean, Layout};
use crate::engine::nn::normals::Normals;
use crate::engine::table::EncodedTable;
use crate::engine::{EngineError, Result};

/// Number of rows that one thread makes at a time. Each product stays on that thread.
pub const BLOCK_ROWS: usize = 128;

/// Makes `rows` rows, [`BLOCK_ROWS`] in each call of `make`, and passes them to `take` in blocks of consecutive rows,
/// each with a separate generator. Rows depend only on `rng`, not on threads.
pub fn blocks<T: Send>(
    rows: usize,
    rng: &mut ChaCha8Rng,
    make: impl Fn(&mut Normals) -> Result<Vec<Clean>> + Sync,
    take: impl Fn(Vec<Clean>, &mut Normals) -> T + Sync,
) -> Result<Vec<T>> {
    let mut key = [0; 32];
    rng.fill_bytes(&mut key);
    (0..rows.div_ceil(BLOCK_ROWS))
        .into_par_iter()
        .map(|block| {
            let mut stream = ChaCha8Rng::from_seed(key);
            stream.set_stream(block as u64);
            let mut random = Normals::new(stream);
            // Always a whole block, so that no row depends on how many are requested.
            let mut clean = make(&mut random)?;
            clean.truncate(rows - block * BLOCK_ROWS);
            Ok(take(clean, &mut random))
        })
        .collect()
}

/// A table of `rows` rows, made by [`blocks`].
pub fn table(
    layout: &Layout,
    rows: usize,
    rng: &mut ChaCha8Rng,
    make: impl Fn(&mut Normals) -> Result<Vec<Clean>> + Sync,
) -> Result<EncodedTable> {
    let width = layout.columns();
    let blocks = blocks(rows, rng, make, |clean, random| {
        let mut codes = vec![0u32; clean.len() * width];
        for (row, codes) in clean.iter().zip(codes.chunks_exact_mut(width.max(1))) {
            layout.decode(&row.numbers, &row.states, random, codes);
        }
        codes
    })?;
    let mut columns = vec![Vec::with_capacity(rows); width];
    for row in blocks.iter().flat_map(|block| block.chunks_exact(width.max(1))) {
        columns.iter_mut().zip(row).for_each(|(column, code)| column.push(*code));
    }
    layout.table(rows, columns)
}

/// Numbers as little-endian bytes, the stored form.
pub fn bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// Reads stored numbers.
///
/// # Errors
/// `CorruptModel` unless all are complete and finite.
pub fn numbers(bytes: &[u8]) -> Result<Vec<f32>> {
    let (whole, rest) = bytes.as_chunks::<4>();
    let numbers: Vec<f32> = whole.iter().map(|b| f32::from_le_bytes(*b)).collect();
    if !rest.is_empty() || numbers.iter().any(|x| !x.is_finite()) {
        return Err(EngineError::CorruptModel { reason: "it contains a number that is not finite" });
    }
    Ok(numbers)
}

/// Decodes bytes completely.
///
/// # Errors
/// `CorruptModel` if they cannot be decoded, or if bytes remain.
pub fn whole<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let corrupt = |reason| EngineError::CorruptModel { reason };
    let (stored, rest) = postcard::take_from_bytes(bytes).map_err(|_| corrupt("its network cannot be read"))?;
    if rest.is_empty() { Ok(stored) } else { Err(corrupt("its network is followed by extra bytes")) }
}

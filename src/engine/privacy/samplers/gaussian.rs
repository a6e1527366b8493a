//! Gaussian noise rounded to integers, exact except for a slack that is stated and proved here.
//!
//! A draw is `round(2^m X)` for a standard normal `X` and a public `m`. Added to an integer `v`, it is `round(v + 2^m
//! X)`: the continuous Gaussian mechanism with standard deviation `2^m`, post-processed. So the privacy of
//! integer-valued queries is that of the continuous mechanism.
//!
//! # Algorithm
//! `|X|` is in a cell `[i/32, (i+1)/32)`, `i < 384`. With `f(x) = exp(-x^2/2)` and a scale `S`, the integers `low_i <=
//! S f(x) <= high_i` hold on the whole cell. One of these is chosen with probability exactly proportional to its
//! integer weight, out of a total of `2^63`:
//! - the core of cell `i`, weight `low_i`: any point of the cell, accepted as it is;
//! - the wedge of cell `i`, weight `high_i - low_i`: a point `x` of the cell, accepted with probability
//!   `(S f(x) - low_i) / (high_i - low_i)`;
//! - nothing, with the remaining weight: try again.
//!
//! The density of accepted points is proportional to `low_i + (S f(x) - low_i) = S f(x)`, whatever the integers.
//! Points are uniform binary fractions of the cell, and rounding boundaries `(k + 1/2) / 2^m`, `m <= 40`, are
//! multiples of `2^-36` of a cell, so rounding is integer arithmetic on the leading bits of the point.
//!
//! # Slack
//! The total variation between a draw and `round(2^m X)` is at most [`SLACK_PER_DRAW`]:
//! - `|X| >= 12` never happens here, and has probability 3.6e-33.
//! - A wedge compares a uniform `u` with the acceptance probability in f64, which is off by less than `2^-39`: `S f`
//!   and `low` are off relatively by `3 * 2^-52` for `exp` (within one unit of the last place), products and
//!   conversions, and by `2.5 x^2 2^-53` for the argument of `exp`; `S f / (high - low)` is at most 2049 in the first
//!   cell, where `x < 1/32`, and `39 / x` in the others. The comparison therefore decides as the exact one would
//!   unless the two sides are within `2^-36` of each other.
//! - Within `2^-36`, both sides are computed again in fixed point, with 64 more bits each of point and `u`. `f` is then
//!   off by less than `2^-106`: `2^-107` from the table, less than `2^-116` from the exponential, its argument and the
//!   point's unseen bits. `S < 2^58`, so `S f` is off by `2^-48` of a weight, and the other side by `2^-60`.
//! - Over 384 cells that is a mass below `384 * 2^-47`, of accepted weight above `2^62`: `2^-100`, below 8e-31.
//!
//! For a mechanism of `n` draws that would be (epsilon, delta)-private with ideal noise, the real one is
//! (epsilon, delta + (1 + e^epsilon) n slack)-private.
//!
//! Running time depends on the draws (rejections, table look-ups). An attacker who times single draws is out of scope.

use std::sync::LazyLock;

use rand::Rng;

use super::fixed_point::{ONE, exp_neg, mul};
use super::random::SecretRng;
use crate::engine::{EngineError, Result};

/// Bound on the total variation distance between a draw and `round(2^m X)`. The module describes its proof and use.
pub const SLACK_PER_DRAW: f64 = 1e-30;

/// Largest `m`.
pub const MAX_BITS: u32 = 40;

/// Cells per sigma, and cells up to 12 sigma.
const CELLS_PER_SIGMA: f64 = 32.0;
const CELLS: usize = 384;
/// Columns of the alias table, and the weight of each.
const COLUMNS: usize = 1024;
const COLUMN_WEIGHT: u64 = 1 << 53;
/// Number of points of a cell that rounding distinguishes.
const POINTS: u64 = 1 << 36;
/// Half-width of the band in which an f64 comparison is not decisive.
const DOUBT: f64 = 1.0 / (1u64 << 36) as f64;
/// Number of draws for which random bytes are fetched at once.
const CHUNK: usize = 256;

/// Samples `round(2^m X)` for a standard normal `X`.
#[derive(Debug, Clone, Copy)]
pub struct RoundedGaussian {
    bits: u32,
    table: &'static AliasTable,
}

impl RoundedGaussian {
    /// Noise of standard deviation `2^bits`.
    ///
    /// # Errors
    /// `Internal` if `bits` exceeds [`MAX_BITS`].
    pub fn new(bits: u32) -> Result<Self> {
        if bits > MAX_BITS {
            return Err(EngineError::Internal("noise lattice is too fine"));
        }
        Ok(Self { bits, table: &TABLE })
    }

    /// `2^bits`, the standard deviation before rounding.
    pub fn standard_deviation(&self) -> f64 {
        (1u64 << self.bits) as f64
    }

    /// One draw.
    pub fn draw(&self, rng: &mut SecretRng) -> i64 {
        let word = rng.next_u64();
        self.finish(word, rng)
    }

    /// Independent draws into all of `out`.
    pub fn fill(&self, out: &mut [i64], rng: &mut SecretRng) {
        let mut buffer = [0u8; 8 * CHUNK];
        for chunk in out.chunks_mut(CHUNK) {
            let bytes = &mut buffer[..8 * chunk.len()];
            rng.fill_bytes(bytes);
            for (slot, word) in chunk.iter_mut().zip(bytes.as_chunks().0) {
                *slot = self.finish(u64::from_le_bytes(*word), rng);
            }
        }
    }

    /// The draw for a random word, which nearly always suffices. From the top: one bit for the sign, 10 for the column
    /// of the table, the first 17 for the point in the column, 36 for the point in the cell.
    #[inline]
    fn finish(&self, mut word: u64, rng: &mut SecretRng) -> i64 {
        loop {
            let entry = self.table.pick(word, rng);
            if entry < CELLS {
                return self.round(word, entry);
            }
            if entry < 2 * CELLS && self.table.accepts(entry - CELLS, word % POINTS, rng) {
                return self.round(word, entry - CELLS);
            }
            word = rng.next_u64();
        }
    }

    /// Rounds the point in a cell to the lattice and applies its sign.
    #[inline]
    fn round(&self, word: u64, cell: usize) -> i64 {
        let fixed = (cell as u64) * POINTS + word % POINTS; // in units of 2^-41 sigma
        let magnitude = ((fixed + (1 << (40 - self.bits))) >> (41 - self.bits)) as i64;
        if word >> 63 == 1 { -magnitude } else { magnitude }
    }
}

/// Shared by all samplers. It holds only constants, so forks may share it too.
#[derive(Debug)]
struct AliasTable {
    columns: Vec<AliasColumn>,
    cells: Vec<AliasCell>,
    scale: u64,
}

/// A column of the alias table: the first `threshold` of its `2^53` points belong to `below`, the others to `above`.
#[derive(Debug, Clone, Copy)]
struct AliasColumn {
    threshold: u64,
    below: u16,
    above: u16,
}

/// Bounds of `scale * exp(-x^2/2)` on a cell, and that of its lower edge without the scale, as a fixed-point number.
#[derive(Debug, Clone, Copy)]
struct AliasCell {
    low: u64,
    high: u64,
    edge: u128,
}

static TABLE: LazyLock<AliasTable> = LazyLock::new(AliasTable::new);

impl AliasTable {
    fn new() -> Self {
        let edges = edges();
        let sum: f64 = edges[..CELLS].iter().map(|&e| e as f64 / ONE as f64).sum();
        // Slightly less than fits, to leave room for the rounding below. The rest is the weight of "nothing".
        let scale = ((1u64 << 63) as f64 / sum * (1.0 - 1e-12)) as u64;
        // One unit more than rounding needs, on either side, covers the error of the edges.
        let cells: Vec<AliasCell> = edges
            .windows(2)
            .map(|pair| AliasCell {
                low: (mul(u128::from(scale), pair[1]) as u64).saturating_sub(1),
                high: mul(u128::from(scale), pair[0]) as u64 + 2,
                edge: pair[0],
            })
            .collect();
        let mut weights: Vec<u64> = cells.iter().map(|c| c.low).collect();
        weights.extend(cells.iter().map(|c| c.high - c.low));
        let used: u64 = weights.iter().sum();
        weights.push((1 << 63) - used);
        weights.resize(COLUMNS, 0);
        Self { columns: alias(&weights), cells, scale }
    }

    /// The entry for a random word: a cell's core, `CELLS` plus its wedge, or nothing.
    #[inline]
    fn pick(&self, word: u64, rng: &mut SecretRng) -> usize {
        let AliasColumn { threshold, below, above } = self.columns[(word >> 53) as usize % COLUMNS];
        let (lead, turn) = (word % COLUMN_WEIGHT / POINTS, threshold / POINTS);
        // The other 36 bits are drawn only if the first 17 do not decide.
        let is_below = if lead == turn { rng.next_u64() % POINTS < threshold % POINTS } else { lead < turn };
        usize::from(if is_below { below } else { above })
    }

    /// Whether the wedge of `cell` accepts its point, whose first 36 bits are drawn.
    fn accepts(&self, cell: usize, point: u64, rng: &mut SecretRng) -> bool {
        let point = (point << 28) | (rng.next_u64() >> 36);
        let uniform = rng.next_u64();
        let difference = self.level(cell, point) - uniform as f64 * 2f64.powi(-64);
        if difference.abs() > DOUBT {
            return difference > 0.0;
        }
        let extend = |word: u64, rng: &mut SecretRng| (u128::from(word) << 63) | u128::from(rng.next_u64() >> 1);
        let (point, uniform) = (extend(point, rng), extend(uniform, rng));
        self.accepts_exactly(cell, point, uniform)
    }

    /// The probability, in f64, with which the wedge accepts a point in units of `2^-64` of the cell.
    fn level(&self, cell: usize, point: u64) -> f64 {
        let AliasCell { low, high, .. } = self.cells[cell];
        let x = (cell as f64 + point as f64 * 2f64.powi(-64)) / CELLS_PER_SIGMA;
        (self.scale as f64 * (-0.5 * x * x).exp() - low as f64) / (high - low) as f64
    }

    /// Whether it accepts, with point and uniform in units of `2^-127`.
    fn accepts_exactly(&self, cell: usize, point: u128, uniform: u128) -> bool {
        let AliasCell { low, high, edge } = self.cells[cell];
        // (x^2 - (i/32)^2) / 2 = p (2 i + p) / 2048 for x = (i + p) / 32
        let exponent = mul(point, point) / 2048 + point / 1024 * cell as u128;
        let density = mul(edge, exp_neg(exponent));
        let scaled = mul(u128::from(self.scale) << 68, density);
        let level = scaled.saturating_sub(u128::from(low) << 68);
        mul(uniform, u128::from(high - low) << 68) < level
    }
}

/// `exp(-(i/32)^2 / 2)` for `i = 0..=384` as fixed-point numbers, with errors below `2^-107`.
///
/// Each is the previous one times an odd power of `r = exp(-1/2048)`. An odd power `2 i + 1` has an error of at most
/// `(2 i + 1) 2^-119`. Weighted with the edges, these errors add up to less than `2100 * 2^-119`.
fn edges() -> Vec<u128> {
    let ratio = exp_neg(ONE / 2048);
    let square = mul(ratio, ratio);
    let (mut edge, mut power) = (ONE, ratio);
    let mut edges = vec![edge];
    for _ in 0..CELLS {
        edge = mul(edge, power);
        power = mul(power, square);
        edges.push(edge);
    }
    edges
}

/// Walker's alias table in integers: weights that add up to `2^63` become columns of `2^53` each.
fn alias(weights: &[u64]) -> Vec<AliasColumn> {
    let mut left = weights.to_vec();
    let mut columns = vec![AliasColumn { threshold: COLUMN_WEIGHT, below: 0, above: 0 }; weights.len()];
    let (mut small, mut large): (Vec<usize>, Vec<usize>) =
        (0..weights.len()).partition(|&entry| weights[entry] < COLUMN_WEIGHT);
    for (entry, column) in columns.iter_mut().enumerate() {
        (column.below, column.above) = (entry as u16, entry as u16);
    }
    while let (Some(&donor), Some(entry)) = (large.last(), small.pop()) {
        columns[entry].threshold = left[entry];
        columns[entry].above = donor as u16;
        left[donor] -= COLUMN_WEIGHT - left[entry];
        if left[donor] < COLUMN_WEIGHT {
            large.pop();
            small.push(donor);
        }
    }
    columns
}

#[cfg(test)]
mod tests;

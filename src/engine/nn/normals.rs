//! Fast random numbers that need no secrecy: dither, diffusion noise, random choices of sampling. The noise that
//! protects privacy comes only from `privacy::samplers::gaussian`.

use std::sync::OnceLock;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statrs::function::erf::erf_inv;

use crate::engine::privacy::samplers::random::SecretRng;

/// Size of the table of normal quantiles: enough for noise that a network sees, and small enough for the first-level
/// cache.
const ENTRIES: usize = 1 << 13;
const BUFFER: usize = 2048;

/// Uniform and normal numbers from a ChaCha8 stream.
pub struct Normals {
    rng: ChaCha8Rng,
    bytes: Box<[u8; BUFFER]>,
    used: usize,
}

impl Normals {
    /// Numbers that are a function of the generator's state.
    pub fn new(rng: ChaCha8Rng) -> Self {
        Self { rng, bytes: Box::new([0; BUFFER]), used: BUFFER }
    }

    /// Numbers that are a function of a seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self::new(ChaCha8Rng::from_seed(seed))
    }

    /// Numbers with a key that is drawn from a secret generator.
    pub fn secret(rng: &mut SecretRng) -> Self {
        let mut key = [0; 32];
        rng.fill_bytes(&mut key);
        Self::from_seed(key)
    }

    #[inline]
    fn take<const N: usize>(&mut self) -> [u8; N] {
        if self.used + N > BUFFER {
            self.rng.fill_bytes(&mut self.bytes[..]);
            self.used = 0;
        }
        let mut taken = [0; N];
        taken.copy_from_slice(&self.bytes[self.used..self.used + N]);
        self.used += N;
        taken
    }

    /// A number in `0..1`, a multiple of 2^-24.
    #[inline]
    pub fn uniform(&mut self) -> f32 {
        (u32::from_le_bytes(self.take::<4>()) >> 8) as f32 * (1.0 / 16_777_216.0)
    }

    /// A number in `0..bound`, almost uniform; 0 for a bound of 0.
    #[inline]
    pub fn below(&mut self, bound: usize) -> usize {
        ((u64::from(u32::from_le_bytes(self.take::<4>())) * bound as u64) >> 32) as usize
    }

    /// One normal number of mean 0 and variance 1: a random quantile out of 2^14.
    #[inline]
    pub fn normal(&mut self) -> f32 {
        quantile(table(), u16::from_le_bytes(self.take::<2>()))
    }

    /// Fills a slice with normal numbers.
    pub fn fill(&mut self, out: &mut [f32]) {
        let table = table();
        let mut bytes = [0u8; 256];
        for part in out.chunks_mut(bytes.len() / 2) {
            let bytes = &mut bytes[..2 * part.len()];
            self.rng.fill_bytes(bytes);
            for (x, pair) in part.iter_mut().zip(bytes.chunks_exact(2)) {
                *x = quantile(table, u16::from_le_bytes([pair[0], pair[1]]));
            }
        }
    }
}

#[inline(always)]
fn quantile(table: &[f32; ENTRIES], word: u16) -> f32 {
    let size = table[usize::from(word) % ENTRIES];
    f32::from_bits(size.to_bits() | u32::from(word >> 15) << 31)
}

/// Quantiles of the absolute value of a normal number, scaled so that their mean square is 1.
fn table() -> &'static [f32; ENTRIES] {
    static TABLE: OnceLock<Box<[f32; ENTRIES]>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let exact: Vec<f64> =
            (0..ENTRIES).map(|i| std::f64::consts::SQRT_2 * erf_inv((i as f64 + 0.5) / ENTRIES as f64)).collect();
        let scale = (exact.iter().map(|x| x * x).sum::<f64>() / ENTRIES as f64).sqrt().recip();
        let mut table = Box::new([0.0; ENTRIES]);
        table.iter_mut().zip(&exact).for_each(|(entry, x)| *entry = (x * scale) as f32);
        table
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fixed seed. Moments of 10^6 numbers lie within 6 standard errors: a correct sampler fails for one seed in 10^8.
    #[test]
    fn moments_are_those_of_a_normal() {
        let mut normals = Normals::from_seed([7; 32]);
        let mut x = vec![0.0; 1_000_000];
        normals.fill(&mut x);
        let n = x.len() as f64;
        let moment = |k: i32| x.iter().map(|v| f64::from(*v).powi(k)).sum::<f64>() / n;
        assert!(moment(1).abs() < 6.0 / n.sqrt());
        assert!((moment(2) - 1.0).abs() < 6.0 * (2.0 / n).sqrt());
        assert!(moment(3).abs() < 6.0 * (15.0 / n).sqrt());
        assert!((moment(4) - 3.0).abs() < 0.06);
    }

    #[test]
    fn uniforms_fill_their_range() {
        let mut normals = Normals::from_seed([1; 32]);
        let mut seen = [0u32; 7];
        for _ in 0..7000 {
            seen[normals.below(7)] += 1;
            assert!((0.0..1.0).contains(&normals.uniform()));
        }
        // 1000 expected; 6 standard deviations are 176.
        assert!(seen.iter().all(|n| (824..1176).contains(n)));
        assert_eq!(normals.below(0), 0);
    }
}

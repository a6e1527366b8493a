//! The generator of every random bit that privacy depends on.

use std::convert::Infallible;

use rand::{SeedableRng, TryCryptoRng, TryRng};
use rand_chacha::ChaCha20Rng;

use crate::engine::privacy::mutant;
use crate::engine::{EngineError, Result};

/// ChaCha20 with a 256-bit key from the operating system.
///
/// It can neither be cloned nor stored, and its `Debug` form does not show its state, because whoever has the state can
/// subtract the noise. Noise is as exact as ChaCha20's output is indistinguishable from random bits.
///
/// Never keep one in a process-wide static. A PostgreSQL backend is a fork of its postmaster: a generator from before
/// the fork would return the same bits in every session, so that noise could be subtracted. Each training makes a new
/// one after the fork, and each worker thread gets one from [`SecretRng::split`].
pub struct SecretRng(ChaCha20Rng);

impl SecretRng {
    /// A new generator.
    ///
    /// # Errors
    /// `Internal` if the operating system returns no random bytes.
    pub fn from_os() -> Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)
            .map_err(|_| EngineError::Internal("the operating system returned no random bytes"))?;
        mutant::share(&mut key);
        Ok(Self(ChaCha20Rng::from_seed(key)))
    }

    /// An independent generator for another thread. Its key comes from the operating system, not from this one.
    ///
    /// # Errors
    /// As [`SecretRng::from_os`].
    pub fn split(&self) -> Result<Self> {
        Self::from_os()
    }

    /// A predictable generator, only for tests and benchmarks. Noise from it protects nobody.
    #[doc(hidden)]
    pub fn for_tests(seed: u64) -> Self {
        Self(ChaCha20Rng::seed_from_u64(seed))
    }
}

impl std::fmt::Debug for SecretRng {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretRng(..)")
    }
}

impl TryRng for SecretRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> std::result::Result<u32, Infallible> {
        self.0.try_next_u32()
    }

    #[inline]
    fn try_next_u64(&mut self) -> std::result::Result<u64, Infallible> {
        self.0.try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> std::result::Result<(), Infallible> {
        self.0.try_fill_bytes(bytes)
    }
}

impl TryCryptoRng for SecretRng {}

#[cfg(test)]
mod tests {
    use rand::Rng;

    use super::*;

    #[test]
    fn generators_from_the_system_differ() {
        let mut first = SecretRng::from_os().unwrap();
        let mut second = first.split().unwrap();
        let mut third = SecretRng::from_os().unwrap();
        let draws = [&mut first, &mut second, &mut third].map(|rng| (rng.next_u64(), rng.next_u64()));
        assert!(draws[0] != draws[1] && draws[0] != draws[2] && draws[1] != draws[2]);
    }

    #[test]
    fn debug_shows_no_state() {
        assert_eq!(format!("{:?}", SecretRng::for_tests(1)), "SecretRng(..)");
    }
}

//! Deliberate flaws, each of which the audit (`tests/audit`) must detect.
//!
//! The code that may be flawed calls [`is`]. Without the cargo feature `mutants`, this is the constant `false`, and no
//! flaw is compiled. With it, the environment variable `TABLEDIFFUSION_MUTANT` names the enabled flaw, if any. Inside
//! PostgreSQL, this is the environment of the server. A build without debug assertions, such as a release, refuses the
//! feature.

use std::sync::OnceLock;

#[cfg(all(feature = "mutants", not(debug_assertions)))]
compile_error!("the feature `mutants` breaks privacy on purpose and is for tests: it has no place in a release");

/// Whether this library can be made to violate its guarantee.
pub const POSSIBLE: bool = cfg!(feature = "mutants");

/// A way to violate the guarantee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// Half the noise is added.
    HalfNoise,
    /// No noise is added.
    NoNoise,
    /// The sum over a batch is clipped, instead of each row.
    ClipByBatch,
    /// Batches of a fixed size are taken from a shuffled table, instead of Poisson samples.
    Shuffle,
    /// A gradient is divided by the actual number of sampled rows.
    RealBatchSize,
    /// The bins of numbers span the exact range of the data.
    ExactRange,
    /// The first layer learns from exact gradients.
    EncoderOutside,
    /// All generators of a process and of its forks have the same key.
    SharedStream,
    /// The transaction of the training enters the charge, so it can roll the charge back.
    ChargeTakenBack,
}

impl Mutant {
    /// Every flaw.
    pub const ALL: [Self; 9] = [
        Self::HalfNoise,
        Self::NoNoise,
        Self::ClipByBatch,
        Self::Shuffle,
        Self::RealBatchSize,
        Self::ExactRange,
        Self::EncoderOutside,
        Self::SharedStream,
        Self::ChargeTakenBack,
    ];
}

/// The enabled flaw.
///
/// # Panics
/// If the environment names an unknown flaw: a test of it would pass for the wrong reason.
#[cfg(feature = "mutants")]
pub fn active() -> Option<Mutant> {
    static ACTIVE: std::sync::LazyLock<Option<Mutant>> = std::sync::LazyLock::new(|| {
        let name = std::env::var("TABLEDIFFUSION_MUTANT").ok().filter(|name| !name.is_empty())?;
        let found = Mutant::ALL.into_iter().find(|mutant| format!("{mutant:?}") == name);
        Some(found.unwrap_or_else(|| panic!("TABLEDIFFUSION_MUTANT names no mutant")))
    });
    *ACTIVE
}

/// The enabled flaw: none.
#[cfg(not(feature = "mutants"))]
pub const fn active() -> Option<Mutant> {
    None
}

/// Whether this flaw is enabled.
#[inline]
pub fn is(mutant: Mutant) -> bool {
    POSSIBLE && active() == Some(mutant)
}

/// [`Mutant::HalfNoise`], [`Mutant::NoNoise`].
#[inline]
pub(in crate::engine) fn weaken(noise: &mut [i64]) {
    if is(Mutant::HalfNoise) {
        noise.iter_mut().for_each(|draw| *draw /= 2);
    } else if is(Mutant::NoNoise) {
        noise.fill(0);
    }
}

/// [`Mutant::ClipByBatch`].
#[inline]
pub(in crate::engine) fn clip_sum(sum: &mut [i64], limit: u32) {
    if is(Mutant::ClipByBatch) {
        let size = sum.iter().map(|x| (*x as f64).powi(2)).sum::<f64>().sqrt();
        let factor = (f64::from(limit) / size).min(1.0);
        sum.iter_mut().for_each(|x| *x = (*x as f64 * factor) as i64);
    }
}

/// [`Mutant::SharedStream`]: the first key stays.
#[inline]
pub(super) fn share(key: &mut [u8; 32]) {
    static FIRST: OnceLock<[u8; 32]> = OnceLock::new();
    if is(Mutant::SharedStream) {
        *key = *FIRST.get_or_init(|| *key);
    }
}

//! Counts released with Gaussian noise on an integer lattice.

use crate::engine::privacy::meter::{Meter, Run};
use crate::engine::privacy::mutant;
use crate::engine::privacy::samplers::gaussian::{MAX_BITS, RoundedGaussian};
use crate::engine::privacy::samplers::random::SecretRng;
use crate::engine::{EngineError, Result};

/// Maximum lattice points per count: noise below 2^-22 counts is raised to that.
const MAX_SCALE: f64 = (1u64 << 62) as f64;

/// Noisy counts.
#[derive(Debug, Clone, PartialEq)]
pub struct NoisyCounts {
    /// In the order of the counts; may be negative.
    pub values: Vec<f64>,
    /// Standard deviation of the noise on each value, in counts.
    pub noise_sd: f64,
    /// The realised noise multiplier: at least the requested one, and above it by at most 1e-3 of it (unless the
    /// requested noise is below 2^-22 counts).
    pub noise_multiplier: f64,
    /// Number of draws of [`RoundedGaussian`], each with its slack.
    pub draws: u64,
}

/// The error for a budget that needs more noise than can be drawn.
pub fn budget_is_too_small() -> EngineError {
    EngineError::invalid(
        "the privacy budget is too small for any count to be released",
        "The noise would exceed a billion counts.",
        "Raise epsilon or delta.",
    )
}

/// A multiple of counts to which integer noise is added.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lattice {
    /// Lattice points in one count.
    pub scale: u64,
    pub noise: RoundedGaussian,
}

impl Lattice {
    /// The lattice on which noise of standard deviation `2^m` is at least `noise_multiplier * l2_sensitivity` counts.
    pub fn new(l2_sensitivity: f64, noise_multiplier: f64) -> Result<Self> {
        let wanted = l2_sensitivity * noise_multiplier;
        if !(l2_sensitivity > 0.0 && noise_multiplier > 0.0 && wanted.is_normal()) {
            return Err(EngineError::Internal("noise multiplier and sensitivity must be positive and finite"));
        }
        let noise = RoundedGaussian::new(MAX_BITS)?;
        // 2^-50 exceeds the rounding of the product above and of this quotient.
        let scale = (noise.standard_deviation() / wanted * (1.0 - 2f64.powi(-50))).floor().min(MAX_SCALE);
        if scale < 1000.0 {
            return Err(budget_is_too_small());
        }
        Ok(Self { scale: scale as u64, noise })
    }

    /// `scale * count`, to which noise can be added.
    pub fn place(&self, count: u64) -> i128 {
        i128::from(self.scale) * i128::from(count)
    }

    /// Independent draws of the noise.
    pub fn draws(&self, count: usize, rng: &mut SecretRng) -> Vec<i64> {
        let mut noise = vec![0; count];
        self.noise.fill(&mut noise, rng);
        mutant::weaken(&mut noise);
        noise
    }

    /// A lattice point in counts.
    pub fn read(&self, point: i128) -> f64 {
        point as f64 / self.scale as f64
    }

    /// Standard deviation of the noise in counts.
    pub fn noise_sd(&self) -> f64 {
        self.noise.standard_deviation() / self.scale as f64
    }
}

/// Adds Gaussian noise of at least `noise_multiplier * l2_sensitivity` to each count.
///
/// `l2_sensitivity` bounds the Euclidean norm of the change of the whole vector when one unit is added or removed.
/// Counts are multiplied by the integer `L = floor(2^m / (noise_multiplier * l2_sensitivity))`, which makes their
/// sensitivity `L * l2_sensitivity`, and get integer noise of standard deviation `2^m`. This is exactly a
/// post-processed Gaussian mechanism with noise multiplier `2^m / (L * l2_sensitivity) >= noise_multiplier`.
///
/// # Errors
/// `Internal` if a parameter is not positive and finite; `InvalidParameter` if the noise would exceed 2^30 counts.
pub fn noisy_counts(
    counts: &[u64],
    l2_sensitivity: f64,
    noise_multiplier: f64,
    meter: &mut Meter,
) -> Result<NoisyCounts> {
    let lattice = Lattice::new(l2_sensitivity, noise_multiplier)?;
    meter.ran(Run::Gaussian { l2_sensitivity, noise_sd: lattice.noise_sd() }, counts.len() as u64);
    let answer = |meter: &mut Meter, counts: &[u64]| -> Vec<f64> {
        let noise = lattice.draws(counts.len(), meter.rng());
        counts.iter().zip(noise).map(|(&count, draw)| lattice.read(lattice.place(count) + i128::from(draw))).collect()
    };
    #[cfg(not(test))]
    let values = answer(meter, counts);
    #[cfg(test)]
    let values = meter.ask(
        counts.to_vec(),
        |before, after, realised| realised.add(squared_distance(before, after), lattice.noise_sd()),
        |meter, counts| answer(meter, counts),
    );
    Ok(NoisyCounts {
        values,
        noise_sd: lattice.noise_sd(),
        noise_multiplier: lattice.noise_sd() / l2_sensitivity,
        draws: counts.len() as u64,
    })
}

/// Noise for a count that is not known yet. It is drawn, recorded, and used once.
#[derive(Debug)]
pub struct DrawnNoise {
    lattice: Lattice,
    draw: i64,
}

impl DrawnNoise {
    /// Noise like that of [`noisy_counts`] for one count.
    ///
    /// # Errors
    /// As [`noisy_counts`].
    pub fn new(l2_sensitivity: f64, noise_multiplier: f64, meter: &mut Meter) -> Result<Self> {
        let lattice = Lattice::new(l2_sensitivity, noise_multiplier)?;
        meter.ran(Run::Gaussian { l2_sensitivity, noise_sd: lattice.noise_sd() }, 1);
        let draw = lattice.draws(1, meter.rng())[0];
        Ok(Self { lattice, draw })
    }

    /// The released value if the count were this.
    pub fn so_far(&self, count: u64) -> f64 {
        // On the lattice, and rounded once, so that only the lattice point is visible.
        self.lattice.read(self.lattice.place(count) + i128::from(self.draw))
    }

    /// The noisy count.
    pub fn release(self, count: u64, meter: &mut Meter) -> f64 {
        #[cfg(not(test))]
        let (value, _) = (self.so_far(count), meter);
        #[cfg(test)]
        let value = meter.ask(
            vec![count],
            |before, after, realised| realised.add(squared_distance(before, after), self.lattice.noise_sd()),
            |_, count| self.so_far(count[0]),
        );
        value
    }
}

/// For two histograms over the same cells.
#[cfg(test)]
pub(super) fn squared_distance(before: &[u64], after: &[u64]) -> f64 {
    assert_eq!(before.len(), after.len());
    before.iter().zip(after).map(|(a, b)| (*a as f64 - *b as f64).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_never_less_than_wanted() {
        let mut meter = Meter::for_tests(1);
        for sensitivity in [1.0, 2f64.sqrt(), 15f64.sqrt(), 0.1] {
            for multiplier in [1e-3, 0.3, 1.0, 7.123, 1e3, 1e6] {
                let noisy = noisy_counts(&[5; 3], sensitivity, multiplier, &mut meter).unwrap();
                assert!(noisy.noise_multiplier >= multiplier && noisy.noise_multiplier <= multiplier * 1.001);
                assert_eq!((noisy.values.len(), noisy.draws), (3, 3));
            }
        }
    }

    /// Noisy counts are lattice points, whenever the noise was drawn, and reveal nothing else.
    #[test]
    fn drawn_noise_gives_what_noisy_counts_gives() {
        for (seed, count) in [(1, 0), (2, 200), (3, 1_000), (4, 123_456_789)] {
            let direct = noisy_counts(&[count], 1.0, 190.0, &mut Meter::for_tests(seed)).unwrap();
            let mut meter = Meter::for_tests(seed);
            let drawn = DrawnNoise::new(1.0, 190.0, &mut meter).unwrap();
            assert_eq!(drawn.release(count, &mut meter).to_bits(), direct.values[0].to_bits());
        }
    }

    #[test]
    fn values_scatter_about_the_counts() {
        let mut meter = Meter::for_tests(2);
        let n = 100_000;
        let noisy = noisy_counts(&vec![1_000_000_007; n], 2.0, 3.0, &mut meter).unwrap();
        let deviations: Vec<f64> = noisy.values.iter().map(|v| (v - 1_000_000_007.0) / noisy.noise_sd).collect();
        let mean = deviations.iter().sum::<f64>() / n as f64;
        let variance = deviations.iter().map(|d| d * d).sum::<f64>() / n as f64;
        // Five standard errors: 6e-7 each for a random seed.
        assert!((noisy.noise_sd - 6.0).abs() < 1e-6);
        assert!(mean.abs() < 5.0 / (n as f64).sqrt());
        assert!((variance - 1.0).abs() < 5.0 * (2.0 / n as f64).sqrt());
    }

    #[test]
    fn senseless_noise_is_refused() {
        let mut meter = Meter::for_tests(3);
        for (sensitivity, multiplier) in [(0.0, 1.0), (1.0, 0.0), (1.0, f64::NAN), (f64::INFINITY, 1.0), (1.0, 1e12)] {
            assert!(noisy_counts(&[1], sensitivity, multiplier, &mut meter).is_err());
        }
    }
}

//! What discovery may spend, and how histograms share it.

use crate::engine::Result;
use crate::engine::privacy::mechanisms::noisy_counts::{NoisyCounts, noisy_counts};
use crate::engine::privacy::meter::Meter;

/// What discovery may spend, and what it knows beforehand. Public or released quantities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DiscoveryPlan {
    /// Noise of every count but those of keys, relative to how much a unit can change a histogram.
    pub noise_multiplier: f64,
    /// Rows of a unit, at most: how much it can change a histogram.
    pub unit_rows: u32,
    /// Probability with which one thresholded histogram may release keys that only one unit holds.
    pub threshold_delta: f64,
    /// Rows that the sample is expected to hold, from the noisy row count and the sampling rate.
    pub sampled_rows: f64,
}

impl DiscoveryPlan {
    /// Standard deviation of the noise of a count, in rows.
    pub fn noise_sd(&self) -> f64 {
        self.noise_multiplier * f64::from(self.unit_rows)
    }

    /// A histogram with its noise.
    pub fn noisy(&self, counts: &[u64], meter: &mut Meter) -> Result<NoisyCounts> {
        noisy_counts(counts, self.unit_rows.into(), self.noise_multiplier, meter)
    }

    /// The plan of a histogram that is paid for as so many others. Noise is rounded up.
    pub fn times(&self, precision: f64) -> Self {
        Self { noise_multiplier: self.noise_multiplier / precision.sqrt() * (1.0 + 1e-15), ..*self }
    }

    /// How the histograms of a numeric column, in so many rounds of bins, share what it pays for.
    pub fn of_numbers(&self, rounds: u64) -> Shares {
        if self.sampled_rows > FAINT * self.noise_sd() {
            return Shares { steps: 1.0, exact: EXACT_PRECISION as f64, round: 1.0 };
        }
        let (steps, exact) = (0.5, EXACT_PRECISION as f64 / 2.0);
        Shares { steps, exact, round: ((1 + EXACT_PRECISION + rounds) as f64 - steps - exact) / rounds as f64 }
    }
}

/// What each histogram of a numeric column counts as, of those that it pays for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    pub steps: f64,
    pub exact: f64,
    /// Each round of bins.
    pub round: f64,
}

/// How many times as precise as other histograms (in 1 / noise squared) those are whose keys are not known in advance:
/// rare keys are lost below a threshold that grows with the noise, while bins adapt to it. A number that is lost still
/// has its bin; a text has nothing.
pub const TEXT_PRECISION: u64 = 8;
pub const EXACT_PRECISION: u64 = 4;

/// Below so many rows, in standard deviations of a count's noise, hardly any exact value passes its threshold, and it is
/// better to know where the values lie.
pub const FAINT: f64 = 160.0;

/// Texts and exact numbers that fewer rows hold are never released: texts are counted by their hash alone, so that a column
/// of distinct ones takes little memory. See [`super::category`] for why that rule costs no privacy.
pub const MIN_COUNT: u64 = 8;

//! Where the composed privacy loss matters. This guides the accountant's choice of grid and window. Nothing here is a
//! bound, and no guarantee depends on it.

use std::f64::consts::FRAC_1_SQRT_2;

use crate::engine::privacy::loss::normal::erfcx;
use crate::engine::privacy::loss::sketch::{Sketch, cumulant};

/// The exponential tilt under which the decisive losses are typical, with moments of the tilted loss.
#[derive(Debug, Clone, Copy)]
pub struct Focus {
    pub tilt: f64,
    /// Mean and standard deviation of the tilted, composed loss.
    pub centre: f64,
    pub spread: f64,
    /// Approximate logarithm of delta there.
    pub log_delta: f64,
}

/// Bounds of the tilts that are tried.
const MIN_TILT: f64 = 1e-4;
const MAX_TILT: f64 = 1e8;
/// Least variance of the tilted loss, relative to that of the loss itself.
const LEAST_VARIANCE: f64 = 0.25;

impl Focus {
    fn at(sketches: &[Sketch], tilt: f64, epsilon: Option<f64>) -> Self {
        let (value, centre, variance) = cumulant(sketches, tilt);
        let (epsilon, spread) = (epsilon.unwrap_or(centre), variance.sqrt().max(1e-300));
        let offset = ((epsilon - centre) / spread).max(-6.0);
        // Approximates the tilted loss by a normal one: E[exp(-tilt x) - exp(-(tilt + 1) x); x > 0], x being normal
        // about 0.
        let half = |rate: f64| 0.5 * erfcx((offset + rate * spread) * FRAC_1_SQRT_2);
        let part = half(tilt) - half(tilt + 1.0);
        let log_delta = value - tilt * epsilon - 0.5 * offset * offset + part.max(1e-300).ln();
        Self { tilt, centre, spread, log_delta: log_delta.min(0.0) }
    }

    /// For the delta of a given epsilon, as far as it exceeds `tail`. Losses with almost no probability are not a
    /// target for the tilt.
    pub fn on_epsilon(sketches: &[Sketch], epsilon: f64, tail: f64) -> Self {
        let untilted = cumulant(sketches, 0.0).2;
        let tilt = search(|tilt| {
            let (value, mean, variance) = cumulant(sketches, tilt);
            // Chernoff's bound, which decreases while the mean is below. Where hardly any spread is left, the sketch ends.
            mean < epsilon && value - tilt * epsilon > tail.ln() && variance > LEAST_VARIANCE * untilted
        });
        Self::at(sketches, tilt, Some(epsilon))
    }

    /// For the epsilon of a given delta.
    pub fn on_delta(sketches: &[Sketch], delta: f64) -> Self {
        let wanted = delta.ln();
        let tilt = search(|tilt| Self::at(sketches, tilt, None).log_delta > wanted);
        Self::at(sketches, tilt, None)
    }

    /// The same for another tilt.
    pub fn with_tilt(&self, sketches: &[Sketch], tilt: f64) -> Self {
        Self::at(sketches, tilt, None)
    }

    /// A window outside of which the tilted loss has mass below `tail` on either side, by Chernoff's bound, and the
    /// additional tilt that gives its upper end.
    pub fn window(&self, sketches: &[Sketch], tail: f64) -> (f64, f64, f64) {
        let base = cumulant(sketches, self.tilt).0;
        let (mut lower, mut upper, mut further) = (f64::NEG_INFINITY, f64::INFINITY, 0.0);
        for k in -6..=14 {
            let change = 2f64.powf(0.5 * f64::from(k)) / self.spread;
            let up = (cumulant(sketches, self.tilt + change).0 - base - tail.ln()) / change;
            if up < upper {
                (upper, further) = (up, change);
            }
            lower = lower.max((base - cumulant(sketches, self.tilt - change).0 + tail.ln()) / change);
        }
        (lower, upper, further)
    }
}

/// Bisects on a logarithmic scale for the smallest tilt above which `low` fails; 0 if it fails everywhere.
fn search(low: impl Fn(f64) -> bool) -> f64 {
    if !low(MIN_TILT) {
        return 0.0;
    }
    let (mut from, mut to) = (MIN_TILT.ln(), MAX_TILT.ln());
    for _ in 0..40 {
        let middle = from.midpoint(to);
        *(if low(middle.exp()) { &mut from } else { &mut to }) = middle;
    }
    to.exp()
}

//! Where the composed privacy loss matters: a guide for the accountant's grid and window. Nothing here is a bound, and
//! no guarantee rests on it.

use std::f64::consts::FRAC_1_SQRT_2;

use super::normal::erfcx;
use super::pld_gaussian::Subsampled;

/// A privacy-loss distribution as a few masses, used a number of times.
#[derive(Debug, Clone)]
pub struct Sketch {
    /// (loss, logarithm of its mass)
    points: Vec<(f64, f64)>,
    times: f64,
}

/// Distance of outputs, in standard deviations; sums of smooth functions over them are accurate to many digits.
const SPACING: f64 = 0.25;
/// Losses that stand for a bounded density.
const BOUNDED_POINTS: u32 = 256;

impl Sketch {
    /// The Gaussian mechanism with outputs up to `reach` standard deviations.
    pub fn gaussian(noise_multiplier: f64, times: f64, reach: f64) -> Self {
        let sd = 1.0 / noise_multiplier;
        let points = grid(-reach, reach).map(|u| (sd * (u + 0.5 * sd), -0.5 * u * u)).collect();
        Self { points: normalised(points), times }
    }

    /// The subsampled Gaussian on removal.
    pub fn subsampled(mechanism: Subsampled, times: f64, reach: f64) -> Self {
        let sd = 1.0 / mechanism.noise_multiplier;
        let points = grid(-reach, sd + reach).map(|u| {
            let loss = mechanism.loss((u - 0.5 * sd) * sd);
            (loss, loss - 0.5 * u * u)
        });
        Self { points: normalised(points.collect()), times }
    }

    /// The Laplace mechanism.
    pub fn laplace(scale: f64, times: f64) -> Self {
        let bound = 1.0 / scale;
        let mut points = vec![(bound, 0.5f64.ln()), (-bound, 0.5f64.ln() - bound)];
        let width = 2.0 * bound / f64::from(BOUNDED_POINTS);
        points.extend(bounded(bound).map(|loss| (loss, 0.5 * (loss - bound) + (0.25 * width).ln())));
        Self { points: normalised(points), times }
    }

    /// A choice of bounded range.
    pub fn bounded_range(epsilon: f64, times: f64) -> Self {
        Self { points: normalised(bounded(epsilon).map(|loss| (loss, 0.5 * loss)).collect()), times }
    }

    /// Randomized response.
    pub fn pure(epsilon: f64, times: f64) -> Self {
        Self { points: normalised(vec![(epsilon, 0.0), (-epsilon, -epsilon)]), times }
    }

    /// That of the swapped pair.
    pub fn swapped(&self) -> Self {
        let points = self.points.iter().map(|&(loss, log_mass)| (-loss, log_mass - loss)).collect();
        Self { points: normalised(points), times: self.times }
    }
}

fn bounded(bound: f64) -> impl Iterator<Item = f64> {
    let width = 2.0 * bound / f64::from(BOUNDED_POINTS);
    (0..BOUNDED_POINTS).map(move |i| -bound + (f64::from(i) + 0.5) * width)
}

fn grid(from: f64, to: f64) -> impl Iterator<Item = f64> {
    let steps = ((to - from) / SPACING).ceil().max(1.0) as usize;
    (0..=steps).map(move |i| from + (to - from) * i as f64 / steps as f64)
}

fn normalised(mut points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let top = points.iter().fold(f64::NEG_INFINITY, |top, point| top.max(point.1));
    let log_sum = top + points.iter().map(|point| (point.1 - top).exp()).sum::<f64>().ln();
    for point in &mut points {
        point.1 -= log_sum;
    }
    points
}

/// Logarithm of the moment generating function of the composed loss at `tilt`, with its first two derivatives.
pub fn cumulant(sketches: &[Sketch], tilt: f64) -> (f64, f64, f64) {
    let (mut value, mut mean, mut variance) = (0.0, 0.0, 0.0);
    for Sketch { points, times } in sketches {
        let exponent = |&(loss, log_mass): &(f64, f64)| log_mass + tilt * loss;
        let top = points.iter().map(exponent).fold(f64::NEG_INFINITY, f64::max);
        let centre = points.iter().max_by(|a, b| exponent(a).total_cmp(&exponent(b))).map_or(0.0, |point| point.0);
        let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
        for point in points {
            let (weight, x) = ((exponent(point) - top).exp(), point.0 - centre);
            sum += weight;
            first += weight * x;
            second += weight * x * x;
        }
        value += times * (top + sum.ln());
        mean += times * (centre + first / sum);
        variance += times * (second / sum - (first / sum).powi(2)).max(0.0);
    }
    (value, mean, variance)
}

/// The exponential tilt under which the losses that decide are typical, and what the tilted loss looks like.
#[derive(Debug, Clone, Copy)]
pub struct Focus {
    pub tilt: f64,
    /// Mean and standard deviation of the tilted, composed loss.
    pub centre: f64,
    pub spread: f64,
    /// Roughly the logarithm of delta there.
    pub log_delta: f64,
}

/// Bounds of the tilts that are tried.
const MIN_TILT: f64 = 1e-4;
const MAX_TILT: f64 = 1e8;

impl Focus {
    fn at(sketches: &[Sketch], tilt: f64, epsilon: Option<f64>) -> Self {
        let (value, centre, variance) = cumulant(sketches, tilt);
        let (epsilon, spread) = (epsilon.unwrap_or(centre), variance.sqrt().max(1e-300));
        let offset = ((epsilon - centre) / spread).max(-6.0);
        // As if the tilted loss were normal: E[exp(-tilt x) - exp(-(tilt + 1) x); x > 0], x being normal about 0.
        let half = |rate: f64| 0.5 * erfcx((offset + rate * spread) * FRAC_1_SQRT_2);
        let part = half(tilt) - half(tilt + 1.0);
        let log_delta = value - tilt * epsilon - 0.5 * offset * offset + part.max(1e-300).ln();
        Self { tilt, centre, spread, log_delta: log_delta.min(0.0) }
    }

    /// For the delta of a given epsilon, as far as it exceeds `tail`: losses that hardly occur, or do not at all, are
    /// no place to tilt to.
    pub fn on_epsilon(sketches: &[Sketch], epsilon: f64, tail: f64) -> Self {
        let tilt = search(|tilt| {
            let (value, mean, _) = cumulant(sketches, tilt);
            // Chernoff's bound, which falls as long as the mean is below.
            mean < epsilon && value - tilt * epsilon > tail.ln()
        });
        Self::at(sketches, tilt, Some(epsilon))
    }

    /// For the epsilon of a given delta.
    pub fn on_delta(sketches: &[Sketch], delta: f64) -> Self {
        let wanted = delta.ln();
        let tilt = search(|tilt| Self::at(sketches, tilt, None).log_delta > wanted);
        Self::at(sketches, tilt, None)
    }

    /// The same with another tilt.
    pub fn with_tilt(&self, sketches: &[Sketch], tilt: f64) -> Self {
        Self::at(sketches, tilt, None)
    }

    /// A window outside which the tilted loss has mass below `tail` on either side, by Chernoff's bound; with the
    /// further tilt that gives its upper end.
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

/// Bisects, on a logarithmic scale, for the tilt from which on `low` fails; 0 if it fails everywhere.
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

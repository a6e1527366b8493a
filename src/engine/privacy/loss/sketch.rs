//! Privacy losses as a few points. They show where a composition matters. No guarantee depends on them.

/// A privacy-loss distribution as a few masses, with a number of uses.
#[derive(Debug, Clone)]
pub struct Sketch {
    /// (loss, logarithm of its mass)
    points: Vec<(f64, f64)>,
    times: f64,
}

/// Distance of outputs, in standard deviations. Sums of smooth functions over them are accurate to many digits.
const SPACING: f64 = 0.25;
/// Number of losses that represent a bounded density.
const BOUNDED_POINTS: u32 = 256;

impl Sketch {
    /// `times` uses of a distribution with these losses, each with the logarithm of its mass up to a common summand.
    pub fn new(points: Vec<(f64, f64)>, times: f64) -> Self {
        Self { points: normalised(points), times }
    }

    /// The sketch of the swapped pair.
    pub fn swapped(&self) -> Self {
        Self::new(self.points.iter().map(|&(loss, log_mass)| (-loss, log_mass - loss)).collect(), self.times)
    }
}

/// Losses that are uniform in `[-bound, bound]`.
pub fn bounded(bound: f64) -> impl Iterator<Item = f64> {
    let width = 2.0 * bound / f64::from(BOUNDED_POINTS);
    (0..BOUNDED_POINTS).map(move |i| -bound + (f64::from(i) + 0.5) * width)
}

/// Losses of Laplace noise: between the bounds, and at both bounds.
#[cfg(test)]
pub fn bounded_with_ends(bound: f64) -> Vec<(f64, f64)> {
    let width = 2.0 * bound / f64::from(BOUNDED_POINTS);
    let between = bounded(bound).map(|loss| (loss, 0.5 * (loss - bound) + (0.25 * width).ln()));
    between.chain([(bound, 0.5f64.ln()), (-bound, 0.5f64.ln() - bound)]).collect()
}

/// Outputs in an interval, in standard deviations.
pub fn grid(from: f64, to: f64) -> impl Iterator<Item = f64> {
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

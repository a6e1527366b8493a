//! Composition of privacy-loss distributions by the fast Fourier transform, with bounds on all its errors.
//!
//! A plain transform has an absolute error near 1e-16 in every mass, which exceeds small deltas. So each distribution
//! is first tilted: a mass `m` at loss `l` becomes `m e^(t l) / M`, where `M` is the sum of these. Tilting commutes
//! with convolution. If `t` is chosen so that losses near the wanted epsilon are typical of the tilted composition, the
//! error there is relative (Esscher's transform). Undoing the tilt multiplies by `(product of M) e^(-t l)`.
//!
//! Bounds:
//! - Losses outside the window are wrapped around into it, which only increases masses.
//! - Losses above the window also count as infinite, with the mass that Chernoff's bound gives them.
//! - The transform of `x` is computed by a tree of sums of depth `log2 n` (Cooley-Tukey for `n` a power of two), so each
//!   coefficient is off by at most `c u log2 n` times the sum of `|x|`, with `c` for products and inexact roots of
//!   unity ([`FFT_ERROR`]). What follows from this for products of powers is summed over all coefficients, and for
//!   the inverse transform likewise. The sum is added to every mass.

use rustfft::num_complex::Complex64;
use rustfft::{Fft, FftPlanner};

use super::pld::Pld;

/// Relative error of a Fourier coefficient per level (of `log2 n`), against the sum of all terms: 32 units in the last
/// place, where 4 or 5 are typical.
const FFT_ERROR: f64 = 32.0 * f64::EPSILON;
/// Products below `exp(-NEGLIGIBLE)` count as zero, with an error of that size.
const NEGLIGIBLE: f64 = 80.0;

/// Plans and buffers that repeated compositions share.
pub struct Convolver {
    planner: FftPlanner<f64>,
}

/// The region of interest of a composition.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// The tilt `t >= 0`.
    pub tilt: f64,
    /// Bounds of the losses.
    pub lowest: f64,
    pub highest: f64,
    /// Additional tilt for Chernoff's bound on higher losses.
    pub further: f64,
}

impl Convolver {
    pub fn new() -> Self {
        Self { planner: FftPlanner::new() }
    }

    /// Composes `parts`, all on one grid, with their numbers of uses. The result has only losses in the window, and
    /// bounds the divergence only for epsilons that are not below it.
    pub fn compose(&mut self, parts: &[(&Pld, u64)], window: Window) -> Pld {
        let step = parts[0].0.step;
        let first = (window.lowest / step).floor() as i64;
        let length = ((window.highest / step).ceil() as i64 - first + 1).max(16) as usize;
        let size = length.next_power_of_two();
        // The rest of the transform's length is used too.
        let first = first - ((size - length) / 2) as i64;
        let last = first + size as i64 - 1;

        let (forward, backward) = (self.planner.plan_fft_forward(size), self.planner.plan_fft_inverse(size));
        let mut scratch =
            vec![Complex64::ZERO; forward.get_inplace_scratch_len().max(backward.get_inplace_scratch_len())];
        let transform_error = FFT_ERROR * f64::from(size.ilog2());
        let mut log_scale = 0.0;
        let mut scale_error = 0.0;
        let mut product = Product::new(size, transform_error);
        for &(pld, times) in parts {
            let (mut tilted, log_sum) = tilt(pld, window.tilt, size);
            forward.process_with_scratch(&mut tilted, &mut scratch);
            product.multiply(&tilted, times);
            log_scale += times as f64 * log_sum;
            scale_error += times as f64 * (1.0 + log_sum.abs()) * 4.0 * f64::EPSILON;
        }
        let (mut values, error) = product.inverse(&*backward, &mut scratch);

        let mass = (first..=last)
            .map(|index| {
                let value = values[index.rem_euclid(size as i64) as usize].re.max(0.0) / size as f64 + error;
                let log_factor = log_scale - window.tilt * (index as f64 * step);
                (value * log_factor.exp()).min(1.0)
            })
            .collect();
        values.clear();
        let reach = window.tilt * (first.abs().max(last.abs()) as f64) * step;
        let times: f64 = parts.iter().map(|&(_, times)| times as f64).sum();
        let relative = parts.iter().map(|&(pld, times)| tilt_error(pld, window.tilt, times)).sum::<f64>()
            + scale_error
            + (reach + log_scale.abs()) * 4.0 * f64::EPSILON;
        Pld {
            step,
            first,
            mass,
            infinity: infinity(parts) + above(parts, last, window.tilt + window.further),
            relative: relative.exp_m1() + times * f64::EPSILON,
            shift: parts.iter().map(|&(pld, times)| pld.shift * times as f64).sum(),
        }
    }
}

/// The tilted masses, wrapped around to `size`, as complex numbers with sum 1, and the logarithm of their previous sum.
fn tilt(pld: &Pld, tilt: f64, size: usize) -> (Vec<Complex64>, f64) {
    let (centre, log_sum) = log_moment(pld, tilt);
    let mut tilted = vec![Complex64::ZERO; size];
    let mut slot = pld.first.rem_euclid(size as i64) as usize;
    for (i, mass) in pld.mass.iter().enumerate() {
        tilted[slot].re += mass * (tilt * (pld.loss(i) - centre) - (log_sum - tilt * centre)).exp();
        slot = (slot + 1) % size;
    }
    (tilted, log_sum)
}

/// A loss near which the tilted masses are largest, and the logarithm of `sum mass_i e^(tilt loss_i)`.
fn log_moment(pld: &Pld, tilt: f64) -> (f64, f64) {
    let centre = (0..pld.mass.len())
        .step_by(8)
        .chain([pld.mass.len() - 1])
        .filter(|&i| pld.mass[i] > 0.0)
        .map(|i| (pld.loss(i), pld.mass[i].ln() + tilt * pld.loss(i)))
        .fold((pld.loss(0), f64::NEG_INFINITY), |best, point| if point.1 > best.1 { point } else { best })
        .0;
    let sum: f64 = pld.mass.iter().enumerate().map(|(i, mass)| mass * (tilt * (pld.loss(i) - centre)).exp()).sum();
    (centre, tilt * centre + sum.ln())
}

/// Bounds the logarithm of the relative error of all tilted masses of `times` uses of a distribution.
fn tilt_error(pld: &Pld, tilt: f64, times: u64) -> f64 {
    let reach = tilt * (pld.loss(0).abs().max(pld.loss(pld.mass.len() - 1).abs()));
    times as f64 * (pld.relative + 8.0 * f64::EPSILON * (1.0 + reach))
}

/// Mass of losses that are infinite in at least one part.
fn infinity(parts: &[(&Pld, u64)]) -> f64 {
    let log_finite: f64 = parts.iter().map(|&(pld, times)| times as f64 * (-pld.infinity).ln_1p()).sum();
    -log_finite.exp_m1() * (1.0 + 1e-12)
}

/// Chernoff's bound on the mass of losses above the grid index `last`.
fn above(parts: &[(&Pld, u64)], last: i64, tilt: f64) -> f64 {
    let highest: i128 = parts.iter().map(|&(pld, times)| i128::from(pld.last()) * i128::from(times)).sum();
    if highest <= i128::from(last) {
        return 0.0;
    }
    let log_moments: f64 =
        parts.iter().map(|&(pld, times)| times as f64 * log_moment(pld, tilt).1 + tilt_error(pld, tilt, times)).sum();
    (log_moments - tilt * (last + 1) as f64 * parts[0].0.step).exp() * (1.0 + 1e-6)
}

/// A product of powers of transforms, with a bound on the error of each coefficient. Transforms of real numbers are
/// symmetric, so half of one is enough.
struct Product {
    size: usize,
    transform_error: f64,
    values: Vec<Complex64>,
    /// Bounds on the true absolute values, and on the errors relative to these.
    bounds: Vec<(f64, f64)>,
}

impl Product {
    fn new(size: usize, transform_error: f64) -> Self {
        let half = size / 2 + 1;
        Self { size, transform_error, values: vec![Complex64::ONE; half], bounds: vec![(1.0, 0.0); half] }
    }

    /// Multiplies by the `times`-th power of a transform of numbers with sum 1.
    fn multiply(&mut self, transform: &[Complex64], times: u64) {
        let power = times as f64;
        let smallest = (-NEGLIGIBLE / power).exp();
        for ((value, bound), &factor) in self.values.iter_mut().zip(&mut self.bounds).zip(transform) {
            // The true factor is within `transform_error`, so below `size`.
            let size = factor.norm() + self.transform_error;
            if size < smallest || bound.0 == 0.0 {
                *value = Complex64::ZERO;
                bound.0 = 0.0;
                continue;
            }
            *value *= factor.powu_u64(times);
            bound.0 *= size.powf(power);
            // The error of the power of an inexact factor, of its rounding, and of the product's rounding.
            bound.1 += power * (self.transform_error / size + 4.0 * f64::EPSILON) + 4.0 * f64::EPSILON;
        }
    }

    /// The inverse transform, not yet divided by the size, and a bound on the error of each of its values after the
    /// division.
    fn inverse(self, backward: &dyn Fft<f64>, scratch: &mut [Complex64]) -> (Vec<Complex64>, f64) {
        let (mut error, mut sum) = (0.0, 0.0);
        for (i, (value, &(bound, relative))) in self.values.iter().zip(&self.bounds).enumerate() {
            let weight = if i == 0 || 2 * i == self.size { 1.0 } else { 2.0 };
            error += weight * if bound == 0.0 { (-NEGLIGIBLE).exp() } else { bound * relative };
            sum += weight * value.norm();
        }
        let mut full = self.values;
        full.resize(self.size, Complex64::ZERO);
        for i in 1..self.size.div_ceil(2) {
            full[self.size - i] = full[i].conj();
        }
        backward.process_with_scratch(&mut full, scratch);
        (full, (error + self.transform_error * sum) / self.size as f64 * (1.0 + 1e-9))
    }
}

/// Powers by squaring.
trait Power {
    fn powu_u64(self, times: u64) -> Self;
}

impl Power for Complex64 {
    fn powu_u64(self, mut times: u64) -> Self {
        let (mut power, mut square) = (Self::ONE, self);
        while times > 0 {
            if times & 1 == 1 {
                power *= square;
            }
            times >>= 1;
            if times > 0 {
                square *= square;
            }
        }
        power
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::privacy::accountant::analytic_gaussian;
    use crate::engine::privacy::mechanisms::facts::Facts;
    use crate::engine::privacy::mechanisms::gaussian::Gaussian;
    use crate::engine::privacy::mechanisms::subsampled_gaussian::SubsampledGaussian;

    const STEP: f64 = 1.0 / 1024.0;

    /// Masses of a composition by the definition of convolution.
    fn convolve(a: &[f64], b: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; a.len() + b.len() - 1];
        for (i, x) in a.iter().enumerate() {
            for (j, y) in b.iter().enumerate() {
                sum[i + j] += x * y;
            }
        }
        sum
    }

    #[test]
    fn masses_are_those_of_plain_convolution_however_small() {
        let sampled =
            SubsampledGaussian { rate: 0.1, noise_multiplier: 2.0 }.losses(16.0 * STEP, 1e-60).unwrap().add.unwrap();
        let normal = Gaussian { noise_multiplier: 5.0 }.loss(16.0 * STEP, 1e-60).unwrap();
        let plain = convolve(&convolve(&sampled.mass, &sampled.mass), &normal.mass);
        let first = 2 * sampled.first + normal.first;
        for tilt in [0.0, 5.0, 40.0] {
            let window = Window { tilt, lowest: -1.0, highest: 3.0, further: 10.0 };
            let composed = Convolver::new().compose(&[(&sampled, 2), (&normal, 1)], window);
            let tilted = |index: i64| plain[(index - first) as usize] * (tilt * index as f64 * 16.0 * STEP).exp();
            let largest = (first..first + plain.len() as i64).map(tilted).fold(0.0, f64::max);
            for (i, &mass) in composed.mass.iter().enumerate() {
                let index = composed.first + i as i64;
                let Some(&exact) = usize::try_from(index - first).ok().and_then(|i| plain.get(i)) else { continue };
                assert!(mass >= exact.min(1.0) * (1.0 - composed.relative), "{tilt} {index}: {mass:e} {exact:e}");
                // Where the tilted mass is not tiny, the bound is tight.
                if tilted(index) > 1e-4 * largest && mass < 1.0 {
                    assert!(mass <= exact * (1.0 + 1e-6), "{tilt} {index}: {mass:e} {exact:e}");
                }
            }
        }
    }

    #[test]
    fn gaussians_compose_to_gaussians_down_to_tiny_deltas() {
        let (noise, times) = (20.0f64, 64u64);
        let single = Gaussian { noise_multiplier: noise }.loss(STEP / 64.0, 1e-70).unwrap();
        let together = noise / (times as f64).sqrt();
        for epsilon in [0.0, 0.5, 1.0, 3.0, 5.0] {
            // The tilt at which epsilon is typical: a normal loss of variance v and mean v / 2 has mean v / 2 + t v.
            let variance = together.powi(-2);
            let tilt = f64::max(0.0, epsilon / variance - 0.5);
            let reach = 9.0 / together;
            let window = Window { tilt, lowest: epsilon - reach, highest: epsilon + reach, further: 9.0 * together };
            let found = Convolver::new().compose(&[(&single, times)], window).delta(epsilon);
            let exact = analytic_gaussian::delta(together, epsilon);
            assert!(found >= exact * (1.0 - 1e-9) && found <= exact * 1.001, "{epsilon}: {found:e} {exact:e}");
        }
    }

    #[test]
    fn wrapped_and_cut_losses_are_counted() {
        let single = Gaussian { noise_multiplier: 1.0 }.loss(STEP, 1e-20).unwrap();
        // A window that is far too small for the distribution.
        let window = Window { tilt: 0.0, lowest: 3.5, highest: 4.5, further: 1.0 };
        let composed = Convolver::new().compose(&[(&single, 4)], window);
        for epsilon in [3.5, 4.0, 4.4] {
            assert!(composed.delta(epsilon) >= analytic_gaussian::delta(0.5, epsilon));
        }
    }

    #[test]
    fn transforms_err_less_than_assumed() {
        let size = 1 << 12;
        let input: Vec<Complex64> = (0..size).map(|i| Complex64::new(((i * i) % 97) as f64, 0.0)).collect();
        let sum: f64 = input.iter().map(|x| x.re).sum();
        let mut output = input.clone();
        FftPlanner::new().plan_fft_forward(size).process(&mut output);
        for k in (0..size).step_by(61) {
            // Angles reduced exactly, so that the plain sum is accurate.
            let term = |(i, x): (usize, &Complex64)| {
                Complex64::from_polar(x.re, -std::f64::consts::TAU * ((i * k) % size) as f64 / size as f64)
            };
            let exact: Complex64 = input.iter().enumerate().map(term).sum();
            assert!((output[k] - exact).norm() < sum * FFT_ERROR * 12.0 / 8.0, "{k}");
        }
    }
}

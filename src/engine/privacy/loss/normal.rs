//! Tails of the standard normal distribution with small relative error.

use std::f64::consts::{FRAC_1_SQRT_2, PI, SQRT_2};

use statrs::function::erf::erfc_inv;

/// `P(X > x)`, relative error below 1e-13 for `x <= 37`.
pub fn upper_tail(x: f64) -> f64 {
    0.5 * libm::erfc(x * FRAC_1_SQRT_2)
}

/// An `x` with `P(X > x) <= tail`, above the smallest by at most 1e-9 relatively for `tail` in `(1e-290, 1/2]`, and by
/// 1 % below that. Infinite for arguments that are not positive, such as a probability that underflowed. Not negative
/// above 1/2.
pub fn upper_quantile(tail: f64) -> f64 {
    if !(tail > 0.0) {
        return f64::INFINITY;
    }
    if tail < SMALLEST_TAIL {
        return upper_quantile_of_log(tail.ln());
    }
    if tail > 0.5 {
        return 0.0;
    }
    let mut x = SQRT_2 * erfc_inv(2.0 * tail);
    // Newton steps on the logarithm of the tail, which is nearly a parabola.
    for _ in 0..4 {
        let (found, density) = (upper_tail(x), (-0.5 * x * x).exp() / (2.0 * PI).sqrt());
        x += found / density * (found / tail).ln();
    }
    x.max(0.0) * (1.0 + 1e-10) + 1e-12
}

/// Below this, the density, by which Newton's steps divide, loses digits.
const SMALLEST_TAIL: f64 = 1e-290;

/// An `x` with `ln P(X > x) <= log_tail`, by `P(X > x) <= exp(-x^2 / 2) / 2`. Infinite if `log_tail` is NaN.
pub fn upper_quantile_of_log(log_tail: f64) -> f64 {
    if log_tail.is_nan() { f64::INFINITY } else { (-2.0 * log_tail.min(0.0)).sqrt() * (1.0 + 1e-15) }
}

/// Scaled complementary error function `exp(x^2) erfc(x)`, relative error below 1e-14 for `x > -5`.
pub fn erfcx(x: f64) -> f64 {
    if x > 25.0 {
        // Asymptotic series; the first term left out is below 1e-16 of the sum.
        let s = 0.5 / (x * x);
        let series = 1.0 - s * (1.0 - 3.0 * s * (1.0 - 5.0 * s * (1.0 - 7.0 * s * (1.0 - 9.0 * s))));
        return series / (x * PI.sqrt());
    }
    let square = x * x;
    let rounding = x.mul_add(x, -square);
    square.exp() * (1.0 + rounding) * libm::erfc(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // From 30 digits computed elsewhere.
        for (x, expected) in [
            (0.0, 0.5),
            (1.0, 0.158_655_253_931_457_05),
            (-2.0, 0.977_249_868_051_820_8),
            (10.0, 7.619_853_024_160_527e-24),
            (30.0, 4.906_713_927_148_187e-198),
        ] {
            assert!((upper_tail(x) / expected - 1.0).abs() < 1e-13, "{x}");
        }
        for (x, expected) in [
            (0.5, 0.615_690_344_192_925_9),
            (-1.0, 5.008_980_080_762_283),
            (5.0, 0.110_704_637_733_068_63),
            (24.9, 0.022_639_987_776_049_506),
            (25.1, 0.022_459_875_817_581_39),
            (1e3, 5.641_893_014_533_876e-4),
        ] {
            assert!((erfcx(x) / expected - 1.0).abs() < 1e-13, "{x} {:e}", erfcx(x));
        }
    }

    #[test]
    fn quantiles_are_on_the_safe_side_and_tight() {
        for tail in [0.5, 0.3, 1e-3, 1e-7, 1e-12, 1e-40, 1e-200] {
            let x = upper_quantile(tail);
            assert!(upper_tail(x) <= tail, "{tail}");
            assert!(upper_tail(x * (1.0 - 1e-9) - 1e-11) > tail, "{tail}");
        }
    }
}

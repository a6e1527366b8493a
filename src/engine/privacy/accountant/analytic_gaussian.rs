//! The Gaussian mechanism in closed form: Balle and Wang, "Improving the Gaussian Mechanism for Differential
//! Privacy" (2018), Theorem 8.
//!
//! With noise multiplier `z`, `a = epsilon z - 1/(2z)` and `b = epsilon z + 1/(2z)`,
//! `delta = P(X > a) - e^epsilon P(X > b)` for a standard normal `X`. Since `b^2 - a^2 = 2 epsilon` this is
//! `exp(-a^2/2) (erfcx(a/sqrt 2) - erfcx(b/sqrt 2)) / 2`, which loses no digits.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use crate::engine::privacy::loss::normal::{erfcx, upper_tail};
use crate::engine::privacy::loss::quadrature::GAUSS_5;

/// Relative error of [`delta`], with a margin.
const ERROR: f64 = 1e-10;

/// Smallest delta, rounded up, for which noise of `noise_multiplier` times the sensitivity is (`epsilon`,
/// delta)-private. `epsilon >= 0`. 1 if the noise is not positive or an argument is NaN. Never below the smallest
/// positive number.
pub fn delta(noise_multiplier: f64, epsilon: f64) -> f64 {
    if !(noise_multiplier > 0.0 && epsilon >= 0.0) {
        return 1.0;
    }
    let half = 0.5 / noise_multiplier;
    // b - a. A subtraction would lose its digits.
    let width = 2.0 * half * FRAC_1_SQRT_2;
    let (a, b) =
        ((epsilon * noise_multiplier - half) * FRAC_1_SQRT_2, (epsilon * noise_multiplier + half) * FRAC_1_SQRT_2);
    let scale = 0.5 * (-a * a).exp();
    let exact = if a < -4.0 {
        upper_tail(a / FRAC_1_SQRT_2) - scale * erfcx(b)
    } else if width > 0.1 {
        scale * (erfcx(a) - erfcx(b))
    } else {
        // -erfcx'(x) = 2/sqrt(pi) - 2 x erfcx(x), integrated from a to b
        scale * width * GAUSS_5.iter().map(|&(x, w)| w * descent(a + width * x)).sum::<f64>()
    };
    if exact.is_nan() { 1.0 } else { (exact * (1.0 + ERROR)).clamp(f64::MIN_POSITIVE, 1.0) }
}

/// `-erfcx'(x)`.
fn descent(x: f64) -> f64 {
    if x > 25.0 {
        // 2/sqrt(pi) (1 - sqrt(pi) x erfcx(x)) by the asymptotic series of erfcx
        let s = 0.5 / (x * x);
        return FRAC_2_SQRT_PI * s * (1.0 - 3.0 * s * (1.0 - 5.0 * s * (1.0 - 7.0 * s * (1.0 - 9.0 * s))));
    }
    FRAC_2_SQRT_PI - 2.0 * x * erfcx(x)
}

/// Smallest noise multiplier, rounded up by less than 1e-8 of it, that is (`epsilon`, `delta`)-private.
/// `epsilon >= 0`, `0 < delta < 1`; designed for epsilon of 1e-4 to 100 and delta of 1e-12 to 1/2. Infinite if noise of
/// 1e12 is not enough, or an argument is NaN.
pub fn noise_multiplier(epsilon: f64, wanted: f64) -> f64 {
    // Between 1e-9 and 1e12, on a logarithmic scale.
    let (low, high) = (-20.0, 28.0);
    let is_enough = |z: f64| delta(z.exp(), epsilon) <= wanted;
    if !is_enough(high) {
        return f64::INFINITY;
    }
    safe_end(low, high, is_enough).exp() * (1.0 + 1e-12)
}

/// Smallest epsilon, rounded up by less than 1e-8 of it, for which noise of `noise_multiplier` is (epsilon,
/// `delta`)-private. Infinite if no epsilon is enough, or an argument is NaN.
pub fn epsilon(noise_multiplier: f64, wanted: f64) -> f64 {
    if delta(noise_multiplier, 0.0) <= wanted {
        return 0.0;
    }
    let mut limit = 1.0;
    while delta(noise_multiplier, limit) > wanted && limit < 1e300 {
        limit *= 2.0;
    }
    if !(delta(noise_multiplier, limit) <= wanted) {
        return f64::INFINITY;
    }
    safe_end(0.0, limit, |epsilon| delta(noise_multiplier, epsilon) <= wanted)
}

/// Bisects, and returns the end of the last bracket at which `safe` holds. It holds at `high`, and everywhere above
/// some point.
fn safe_end(mut low: f64, mut high: f64, safe: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..200 {
        let middle = low.midpoint(high);
        if middle <= low || middle >= high {
            break;
        }
        *(if safe(middle) { &mut high } else { &mut low }) = middle;
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_deltas() {
        // From 60 digits computed elsewhere: (noise multiplier, epsilon, delta).
        for (z, epsilon, expected) in KNOWN {
            let found = delta(z, epsilon);
            assert!(found >= expected && found < expected * (1.0 + 1e-9), "{z} {epsilon}: {found:e} {expected:e}");
        }
    }

    #[test]
    fn inverses_meet_the_target_from_the_safe_side() {
        for target in [1e-4, 1e-3, 0.01, 0.1, 1.0, 3.0, 10.0, 50.0, 100.0] {
            for wanted in [1e-12, 1e-9, 1e-6, 1e-3, 0.1, 0.5] {
                let z = noise_multiplier(target, wanted);
                assert!(delta(z, target) <= wanted, "{target} {wanted}");
                assert!(delta(z * (1.0 - 1e-7), target) > wanted, "{target} {wanted}");
                let back = epsilon(z, wanted);
                assert!(delta(z, back) <= wanted && back <= target * (1.0 + 1e-9), "{target} {wanted} {back}");
                assert!(back > target * (1.0 - 1e-6), "{target} {wanted} {back}");
            }
        }
        assert_eq!(epsilon(10.0, 0.5), 0.0);
    }

    const KNOWN: [(f64, f64, f64); 8] = [
        (0.5, 10.0, 9.940_202_816_118_153e-6),
        (1.0, 1.0, 0.12693673750664395),
        (2.0, 2.0, 9.439_168_634_947_234e-6),
        (0.01, 100.0, 1.0),
        (30.0, 0.1, 1.3389982928393883e-5),
        (50000.0, 0.0001, 1.0692865697084017e-12),
        (0.1, 60.0, 0.13683538039646113),
        (1000.0, 0.005, 5.3595470410572097e-11),
    ];
}

//! Numbers in [0, 1] as multiples of 2^-127, for the few uses for which f64 is not exact enough.

/// The number 1.
pub const ONE: u128 = 1 << 127;

/// Product, rounded down. The error is below 2^-126.
pub fn mul(a: u128, b: u128) -> u128 {
    const LOW: u128 = u64::MAX as u128;
    let (a1, a0) = (a >> 64, a & LOW);
    let (b1, b0) = (b >> 64, b & LOW);
    let middle = ((a0 * b0) >> 64) + ((a1 * b0) & LOW) + ((a0 * b1) & LOW);
    let high = a1 * b1 + ((a1 * b0) >> 64) + ((a0 * b1) >> 64) + (middle >> 64);
    (high << 1) | ((middle >> 63) & 1)
}

/// `exp(-x)` for `x` of at most 1/2. The error is below 2^-120.
///
/// The Taylor series: each of at most 32 terms has an error below two units times the running product, which is below
/// one. The remainder after 32 terms is below 2^-32 / 32! < 2^-149.
pub fn exp_neg(x: u128) -> u128 {
    debug_assert!(x <= ONE / 2);
    let (mut plus, mut minus, mut term) = (ONE, 0, ONE);
    for k in 1..=32u128 {
        term = mul(term, x) / k;
        if k % 2 == 1 {
            minus += term;
        } else {
            plus += term;
        }
    }
    plus - minus
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_exact_to_the_last_unit() {
        assert_eq!(mul(ONE, ONE), ONE);
        assert_eq!(mul(ONE - 1, ONE), ONE - 1);
        assert_eq!(mul(ONE / 2, ONE / 2), ONE / 4);
        assert_eq!(mul((1 << 100) + 12345, 1 << 120), ((1 << 100) + 12345) >> 7);
        // (2^127 - 1)^2 / 2^127 = 2^127 - 2 + 2^-127
        assert_eq!(mul(ONE - 1, ONE - 1), ONE - 2);
    }

    #[test]
    fn exponentials_multiply() {
        // exp(-1/2) in units of 2^-127, from 60 digits computed elsewhere.
        let half = exp_neg(ONE / 2);
        assert!(half.abs_diff(103_195_844_248_566_597_636_880_352_756_141_321_139) < 1 << 7);
        for (x, y) in [(1u128 << 120, 1u128 << 121), (ONE / 7, ONE / 3), (ONE / 5 + 77, ONE / 4)] {
            assert!(mul(exp_neg(x), exp_neg(y)).abs_diff(exp_neg(x + y)) < 1 << 7);
        }
    }
}

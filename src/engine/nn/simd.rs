//! Loops over `f32` slices that the compiler vectorises on any machine. Every result is a fixed function of the slice.

/// Number of parallel partial sums.
const LANES: usize = 16;
/// Number of entries for which products of integers up to [`BLOCK_LIMIT`] add up below 2^24.
const BLOCK: usize = 256;
/// See [`BLOCK`]: 256 * 255 * 255 < 2^24.
pub const BLOCK_LIMIT: f32 = 255.0;
/// Largest integer that [`dot_wide`] accepts: its products and their sums stay below 2^53.
pub const WIDE_LIMIT: f32 = 1_048_576.0;
/// 1.5 * 2^23: adding and subtracting it rounds to the nearest integer, halves to even, below 2^22.
const ROUNDER: f32 = 12_582_912.0;

/// Sum of products.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    let (left, left_rest) = a.as_chunks::<LANES>();
    let (right, right_rest) = b.as_chunks::<LANES>();
    for (x, y) in left.iter().zip(right) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let (left, left_rest) = left_rest.as_chunks::<4>();
    let (right, right_rest) = right_rest.as_chunks::<4>();
    for (x, y) in left.iter().zip(right) {
        for lane in 0..4 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    for (lane, (x, y)) in left_rest.iter().zip(right_rest).enumerate() {
        sums[lane + 4] += x * y;
    }
    add_lanes(sums)
}

/// Sum of the entries.
pub fn sum(x: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    let (parts, rest) = x.as_chunks::<LANES>();
    for part in parts {
        for lane in 0..LANES {
            sums[lane] += part[lane];
        }
    }
    sums.iter_mut().zip(rest).for_each(|(sum, x)| *sum += x);
    add_lanes(sums)
}

#[inline(always)]
fn add_lanes(sums: [f32; LANES]) -> f32 {
    let mut quarters = [0.0f32; 4];
    for lane in 0..4 {
        quarters[lane] = (sums[lane] + sums[lane + 4]) + (sums[lane + 8] + sums[lane + 12]);
    }
    (quarters[0] + quarters[1]) + (quarters[2] + quarters[3])
}

/// Sum of products of integers up to [`BLOCK_LIMIT`]: exact.
pub fn dot_exact(a: &[f32], b: &[f32]) -> i64 {
    a.chunks(BLOCK).zip(b.chunks(BLOCK)).map(|(x, y)| dot(x, y) as i64).sum()
}

/// Sum of products of integers up to [`WIDE_LIMIT`], a few thousand at a time: exact.
pub fn dot_wide(a: &[f32], b: &[f32]) -> i64 {
    const ENTRIES: usize = 1 << 12;
    let part = |x: &[f32], y: &[f32]| {
        let mut sums = [0.0f64; 4];
        let (x, x_rest) = x.as_chunks::<4>();
        let (y, y_rest) = y.as_chunks::<4>();
        for (x, y) in x.iter().zip(y) {
            for lane in 0..4 {
                sums[lane] += f64::from(x[lane]) * f64::from(y[lane]);
            }
        }
        let rest = x_rest.iter().zip(y_rest).map(|(x, y)| f64::from(*x) * f64::from(*y));
        (sums.iter().sum::<f64>() + rest.sum::<f64>()) as i64
    };
    a.chunks(ENTRIES).zip(b.chunks(ENTRIES)).map(|(x, y)| part(x, y)).sum()
}

/// Largest absolute value of an entry; 0 if there are none. NaNs are ignored.
pub fn largest(a: &[f32]) -> f32 {
    let mut tops = [0.0f32; LANES];
    let (parts, rest) = a.as_chunks::<LANES>();
    for part in parts {
        for lane in 0..LANES {
            tops[lane] = greater(part[lane].abs(), tops[lane]);
        }
    }
    tops.iter_mut().zip(rest).for_each(|(top, x)| *top = greater(x.abs(), *top));
    tops.iter().fold(0.0, |top, x| greater(*x, top))
}

/// The greater of two, or the second if the first is NaN: one instruction, unlike `f32::max`.
#[inline(always)]
pub fn greater(x: f32, y: f32) -> f32 {
    if x > y { x } else { y }
}

/// Nearest integer to `x * scale`, clamped to `-limit..=limit` (limit below 2^22); NaN becomes `-limit`.
#[inline(always)]
pub fn whole(x: f32, scale: f32, limit: f32) -> f32 {
    let (x, low) = (x * scale, -limit);
    let x = greater(x, low);
    let x = if x < limit { x } else { limit };
    (x + ROUNDER) - ROUNDER
}

/// An integral `f64` as an integer, without the range checks of `as`, so that it becomes vector code.
#[inline(always)]
pub fn integer(x: f32) -> i64 {
    // 1.5 * 2^52: the last digits of the sum are the number itself.
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    (f64::from(x) + SHIFT).to_bits().wrapping_sub(SHIFT.to_bits()) as i64
}

/// `e^x` to about 2 units in the last place, for vector loops; saturates instead of overflowing.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let x = greater(x, -87.0);
    let x = if x < 88.0 { x } else { 88.0 };
    let shifted = x * std::f32::consts::LOG2_E + ROUNDER;
    let n = shifted - ROUNDER;
    // ln 2 in two parts, so that n times the first is exact.
    let r = (x - n * 0.693_359_4) - n * -2.121_944_4e-4;
    let mut p = 1.987_569_1e-4f32;
    for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = p * r + c;
    }
    let mantissa = p * r * r + r + 1.0;
    f32::from_bits(mantissa.to_bits().wrapping_add(shifted.to_bits() << 23))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_is_close() {
        let mut x = -87.0f32;
        while x < 88.0 {
            let wanted = f64::from(x).exp();
            assert!((f64::from(exp(x)) / wanted - 1.0).abs() < 3e-7, "{x}");
            x += 0.0137;
        }
        assert!(exp(f32::NEG_INFINITY) < 1e-37 && exp(f32::INFINITY) > 1e38 && exp(f32::NAN).is_finite());
        assert_eq!(exp(0.0), 1.0);
    }

    #[test]
    fn exact_sums_are_exact() {
        let a: Vec<f32> = (0..1000).map(|i| if i % 3 == 0 { 255.0 } else { (i % 511) as f32 - 255.0 }).collect();
        let wanted: i64 = a.iter().map(|x| *x as i64 * *x as i64).sum();
        assert_eq!(dot_exact(&a, &a), wanted);
        assert_eq!(dot_wide(&a, &a), wanted);
        let b: Vec<f32> = (0..5000).map(|i| if i % 2 == 0 { 1_048_576.0 } else { -1_048_575.0 }).collect();
        assert_eq!(dot_wide(&b, &b), b.iter().map(|x| *x as i64 * *x as i64).sum::<i64>());
    }

    #[test]
    fn whole_numbers_become_integers() {
        for x in [0i64, 1, -1, 77, -255, 16_777_215, -16_777_216, 1 << 40, -(1 << 40)] {
            assert_eq!(integer(x as f32), x);
        }
    }

    #[test]
    fn rounding_clamps_and_survives_nan() {
        assert_eq!(whole(1.26, 2.0, 255.0), 3.0);
        assert_eq!(whole(-1e30, 1.0, 255.0), -255.0);
        assert_eq!(whole(f32::INFINITY, 1.0, 255.0), 255.0);
        assert!(whole(f32::NAN, 1.0, 255.0).abs() <= 255.0);
        assert_eq!(largest(&[1.0, -7.0, 3.0]), 7.0);
    }
}

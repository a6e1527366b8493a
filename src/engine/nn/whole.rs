//! Clipping of a gradient that is there as a whole: scaled, rounded to whole numbers, held to the bound in exact
//! arithmetic, added.

use super::clip::{ATTEMPTS, Clip};
use crate::engine::privacy::mutant::{self, Mutant};

/// Adding and subtracting 1.5 * 2^52 rounds to the nearest whole number, halves to even, below 2^51; the last digits of
/// the sum are the number itself.
const ROUNDER: f64 = 6_755_399_441_055_744.0;
/// Largest rounded entry. A gradient that has one beyond it is above any bound.
const MOST: f64 = (1u64 << 40) as f64;
/// Entries whose squares are added up in 64 bits, if none is beyond 2^28: 2^6 * 2^56 < 2^63.
const CHUNK: usize = 64;
const SMALL: i64 = 1 << 28;

/// Adds a clipped gradient to a sum of whole units of [`Clip::unit`]; `work` holds it in between. Nothing is added of what
/// is not finite, or cannot be brought within the limit.
pub fn add_clipped(gradient: &[f32], clip: &Clip, work: &mut Vec<i64>, sum: &mut [i64]) {
    let size = size(gradient);
    if !size.is_finite() || size == 0.0 {
        return;
    }
    let limit = i128::from(clip.limit) * i128::from(clip.limit);
    let whole_sum = mutant::is(Mutant::ClipByBatch);
    let mut scale = if whole_sum { clip.unit().recip() } else { clip.scale(size) };
    for _ in 0..ATTEMPTS {
        round(gradient, scale, work);
        let square = square(work);
        if square <= limit || whole_sum {
            sum.iter_mut().zip(&*work).for_each(|(sum, x)| *sum += x);
            return;
        }
        scale *= (limit as f64 / square as f64).sqrt() * (1.0 - 1e-3);
    }
}

/// Euclidean norm, in eight lanes.
fn size(gradient: &[f32]) -> f64 {
    let mut lanes = [0.0f64; 8];
    let (parts, rest) = gradient.as_chunks::<8>();
    for part in parts {
        lanes.iter_mut().zip(part).for_each(|(lane, x)| *lane += f64::from(*x) * f64::from(*x));
    }
    let rest: f64 = rest.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
    (lanes.iter().sum::<f64>() + rest).sqrt()
}

/// Finite numbers times `scale`, to the nearest whole number.
fn round(gradient: &[f32], scale: f64, work: &mut Vec<i64>) {
    work.clear();
    work.extend(gradient.iter().map(|x| {
        let x = f64::from(*x) * scale;
        let x = if x > -MOST { x } else { -MOST };
        let x = if x < MOST { x } else { MOST };
        (x + ROUNDER).to_bits().wrapping_sub(ROUNDER.to_bits()) as i64
    }));
}

/// The sum of squares: exact, since entries are at most 2^40 in size.
fn square(whole: &[i64]) -> i128 {
    let sums = whole.chunks(CHUNK).map(|chunk| {
        let top = chunk.iter().fold(0, |top, x| top | x.unsigned_abs());
        if top < SMALL as u64 {
            i128::from(chunk.iter().map(|x| x * x).sum::<i64>())
        } else {
            chunk.iter().map(|x| i128::from(*x) * i128::from(*x)).sum()
        }
    });
    sums.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::nn::clip::Rule;
    use crate::engine::nn::normals::Normals;

    fn clip(norm: f64, limit: u32, rule: Rule) -> Clip {
        Clip { rule, norm, limit, activation_step: 1.0 }
    }

    fn clipped(gradient: &[f32], clip: &Clip) -> Vec<i64> {
        let mut sum = vec![0; gradient.len()];
        add_clipped(gradient, clip, &mut Vec::new(), &mut sum);
        sum
    }

    fn exact_square(whole: &[i64]) -> i128 {
        whole.iter().map(|x| i128::from(*x) * i128::from(*x)).sum()
    }

    #[test]
    fn gradients_are_scaled_as_the_rule_says() {
        let mut gradient = vec![0.0; 1000];
        Normals::from_seed([1; 32]).fill(&mut gradient);
        let size = size(&gradient);
        for (norm, rule, factor) in [
            (1.0, Rule::Flat, 1.0 / size * (1.0 - 1e-3)),
            (100.0, Rule::Flat, 1.0),
            (100.0, Rule::Normalised { stability: 0.01 }, 100.0 / (size + 1.0)),
        ] {
            let clip = clip(norm, 1 << 24, rule);
            let found = clipped(&gradient, &clip);
            for (found, x) in found.iter().zip(&gradient) {
                assert!((*found as f64 * clip.unit() - f64::from(*x) * factor).abs() <= 0.51 * clip.unit());
            }
        }
    }

    /// Few units, many entries: rounding alone would exceed the bound.
    #[test]
    fn no_gradient_exceeds_the_bound() {
        let attacks = [1.0, 1e-30, 3e38, f32::INFINITY, f32::NAN, 1e-45];
        for attack in attacks {
            for limit in [1, 2, 17, 300_000, u32::MAX >> 1] {
                for entries in [1, 63, 64, 4097] {
                    for rule in [Rule::Flat, Rule::Normalised { stability: 0.0 }] {
                        let mut gradient = vec![0.0; entries];
                        Normals::from_seed([entries as u8; 32]).fill(&mut gradient);
                        gradient[entries / 2] = attack;
                        let found = clipped(&gradient, &clip(0.1, limit, rule));
                        assert!(exact_square(&found) <= i128::from(limit).pow(2));
                        assert_eq!(square(&found), exact_square(&found));
                        if !attack.is_finite() {
                            assert!(found.iter().all(|x| *x == 0));
                        }
                    }
                }
            }
        }
        // Each entry rounds up, time and again.
        let even = vec![0.6; 10_000];
        let found = clipped(&even, &clip(60.0, 60, Rule::Flat));
        assert!(exact_square(&found) <= 3600);
    }

    #[test]
    fn squares_are_exact_beyond_64_bits() {
        let large = [1i64 << 40, -(1 << 40), (1 << 28) - 1, 3];
        assert_eq!(square(&large), exact_square(&large));
        assert_eq!(square(&[(1 << 28) - 1; 128]), exact_square(&[(1 << 28) - 1; 128]));
    }
}

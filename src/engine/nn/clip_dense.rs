//! Clipping of an explicit gradient: it is scaled, rounded to integers, compared with the bound in exact arithmetic,
//! and added.

use super::clip::{ATTEMPTS, Clip};
use super::simd::{WIDE_LIMIT, dot_wide, integer, whole};
use crate::engine::privacy::mutant::{self, Mutant};

/// Number of entries whose squares, of integers up to 2^20, add up in 64 bits.
const CHUNK: usize = 1 << 20;

/// Adds a clipped gradient to a sum in integer units of [`Clip::unit`]. `work` is work space. A gradient that is not
/// finite, or cannot be scaled below the limit, adds nothing. Entries are clamped to 2^20 units.
pub fn add_clipped(gradient: &[f32], clip: &Clip, work: &mut Vec<f32>, sum: &mut [i64]) {
    let size = size(gradient);
    if !size.is_finite() || size == 0.0 {
        return;
    }
    let limit = i128::from(clip.limit) * i128::from(clip.limit);
    let whole_sum = mutant::is(Mutant::ClipByBatch);
    let mut scale = if whole_sum { clip.unit().recip() } else { clip.scale(size) };
    for _ in 0..ATTEMPTS {
        let factor = scale as f32;
        if !factor.is_finite() {
            return;
        }
        work.clear();
        work.extend(gradient.iter().map(|x| whole(*x, factor, WIDE_LIMIT)));
        let square: i128 = work.chunks(CHUNK).map(|chunk| i128::from(dot_wide(chunk, chunk))).sum();
        if square <= limit || whole_sum {
            sum.iter_mut().zip(&*work).for_each(|(sum, x)| *sum += integer(*x));
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
            let clip = clip(norm, 1 << 20, rule);
            let found = clipped(&gradient, &clip);
            for (found, x) in found.iter().zip(&gradient) {
                assert!((*found as f64 * clip.unit() - f64::from(*x) * factor).abs() <= 0.52 * clip.unit());
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
                        if !attack.is_finite() {
                            assert!(found.iter().all(|x| *x == 0));
                        }
                    }
                }
            }
        }
        // Each entry rounds up repeatedly.
        let even = vec![0.6; 10_000];
        let found = clipped(&even, &clip(60.0, 60, Rule::Flat));
        assert!(exact_square(&found) <= 3600);
    }
}

//! Two noisy estimates of one column's counts, made one: those that domain discovery left, whose noise is not known
//! code by code, and those that were measured since. Post-processing of released values alone.

/// Discovery's counts are taken to be at most so many times as precise (in 1 / noise squared) as the measured ones.
const MAX_PRECISE: f64 = 4.0;

/// The means of `counts`, with noise of standard deviation `noise_sd` each, and of `shares` of `rows`, by precision, and
/// the standard deviation of what noise remains. How noisy the shares are shows in how far they lie from the counts:
/// shares that were not measured, even ones say, lie far off and hardly matter.
pub fn combine(counts: &[f64], noise_sd: f64, shares: &[f64], rows: f64) -> (Vec<f64>, f64) {
    let noise = noise_sd * noise_sd;
    let apart = counts.iter().zip(shares).map(|(count, share)| (share * rows - count).powi(2));
    let spread = apart.sum::<f64>() / counts.len().max(1) as f64 - noise;
    let other = spread.max(noise / MAX_PRECISE).max(f64::MIN_POSITIVE);
    let trust = noise / (noise + other);
    let both = counts.iter().zip(shares).map(|(count, share)| count + trust * (share * rows - count));
    (both.collect(), (noise * other / (noise + other)).sqrt())
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Twelve evens, less their mean: standard deviation 1.
    fn noise(rng: &mut ChaCha8Rng) -> f64 {
        (0..12).map(|_| rng.next_u32() as f64 / 2f64.powi(32)).sum::<f64>() - 6.0
    }

    #[test]
    fn two_estimates_are_better_than_one() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let truth: Vec<f64> = (0..2_000).map(|i| f64::from(i % 50) * 10.0).collect();
        let rows: f64 = truth.iter().sum();
        let counts: Vec<f64> = truth.iter().map(|n| n + 30.0 * noise(&mut rng)).collect();
        let shares: Vec<f64> = truth.iter().map(|n| (n + 40.0 * noise(&mut rng)) / rows).collect();
        let (both, noise_sd) = combine(&counts, 30.0, &shares, rows);
        // One over the root of 1 / 30^2 + 1 / 40^2 is 24; 2,000 codes tell the noise to within a few percent.
        let error = (both.iter().zip(&truth).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / 2_000.0).sqrt();
        assert!((error - 24.0).abs() < 2.0 && (noise_sd - 24.0).abs() < 2.0, "{error} {noise_sd}");
    }

    #[test]
    fn shares_that_were_not_measured_hardly_matter() {
        let (both, noise_sd) = combine(&[9_000.0, 1_000.0], 30.0, &[0.5, 0.5], 10_000.0);
        assert!((both[0] - 9_000.0).abs() < 1.0 && noise_sd > 29.9);
    }
}

//! One private gradient: Poisson sample, exact sum of clipped integer gradients, integer noise, division by a public
//! constant.

use rand::Rng;
use rayon::prelude::*;

use super::batch_sum::Gradients;
use super::clip::{Clip, Rule};
use super::exact::RoundingGrid;
use crate::engine::privacy::meter::{Meter, Run};
use crate::engine::privacy::mutant::{self, Mutant};
use crate::engine::privacy::samplers::gaussian::RoundedGaussian;
use crate::engine::privacy::samplers::poisson::SamplingRate;
use crate::engine::privacy::samplers::random::SecretRng;
use crate::engine::{EngineError, Result};

/// The noise has standard deviation 2^18 units, so that the rounding to units is far below it and far below a row's
/// gradient.
const NOISE_BITS: u32 = 18;
/// Smallest bound on a row's gradient, in units, that is useful after rounding.
const MIN_LIMIT: f64 = 4096.0;
const MAX_BITS: u32 = 40;
/// Number of parameters whose noise one generator draws.
const NOISE_BLOCK: usize = 1 << 14;
/// Number of parameters that get their noise in one call: a multiple of [`NOISE_BLOCK`].
const NOISE_CALL: usize = 128 * NOISE_BLOCK;

/// The private gradients of one training, from sums of kind `S`. Public parameters, and secret generators.
pub struct PrivateGradients<S> {
    rate: SamplingRate,
    noise: RoundedGaussian,
    noise_multiplier: f64,
    clip: Clip,
    expected_rows: f64,
    meter: Meter,
    noise_rngs: Vec<SecretRng>,
    pending: Option<Pending<S>>,
}

/// A gradient in progress.
enum Pending<S> {
    Summing(S),
    /// The exact sum, to which noise is added from `at` on.
    Noising {
        sum: Vec<i64>,
        at: usize,
        gradient: Vec<f32>,
    },
}

impl<S> PrivateGradients<S> {
    /// Gradients of rows sampled at `rate`, each clipped to `norm` by `rule`, with noise of at least
    /// `noise_multiplier` times that, divided by `expected_rows`, for `parameters` parameters.
    ///
    /// # Errors
    /// `InvalidParameter` if this much noise cannot be drawn.
    pub fn new(
        rate: SamplingRate,
        noise_multiplier: f64,
        rule: Rule,
        norm: f64,
        expected_rows: f64,
        parameters: usize,
        meter: Meter,
    ) -> Result<Self> {
        let too_noisy = || {
            EngineError::invalid(
                "epsilon is too small for this training",
                "It needs more noise than can be drawn.",
                "Use a larger epsilon, fewer epochs or a smaller batch.",
            )
        };
        if !(noise_multiplier > 0.0 && noise_multiplier < 1e9) {
            return Err(too_noisy());
        }
        let extra = (MIN_LIMIT * noise_multiplier).log2().ceil().max(0.0) as u32;
        let bits = NOISE_BITS.max(extra);
        if bits > MAX_BITS {
            return Err(too_noisy());
        }
        let noise = RoundedGaussian::new(bits)?;
        // The bound is rounded down, so the realised multiplier is at least the requested one. This is also checked,
        // because the quotient above may have been rounded up.
        let mut limit = (noise.standard_deviation() / noise_multiplier).floor().min(f64::from(1u32 << 31));
        while noise.standard_deviation() / limit < noise_multiplier {
            limit -= 1.0;
        }
        let clip = Clip {
            rule,
            norm,
            limit: limit as u32,
            activation_step: f64::from(RoundingGrid::TRAINING.activation_step),
        };
        let noise_rngs: Result<Vec<_>> = (0..parameters.div_ceil(NOISE_BLOCK)).map(|_| meter.noise_rng()).collect();
        let noise_multiplier = noise.standard_deviation() / limit;
        Ok(Self { rate, noise, noise_multiplier, clip, expected_rows, meter, noise_rngs: noise_rngs?, pending: None })
    }

    /// The realised noise multiplier, at least the requested one.
    pub fn noise_multiplier(&self) -> f64 {
        self.noise_multiplier
    }

    /// Does more work, well under 100 ms, on the gradient of a new sample of the objective's `rows` rows (or units).
    /// Returns it once it is complete. An empty sample gives only noise. `of` must not change in between.
    pub fn advance<G: Gradients<Sum = S>>(&mut self, of: &G, rows: usize) -> Result<Option<Vec<f32>>> {
        let pending = match self.pending.take() {
            Some(pending) => pending,
            None => {
                self.meter.begin_sample(self.rate);
                let sample = self.meter.sample(rows);
                if mutant::is(Mutant::RealBatchSize) {
                    self.expected_rows = sample.len().max(1) as f64;
                }
                let mut key = [0; 32];
                self.meter.rng().fill_bytes(&mut key);
                Pending::Summing(of.begin(sample, key))
            }
        };
        let (mut sum, at, mut gradient) = match pending {
            Pending::Summing(mut batch) => {
                if of.advance(&mut batch, &self.clip)? {
                    self.pending = Some(Pending::Summing(batch));
                    return Ok(None);
                }
                let mut sum = G::finish(batch);
                mutant::clip_sum(&mut sum, self.clip.limit);
                let gradient = vec![0.0; sum.len()];
                let (l2_sensitivity, noise_sd) = (f64::from(self.clip.limit), self.noise.standard_deviation());
                self.meter.ran(Run::Gaussian { l2_sensitivity, noise_sd }, sum.len() as u64);
                (sum, 0, gradient)
            }
            Pending::Noising { sum, at, gradient } => (sum, at, gradient),
        };
        let end = (at + NOISE_CALL).min(sum.len());
        let scale = self.clip.unit() / self.expected_rows;
        let noise = &self.noise;
        let blocks = sum[at..end].par_chunks_mut(NOISE_BLOCK).zip(gradient[at..end].par_chunks_mut(NOISE_BLOCK));
        blocks.zip(self.noise_rngs[at / NOISE_BLOCK..].par_iter_mut()).for_each(|((sum, gradient), rng)| {
            let mut draws = vec![0i64; sum.len()];
            noise.fill(&mut draws, rng);
            mutant::weaken(&mut draws);
            for ((g, s), draw) in gradient.iter_mut().zip(&*sum).zip(&draws) {
                *g = ((s + draw) as f64 * scale) as f32;
            }
        });
        if mutant::is(Mutant::EncoderOutside) {
            let encoder = at..of.encoder().min(end);
            encoder.for_each(|i| gradient[i] = (sum[i] as f64 * scale) as f32);
        }
        if end == sum.len() {
            #[cfg(test)]
            let gradient = self.meter.ask(
                sum,
                |before, after, realised| {
                    let squares = before.iter().zip(after).map(|(a, b)| ((a - b) as f64).powi(2));
                    realised.add(squares.sum(), noise.standard_deviation());
                },
                |_, _| gradient,
            );
            return Ok(Some(gradient));
        }
        self.pending = Some(Pending::Noising { sum, at: end, gradient });
        Ok(None)
    }
}

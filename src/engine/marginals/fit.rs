//! Fitting the denoiser to noisy counts: the chain's own counts are compared with the measured ones and every weight
//! takes a damped Newton step towards the most probable weights given the noise (Gaussian counts, and a Gaussian
//! prior on each interaction). With little noise this is iterative proportional fitting; where noise drowns a cell
//! its weight stays near zero. Only released counts and synthetic rows enter, so it costs no privacy and may go on
//! as long as it helps.

use rayon::prelude::*;

use super::byte_table::ByteTable;
use super::coarsening::Coarsening;
use super::marginal::Marginal;
use super::potential::Potential;

/// Noisy counts of a marginal.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    pub marginal: Marginal,
    /// Noisy rows in each cell.
    pub counts: Vec<f64>,
    /// Standard deviation of the noise of each.
    pub noise_sd: f64,
}

/// Standard deviation of the prior on an interaction's weight.
const PRIOR_SD: f64 = 2.0;
/// Weights stay within this of zero.
const WEIGHT_LIMIT: f64 = 15.0;
/// The weight of a cell that is known to be empty, and stays so.
pub const EMPTY: f32 = -20.0;

/// Share of a Newton step that a potential takes, at most: the chain's counts follow the weights some sweeps later.
const MAX_RATE: f64 = 0.3;

/// Moves every potential by a share of its Newton step, given the rows of the chain and the (noisy) number of rows
/// that the counts are of. Potentials and measurements go in pairs. Potentials that share a column all move at once, so
/// each takes one over their number of its step, lest they overshoot together; `pace`, at most 1, scales all.
pub fn step(
    potentials: &mut [Potential],
    measurements: &[Measurement],
    coarsening: &Coarsening,
    pool: &ByteTable,
    rows: f64,
    pace: f64,
) {
    let scale = rows / pool.rows as f64;
    let several = |measurement: &&Measurement| measurement.marginal.clique.columns().len() > 1;
    let mut sharing = vec![0.0f64; pool.sizes.len()];
    for measurement in measurements.iter().filter(several) {
        measurement.marginal.clique.columns().iter().for_each(|column| sharing[*column] += 1.0);
    }
    potentials.par_iter_mut().zip(measurements).for_each(|(potential, measurement)| {
        let precision = measurement.noise_sd.max(1.0).powi(-2);
        let prior = if several(&measurement) { PRIOR_SD.powi(-2) } else { 0.0 };
        let columns = measurement.marginal.clique.columns().iter();
        let rate = pace * MAX_RATE.min(1.0 / columns.map(|column| sharing[*column]).fold(1.0, f64::max));
        let pooled = measurement.marginal.count(coarsening, pool);
        let cells = potential.weights.iter_mut().zip(&measurement.counts).zip(pooled);
        for ((weight, target), count) in cells.filter(|((weight, _), _)| **weight != EMPTY) {
            // Half a row of the pool keeps an empty cell movable.
            let expected = (count as f64 + 0.5) * scale;
            let gradient = (target - expected) * expected * precision - f64::from(*weight) * prior;
            let curvature = expected * expected * precision + prior;
            let moved = f64::from(*weight) + rate * (gradient / curvature).clamp(-1.0, 1.0);
            *weight = moved.clamp(-WEIGHT_LIMIT, WEIGHT_LIMIT) as f32;
        }
    });
}

//! The Gaussian mechanism: noise of standard deviation `noise_multiplier` times the L2 sensitivity.

use super::facts::{Facts, Losses, check_positive};
use crate::engine::Result;
use crate::engine::privacy::loss::normal::{upper_quantile, upper_tail};
use crate::engine::privacy::loss::pld::{Pld, shares};
use crate::engine::privacy::loss::quadrature::{GAUSS_3, NARROW, density, panels};
use crate::engine::privacy::loss::sketch::grid;
use crate::engine::privacy::meter::StageRecord;
#[cfg(test)]
use crate::engine::privacy::replay::Realised;

/// One use.
#[derive(Debug, Clone, Copy)]
pub struct Gaussian {
    pub noise_multiplier: f64,
}

impl Facts for Gaussian {
    fn name(&self) -> &'static str {
        "Gaussian"
    }

    fn check(&self) -> Result<()> {
        check_positive(self.noise_multiplier, "noise multiplier")
    }

    fn is_plausible(&self) -> bool {
        (1e-9..=1e12).contains(&self.noise_multiplier)
    }

    fn noise_multiplier(&self) -> Option<f64> {
        Some(self.noise_multiplier)
    }

    /// The loss is normal with standard deviation `s = 1 / z` and mean `s^2 / 2`.
    fn range(&self, tail: f64) -> (f64, f64) {
        let (sd, reach) = (1.0 / self.noise_multiplier, upper_quantile(tail));
        ((0.5 * sd - reach) * sd, (0.5 * sd + reach) * sd)
    }

    fn sketch(&self, reach: f64) -> Vec<(f64, f64)> {
        let sd = 1.0 / self.noise_multiplier;
        grid(-reach, reach).map(|u| (sd * (u + 0.5 * sd), -0.5 * u * u)).collect()
    }

    fn losses(&self, step: f64, tail: f64) -> Result<Losses> {
        Ok(Losses { remove: self.loss(step, tail)?, add: None })
    }

    /// The noise may be added to anything, also to samples, because samples cost less.
    fn pays_for(&self, uses: u64) -> StageRecord {
        StageRecord {
            samples: u64::MAX,
            sampling_rate: 1.0,
            precision: uses as f64 / self.noise_multiplier.powi(2),
            sample_precision: f64::INFINITY,
            ..StageRecord::NOTHING
        }
    }

    #[cfg(test)]
    fn used(&self, realised: &Realised, uses: u64) -> f64 {
        realised.precision / (uses as f64 / self.noise_multiplier.powi(2))
    }

    #[cfg(test)]
    fn renyi_divergence(&self, order: f64) -> f64 {
        0.5 * order / (self.noise_multiplier * self.noise_multiplier)
    }
}

impl Gaussian {
    /// The loss on a grid, the same in both directions. Mass of at most `tail` counts as infinite loss.
    pub fn loss(&self, step: f64, tail: f64) -> Result<Pld> {
        let noise_multiplier = self.noise_multiplier;
        let (lowest, highest) = self.range(tail);
        let mut pld = Pld::empty(step, lowest, highest)?;
        let width = step * noise_multiplier;
        let place = |loss: f64| loss * noise_multiplier - 0.5 / noise_multiplier;
        let narrow = GAUSS_3.map(|(x, weight)| (x, weight, shares(step, step * x)));
        let cells = pld.mass.len() - 1;
        for cell in 0..cells {
            let start = place(pld.loss(cell));
            let (mut lower, mut upper) = (0.0, 0.0);
            if width * (1.0 + start.abs()) < NARROW {
                for (x, weight, share) in narrow {
                    let mass = weight * width * density(start + width * x);
                    lower += mass * share.0;
                    upper += mass * share.1;
                }
            } else {
                // Of a very wide cell, the quadrature needs only the part with mass.
                let (from, to) = (start.max(-REACH), (start + width).min(REACH));
                panels(
                    from,
                    to,
                    |u| 1.0 + u.abs(),
                    |u, weight| {
                        let mass = weight * density(u);
                        let share = shares(step, ((u - start) / noise_multiplier).clamp(0.0, step));
                        lower += mass * share.0;
                        upper += mass * share.1;
                    },
                );
            }
            pld.mass[cell] += lower;
            pld.mass[cell + 1] += upper;
        }
        pld.infinity = upper_tail(place(pld.loss(cells)));
        pld.mass[0] += upper_tail(-place(pld.loss(0)));
        Ok(pld)
    }
}

/// Beyond this many standard deviations, the mass is below 1e-320.
const REACH: f64 = 38.5;

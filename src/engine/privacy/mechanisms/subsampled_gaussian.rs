//! The Poisson-subsampled Gaussian mechanism: a sum over a new Poisson sample of the units, with Gaussian noise.

use super::facts::{Facts, Losses, check_positive, senseless};
use crate::engine::Result;
use crate::engine::privacy::loss::normal::{upper_quantile, upper_tail};
use crate::engine::privacy::loss::pld::{Pld, shares};
use crate::engine::privacy::loss::quadrature::{FRAC_1_SQRT_TAU, GAUSS_3, NARROW, density, panels};
use crate::engine::privacy::loss::sketch::grid;
use crate::engine::privacy::meter::StageRecord;
#[cfg(test)]
use crate::engine::privacy::replay::Realised;

/// One step, with `0 < rate < 1`.
#[derive(Debug, Clone, Copy)]
pub struct SubsampledGaussian {
    pub rate: f64,
    pub noise_multiplier: f64,
}

impl Facts for SubsampledGaussian {
    fn name(&self) -> &'static str {
        "Poisson-subsampled Gaussian"
    }

    fn check(&self) -> Result<()> {
        if !(0.0..=1.0).contains(&self.rate) {
            return Err(senseless("sampling rate", "It is a probability."));
        }
        check_positive(self.noise_multiplier, "noise multiplier")
    }

    fn is_plausible(&self) -> bool {
        (0.0..=1.0).contains(&self.rate) && (1e-3..=1e12).contains(&self.noise_multiplier)
    }

    fn noise_multiplier(&self) -> Option<f64> {
        Some(self.noise_multiplier)
    }

    fn is_symmetric(&self) -> bool {
        false
    }

    fn range(&self, tail: f64) -> (f64, f64) {
        let reach = upper_quantile(tail);
        let lowest = self.loss(self.exponent(-reach));
        (lowest, self.loss(self.exponent(1.0 / self.noise_multiplier + reach)))
    }

    fn sketch(&self, reach: f64) -> Vec<(f64, f64)> {
        let sd = 1.0 / self.noise_multiplier;
        let points = grid(-reach, sd + reach).map(|u| {
            let loss = self.loss((u - 0.5 * sd) * sd);
            (loss, loss - 0.5 * u * u)
        });
        points.collect()
    }

    fn losses(&self, step: f64, tail: f64) -> Result<Losses> {
        self.directions(step, tail)
    }

    fn pays_for(&self, uses: u64) -> StageRecord {
        StageRecord {
            samples: uses,
            sampling_rate: self.rate,
            precision: f64::INFINITY,
            sample_precision: self.noise_multiplier.powi(-2),
            ..StageRecord::NOTHING
        }
    }

    /// For the sample that the unit changed most.
    #[cfg(test)]
    fn used(&self, realised: &Realised, _: u64) -> f64 {
        realised.sample_precision * self.noise_multiplier.powi(2)
    }

    #[cfg(test)]
    fn renyi_divergence(&self, order: f64) -> f64 {
        crate::engine::privacy::accountant::rdp::subsampled_gaussian(self.rate, self.noise_multiplier, order)
    }
}

impl SubsampledGaussian {
    /// Both directions. With the output in units of its standard deviation, `u`, and `t = u/z - 1/(2 z^2)`, the output
    /// has density `phi(u)` without the unit, and `phi(u) (1 - q + q e^t)` with it. The loss on removal is `ln(1 - q +
    /// q e^t)`, and that on addition is its swapped counterpart. Mass of at most `tail` counts as infinite.
    pub fn directions(&self, step: f64, tail: f64) -> Result<Losses> {
        let (lowest, highest) = self.range(tail);
        let mut remove = Pld::empty(step, lowest, highest)?;
        // An error of a few last places in t is an error z |u| times as large in the density's exponent.
        remove.relative += 1e-14 * self.noise_multiplier + 1e-17 / step;
        let start = self.exponent(-upper_quantile(tail));
        let narrow = GAUSS_3.map(|(x, weight)| (step * x, weight, shares(step, step * x)));
        let cells = remove.mass.len() - 1;
        let mut edge = self.inverse(remove.loss(0)).max(start);
        for cell in 0..cells {
            let loss = remove.loss(cell);
            let next = self.inverse(remove.loss(cell + 1)).max(start);
            let (mut lower, mut upper) = (0.0, 0.0);
            let scale = self.scale(self.place(edge)).max(self.scale(self.place(next)));
            if edge > start && (next - edge) * scale.mul_add(self.noise_multiplier, 1.0) < NARROW {
                for (x, weight, share) in narrow {
                    let mass = weight * step * self.loss_density(loss + x);
                    lower += mass * share.0;
                    upper += mass * share.1;
                }
            } else {
                (lower, upper) = self.wide_cell(loss, step, edge, next);
            }
            remove.mass[cell] += lower;
            remove.mass[cell + 1] += upper;
            edge = next;
        }
        let mut add = remove.swapped();
        // Outputs below `start` have a smaller loss than the end of the first cell on removal, and count as infinite on
        // addition. For outputs above the grid it is the reverse.
        let (below, above) = (self.place(start), self.place(edge));
        remove.mass[1] += self.mixture(upper_tail(-below), upper_tail(-below + 1.0 / self.noise_multiplier));
        remove.infinity = self.mixture(upper_tail(above), upper_tail(above - 1.0 / self.noise_multiplier));
        add.infinity = upper_tail(-below);
        add.mass[0] += upper_tail(above);
        Ok(Losses { remove, add: Some(add) })
    }

    /// Masses of both ends of a cell that starts at `loss` and takes `t` from `edge` to `next`, integrated over `t`.
    fn wide_cell(&self, loss: f64, step: f64, edge: f64, next: f64) -> (f64, f64) {
        let (mut lower, mut upper) = (0.0, 0.0);
        let (from, to) = (self.place(edge), self.place(next));
        // The share of the upper end is (e^l - e^loss) / (e^l (1 - e^-step)), and e^l = 1 - q + q e^t.
        let (floor, ceiling) = (loss.exp_m1(), (loss + step).exp_m1());
        panels(
            from,
            to,
            |u| self.scale(u),
            |u, weight| {
                let excess = self.rate * self.exponent(u).exp_m1();
                let mass = weight * density(u);
                lower += mass * (ceiling - excess).max(0.0) / step.exp_m1();
                upper += mass * (excess - floor).max(0.0) / -(-step).exp_m1();
            },
        );
        (lower, upper)
    }

    /// Density of the loss on removal at `loss`, which exceeds `ln(1 - q)` by far more than the grid's step.
    fn loss_density(&self, loss: f64) -> f64 {
        // phi(u) e^l du/dl with du/dl = z / (1 - (1 - q) e^-l)
        let (exponent, slope) = if loss < 1.0 {
            let grown = loss.exp_m1();
            let excess = grown + self.rate;
            ((excess / self.rate).ln(), excess / (1.0 + grown))
        } else {
            let rest = (1.0 - self.rate) * (-loss).exp();
            (loss + (-rest).ln_1p() - self.rate.ln(), 1.0 - rest)
        };
        let u = self.place(exponent);
        FRAC_1_SQRT_TAU * (loss - 0.5 * u * u).exp() * self.noise_multiplier / slope
    }

    /// `1 / scale` is the length in `u` on which densities with and without the unit vary.
    fn scale(&self, u: f64) -> f64 {
        1.0 + u.abs().max((u - 1.0 / self.noise_multiplier).abs())
    }

    fn mixture(&self, without: f64, with: f64) -> f64 {
        (1.0 - self.rate) * without + self.rate * with
    }

    /// `t` at `u`.
    fn exponent(&self, u: f64) -> f64 {
        (u - 0.5 / self.noise_multiplier) / self.noise_multiplier
    }

    /// `u` at `t`.
    fn place(&self, exponent: f64) -> f64 {
        exponent * self.noise_multiplier + 0.5 / self.noise_multiplier
    }

    /// `ln(1 - q + q e^t)`
    pub fn loss(&self, exponent: f64) -> f64 {
        if exponent > 1.0 {
            exponent + (self.rate + (1.0 - self.rate) * (-exponent).exp()).ln()
        } else {
            (self.rate * exponent.exp_m1()).ln_1p()
        }
    }

    /// `t` at a loss; minus infinity below the least loss.
    fn inverse(&self, loss: f64) -> f64 {
        if loss < 1.0 {
            ((loss.exp_m1() + self.rate) / self.rate).max(0.0).ln()
        } else {
            loss + (-(1.0 - self.rate) * (-loss).exp()).ln_1p() - self.rate.ln()
        }
    }
}

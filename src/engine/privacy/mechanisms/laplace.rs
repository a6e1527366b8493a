//! Mechanisms that no training uses, for comparison with known answers of other accountants in tests.

use super::facts::{Facts, Losses, check_positive};
use crate::engine::Result;
use crate::engine::privacy::accountant::rdp;
use crate::engine::privacy::loss::pld::{Pld, shares};
use crate::engine::privacy::loss::quadrature::GAUSS_3;
use crate::engine::privacy::loss::sketch::bounded_with_ends;
use crate::engine::privacy::meter::StageRecord;
use crate::engine::privacy::replay::Realised;

/// Laplace noise.
#[derive(Debug, Clone, Copy)]
pub struct Laplace {
    pub scale: f64,
}

impl Facts for Laplace {
    fn name(&self) -> &'static str {
        "Laplace"
    }

    fn check(&self) -> Result<()> {
        check_positive(self.scale, "Laplace scale")
    }

    fn is_plausible(&self) -> bool {
        (1e-6..=1e12).contains(&self.scale)
    }

    fn noise_multiplier(&self) -> Option<f64> {
        Some(self.scale)
    }

    fn pure_epsilon(&self) -> f64 {
        1.0 / self.scale
    }

    fn sketch(&self, _: f64) -> Vec<(f64, f64)> {
        bounded_with_ends(1.0 / self.scale)
    }

    fn losses(&self, step: f64, _: f64) -> Result<Losses> {
        Ok(Losses { remove: laplace(self.scale, step)?, add: None })
    }

    fn pays_for(&self, _: u64) -> StageRecord {
        StageRecord::NOTHING
    }

    fn used(&self, _: &Realised, _: u64) -> f64 {
        f64::INFINITY
    }

    fn renyi_divergence(&self, order: f64) -> f64 {
        rdp::laplace(self.scale, order)
    }
}

/// Any `epsilon`-differentially private mechanism.
#[derive(Debug, Clone, Copy)]
pub struct Pure {
    pub epsilon: f64,
}

impl Facts for Pure {
    fn name(&self) -> &'static str {
        "pure"
    }

    fn check(&self) -> Result<()> {
        if self.epsilon == 0.0 { Ok(()) } else { check_positive(self.epsilon, "epsilon of a mechanism") }
    }

    fn is_plausible(&self) -> bool {
        self.epsilon == 0.0 || (1e-9..=1e6).contains(&self.epsilon)
    }

    fn pure_epsilon(&self) -> f64 {
        self.epsilon
    }

    fn sketch(&self, _: f64) -> Vec<(f64, f64)> {
        vec![(self.epsilon, 0.0), (-self.epsilon, -self.epsilon)]
    }

    fn losses(&self, step: f64, _: f64) -> Result<Losses> {
        Ok(Losses { remove: pure(self.epsilon, step)?, add: None })
    }

    fn pays_for(&self, _: u64) -> StageRecord {
        StageRecord::NOTHING
    }

    fn used(&self, _: &Realised, _: u64) -> f64 {
        f64::INFINITY
    }

    fn renyi_divergence(&self, order: f64) -> f64 {
        rdp::pure(self.epsilon, order)
    }
}

/// The Laplace mechanism. Losses are within `1 / scale` of 0. Both ends have point masses, and between them the loss
/// `l` has density `exp((l - 1 / scale) / 2) / 4`.
///
/// `step` is at most 1/8, for the quadrature.
fn laplace(scale: f64, step: f64) -> Result<Pld> {
    let bound = 1.0 / scale;
    let mut pld = Pld::empty(step, -bound, bound)?;
    for cell in 0..pld.mass.len() - 1 {
        let start = pld.loss(cell);
        let (from, to) = (start.max(-bound), (start + step).min(bound));
        for (x, weight) in GAUSS_3 {
            let loss = from + (to - from).max(0.0) * x;
            let mass = weight * (to - from).max(0.0) * 0.25 * (0.5 * (loss - bound)).exp();
            let (lower, upper) = shares(step, loss - start);
            pld.mass[cell] += lower * mass;
            pld.mass[cell + 1] += upper * mass;
        }
    }
    pld.put(bound, 0.5);
    pld.put(-bound, 0.5 * (-bound).exp());
    Ok(pld)
}

/// The pair of randomized response, which dominates every `epsilon`-differentially private mechanism (Kairouz, Oh,
/// Viswanath, "The Composition Theorem for Differential Privacy", 2015).
fn pure(epsilon: f64, step: f64) -> Result<Pld> {
    let mut pld = Pld::empty(step, -epsilon, epsilon)?;
    let lie = 1.0 / (1.0 + epsilon.exp());
    pld.put(epsilon, 1.0 / (1.0 + (-epsilon).exp()));
    pld.put(-epsilon, lie);
    Ok(pld)
}

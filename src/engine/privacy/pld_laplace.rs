//! Privacy-loss distributions of the Laplace mechanism and of anything purely private. Both are the same whether a
//! unit comes or goes.

use super::pld::{Pld, shares};
use super::quadrature::GAUSS_3;
use crate::engine::Result;

/// The Laplace mechanism. Losses lie within `1 / scale` of 0; both ends have masses of their own, and between them the
/// loss `l` has density `exp((l - 1 / scale) / 2) / 4`.
///
/// `step` is at most 1/8, for the quadrature.
pub fn laplace(scale: f64, step: f64) -> Result<Pld> {
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

/// A choice of bounded range `epsilon`. The worst pair of outputs whose losses lie in `[t - epsilon, t]` has
/// hockey-stick divergence `(e^epsilon - e^t)(1 - e^(l - t)) / (e^epsilon - 1)` at `l` (Dong, Durfee, Rogers, "Optimal
/// Differential Privacy Composition for Exponential Mechanisms", arXiv 1909.13830). The largest over t, at
/// `t = (epsilon + l) / 2`, is `(e^(epsilon / 2) - e^(l / 2))^2 / (e^epsilon - 1)`: that of a loss with density
/// `e^((epsilon + l) / 2) / (2 (e^epsilon - 1))` on `[-epsilon, epsilon]`.
pub fn bounded_range(epsilon: f64, step: f64) -> Result<Pld> {
    let mut pld = Pld::empty(step, -epsilon, epsilon)?;
    for cell in 0..pld.mass.len() - 1 {
        let start = pld.loss(cell);
        let (from, to) = (start.max(-epsilon), (start + step).min(epsilon));
        for (x, weight) in GAUSS_3 {
            let loss = from + (to - from).max(0.0) * x;
            let density = 0.5 * (0.5 * (epsilon + loss)).exp() / epsilon.exp_m1();
            let mass = weight * (to - from).max(0.0) * density;
            let (lower, upper) = shares(step, loss - start);
            pld.mass[cell] += lower * mass;
            pld.mass[cell + 1] += upper * mass;
        }
    }
    Ok(pld)
}

/// The pair of randomized response, which dominates every `epsilon`-differentially private mechanism (Kairouz, Oh,
/// Viswanath, "The Composition Theorem for Differential Privacy", 2015).
pub fn pure(epsilon: f64, step: f64) -> Result<Pld> {
    let mut pld = Pld::empty(step, -epsilon, epsilon)?;
    let lie = 1.0 / (1.0 + epsilon.exp());
    pld.put(epsilon, 1.0 / (1.0 + (-epsilon).exp()));
    pld.put(-epsilon, lie);
    Ok(pld)
}

#[cfg(test)]
mod tests {
    use super::super::accountant;
    use super::super::mechanism::Mechanism;

    #[test]
    fn one_choice_has_its_closed_form() {
        for epsilon in [0.02f64, 0.3, 2.0] {
            let choice = [(Mechanism::BoundedRange { epsilon }, 1)];
            for share in [0.0, 0.2, 0.4, 0.9] {
                let at = share * epsilon;
                let exact = ((0.5 * epsilon).exp() - (0.5 * at).exp()).powi(2) / epsilon.exp_m1();
                let found = accountant::delta(&choice, at).unwrap();
                assert!(found >= exact * (1.0 - 1e-9) && found <= exact + 2e-4 * epsilon, "{epsilon} {at}");
            }
        }
    }

    #[test]
    fn many_choices_cost_about_as_concentrated_privacy_has_it() {
        let (epsilon, times, delta) = (0.02f64, 50, 1e-6f64);
        let choices = accountant::epsilon(&[(Mechanism::BoundedRange { epsilon }, times)], delta).unwrap();
        let pure = accountant::epsilon(&[(Mechanism::Pure { epsilon }, times)], delta).unwrap();
        // A choice between two outputs costs rho = epsilon^2 / 8, as a Gaussian of noise multiplier 2 / epsilon does; a
        // pair that dominates all choices has losses of variance epsilon^2 / 3 instead of epsilon^2 / 4.
        let gaussian = [(Mechanism::Gaussian { noise_multiplier: 2.0 / epsilon }, times)];
        let gaussian = accountant::epsilon(&gaussian, delta).unwrap();
        assert!(choices > gaussian && choices < 1.2 * gaussian, "{choices} {gaussian}");
        assert!(choices < 0.6 * pure, "{choices} {pure}");
    }
}

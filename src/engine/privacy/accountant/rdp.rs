//! A second accountant, by Rényi differential privacy. It is looser than privacy-loss distributions and uses other
//! formulas. Tests use it as a cross-check.
//!
//! Mironov, "Rényi Differential Privacy" (2017): composition, and the curves of the Gaussian and Laplace mechanisms and
//! of randomized response. Mironov, Talwar, Zhang, "Rényi Differential Privacy of the Sampled Gaussian Mechanism"
//! (2019): of the two directions, removal is the worse, with `ln E[(1 - q + q e^t)^a] / (a - 1)` over outputs without
//! the unit. Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy" (2020), Proposition 12, for the
//! conversion.

use crate::engine::privacy::mechanisms::Mechanism;

/// Orders up to 11 in steps of a tenth, then integers, then powers of two.
fn orders() -> impl Iterator<Item = f64> {
    let fractional = (1..100).map(|k| 1.0 + f64::from(k) / 10.0);
    let integer = (11..64).map(f64::from);
    fractional.chain(integer).chain((6..=12).map(|k| f64::from(1 << k)))
}

/// Epsilon at `delta` for these numbers of uses of the mechanisms, the minimum over many orders. Not rounded up. Orders
/// that are not integers have a quadrature error below 1e-12. Infinite if a parameter is invalid.
pub fn epsilon(mechanisms: &[(Mechanism, u64)], delta: f64) -> f64 {
    orders()
        .map(|order| {
            let total: f64 = mechanisms.iter().map(|&(m, times)| times as f64 * divergence(m, order)).sum();
            total + (-order.recip()).ln_1p() - (delta * order).ln() / (order - 1.0)
        })
        .filter(|epsilon| !epsilon.is_nan())
        .fold(f64::INFINITY, f64::min)
        .max(0.0)
}

/// Rényi divergence of order `order > 1` between neighbours' outputs of one use, the maximum of both directions.
pub fn divergence(mechanism: Mechanism, order: f64) -> f64 {
    mechanism.steps() as f64 * mechanism.facts().renyi_divergence(order)
}

/// Of one step.
pub fn subsampled_gaussian(rate: f64, noise_multiplier: f64, order: f64) -> f64 {
    if rate == 0.0 {
        0.0
    } else if rate == 1.0 {
        0.5 * order / (noise_multiplier * noise_multiplier)
    } else if order.fract() == 0.0 {
        log_moment_binomial(rate, noise_multiplier, order) / (order - 1.0)
    } else {
        log_moment_quadrature(rate, noise_multiplier, order) / (order - 1.0)
    }
}

pub fn laplace(scale: f64, order: f64) -> f64 {
    let (grow, shrink) = ((order - 1.0) / scale, -order / scale);
    let weight = order / (2.0 * order - 1.0);
    log_add(weight.ln() + grow, (1.0 - weight).ln() + shrink) / (order - 1.0)
}

/// `ln(p^a (1-p)^(1-a) + (1-p)^a p^(1-a)) / (a - 1)` with `p / (1 - p) = e^epsilon`.
pub fn pure(epsilon: f64, order: f64) -> f64 {
    let log_sum = log_add(order * epsilon, (1.0 - order) * epsilon) - log_add(epsilon, 0.0);
    log_sum / (order - 1.0)
}

/// `ln E_P[e^((a - 1) L)] / (a - 1)` for the density of losses of [`crate::engine::privacy::mechanisms::exponential`].
pub fn bounded_range(epsilon: f64, order: f64) -> f64 {
    let grow = order - 0.5;
    let sum = log_sub(grow * epsilon, -grow * epsilon) - (2.0 * grow).ln();
    (sum + 0.5 * epsilon - epsilon.exp_m1().ln()) / (order - 1.0)
}

/// `ln(e^a - e^b)` for `a > b`.
fn log_sub(a: f64, b: f64) -> f64 {
    a + (-(b - a).exp()).ln_1p()
}

/// `ln E[(1 - q + q e^t)^a]` for an integer `a`, by the binomial theorem.
fn log_moment_binomial(rate: f64, noise: f64, order: f64) -> f64 {
    let (log_in, log_out) = (rate.ln(), (-rate).ln_1p());
    let mut log_choose = 0.0;
    let mut sum = f64::NEG_INFINITY;
    for k in 0..=order as u32 {
        let k = f64::from(k);
        let term = log_choose + k * log_in + (order - k) * log_out + 0.5 * k * (k - 1.0) / (noise * noise);
        sum = log_add(sum, term);
        log_choose += ((order - k) / (k + 1.0)).ln();
    }
    sum
}

/// The same for any order, by the trapezoidal rule, which converges exponentially for these integrands.
fn log_moment_quadrature(rate: f64, noise: f64, order: f64) -> f64 {
    let reach = 14.0;
    let (from, to) = (-reach, reach + order / noise);
    let steps = ((to - from) / 0.05f64.min(0.2 * noise)).ceil();
    let width = (to - from) / steps;
    let term = |i: u64| {
        let u = from + width * i as f64;
        let exponent = (u - 0.5 / noise) / noise;
        let log_ratio = log_add((-rate).ln_1p(), rate.ln() + exponent);
        order * log_ratio - 0.5 * u * u + (width / std::f64::consts::TAU.sqrt()).ln()
    };
    (0..=steps as u64).map(term).fold(f64::NEG_INFINITY, log_add)
}

/// `ln(e^a + e^b)`
fn log_add(a: f64, b: f64) -> f64 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    if high == f64::NEG_INFINITY { high } else { high + (low - high).exp().ln_1p() }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn known() -> Value {
        serde_json::from_str(include_str!("../../../../tests/data/accounting.json")).unwrap()
    }

    fn sampled(sampling_rate: f64, noise_multiplier: f64, steps: u64) -> Mechanism {
        Mechanism::SubsampledGaussian { sampling_rate, noise_multiplier, steps }
    }

    #[test]
    fn second_order_is_known() {
        let known = &known()["rdp_alpha2"];
        let mechanism = sampled(known["q"].as_f64().unwrap(), known["sigma"].as_f64().unwrap(), 1);
        let expected = known["value"].as_f64().unwrap();
        assert!((divergence(mechanism, 2.0) - expected).abs() < 1e-10);
        // ln(1 + q^2 (e^(1/sigma^2) - 1))
        assert!((divergence(mechanism, 2.0) - (1e-4 * 1f64.exp_m1()).ln_1p()).abs() < 1e-15);
    }

    #[test]
    fn quadrature_and_binomial_theorem_agree() {
        for (rate, noise) in [(0.01, 1.0), (0.1, 0.5), (0.5, 5.0), (0.001, 0.4), (0.9, 2.0)] {
            for order in [2.0, 3.0, 10.0, 40.0, 256.0] {
                let binomial = log_moment_binomial(rate, noise, order);
                let quadrature = log_moment_quadrature(rate, noise, order);
                assert!((binomial - quadrature).abs() < 1e-10 * (1.0 + binomial), "{rate} {noise} {order}");
            }
        }
    }

    #[test]
    fn other_curves_match_quadrature() {
        for order in [1.5, 2.0, 7.0] {
            let (scale, epsilon) = (1.3f64, 0.7f64);
            // Both sides of 0 and 1 in closed form. The part between them is a sum.
            let n = 100_000;
            let between: f64 = (0..n)
                .map(|i| (f64::from(i) + 0.5) / f64::from(n))
                .map(|x| (order * -x / scale + (1.0 - order) * (x - 1.0) / scale).exp())
                .sum::<f64>()
                / f64::from(n);
            let outside = scale * ((order - 1.0) / scale).exp() + scale * (-order / scale).exp();
            let expected = ((between + outside) / (2.0 * scale)).ln() / (order - 1.0);
            assert!((divergence(Mechanism::Laplace { scale }, order) - expected).abs() < 1e-9);

            let p = epsilon.exp() / (1.0 + epsilon.exp());
            let sum = p.powf(order) * (1.0 - p).powf(1.0 - order) + (1.0 - p).powf(order) * p.powf(1.0 - order);
            assert!((divergence(Mechanism::Pure { epsilon }, order) - sum.ln() / (order - 1.0)).abs() < 1e-12);
        }
    }

    #[test]
    fn known_epsilons() {
        for row in known()["epsilon"].as_array().unwrap() {
            let number = |key: &str| row[key].as_f64().unwrap();
            let mechanism = sampled(number("q"), number("sigma"), row["steps"].as_u64().unwrap());
            let (found, expected) = (epsilon(&[(mechanism, 1)], number("delta")), number("rdp"));
            // The grids of orders differ slightly.
            assert!((found / expected - 1.0).abs() < 0.005, "{found} {expected}");
        }
    }
}

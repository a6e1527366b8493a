//! What runs of an attack prove, with certainty [`DOUBT`].

use statrs::function::beta::{beta_reg, ln_beta};
use statrs::function::erf::{erfc, erfc_inv};
use statrs::function::gamma::gamma_ur;
use tablediffusion::engine::privacy::accountant;
use tablediffusion::engine::privacy::accountant::analytic_gaussian;
use tablediffusion::engine::privacy::mechanisms::Mechanism;

/// Probability with which a bound given here is wrong: 99.9999 percent confidence.
pub const DOUBT: f64 = 1e-6;

/// The attack chooses its threshold on a tenth of the runs, and on so many at least; they count no further.
const PILOT: usize = 40;
const THRESHOLDS: usize = 40;

/// `P(X <= x)` of the standard normal distribution.
pub fn normal(x: f64) -> f64 {
    0.5 * erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// The `x` with `P(X <= x) = p`.
pub fn normal_quantile(p: f64) -> f64 {
    -std::f64::consts::SQRT_2 * erfc_inv(2.0 * p)
}

/// The largest probability of an event under which it is seen at most `hits` times in `runs` with probability `doubt`
/// (Clopper and Pearson).
pub fn at_most(hits: f64, runs: f64, doubt: f64) -> f64 {
    let (mut low, mut high) = (hits / runs, 1.0);
    if hits < runs {
        for _ in 0..60 {
            let p = 0.5 * (low + high);
            *(if beta_reg(runs - hits, hits + 1.0, 1.0 - p) > doubt { &mut low } else { &mut high }) = p;
        }
    }
    high
}

/// Attacks whose guess was "in", out of `runs` each on tables without and with the canary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guesses {
    pub runs: f64,
    pub without: f64,
    pub with: f64,
}

impl Guesses {
    /// What a threshold on a statistic guesses. Which threshold, and on which side of it is "in", is chosen on the first
    /// runs, where it makes `worth` largest; the others are counted.
    pub fn of(without: &[f64], with: &[f64], worth: impl Fn(Self) -> f64) -> Self {
        let pilot = (without.len() / 10).max(PILOT).min(without.len() / 2);
        let (pilot_without, without) = without.split_at(pilot);
        let (pilot_with, with) = with.split_at(pilot);
        let mut pooled = [pilot_without, pilot_with].concat();
        pooled.sort_unstable_by(f64::total_cmp);
        let above = |sign: f64, cut: f64, all: &[f64]| all.iter().filter(|x| sign * **x > sign * cut).count() as f64;
        let guess = |sign: f64, cut: f64, without: &[f64], with: &[f64]| Self {
            runs: without.len() as f64,
            without: above(sign, cut, without),
            with: above(sign, cut, with),
        };
        let cuts = (1..THRESHOLDS).map(|k| {
            let at = (k * pooled.len() / THRESHOLDS).max(1);
            0.5 * (pooled[at - 1] + pooled[at])
        });
        let choices = cuts.flat_map(|cut| [(1.0, cut), (-1.0, cut)]);
        let valued = choices.map(|(sign, cut)| (worth(guess(sign, cut, pilot_without, pilot_with)), sign, cut));
        let (_, sign, cut) = valued.max_by(|a, b| a.0.total_cmp(&b.0)).expect("there are thresholds");
        guess(sign, cut, without, with)
    }

    /// Bounds that hold together: guesses "in" without the canary are at most so probable, and with it at least so.
    fn rates(self) -> (f64, f64) {
        let with = 1.0 - at_most(self.runs - self.with, self.runs, 0.5 * DOUBT);
        (at_most(self.without, self.runs, 0.5 * DOUBT), with)
    }

    /// Whatever the mechanism, `with <= e^epsilon without + delta`, and so for guesses "out".
    pub fn any_epsilon(self, delta: f64) -> f64 {
        let (without, with) = self.rates();
        let ratio = |more: f64, less: f64| ((more - delta) / less).max(1.0).ln();
        ratio(with, without).max(ratio(1.0 - without, 1.0 - with))
    }

    /// The least distance of two unit Gaussians that can be told apart so well, and with a Poisson sample at `rate`
    /// one of which is a mixture: a bound on 1 / noise multiplier (Nasr et al., arXiv 2302.07956).
    fn distance(self, rate: f64) -> f64 {
        let (without, with) = self.rates();
        let sampled = (with - (1.0 - rate) * without) / rate;
        if sampled <= without { 0.0 } else { normal_quantile(sampled.min(1.0)) - normal_quantile(without) }
    }

    /// Epsilon at `delta` of the weakest Gaussian mechanism that fits.
    pub fn gaussian_epsilon(self, delta: f64) -> f64 {
        let distance = self.distance(1.0);
        if distance > 0.0 { analytic_gaussian::epsilon(distance.recip(), delta) } else { 0.0 }
    }

    /// Epsilon at `delta` of the weakest Gaussian mechanism on Poisson samples that fits.
    pub fn subsampled_epsilon(self, sampling_rate: f64, delta: f64) -> f64 {
        let distance = self.distance(sampling_rate);
        if distance <= 0.0 {
            return 0.0;
        }
        let mechanism = Mechanism::SubsampledGaussian { sampling_rate, noise_multiplier: distance.recip(), steps: 1 };
        accountant::epsilon(&[(mechanism, 1)], delta).expect("an epsilon")
    }

    /// What makes a threshold worth choosing against Gaussian mechanisms: the distance that it would prove.
    pub fn proven_distance(sampling_rate: f64) -> impl Fn(Self) -> f64 {
        move |guesses| guesses.distance(sampling_rate)
    }

    /// The same against any mechanism: how much more often it says "in" when that is true.
    pub fn advantage(self) -> f64 {
        (self.with - self.without) / self.runs
    }
}

/// The area under the attack's ROC curve, and a half-width of its interval (Hoeffding's bound for U-statistics).
pub fn auc(without: &[f64], with: &[f64]) -> (f64, f64) {
    let wins =
        |w: &f64| without.iter().map(|x| if w > x { 1.0 } else { 0.5 * f64::from(u8::from(w == x)) }).sum::<f64>();
    let area = with.iter().map(wins).sum::<f64>() / (without.len() * with.len()) as f64;
    (area, ((2.0 / DOUBT).ln() / (2.0 * without.len().min(with.len()) as f64)).sqrt())
}

/// Epsilon below which `right` of `guesses` guesses about `canaries` independently included ones would be less probable
/// than `doubt` (Steinke, Nasr, Jagielski, arXiv 2305.08846, theorem 5.2).
pub fn one_run_epsilon(canaries: f64, guesses: u64, right: u64, delta: f64, doubt: f64) -> f64 {
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..50 {
        let epsilon = 0.5 * (low + high);
        *(if one_run_chance(canaries, guesses, right, epsilon, delta) < doubt { &mut low } else { &mut high }) =
            epsilon;
    }
    low
}

fn one_run_chance(canaries: f64, guesses: u64, right: u64, epsilon: f64, delta: f64) -> f64 {
    let (r, p) = (guesses as f64, 1.0 / (1.0 + (-epsilon).exp()));
    let mass = |k: f64| (-ln_beta(k + 1.0, r - k + 1.0) - (r + 1.0).ln() + k * p.ln() + (r - k) * (1.0 - p).ln()).exp();
    let tail = if right == 0 { 1.0 } else { beta_reg(right as f64, r - right as f64 + 1.0, p) };
    let (mut sum, mut slope) = (0.0, 0.0f64);
    for i in 1..=right {
        sum += mass((right - i) as f64);
        slope = slope.max(sum / i as f64);
    }
    tail + 2.0 * canaries * delta * slope
}

/// Chi-square: how probable a worse fit to the expected counts is.
pub fn chi_square(seen: &[f64], expected: &[f64]) -> f64 {
    assert!(expected.iter().all(|e| *e >= 20.0), "cells must be full enough for chi-square");
    let statistic: f64 = seen.iter().zip(expected).map(|(o, e)| (o - e).powi(2) / e).sum();
    gamma_ur((seen.len() - 1) as f64 / 2.0, statistic / 2.0)
}

/// Kolmogorov and Smirnov: how probable a larger distance of ascending numbers from the standard normal distribution
/// is, at most (Massart's constant).
pub fn kolmogorov_smirnov(ascending: &[f64]) -> f64 {
    let n = ascending.len() as f64;
    let distance = ascending.iter().enumerate().map(|(i, x)| {
        let below = normal(*x);
        (below - i as f64 / n).abs().max((below - (i + 1) as f64 / n).abs())
    });
    let distance = distance.fold(0.0, f64::max);
    (2.0 * (-2.0 * n * distance * distance).exp()).min(1.0)
}

/// Of a mean of `n` uncorrelated terms of expectation 0: how probable one further from 0 is.
pub fn mean_is_zero(mean: f64, variance: f64, n: f64) -> f64 {
    erfc(mean.abs() / (2.0 * variance / n).sqrt())
}

#[test]
fn bounds_are_what_tables_say() {
    // R: binom.test; qbeta(0.9995, 11, 90); and the rule of three's exact form.
    assert!((at_most(0.0, 100.0, 0.05) - (1.0 - 0.05f64.powf(0.01))).abs() < 1e-9);
    let upper = at_most(10.0, 100.0, 0.025);
    assert!((upper - 0.176_222_6).abs() < 1e-6, "{upper}");
    assert!((normal(normal_quantile(1e-7)) / 1e-7 - 1.0).abs() < 1e-6);
    // All of 100 guesses right: p^100 = DOUBT.
    let all = one_run_epsilon(1000.0, 100, 100, 0.0, DOUBT);
    let p = DOUBT.powf(0.01);
    assert!((all - (p / (1.0 - p)).ln()).abs() < 1e-6, "{all}");
    // With a delta the bound can only be lower; half of the guesses right prove nothing.
    assert!(one_run_epsilon(1000.0, 100, 100, 1e-5, DOUBT) < all);
    assert_eq!(one_run_epsilon(1000.0, 100, 50, 1e-5, DOUBT), 0.0);
    // Unit Gaussians at distance 1, told apart at their middle by so many runs that only the distance is left.
    let runs = 1e12;
    let guesses = Guesses { runs, without: runs * normal(-0.5), with: runs * normal(0.5) };
    assert!((guesses.distance(1.0) - 1.0).abs() < 1e-4);
    let half = Guesses { runs, without: runs * normal(-0.5), with: runs * 0.5 * (normal(0.5) + normal(-0.5)) };
    assert!((half.distance(0.5) - 1.0).abs() < 1e-4);
    assert!((guesses.any_epsilon(0.0) - (normal(0.5) / normal(-0.5)).ln()).abs() < 1e-4);
}

//! Statistical tests use fixed seeds. Over random seeds, each would fail with probability below 1e-6.

use statrs::function::erf::erfc;
use statrs::function::gamma::gamma_ur;

use super::*;

/// Upper tail of the standard normal distribution.
fn upper(x: f64) -> f64 {
    0.5 * erfc(x / 2f64.sqrt())
}

fn draws(bits: u32, n: usize, seed: u64) -> Vec<i64> {
    let mut out = vec![0; n];
    RoundedGaussian::new(bits).unwrap().fill(&mut out, &mut SecretRng::for_tests(seed));
    out
}

/// Chi-square test at 1e-6 of draws against the cells `first..=last` and the two tails.
fn assert_fits(draws: &[i64], bits: u32, first: i64, last: i64) {
    let sigma = (1u64 << bits) as f64;
    let mut seen = vec![0u64; (last - first) as usize + 3];
    for &z in draws {
        seen[(z.clamp(first - 1, last + 1) - (first - 1)) as usize] += 1;
    }
    let edge = |k: i64| (k as f64 - 0.5) / sigma;
    // Differences of upper tails on the right and of lower tails on the left, for accuracy.
    let mass = |k: i64| {
        if k <= 0 { upper(-edge(k + 1)) - upper(-edge(k)) } else { upper(edge(k)) - upper(edge(k + 1)) }
    };
    let expected: Vec<f64> = std::iter::once(upper(-edge(first)))
        .chain((first..=last).map(mass))
        .chain(std::iter::once(upper(edge(last + 1))))
        .map(|p| p * draws.len() as f64)
        .collect();
    assert!((expected.iter().sum::<f64>() / draws.len() as f64 - 1.0).abs() < 1e-12);
    assert!(expected.iter().all(|&e| e > 20.0), "cells must be full enough for chi-square");
    let statistic: f64 = seen.iter().zip(&expected).map(|(&o, &e)| (o as f64 - e).powi(2) / e).sum();
    let p = gamma_ur((seen.len() - 1) as f64 / 2.0, statistic / 2.0);
    assert!(p > 1e-6, "chi-square {statistic} on {} cells: p = {p:e}", seen.len());
}

#[test]
fn coarse_lattices_have_the_exact_cell_probabilities() {
    assert_fits(&draws(0, 4_000_000, 1), 0, -3, 3);
    assert_fits(&draws(1, 4_000_000, 2), 1, -7, 7);
    assert_fits(&draws(3, 4_000_000, 3), 3, -30, 30);
    assert_fits(&draws(5, 4_000_000, 4), 5, -110, 110);
    assert_fits(&draws(7, 8_000_000, 5), 7, -430, 430);
}

#[test]
fn single_draws_have_the_same_law() {
    let (noise, mut rng) = (RoundedGaussian::new(2).unwrap(), SecretRng::for_tests(6));
    let draws: Vec<i64> = (0..1_000_000).map(|_| noise.draw(&mut rng)).collect();
    assert_fits(&draws, 2, -14, 14);
}

#[test]
fn finest_lattice_passes_kolmogorov_smirnov() {
    let mut x: Vec<f64> = draws(MAX_BITS, 2_000_000, 7).iter().map(|&z| z as f64 / 2f64.powi(40)).collect();
    x.sort_by(f64::total_cmp);
    let n = x.len() as f64;
    let distance = x
        .iter()
        .enumerate()
        .map(|(i, &x)| {
            let below = upper(-x);
            (below - i as f64 / n).abs().max((below - (i + 1) as f64 / n).abs())
        })
        .fold(0.0, f64::max);
    // P(D > c / sqrt(n)) <= 2 exp(-2 c^2) = 1e-6
    assert!(distance < (2e6f64.ln() / 2.0 / n).sqrt(), "{distance}");
}

#[test]
fn moments_tails_and_signs_are_normal() {
    let n = 8_000_000;
    let x: Vec<f64> = draws(20, n, 8).iter().map(|&z| z as f64 / 2f64.powi(20)).collect();
    let mean = |f: &dyn Fn(f64) -> f64| x.iter().map(|&x| f(x)).sum::<f64>() / n as f64;
    // (estimate, expectation, variance of one term)
    let checks = [
        (mean(&|x| x), 0.0, 1.0),
        (mean(&|x| x * x), 1.0, 2.0),
        (mean(&|x| x.powi(3)), 0.0, 15.0),
        (mean(&|x| x.powi(4)), 3.0, 96.0),
        (mean(&|x| x.signum()), 0.0, 1.0),
    ];
    for (k, (found, expected, variance)) in checks.into_iter().enumerate() {
        let error = (found - expected) / (variance / n as f64).sqrt();
        assert!(error.abs() < 5.3, "check {k}: {error} standard errors");
    }
    for tail in [1.0, 2.0, 3.0, 4.0, 4.5] {
        for sign in [1.0, -1.0] {
            let p = upper(tail);
            let found = x.iter().filter(|&&x| sign * x > tail).count() as f64;
            let error = (found - n as f64 * p) / (n as f64 * p).sqrt();
            // Beyond 4.5 sigma, 27 draws are expected: a Poisson count deviates by 6.5 deviations with probability <
            // 1e-6.
            assert!(error.abs() < 6.5, "{found} beyond {tail}: {error}");
        }
    }
}

#[test]
fn consecutive_draws_are_independent() {
    let n = 4_000_000;
    let x: Vec<f64> = draws(30, n + 3, 9).iter().map(|&z| z as f64 / 2f64.powi(30)).collect();
    for lag in 1..=3 {
        let mean = |f: &dyn Fn(f64, f64) -> f64| (0..n).map(|i| f(x[i], x[i + lag])).sum::<f64>() / n as f64;
        // Terms of mean 0 and the given variance, uncorrelated over i under independence.
        let checks = [
            (mean(&|a, b| a * b), 1.0),
            (mean(&|a, b| (a * a - 1.0) * (b * b - 1.0)), 4.0),
            (mean(&|a, b| a.signum() * b.signum()), 1.0),
            (mean(&|a, b| a * (b * b - 1.0)), 2.0),
        ];
        for (found, variance) in checks {
            let error = found / (variance / n as f64).sqrt();
            assert!(error.abs() < 5.3, "lag {lag}: {error} standard errors");
        }
    }
}

#[test]
fn integer_weights_bound_the_density_and_fill_the_table() {
    let edges = edges();
    let mut total = 0;
    for (i, cell) in TABLE.cells.iter().enumerate() {
        let x = i as f64 / 32.0;
        assert!((edges[i] as f64 / ONE as f64 / (-0.5 * x * x).exp() - 1.0).abs() < 1e-14 || x > 7.0);
        // One unit of room beyond the fixed-point values on either side, or none below zero.
        let scaled = |edge| mul(u128::from(TABLE.scale) << 60, edge);
        assert!(scaled(edges[i]) + (1 << 60) <= u128::from(cell.high) << 60);
        assert!(cell.low == 0 || (u128::from(cell.low) + 1) << 60 <= scaled(edges[i + 1]));
        total += cell.high;
    }
    assert!(total <= 1 << 63 && (1u64 << 63) - total < 1 << 30);
    let mut weights = vec![0u64; COLUMNS];
    for column in &TABLE.columns {
        assert!(column.threshold <= COLUMN_WEIGHT);
        weights[usize::from(column.below)] += column.threshold;
        weights[usize::from(column.above)] += COLUMN_WEIGHT - column.threshold;
    }
    for (i, cell) in TABLE.cells.iter().enumerate() {
        assert_eq!((weights[i], weights[CELLS + i]), (cell.low, cell.high - cell.low));
    }
    assert_eq!(weights[2 * CELLS], (1 << 63) - total);
}

#[test]
fn both_comparisons_of_a_wedge_agree() {
    let mut rng = SecretRng::for_tests(10);
    for cell in 0..CELLS {
        for point in [0, rng.next_u64(), rng.next_u64(), u64::MAX] {
            let fine = u128::from(point) << 63;
            // The uniform at which the exact comparison changes, by bisection.
            let (mut accepted, mut refused) = (0, ONE);
            while refused - accepted > 1 {
                let middle = accepted.midpoint(refused);
                let side = if TABLE.accepts_exactly(cell, fine, middle) { &mut accepted } else { &mut refused };
                *side = middle;
            }
            let (level, turn) = (TABLE.level(cell, point), refused as f64 / ONE as f64);
            assert!((level - turn).abs() < DOUBT / 8.0, "cell {cell}: {level} and {turn}");
        }
    }
}

#[test]
fn rounding_is_to_the_nearest() {
    // The point 0.75 of the cell that starts at 37/32 sigma is 1.1796875 sigma.
    let point = 3 << 34;
    for (bits, expected) in [(0, 1), (1, 2), (2, 5), (3, 9), (10, 1208), (40, 1_297_080_123_392)] {
        let noise = RoundedGaussian::new(bits).unwrap();
        assert_eq!(noise.round(point, 37), expected);
        assert_eq!(noise.round(1 << 63 | point, 37), -expected);
    }
    // One half rounds up, and the last point below it rounds down.
    let noise = RoundedGaussian::new(0).unwrap();
    assert_eq!((noise.round(0, 16), noise.round(POINTS - 1, 15)), (1, 0));
    assert!(RoundedGaussian::new(MAX_BITS + 1).is_err());
}

#[test]
fn open_columns_are_settled_by_further_bits() {
    let mut rng = SecretRng::for_tests(11);
    let (column, entry) = TABLE.columns.iter().enumerate().find(|(_, c)| c.below != c.above).unwrap();
    let word = (column as u64) << 53 | (entry.threshold / POINTS * POINTS);
    let n = 100_000;
    let below = (0..n).filter(|_| TABLE.pick(word, &mut rng) == usize::from(entry.below)).count() as f64;
    let p = (entry.threshold % POINTS) as f64 / POINTS as f64;
    assert!(p > 0.01 && p < 0.99, "choose another column");
    assert!((below - n as f64 * p).abs() < 5.0 * (n as f64 * p * (1.0 - p)).sqrt());
}

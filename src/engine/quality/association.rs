//! The strength of associations between columns.

use rayon::prelude::*;

use super::codes::{CodedColumns, Coding};
use super::sample::Sample;

/// Cramér's V of each pair of columns, corrected for chance (Bergsma 2013): 0 for independent columns, 1 if one
/// determines the other.
pub fn associations(sample: &Sample) -> Vec<Vec<f64>> {
    let coding = Coding::of(sample);
    let codes = coding.codes(sample, &(0..sample.rows()).collect::<Vec<_>>());
    let of = |a: usize, b: usize| if a == b { 1.0 } else { cramers_v(&coding, &codes, a.min(b), a.max(b)) };
    (0..codes.len()).into_par_iter().map(|a| (0..codes.len()).map(|b| of(a, b)).collect()).collect()
}

fn cramers_v(coding: &Coding, codes: &CodedColumns, a: usize, b: usize) -> f64 {
    let (rows, columns) = (coding.size(a), coding.size(b));
    let mut counts = vec![0.0; rows * columns];
    codes[a].iter().zip(&codes[b]).for_each(|(x, y)| counts[usize::from(*x) * columns + usize::from(*y)] += 1.0);
    let total = codes[a].len() as f64;
    let row_sums: Vec<f64> = counts.chunks(columns).map(|row| row.iter().sum()).collect();
    let column_sums: Vec<f64> = (0..columns).map(|c| counts.iter().skip(c).step_by(columns).sum()).collect();
    let used = |sums: &[f64]| sums.iter().filter(|sum| **sum > 0.0).count() as f64;
    let (r, c) = (used(&row_sums), used(&column_sums));
    let mut phi2 = 0.0;
    for (cell, count) in counts.iter().enumerate() {
        let expected = row_sums[cell / columns] * column_sums[cell % columns] / total;
        if expected > 0.0 {
            phi2 += (count - expected).powi(2) / expected / total;
        }
    }
    let phi2 = (phi2 - (r - 1.0) * (c - 1.0) / (total - 1.0)).max(0.0);
    let corrected = |k: f64| k - (k - 1.0).powi(2) / (total - 1.0);
    let most = (corrected(r) - 1.0).min(corrected(c) - 1.0);
    if most > 0.0 { (phi2 / most).sqrt().min(1.0) } else { 0.0 }
}

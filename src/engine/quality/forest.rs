//! Random forests: whether one can distinguish synthetic rows from real ones, and how well one learns from synthetic
//! rows.

use rayon::prelude::*;
use smartcore::ensemble::random_forest_regressor::{RandomForestRegressor, RandomForestRegressorParameters};
use smartcore::linalg::basic::matrix::DenseMatrix;

use super::codes::CodedColumns;
use super::metric::Metric;
use crate::engine::abandon;

/// Maximum number of rows of each table for a forest.
const MAX_ROWS: usize = 5_000;
const TREES: usize = 40;
const DEPTH: u16 = 12;
const MIN_LEAF: usize = 5;
/// Every third row is kept for testing.
const JUDGED: usize = 3;

/// The AUC of a forest that distinguishes rows from the first half of the real ones. With a target, also the AUC of a
/// forest that learns the target from the rows and predicts it in the first half.
pub fn metrics(
    first: &CodedColumns,
    made: &CodedColumns,
    second: &CodedColumns,
    shuffled: &CodedColumns,
    target: Option<usize>,
) -> Vec<Metric> {
    let token = abandon::current();
    let three = |name, column, of: &(dyn Fn(&CodedColumns) -> Option<f64> + Sync)| {
        let of = |other: &&CodedColumns| if token.is_abandoned() { None } else { of(other) };
        let found: Vec<Option<f64>> = [made, second, shuffled].par_iter().map(of).collect();
        Some(Metric { name, column, synthetic: found[0]?, real: found[1]?, independent: found[2] })
    };
    let told = three("discriminator AUC", None, &|other| discriminate(first, other));
    let predicted =
        target.and_then(|target| three("train-on-synthetic AUC", Some(target), &|other| predict(other, first, target)));
    told.into_iter().chain(predicted).collect()
}

fn discriminate(real: &CodedColumns, other: &CodedColumns) -> Option<f64> {
    let (mut learned, mut judged) = (ForestRows::default(), ForestRows::default());
    for (codes, label) in [(real, 0.0), (other, 1.0)] {
        for row in 0..codes.first()?.len().min(MAX_ROWS) {
            let to = if row % JUDGED == 0 { &mut judged } else { &mut learned };
            to.push(codes.iter().map(|column| column[row]), label);
        }
    }
    learned.judge(&judged)
}

/// The target's codes are divided into two classes at the code that divides the test rows most evenly.
fn predict(from: &CodedColumns, judged: &CodedColumns, target: usize) -> Option<f64> {
    let share = |split: u8| {
        judged[target].iter().filter(|code| **code > split).count() as f64 / judged[target].len().max(1) as f64
    };
    let split = (0..=u8::MAX).min_by(|a, b| (share(*a) - 0.5).abs().total_cmp(&(share(*b) - 0.5).abs()))?;
    let rows = |codes: &CodedColumns| {
        let mut rows = ForestRows::default();
        for row in 0..codes[target].len().min(MAX_ROWS) {
            let others = codes.iter().enumerate().filter(|(column, _)| *column != target);
            rows.push(others.map(|(_, column)| column[row]), f64::from(u8::from(codes[target][row] > split)));
        }
        rows
    };
    rows(from).judge(&rows(judged))
}

/// Rows with labels.
#[derive(Default)]
struct ForestRows {
    features: Vec<Vec<f64>>,
    labels: Vec<f64>,
}

impl ForestRows {
    fn push(&mut self, codes: impl Iterator<Item = u8>, label: f64) {
        self.features.push(codes.map(f64::from).collect());
        self.labels.push(label);
    }

    /// The AUC with which a forest that is trained on these rows predicts the labels of others; `None` if there is
    /// nothing to learn or predict.
    fn judge(&self, judged: &Self) -> Option<f64> {
        let several = |labels: &[f64]| labels.iter().any(|label| *label != labels[0]);
        if self.features.first().is_none_or(Vec::is_empty) || judged.labels.is_empty() || !several(&judged.labels) {
            return None;
        }
        if !several(&self.labels) {
            return Some(0.5);
        }
        let parameters = RandomForestRegressorParameters::default()
            .with_n_trees(TREES)
            .with_max_depth(DEPTH)
            .with_min_samples_leaf(MIN_LEAF);
        let matrix = |rows: &Self| DenseMatrix::from_2d_vec(&rows.features).ok();
        let forest = RandomForestRegressor::fit(&matrix(self)?, &self.labels, parameters).ok()?;
        Some(auc(&forest.predict(&matrix(judged)?).ok()?, &judged.labels))
    }
}

/// The probability that a row with label 1 has a higher score than one with label 0. Equal scores count half.
fn auc(scores: &[f64], labels: &[f64]) -> f64 {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let (mut rank, mut sum) = (0.0, 0.0);
    for equal in order.chunk_by(|a, b| scores[*a] == scores[*b]) {
        let ones = equal.iter().filter(|row| labels[**row] > 0.5).count() as f64;
        sum += ones * (rank + (equal.len() as f64 + 1.0) / 2.0);
        rank += equal.len() as f64;
    }
    let ones = labels.iter().filter(|label| **label > 0.5).count() as f64;
    let zeros = labels.len() as f64 - ones;
    (sum - ones * (ones + 1.0) / 2.0) / (ones * zeros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auc_counts_pairs_in_order() {
        assert_eq!(auc(&[0.1, 0.4, 0.35, 0.8], &[0.0, 0.0, 1.0, 1.0]), 0.75);
        assert_eq!(auc(&[1.0, 1.0, 1.0], &[0.0, 1.0, 1.0]), 0.5);
    }
}

//! Distances between the joint distributions of one, two and three columns, and between summary statistics.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::codes::{CodedColumns, Coding, NULL};
use super::metric::Metric;
use crate::engine::abandon;

/// Maximum number of pairs and triples that are compared. If there are more, a random selection.
const MAX_SETS: usize = 500;

/// All distances, between the first half of the real rows and the other rows.
pub fn metrics(
    coding: &Coding,
    first: &CodedColumns,
    made: &CodedColumns,
    second: &CodedColumns,
    shuffled: &CodedColumns,
    rng: &mut ChaCha8Rng,
) -> Vec<Metric> {
    let columns = first.len();
    let mut metrics = Vec::new();
    // Nobody reads the figures of abandoned work.
    let token = abandon::current();
    let alone = |other: &CodedColumns| -> Vec<f64> {
        (0..columns).into_par_iter().map(|column| distance(coding, &[column], first, other)).collect()
    };
    let (of_made, of_second) = (alone(made), alone(second));
    let mean = |distances: &[f64]| distances.iter().sum::<f64>() / distances.len() as f64;
    let all = |synthetic, real| Metric { name: "1-way distance", column: None, synthetic, real, independent: None };
    metrics.push(all(mean(&of_made), mean(&of_second)));
    for (ways, name) in [(2, "2-way distance"), (3, "3-way distance")] {
        let sets = sets(columns, ways, rng);
        if sets.is_empty() {
            continue;
        }
        let mean = |other: &CodedColumns| {
            let of = |set: &Vec<usize>| if token.is_abandoned() { 0.0 } else { distance(coding, set, first, other) };
            let distances = sets.par_iter().map(of);
            distances.sum::<f64>() / sets.len() as f64
        };
        let independent = Some(mean(shuffled));
        metrics.push(Metric { name, column: None, synthetic: mean(made), real: mean(second), independent });
    }
    for column in 0..columns {
        let own = |name, synthetic, real| Metric { name, column: Some(column), synthetic, real, independent: None };
        metrics.push(own("1-way distance", of_made[column], of_second[column]));
        let missing = |other: &CodedColumns| (nulls(&first[column]) - nulls(&other[column])).abs();
        metrics.push(own("NULL share difference", missing(made), missing(second)));
    }
    let pairs: Vec<Vec<usize>> =
        sets(columns, 2, rng).into_iter().filter(|set| set.iter().all(|column| coding.is_ordered(*column))).collect();
    if !pairs.is_empty() {
        let mean = |other: &CodedColumns| {
            let differences = pairs.iter().map(|pair| (correlation(first, pair) - correlation(other, pair)).abs());
            differences.sum::<f64>() / pairs.len() as f64
        };
        metrics.push(Metric {
            name: "rank correlation difference",
            column: None,
            synthetic: mean(made),
            real: mean(second),
            independent: Some(mean(shuffled)),
        });
    }
    metrics
}

/// Sets of this many columns.
fn sets(columns: usize, ways: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..ways {
        let longer = |set: &Vec<usize>| {
            let from = set.last().map_or(0, |last| last + 1);
            let longer: Vec<Vec<usize>> = (from..columns).map(|column| [&set[..], &[column]].concat()).collect();
            longer
        };
        all = all.iter().flat_map(longer).collect();
        // Enough to choose from, however many columns there are.
        while all.len() > 64 * MAX_SETS {
            all.swap_remove(rng.random_range(0..all.len()));
        }
    }
    while all.len() > MAX_SETS {
        all.swap_remove(rng.random_range(0..all.len()));
    }
    all
}

/// Total variation distance of the joint distributions of some columns.
fn distance(coding: &Coding, set: &[usize], a: &CodedColumns, b: &CodedColumns) -> f64 {
    let cells = set.iter().map(|column| coding.size(*column)).product();
    let mut counts = vec![0i64; cells];
    for (codes, sign) in [(a, 1), (b, -1)] {
        let cell = |row| set.iter().fold(0, |cell, c| cell * coding.size(*c) + usize::from(codes[*c][row]));
        (0..codes[set[0]].len()).for_each(|row| counts[cell(row)] += sign);
    }
    counts.iter().map(|count| count.unsigned_abs()).sum::<u64>() as f64 / (2 * a[set[0]].len()) as f64
}

fn nulls(codes: &[u8]) -> f64 {
    codes.iter().filter(|code| **code == NULL).count() as f64 / codes.len() as f64
}

/// Pearson's correlation of the codes of two columns, that is, of ranks among 20, over rows without NULL.
fn correlation(codes: &CodedColumns, pair: &[usize]) -> f64 {
    let rows = codes[pair[0]].iter().zip(&codes[pair[1]]).filter(|(a, b)| **a != NULL && **b != NULL);
    let (mut n, mut x, mut y, mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for (a, b) in rows.map(|(a, b)| (f64::from(*a), f64::from(*b))) {
        n += 1.0;
        x += a;
        y += b;
        xx += a * a;
        yy += b * b;
        xy += a * b;
    }
    let spread = ((n * xx - x * x) * (n * yy - y * y)).sqrt();
    if spread > 0.0 { (n * xy - x * y) / spread } else { 0.0 }
}

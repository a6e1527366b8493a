//! How close synthetic rows are to real ones. Nothing here is private: it compares with the real rows themselves, and
//! is for roles that may read them.
//!
//! The real rows are split at random into two halves of equal size, and the same number of synthetic rows is taken.
//! Each figure is computed between the first half and the synthetic rows, the second half (how close other real rows
//! are), and the second half with every column shuffled separately (independent columns).

mod association;
pub mod chart;
mod codes;
mod distances;
mod forest;
mod metric;
pub mod page;
mod sample;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

pub use self::association::associations;
pub use self::metric::Metric;
pub use self::sample::Sample;

/// Compares tables with the same columns. `target` is the position of the column that is predicted from the others.
/// `None` if there are too few rows.
pub fn compare(synthetic: &Sample, real: &Sample, target: Option<usize>, rng: &mut ChaCha8Rng) -> Vec<Metric> {
    let rows = synthetic.rows().min(real.rows() / 2);
    if rows < 2 {
        return Vec::new();
    }
    let coding = codes::Coding::of(real);
    let mut order: Vec<usize> = (0..real.rows()).collect();
    order.shuffle(rng);
    let (first, second) = (coding.codes(real, &order[..rows]), coding.codes(real, &order[rows..2 * rows]));
    let mut chosen: Vec<usize> = (0..synthetic.rows()).collect();
    chosen.shuffle(rng);
    let made = coding.codes(synthetic, &chosen[..rows]);
    let mut shuffled = second.clone();
    shuffled.iter_mut().for_each(|column| column.shuffle(rng));

    let mut metrics = distances::metrics(&coding, &first, &made, &second, &shuffled, rng);
    metrics.extend(forest::metrics(&first, &made, &second, &shuffled, target));
    metrics
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::engine::table::{Block, BlockColumn};

    /// Rows of a number, a text that is a function of it except with this probability, and a coin.
    fn sample(rows: usize, strangeness: f64, seed: u64) -> Sample {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (mut numbers, mut texts, mut coins) =
            (BlockColumn::numbers(), BlockColumn::categories(), BlockColumn::numbers());
        for _ in 0..rows {
            let number: u32 = rng.random_range(0..40);
            numbers.push_number((number != 7).then_some(f64::from(number)));
            let group = if rng.random_bool(strangeness) { rng.random_range(0..4) } else { number / 10 };
            texts.push_text(Some(format!("group {group}").as_bytes()));
            coins.push_number(Some(f64::from(rng.random_range(0..2u32))));
        }
        let mut sample = Sample::new(3);
        sample.add(&Block { rows, columns: vec![numbers, texts, coins] }, &mut rng);
        sample
    }

    fn value(metrics: &[Metric], name: &str, column: Option<usize>) -> Metric {
        metrics.iter().find(|metric| metric.name == name && metric.column == column).unwrap().clone()
    }

    #[test]
    fn rows_of_the_same_kind_are_as_close_as_real_ones() {
        let metrics =
            compare(&sample(4_000, 0.0, 1), &sample(8_000, 0.0, 2), Some(1), &mut ChaCha8Rng::seed_from_u64(3));
        for name in ["1-way distance", "2-way distance", "3-way distance"] {
            let found = value(&metrics, name, None);
            assert!(found.synthetic < 1.2 * found.real && found.real < 0.1, "{found:?}");
        }
        let discriminator = value(&metrics, "discriminator AUC", None);
        assert!((discriminator.synthetic - 0.5).abs() < 0.06 && (discriminator.real - 0.5).abs() < 0.06);
        assert!(discriminator.independent.unwrap() > 0.8);
        let prediction = value(&metrics, "train-on-synthetic AUC", Some(1));
        assert!(prediction.synthetic > 0.99 && prediction.independent.unwrap() < 0.6, "{prediction:?}");
    }

    #[test]
    fn broken_relations_are_seen_though_columns_are_right() {
        let metrics = compare(&sample(4_000, 1.0, 4), &sample(8_000, 0.0, 5), None, &mut ChaCha8Rng::seed_from_u64(6));
        let (one, two) = (value(&metrics, "1-way distance", None), value(&metrics, "2-way distance", None));
        assert!(one.synthetic < 0.05 && two.synthetic > 0.2, "{one:?} {two:?}");
        assert!((two.synthetic / two.independent.unwrap() - 1.0).abs() < 0.1);
        assert!(value(&metrics, "discriminator AUC", None).synthetic > 0.8);
        let nulls = value(&metrics, "NULL share difference", Some(0));
        assert!(nulls.synthetic < 0.02);
    }

    #[test]
    fn what_determines_another_is_fully_associated_and_chance_is_not() {
        let found = associations(&sample(3_000, 0.0, 7));
        assert!(found[0][1] > 0.9 && found[0][1] == found[1][0] && found[0][2] < 0.08, "{found:?}");
    }

    #[test]
    fn a_single_row_is_nothing_to_compare() {
        assert!(compare(&sample(1, 0.0, 1), &sample(9, 0.0, 2), None, &mut ChaCha8Rng::seed_from_u64(3)).is_empty());
    }
}

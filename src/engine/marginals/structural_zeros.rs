//! Cells of a measured marginal that are empty beyond doubt because a functional dependency rules them out. One by one
//! they drown in noise, and what a fit leaves of each adds up to rows that no table of this kind has; together they are
//! told from nothing by the sum of their counts.
//!
//! Only all cells of two columns that are not full are taken together. Single ones, or those of one slice, seem empty
//! often enough when they are not, and with them would go what little a model knows of rare combinations. A code that has
//! no full cell is too rare to know which combinations it has: all of them stay possible.

use super::coarsening::Coarsening;
use super::fit::Measurement;

/// A cell with so many standard deviations of noise is full.
const FULL: f64 = 3.0;
/// All others are empty if their sum is below so many standard deviations of its noise ...
const NOTHING: f64 = 1.5;
/// ... those that independent columns would fill most are below so many ...
const TELLING_NOTHING: f64 = 2.5;
/// ... and these would be so many if the columns were independent.
const MISSED: f64 = 25.0;

/// Which cells of a measurement of several columns are empty, `shares` being those of every column's codes.
pub fn cells(measurement: &Measurement, coarsening: &Coarsening, shares: &[Vec<f64>], rows: f64) -> Vec<bool> {
    let independent = independent(measurement, coarsening, shares, rows);
    let mut empty = vec![false; independent.len()];
    let axes = axes(measurement, coarsening);
    for (i, first) in axes.iter().enumerate() {
        for second in &axes[i + 1..] {
            let pair = |cell: usize| first.group(cell) * second.size + second.group(cell);
            let pairs = first.size * second.size;
            let sum = |values: &[f64]| {
                let mut sums = vec![0.0; pairs];
                values.iter().enumerate().for_each(|(cell, value)| sums[pair(cell)] += value);
                sums
            };
            let noise_sd = measurement.noise_sd.max(1.0) * ((empty.len() / pairs) as f64).sqrt();
            let ruled_out = ruled_out(&sum(&measurement.counts), &sum(&independent), second.size, noise_sd);
            empty.iter_mut().enumerate().for_each(|(cell, empty)| *empty |= ruled_out[pair(cell)]);
        }
    }
    empty
}

/// Which cells of two columns one of the columns rules out given the other; `width` is the number of codes of the second.
fn ruled_out(counts: &[f64], independent: &[f64], width: usize, noise_sd: f64) -> Vec<bool> {
    let full: Vec<bool> = counts.iter().map(|count| *count >= FULL * noise_sd).collect();
    // Codes that do not occur would only add noise.
    let mut others: Vec<usize> = (0..counts.len()).filter(|cell| !full[*cell] && independent[*cell] > 0.0).collect();
    others.sort_by(|a, b| independent[*b].total_cmp(&independent[*a]));
    let sum = |cells: &[usize], values: &[f64]| cells.iter().map(|cell| values[*cell]).sum::<f64>();
    let noise = |cells: &[usize]| noise_sd * (cells.len() as f64).sqrt();
    // The cells that would be missed most tell most.
    let (mut missed, mut best, mut telling) = (0.0, 0.0, 0);
    for (place, cell) in others.iter().enumerate() {
        missed += independent[*cell];
        let score = missed / noise(&others[..=place]);
        if score > best {
            (best, telling) = (score, place + 1);
        }
    }
    let is_below = |cells: &[usize], bound: f64| sum(cells, counts) < bound * noise(cells);
    if best <= MISSED || !is_below(&others, NOTHING) || !is_below(&others[..telling], TELLING_NOTHING) {
        return vec![false; counts.len()];
    }
    let (mut rows, mut columns) = (vec![false; counts.len() / width], vec![false; width]);
    for cell in (0..counts.len()).filter(|cell| full[*cell]) {
        (rows[cell / width], columns[cell % width]) = (true, true);
    }
    (0..counts.len()).map(|cell| !full[cell] && rows[cell / width] && columns[cell % width]).collect()
}

/// A column's place in the numbering of cells.
struct Axis {
    size: usize,
    below: usize,
}

impl Axis {
    fn group(&self, cell: usize) -> usize {
        cell / self.below % self.size
    }
}

fn axes(measurement: &Measurement, coarsening: &Coarsening) -> Vec<Axis> {
    let mut below = 1;
    let axis = |size| {
        let axis = Axis { size, below };
        below *= size;
        axis
    };
    measurement.marginal.levels(coarsening).rev().map(|(_, level)| level.size).map(axis).collect()
}

/// Rows that each cell would hold if the columns were independent.
fn independent(measurement: &Measurement, coarsening: &Coarsening, shares: &[Vec<f64>], rows: f64) -> Vec<f64> {
    measurement.marginal.levels(coarsening).fold(vec![rows], |cells, (column, level)| {
        let mut groups = vec![0.0; level.size];
        level.group_of.iter().zip(&shares[column]).for_each(|(group, share)| groups[usize::from(*group)] += share);
        cells.iter().flat_map(|cell| groups.iter().map(move |group| cell * group)).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::marginals::{Clique, Marginal};

    /// Cells of a table with columns of these sizes, all codes even, that are found empty.
    fn empty(sizes: &[usize], counts: &[f64], noise_sd: f64) -> Vec<usize> {
        let marginal = Marginal::of_codes(Clique::new((0..sizes.len()).collect()));
        let measurement = Measurement { marginal, counts: counts.to_vec(), noise_sd };
        let shares: Vec<Vec<f64>> = sizes.iter().map(|size| vec![1.0 / *size as f64; *size]).collect();
        let empty = cells(&measurement, &Coarsening::of_codes(sizes), &shares, counts.iter().sum());
        (0..empty.len()).filter(|cell| empty[*cell]).collect()
    }

    /// Counts of two columns, each with four codes, of which one determines the other, but for these in other cells.
    fn dependent(other: [f64; 2]) -> Vec<f64> {
        (0..16).map(|cell| if cell / 4 == cell % 4 { 400.0 } else { other[cell % 2] }).collect()
    }

    #[test]
    fn what_breaks_a_dependency_is_empty_though_each_cell_drowns() {
        let off: Vec<usize> = (0..16).filter(|cell| cell / 4 != cell % 4).collect();
        assert_eq!(empty(&[4, 4], &dependent([20.0, -20.0]), 13.0), off);
        // So much noise that the cells would not be missed.
        assert!(empty(&[4, 4], &dependent([20.0, -20.0]), 60.0).is_empty());
        // Small counts that are not nothing.
        assert!(empty(&[4, 4], &dependent([16.0, 16.0]), 13.0).is_empty());
    }

    #[test]
    fn codes_that_never_occur_tell_nothing_and_rare_ones_keep_their_combinations() {
        // Three codes that determine each other, and a fourth whose rows are too few to be told from noise.
        let counts: Vec<f64> = (0..16)
            .map(|cell| match (cell / 4, cell % 4) {
                (3, _) | (_, 3) => 30.0 * f64::from(cell % 2) - 15.0,
                (a, b) if a == b => 400.0,
                _ => 0.0,
            })
            .collect();
        let marginal = Marginal::of_codes(Clique::new(vec![0, 1]));
        let measurement = Measurement { marginal, counts, noise_sd: 13.0 };
        let shares = vec![vec![1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0, 0.0]; 2];
        let empty = cells(&measurement, &Coarsening::of_codes(&[4, 4]), &shares, 1_200.0);
        let found: Vec<usize> = (0..16).filter(|cell| empty[*cell]).collect();
        assert_eq!(found, [1, 2, 4, 6, 8, 9]);
    }

    #[test]
    fn a_dependency_of_two_columns_shows_among_three() {
        let counts: Vec<f64> = dependent([4.0, -4.0]).into_iter().flat_map(|count| [count / 2.0; 2]).collect();
        let off: Vec<usize> = (0..32).filter(|cell| cell / 8 != cell / 2 % 4).collect();
        assert_eq!(empty(&[4, 4, 2], &counts, 7.0), off);
    }
}

//! Cells of a measured marginal that are empty beyond doubt because a functional dependency rules them out. One by one
//! they drown in noise, and what a fit leaves of each adds up to rows that no table of this kind has; together they are
//! told from nothing by the sum of their counts.
//!
//! Only all cells of two columns that are not full are taken together. Single ones, or those of one slice, seem empty
//! often enough when they are not, and with them would go what little a model knows of rare combinations.

use super::coarsening::Coarsening;
use super::fit::Measurement;

/// A cell with so many standard deviations of noise is full.
const FULL: f64 = 3.0;
/// All others are empty if their sum is below so many standard deviations of its noise ...
const NOTHING: f64 = 1.5;
/// ... and would be so many if the columns were independent.
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
            let ruled_out = ruled_out(&sum(&measurement.counts), &sum(&independent), noise_sd);
            empty.iter_mut().enumerate().for_each(|(cell, empty)| *empty |= ruled_out[pair(cell)]);
        }
    }
    empty
}

/// Which cells of two columns one of the columns rules out given the other.
fn ruled_out(counts: &[f64], independent: &[f64], noise_sd: f64) -> Vec<bool> {
    let others: Vec<bool> = counts.iter().map(|count| *count < FULL * noise_sd).collect();
    let sum = |values: &[f64]| values.iter().zip(&others).filter(|(_, other)| **other).map(|(v, _)| v).sum::<f64>();
    let noise = noise_sd * (others.iter().filter(|other| **other).count() as f64).sqrt();
    let nothing = sum(counts) < NOTHING * noise && sum(independent) > MISSED * noise;
    if nothing { others } else { vec![false; counts.len()] }
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
    fn a_dependency_of_two_columns_shows_among_three() {
        let counts: Vec<f64> = dependent([4.0, -4.0]).into_iter().flat_map(|count| [count / 2.0; 2]).collect();
        let off: Vec<usize> = (0..32).filter(|cell| cell / 8 != cell / 2 % 4).collect();
        assert_eq!(empty(&[4, 4, 2], &counts, 7.0), off);
    }
}

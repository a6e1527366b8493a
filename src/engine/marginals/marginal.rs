//! What is measured: the joint table of some columns, each seen through a level of its coarsening.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::byte_table::ByteTable;
use super::clique::Clique;
use super::coarsening::{Coarsening, Level};

/// Rows counted by one task.
const CHUNK: usize = 1 << 14;

/// A joint table. A cell is numbered with the last column running fastest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Marginal {
    pub clique: Clique,
    /// The level through which each of the clique's columns is seen.
    pub levels: Vec<u8>,
}

impl Marginal {
    /// The joint table of single codes.
    pub fn of_codes(clique: Clique) -> Self {
        Self { levels: vec![0; clique.columns().len()], clique }
    }

    /// The columns with their levels.
    pub fn levels<'a>(&'a self, coarsening: &'a Coarsening) -> impl DoubleEndedIterator<Item = (usize, &'a Level)> {
        let levels = self.clique.columns().iter().zip(&self.levels);
        levels.map(|(column, level)| (*column, &coarsening.levels(*column)[usize::from(*level)]))
    }

    /// Whether it is a table of the coarsening's columns.
    pub fn is_valid(&self, coarsening: &Coarsening, columns: usize) -> bool {
        let known = |(column, level): (&usize, &u8)| usize::from(*level) < coarsening.levels(*column).len();
        self.clique.is_valid(columns)
            && self.levels.len() == self.clique.columns().len()
            && self.clique.columns().iter().zip(&self.levels).all(known)
    }

    /// Cells of the table.
    pub fn cells(&self, coarsening: &Coarsening) -> usize {
        self.levels(coarsening).fold(1usize, |cells, (_, level)| cells.saturating_mul(level.size))
    }

    /// Rows in each cell. Adding or removing a row changes one count by one.
    pub fn count(&self, coarsening: &Coarsening, rows: &ByteTable) -> Vec<u64> {
        let cells = self.cells(coarsening);
        (0..rows.rows.div_ceil(CHUNK))
            .into_par_iter()
            .fold(
                || vec![0u64; cells],
                |mut counts, chunk| {
                    let range = chunk * CHUNK..((chunk + 1) * CHUNK).min(rows.rows);
                    let mut index = vec![0u32; range.len()];
                    for (column, level) in self.levels(coarsening) {
                        let size = level.size as u32;
                        let codes = &rows.columns[column][range.clone()];
                        for (index, code) in index.iter_mut().zip(codes) {
                            *index = *index * size + u32::from(level.group_of[usize::from(*code)]);
                        }
                    }
                    index.iter().for_each(|index| counts[*index as usize] += 1);
                    counts
                },
            )
            .reduce(
                || vec![0u64; cells],
                |mut a, b| {
                    a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
                    a
                },
            )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_every_row_once_in_its_cell() {
        let rows = ByteTable { rows: 4, sizes: vec![2, 6], columns: vec![vec![0, 1, 1, 1], vec![2, 0, 0, 5]] };
        let coarsening =
            Coarsening::new(&[vec![1.0; 2], vec![4.0, 3.0, 1.0, 1.0, 1.0, 1.0]], &[0, 0], &vec![vec![]; 2]);
        let count = |columns: Vec<usize>, levels: Vec<u8>| {
            Marginal { clique: Clique::new(columns), levels }.count(&coarsening, &rows)
        };
        assert_eq!(count(vec![0], vec![0]), [1, 3]);
        assert_eq!(count(vec![0, 1], vec![0, 0]), [0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 1]);
        // Four groups: the three heaviest codes, and all others.
        assert_eq!(count(vec![0, 1], vec![0, 1]), [0, 0, 1, 0, 2, 0, 0, 1]);
        assert_eq!(count(vec![0, 1], vec![0, 2]), [0, 1, 2, 1]);
    }
}

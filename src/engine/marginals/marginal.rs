//! What is measured: the joint table of some columns, each seen through a rung of its ladder.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::byte_table::Rows;
use super::clique::Clique;
use super::coarsening::{Ladder, Rung};

/// Rows counted by one task.
const CHUNK: usize = 1 << 14;

/// A joint table. A cell is numbered with the last column running fastest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Marginal {
    pub clique: Clique,
    /// The rung through which each of the clique's columns is seen.
    pub rungs: Vec<u8>,
}

impl Marginal {
    /// The joint table of single codes.
    pub fn of_codes(clique: Clique) -> Self {
        Self { rungs: vec![0; clique.columns().len()], clique }
    }

    /// The columns with their rungs.
    pub fn rungs<'a>(&'a self, ladder: &'a Ladder) -> impl DoubleEndedIterator<Item = (usize, &'a Rung)> {
        let rungs = self.clique.columns().iter().zip(&self.rungs);
        rungs.map(|(column, rung)| (*column, &ladder.rungs(*column)[usize::from(*rung)]))
    }

    /// Whether it is a table of the ladder's columns.
    pub fn is_valid(&self, ladder: &Ladder, columns: usize) -> bool {
        let known = |(column, rung): (&usize, &u8)| usize::from(*rung) < ladder.rungs(*column).len();
        self.clique.is_valid(columns)
            && self.rungs.len() == self.clique.columns().len()
            && self.clique.columns().iter().zip(&self.rungs).all(known)
    }

    /// Cells of the table.
    pub fn cells(&self, ladder: &Ladder) -> usize {
        self.rungs(ladder).fold(1usize, |cells, (_, rung)| cells.saturating_mul(rung.size))
    }

    /// Rows in each cell. Adding or removing a row changes one count by one.
    pub fn count(&self, ladder: &Ladder, rows: &Rows) -> Vec<u64> {
        let cells = self.cells(ladder);
        (0..rows.rows.div_ceil(CHUNK))
            .into_par_iter()
            .fold(
                || vec![0u64; cells],
                |mut counts, chunk| {
                    let range = chunk * CHUNK..((chunk + 1) * CHUNK).min(rows.rows);
                    let mut index = vec![0u32; range.len()];
                    for (column, rung) in self.rungs(ladder) {
                        let size = rung.size as u32;
                        let codes = &rows.columns[column][range.clone()];
                        for (index, code) in index.iter_mut().zip(codes) {
                            *index = *index * size + u32::from(rung.group_of[usize::from(*code)]);
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
        let rows = Rows { rows: 4, sizes: vec![2, 6], columns: vec![vec![0, 1, 1, 1], vec![2, 0, 0, 5]] };
        let ladder = Ladder::new(&[vec![1.0; 2], vec![4.0, 3.0, 1.0, 1.0, 1.0, 1.0]], &[0, 0]);
        let count = |columns: Vec<usize>, rungs: Vec<u8>| {
            Marginal { clique: Clique::new(columns), rungs }.count(&ladder, &rows)
        };
        assert_eq!(count(vec![0], vec![0]), [1, 3]);
        assert_eq!(count(vec![0, 1], vec![0, 0]), [0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 1]);
        // Four groups: the three heaviest codes, and all others.
        assert_eq!(count(vec![0, 1], vec![0, 1]), [0, 0, 1, 0, 2, 0, 0, 1]);
        assert_eq!(count(vec![0, 1], vec![0, 2]), [0, 1, 2, 1]);
    }
}

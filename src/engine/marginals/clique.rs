//! Sets of columns whose joint counts are measured.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::rows::Rows;

/// Rows counted by one task.
const CHUNK: usize = 1 << 14;

/// Columns in ascending order. A cell of the joint table is numbered with the last column running fastest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Clique(Vec<usize>);

impl Clique {
    /// The clique of `columns`, in any order, without repetitions.
    pub fn new(mut columns: Vec<usize>) -> Self {
        columns.sort_unstable();
        columns.dedup();
        Self(columns)
    }

    /// The columns, ascending.
    pub fn columns(&self) -> &[usize] {
        &self.0
    }

    /// Whether it is a non-empty, ascending set of some of so many columns.
    pub fn is_valid(&self, columns: usize) -> bool {
        self.0.is_sorted_by(|a, b| a < b) && self.0.last().is_some_and(|last| *last < columns)
    }

    /// Whether it has the column.
    pub fn contains(&self, column: usize) -> bool {
        self.0.binary_search(&column).is_ok()
    }

    /// Cells of the joint table.
    pub fn cells(&self, sizes: &[usize]) -> usize {
        self.0.iter().fold(1usize, |cells, &column| cells.saturating_mul(sizes[column]))
    }

    /// Rows in each cell of the joint table. Adding or removing a row changes one count by one.
    pub fn count(&self, rows: &Rows) -> Vec<u64> {
        let cells = self.cells(&rows.sizes);
        (0..rows.rows.div_ceil(CHUNK))
            .into_par_iter()
            .fold(
                || vec![0u64; cells],
                |mut counts, chunk| {
                    let range = chunk * CHUNK..((chunk + 1) * CHUNK).min(rows.rows);
                    let mut index = vec![0u32; range.len()];
                    for &column in &self.0 {
                        let size = rows.sizes[column] as u32;
                        let codes = &rows.columns[column][range.clone()];
                        for (index, code) in index.iter_mut().zip(codes) {
                            *index = *index * size + u32::from(*code);
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
        let rows = Rows { rows: 4, sizes: vec![2, 3], columns: vec![vec![0, 1, 1, 1], vec![2, 0, 0, 2]] };
        assert_eq!(Clique::new(vec![1, 0]).count(&rows), [0, 0, 1, 2, 0, 1]);
        assert_eq!(Clique::new(vec![0]).count(&rows), [1, 3]);
    }
}

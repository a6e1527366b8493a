//! Sets of columns.

use serde::{Deserialize, Serialize};

/// Columns in ascending order.
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

    /// How many columns it has in common with another.
    pub fn shared(&self, other: &Self) -> usize {
        self.0.iter().filter(|column| other.contains(**column)).count()
    }

    /// Every two of its columns.
    pub fn pairs(&self) -> impl Iterator<Item = Self> {
        let columns = &self.0;
        columns.iter().enumerate().flat_map(|(i, a)| columns[i + 1..].iter().map(|b| Self(vec![*a, *b])))
    }
}

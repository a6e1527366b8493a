//! The sampled rows, side by side: numbers as they are, texts as hashes under a key of this sample.

use crate::engine::table::features::Calendar;
use crate::engine::table::keyed_hash::KeyedHash;
use crate::engine::table::{Block, Column, Measure};

/// Bytes that a value takes, with its number among the values of its column.
pub const BYTES_PER_VALUE: u64 = 12;

/// A sample of rows. Never leaves the process, and is dropped once the features are found.
pub struct RowSample {
    hash: KeyedHash,
    columns: Vec<RowColumn>,
    rows: usize,
}

/// A column of a [`RowSample`].
pub enum RowColumn {
    /// Hashes of texts; [`NULL`] stands for NULL.
    Texts(Vec<u64>),
    /// NaN stands for NULL.
    Numbers(Vec<f64>),
}

/// The hash of NULL.
pub const NULL: u64 = 0;

impl RowSample {
    /// An empty sample of these columns.
    pub fn new(columns: &[Column]) -> Self {
        let column = |column: &Column| match column.measure {
            Measure::Category => RowColumn::Texts(Vec::new()),
            Measure::Lattice | Measure::Real | Measure::Moment { .. } => RowColumn::Numbers(Vec::new()),
        };
        Self { hash: KeyedHash::default(), columns: columns.iter().map(column).collect(), rows: 0 }
    }

    /// Adds the rows of a block whose numbers are in `kept`.
    pub fn push(&mut self, block: &Block, kept: &[u32]) {
        for (sampled, column) in self.columns.iter_mut().zip(&block.columns) {
            let rows = kept.iter().map(|row| *row as usize);
            match (sampled, column) {
                (RowColumn::Texts(hashes), column) => {
                    hashes.extend(rows.map(|row| column.text(row).map_or(NULL, |text| hash_of(&self.hash, text))));
                }
                (RowColumn::Numbers(values), column) => {
                    values.extend(rows.map(|row| column.number(row).unwrap_or(f64::NAN)));
                }
            }
        }
        self.rows += kept.len();
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns.len()
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// A column.
    pub fn column(&self, column: usize) -> &RowColumn {
        &self.columns[column]
    }

    /// The hash of a text in this sample.
    pub fn hash_of(&self, text: &str) -> u64 {
        hash_of(&self.hash, text.as_bytes())
    }

    /// Rows of a column by how their number is written: as a day, as a month, and other numbers.
    pub fn written(&self, column: usize) -> [u64; 3] {
        let mut counts = [0; 3];
        for number in self.numbers(column).iter().filter(|number| !number.is_nan()) {
            counts[match Calendar::of(*number) {
                Some(Calendar::Days) => 0,
                Some(Calendar::Months) => 1,
                None => 2,
            }] += 1;
        }
        counts
    }

    /// Reads a column of dates.
    pub fn read(&mut self, column: usize, calendar: Calendar) {
        if let RowColumn::Numbers(values) = &mut self.columns[column] {
            values.iter_mut().for_each(|value| *value = calendar.number(*value).unwrap_or(f64::NAN));
        }
    }

    /// The numbers of a column; none if it holds texts.
    pub fn numbers(&self, column: usize) -> &[f64] {
        match &self.columns[column] {
            RowColumn::Numbers(values) => values,
            RowColumn::Texts(_) => &[],
        }
    }
}

fn hash_of(hash: &KeyedHash, text: &[u8]) -> u64 {
    (hash.of(text) as u64).max(NULL + 1)
}

impl RowColumn {
    /// What the value of a row is known by: equal for equal values, and hardly ever for others.
    pub fn label(&self, row: usize) -> u64 {
        match self {
            Self::Texts(hashes) => hashes[row],
            // Zero has two signs, and NULL is one value.
            Self::Numbers(values) if values[row].is_nan() => f64::NAN.to_bits(),
            Self::Numbers(values) => (values[row] + 0.0).to_bits(),
        }
    }
}

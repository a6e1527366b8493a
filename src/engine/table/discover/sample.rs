//! What is kept of the sampled rows until the domains are found.

use super::declared::Counts;
use super::domain_source::{DomainSource, Goal};
use super::texts::TextCounts;
use crate::engine::table::{Block, BlockColumn, Column, Declared, Measure};
use crate::engine::{EngineError, Result};

/// A sample of rows, held in memory: the numbers, and how often each text occurs. Never leaves the process, and is
/// dropped once the domains are found.
pub struct DiscoverySample {
    pub(super) goal: Goal,
    pub(super) columns: Vec<(Column, Sampled)>,
}

pub(super) enum Sampled {
    /// A column of which nothing is measured.
    Nothing,
    Declared(Counts),
    Texts(TextCounts),
    /// Numbers present and finite; infinite ones have no say in where the bins lie.
    Numbers {
        values: Vec<f64>,
        nulls: u64,
    },
}

impl DiscoverySample {
    /// An empty sample of these columns.
    pub fn new(columns: &[Column], goal: Goal) -> Self {
        let sampled = |column: &Column| match DomainSource::of(column, goal) {
            DomainSource::Public(_) => Sampled::Nothing,
            DomainSource::Counted(domain) => Sampled::Declared(Counts::new(domain)),
            DomainSource::Texts => Sampled::Texts(TextCounts::default()),
            DomainSource::Numbers { .. } => Sampled::Numbers { values: Vec::new(), nulls: 0 },
        };
        Self { goal, columns: columns.iter().map(|column| (column.clone(), sampled(column))).collect() }
    }

    /// Adds the rows of a block whose numbers are in `kept`.
    ///
    /// # Errors
    /// `Internal` if the block does not have the sample's columns or one of the rows.
    pub fn push(&mut self, block: &Block, kept: &[u32]) -> Result<()> {
        if block.columns.len() != self.columns.len() {
            return Err(EngineError::Internal("a block has the wrong number of columns"));
        }
        for ((_, sampled), column) in self.columns.iter_mut().zip(&block.columns) {
            if kept.iter().any(|row| *row as usize >= column.rows()) {
                return Err(EngineError::Internal("a block lacks a sampled row"));
            }
            let rows = kept.iter().map(|row| *row as usize);
            match (sampled, column) {
                (Sampled::Nothing, _) => {}
                (Sampled::Declared(counts), _) => rows.for_each(|row| counts.add(column, row)),
                (Sampled::Texts(texts), BlockColumn::Categories { .. }) => {
                    rows.for_each(|row| texts.add(column.text(row)));
                }
                (Sampled::Numbers { values, nulls }, BlockColumn::Numbers { .. }) => {
                    for row in rows {
                        match column.number(row) {
                            Some(value) if value.is_finite() => values.push(value),
                            Some(_) => {}
                            None => *nulls += 1,
                        }
                    }
                }
                _ => return Err(EngineError::Internal("a block's column is of the wrong kind")),
            }
        }
        Ok(())
    }

    /// Changes the numbers of a column, and leaves out those that become none.
    pub fn change_numbers(&mut self, column: usize, change: impl Fn(f64) -> Option<f64>) {
        if let Some((_, Sampled::Numbers { values, .. })) = self.columns.get_mut(column) {
            *values = values.iter().filter_map(|value| change(*value)).collect();
        }
    }

    /// Whether a column holds numbers of which nothing is declared.
    pub fn is_undeclared_number(&self, column: usize) -> bool {
        matches!(&self.columns.get(column), Some((Column { measure: Measure::Lattice, declared: None, .. }, _)))
    }

    /// The texts of a column that may be released, if it is one of texts, and whether it has a histogram of its own.
    pub fn texts(&self, column: usize) -> Option<(Vec<&str>, bool)> {
        match &self.columns.get(column)? {
            (_, Sampled::Texts(texts)) => Some((texts.texts().collect(), true)),
            (Column { measure: Measure::Category, declared: Some(Declared::Categories(values)), .. }, _) => {
                Some((values.iter().map(String::as_str).collect(), false))
            }
            _ => None,
        }
    }

    /// Bytes of memory held, roughly.
    pub fn bytes(&self) -> usize {
        let bytes = |sampled: &Sampled| match sampled {
            Sampled::Nothing | Sampled::Declared(_) => 0,
            Sampled::Texts(texts) => texts.bytes(),
            Sampled::Numbers { values, .. } => size_of::<f64>() * values.capacity(),
        };
        self.columns.iter().map(|(_, sampled)| bytes(sampled)).sum()
    }
}

//! Values as few codes: numbers by quantiles of the real rows, texts by their frequency in the real rows.

use std::collections::HashMap;

use super::sample::{Sample, Value};

/// Maximum number of codes for numbers, and for texts, besides those for NULL and other texts.
const MAX_BINS: usize = 20;
const MAX_TEXTS: usize = 30;

/// The code of NULL in every column.
pub const NULL: u8 = 0;

/// Codes column by column.
pub type CodedColumns = Vec<Vec<u8>>;

/// The mapping of every column's values to codes.
pub struct Coding {
    columns: Vec<CodedColumn>,
}

enum CodedColumn {
    /// The largest value of each bin except the last.
    Numbers(Vec<f64>),
    /// By decreasing frequency.
    Texts(HashMap<Box<[u8]>, u8>),
}

impl Coding {
    pub fn of(real: &Sample) -> Self {
        Self { columns: real.columns.iter().map(|values| CodedColumn::of(values)).collect() }
    }

    /// Codes of a column, all below this.
    pub fn size(&self, column: usize) -> usize {
        match &self.columns[column] {
            CodedColumn::Numbers(edges) => edges.len() + 2,
            CodedColumn::Texts(codes) => codes.len() + 2,
        }
    }

    /// Whether codes stand in the order of values.
    pub fn is_ordered(&self, column: usize) -> bool {
        matches!(self.columns[column], CodedColumn::Numbers(_))
    }

    /// The codes of some rows.
    pub fn codes(&self, sample: &Sample, rows: &[usize]) -> CodedColumns {
        let columns = self.columns.iter().zip(&sample.columns);
        columns.map(|(column, values)| rows.iter().map(|row| column.code(&values[*row])).collect()).collect()
    }
}

impl CodedColumn {
    fn of(values: &[Value]) -> Self {
        let mut numbers: Vec<f64> =
            values.iter().filter_map(|value| if let Value::Number(x) = value { Some(*x) } else { None }).collect();
        if numbers.is_empty() { Self::texts(values) } else { Self::numbers(&mut numbers) }
    }

    fn numbers(numbers: &mut [f64]) -> Self {
        numbers.sort_unstable_by(f64::total_cmp);
        let mut edges: Vec<f64> =
            (1..MAX_BINS).map(|i| numbers[(i * numbers.len() / MAX_BINS).min(numbers.len() - 1)]).collect();
        edges.dedup();
        Self::Numbers(edges)
    }

    fn texts(values: &[Value]) -> Self {
        let mut counts: HashMap<&[u8], usize> = HashMap::new();
        for value in values {
            if let Value::Text(text) = value {
                *counts.entry(text).or_default() += 1;
            }
        }
        let mut order: Vec<(&[u8], usize)> = counts.into_iter().collect();
        order.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let codes = order.into_iter().take(MAX_TEXTS).enumerate();
        Self::Texts(codes.map(|(place, (text, _))| (text.into(), place as u8 + 1)).collect())
    }

    fn code(&self, value: &Value) -> u8 {
        match (self, value) {
            (_, Value::Null) => NULL,
            (Self::Numbers(edges), Value::Number(x)) => 1 + edges.partition_point(|edge| edge < x) as u8,
            (Self::Texts(codes), Value::Text(text)) => codes.get(text).copied().unwrap_or(codes.len() as u8 + 1),
            (Self::Numbers(edges), _) => 1 + edges.len() as u8,
            (Self::Texts(codes), _) => 1 + codes.len() as u8,
        }
    }
}

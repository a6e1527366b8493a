//! A figure of a comparison.

/// A figure of synthetic rows, and of the tables that are compared in the same way.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    pub name: &'static str,
    /// The position of the column, if the figure is about one column.
    pub column: Option<usize>,
    pub synthetic: f64,
    pub real: f64,
    /// `None` if shuffling columns does not change it.
    pub independent: Option<f64>,
}

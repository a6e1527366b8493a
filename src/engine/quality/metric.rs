//! A figure of a comparison.

/// A figure of synthetic rows, and of the others that are compared in the same way.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    pub name: &'static str,
    /// The place of the column that it is about, if it is about one.
    pub column: Option<usize>,
    pub synthetic: f64,
    pub real: f64,
    /// `None` where shuffling columns changes nothing.
    pub independent: Option<f64>,
}

//! Columns that are computed from others of their row, and what a training's caller states about rows: generated columns
//! of the source, and the arguments `derived` and `rules`. Their expressions are accepted as those of constraints are.

pub mod expressions;
pub mod order;
pub mod stated;

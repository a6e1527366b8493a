//! Why a source is not row-wise.

/// Why a source is not row-wise, in words that complete "because it has ...".
pub type Reason = &'static str;

/// A part of a source that keeps it from being row-wise.
pub type Found<T> = std::result::Result<T, Reason>;

/// What is stored may be older than its definition.
pub const STORED: Reason = "stored rows of a materialized view, or too many views";

/// Views over views that are followed.
pub const DEPTH: usize = 100;

//! Reasons why a source is not row-wise.

/// The reason why a source is not row-wise, in words that complete "because the source has ...".
pub type Reason = &'static str;

/// The result of a check. The error is the part of a source that makes it not row-wise.
pub type Found<T> = std::result::Result<T, Reason>;

/// Stored rows may be older than the definition.
pub const STORED: Reason = "stored rows of a materialized view, or too many views";

/// Maximum depth of nested views.
pub const DEPTH: usize = 100;

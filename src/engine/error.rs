//! The engine's only error type. No variant contains a data value.

/// Why the engine refused or stopped. Messages are one line in lower case; `detail` and `hint` are sentences.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// A parameter, option or declared domain that cannot be used.
    #[error("{message}")]
    InvalidParameter { message: String, detail: Option<String>, hint: Option<String> },
    /// The work would need more memory than allowed. Known before it starts.
    #[error("training needs about {needed} bytes of memory, more than the limit of {limit}")]
    MemoryLimit { needed: u64, limit: u64 },
    /// The table has too many rows for the memory limit.
    #[error("the table has more rows than the memory limit allows")]
    MoreRowsThanExpected { limit: u64 },
    /// A scan returned more rows than the count.
    #[error("the source returned more rows than were counted")]
    MoreRowsThanCounted,
    /// Stored model bytes that are damaged.
    #[error("stored model is damaged: {reason}")]
    CorruptModel { reason: &'static str },
    /// Stored model bytes from a newer release.
    #[error("stored model has format version {found}, this release reads up to {supported}")]
    UnsupportedVersion { found: u16, supported: u16 },
    /// A broken invariant of the engine.
    #[error("internal error: {0}")]
    Internal(&'static str),
}

impl EngineError {
    /// An [`EngineError::InvalidParameter`] with a detail and a hint.
    pub fn invalid(message: impl Into<String>, detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::InvalidParameter { message: message.into(), detail: Some(detail.into()), hint: Some(hint.into()) }
    }
}

/// Result with [`EngineError`].
pub type Result<T> = std::result::Result<T, EngineError>;

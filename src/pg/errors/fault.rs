//! Reports before they are raised: errors, warnings and notices.

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::{PgLogLevel, PgSqlErrorCode, spi};
use serde::{Deserialize, Serialize};

use crate::engine::EngineError;

/// Result with [`Fault`].
pub type Result<T> = std::result::Result<T, Fault>;

/// A report: the message is lower case without a full stop; detail and hint are sentences.
#[derive(Debug)]
pub struct Fault {
    code: PgSqlErrorCode,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
}

impl Fault {
    pub fn new(code: PgSqlErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), detail: None, hint: None }
    }

    pub fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same report with another SQLSTATE.
    pub fn code(self, code: PgSqlErrorCode) -> Self {
        Self { code, ..self }
    }

    fn report(self, level: PgLogLevel) {
        let mut report = ErrorReport::new(self.code, self.message, "tablediffusion");
        if let Some(detail) = self.detail {
            report = report.set_detail(detail);
        }
        if let Some(hint) = self.hint {
            report = report.set_hint(hint);
        }
        report.report(level);
    }

    /// Raises an ERROR, which ends the statement.
    pub fn raise(self) -> ! {
        self.report(PgLogLevel::ERROR);
        unreachable!("an ERROR does not return")
    }

    /// Raises a WARNING.
    pub fn warn(self) {
        self.report(PgLogLevel::WARNING);
    }

    /// Raises a NOTICE.
    pub fn notice(self) {
        self.report(PgLogLevel::NOTICE);
    }
}

/// A fault that is passed to another process.
#[derive(Debug, Serialize, Deserialize)]
pub struct Told {
    code: i32,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
}

impl From<Fault> for Told {
    fn from(Fault { code, message, detail, hint }: Fault) -> Self {
        Self { code: code as i32, message, detail, hint }
    }
}

impl From<Told> for Fault {
    fn from(Told { code, message, detail, hint }: Told) -> Self {
        Self { code: PgSqlErrorCode::from(code), message, detail, hint }
    }
}

impl From<EngineError> for Fault {
    fn from(error: EngineError) -> Self {
        let message = error.to_string();
        match error {
            EngineError::InvalidParameter { detail, hint, .. } => {
                Self { code: PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, message, detail, hint }
            }
            EngineError::MemoryLimit { needed, limit } => Self::new(
                PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
                "training would need more memory than allowed",
            )
            .detail(format!(
                "It is expected to need about {}; tablediffusion.memory_limit is {}.",
                bytes(needed),
                bytes(limit)
            ))
            .hint("Exclude columns, train on a table of fewer rows, or have a superuser raise the setting."),
            EngineError::MoreRowsThanExpected { limit } => {
                Self::new(PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED, message)
                    .detail(format!("tablediffusion.memory_limit is {}.", bytes(limit)))
                    .hint("Run ANALYZE, so that the next attempt says how much memory is needed. Exclude columns, train on a view of fewer rows, or have a superuser raise the setting.")
            }
            EngineError::MoreRowsThanCounted => {
                Self::new(PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, message)
                    .detail("A training reads the source several times, and the source must return the same rows each time.")
                    .hint("Train on a table, or on a view without volatile functions.")
            }
            EngineError::CorruptModel { .. } => Self::new(PgSqlErrorCode::ERRCODE_DATA_CORRUPTED, message)
                .detail("The bytes in tablediffusion.models_store differ from what a training wrote.")
                .hint("Restore the model from a backup, or train it again."),
            EngineError::UnsupportedVersion { .. } => Self::new(PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED, message)
                .detail("The model was written by a newer release of tablediffusion.")
                .hint("Install that release and run ALTER EXTENSION tablediffusion UPDATE."),
            EngineError::Internal(_) => Self::new(PgSqlErrorCode::ERRCODE_INTERNAL_ERROR, message),
        }
    }
}

/// An SPI call that returned an error code. PostgreSQL's own ERRORs are not converted here.
impl From<spi::Error> for Fault {
    fn from(error: spi::Error) -> Self {
        Self::new(PgSqlErrorCode::ERRCODE_INTERNAL_ERROR, format!("internal error: {error}"))
    }
}

/// A broken invariant of the extension.
pub fn internal(what: &'static str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_INTERNAL_ERROR, format!("internal error: {what}"))
}

/// A size in readable form: `64 MB`.
pub fn bytes(n: u64) -> String {
    match n {
        0..10_240 => format!("{n} bytes"),
        10_240..10_485_760 => format!("{} kB", n.div_ceil(1024)),
        10_485_760..10_737_418_240 => format!("{} MB", n.div_ceil(1 << 20)),
        _ => format!("{} GB", n.div_ceil(1 << 30)),
    }
}

pub fn list<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    names.into_iter().map(|name| format!("\"{}\"", name.as_ref())).collect::<Vec<_>>().join(", ")
}

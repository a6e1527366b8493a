//! Constraints of the source.

use pgrx::PgSqlErrorCode;

use super::fault::{Fault, bytes, list};

/// `what` names the constraint or rule.
pub fn too_few_rows_hold(model: &str, what: &str, tries: u64) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
        format!("model \"{model}\" makes too few rows that satisfy {what}"),
    )
    .detail(format!(
        "Fewer than one row in {tries} satisfies all rules and all constraints of the source and has the given values."
    ))
    .hint("Give fewer columns, use a larger epsilon, or train on a view, which has no constraints, and cast domains to their base types there.")
}

pub fn too_few_rows_differ(model: &str, key: &str, tries: u64) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
        format!("model \"{model}\" makes too few different rows for unique key \"{key}\""),
    )
    .detail(format!("Fewer than one row in {tries} has a new key."))
    .hint("Ask for fewer rows, or train on a view, which has no keys.")
}

pub fn check_unusable(constraint: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("check constraint \"{constraint}\" of the source cannot be evaluated on synthetic rows"),
    )
    .detail("It raises an error on a row, or its meaning has changed since the model was trained. The original message is withheld because it may contain values.")
    .hint("Train on a view, which has no constraints.")
}

pub fn keys_need_memory(needed: u64, limit: u64) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED, "sampling would need more memory than allowed")
        .detail(format!(
            "Keeping unique keys unique may take {}; tablediffusion.memory_limit is {}.",
            bytes(needed),
            bytes(limit)
        ))
        .hint("Ask for fewer rows, or have a superuser raise the setting.")
}

pub fn constraints_gone<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_WARNING, format!("synthetic rows may violate constraints {}", list(names)))
        .detail("They use types, functions or operators that are not built in, or a type of their columns has changed since the model was trained.")
        .hint("Restore the types, train the model again, or filter the synthetic rows.")
}

pub fn constraints_lost<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("synthetic rows may violate constraints {}", list(names)),
    )
    .detail("They use excluded columns, or types, functions or operators that are not built in, or functions that are not immutable, or they depend on collations.")
    .hint("Filter the synthetic rows if these constraints matter.")
}

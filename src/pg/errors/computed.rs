//! Arguments `derived` and `rules`, and columns that are computed from others.

use pgrx::PgSqlErrorCode;

use super::fault::{Fault, list};

/// The expression of a column, in messages.
pub fn expression_of(column: &str) -> String {
    format!("the expression of column \"{column}\"")
}

/// A rule, in messages.
pub fn rule(text: &str) -> String {
    format!("rule \"{text}\"")
}

pub fn derived_malformed(column: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("argument \"derived\" must have an SQL expression for column \"{column}\""),
    )
    .detail("An expression is a JSON string.")
    .hint("Write the argument as '{\"total\": \"net + vat\"}'.")
}

pub fn derived_is_left_out(column: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("column \"{column}\" is derived from others, but excluded"),
    )
    .detail("It is named in \"exclude\", or not named in \"columns\".")
    .hint("Include it, or leave it out of \"derived\".")
}

pub fn derived_is_unit(column: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("column \"{column}\" identifies privacy units and cannot be derived"),
    )
    .detail("It is named in \"privacy_unit\". Units are told apart by its values.")
    .hint("Leave it out of \"derived\".")
}

pub fn derived_in_a_circle<S: AsRef<str>>(columns: impl IntoIterator<Item = S>) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("columns {} are computed in a circle", list(columns)),
    )
    .detail("Each of them uses itself or another of them, so none can be computed first.")
    .hint("Leave one of them out of \"derived\", so that it is learned.")
}

/// `what` is one of the texts above; `code` is PostgreSQL's, and `reason` is a sentence.
pub fn expression_invalid(what: &str, code: PgSqlErrorCode, reason: &str) -> Fault {
    Fault::new(code, format!("{what} is not valid"))
        .detail(reason)
        .hint("Write one SQL expression over columns of the row. Functions, operators and types are looked up in pg_catalog only.")
}

pub fn expression_of_strangers<S: AsRef<str>>(
    what: &str,
    relation: &str,
    columns: impl IntoIterator<Item = S>,
) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN, format!("{what} uses columns that do not exist"))
        .detail(format!("Relation \"{relation}\" has no columns named {}.", list(columns)))
        .hint("Names that are not quoted become lower case, as in any SQL.")
}

pub fn expression_of_missing<S: AsRef<str>>(what: &str, columns: impl IntoIterator<Item = S>) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("{what} uses columns {}, which have no values in the model", list(columns)),
    )
    .detail("They are excluded, identify privacy units, are uuids that are generated at random, or are generated columns that are left out.")
    .hint("Include these columns, or leave the expression out.")
}

pub fn expression_refused(what: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED, format!("{what} cannot be evaluated for every role"))
        .detail("It may consist of constants, columns of the row without a collation of their own, and types, functions, operators and casts that are built in and immutable. Enums, subqueries, aggregates, window functions, sets, whole rows and names of other schemas are not accepted.")
        .hint("Roles that sample the model run nothing that others may have created. Rewrite the expression, or apply it to the synthetic rows yourself.")
}

pub fn expression_unusable(what: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("{what} cannot be evaluated on synthetic rows"),
    )
    .detail("A type that it uses has changed since the model was trained, it uses something that is not built in and immutable here, or it fails for a reason other than the values of a row.")
    .hint("Restore the types, or train the model again.")
}

pub fn too_few_rows_computed(model: &str, column: &str, tries: u64) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
        format!("model \"{model}\" makes too few rows for which column \"{column}\" can be computed"),
    )
    .detail(format!(
        "In fewer than one row in {tries}, its expression has a value of its type, all rules and constraints of the source hold, and the given values occur."
    ))
    .hint("Give fewer columns, or write an expression in \"derived\" that fails less often and is not NULL if the column is NOT NULL.")
}

pub fn given_is_computed(column: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("column \"{column}\" is computed from others and cannot be given"),
    )
    .detail("It is a generated column of the source, or was derived in the training.")
    .hint("Give columns that it is computed from, or filter the synthetic rows.")
}

pub fn generated_left_out<S: AsRef<str>>(columns: impl IntoIterator<Item = S>) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("generated columns {} are left out of the model", list(columns)),
    )
    .detail("Their types cannot be modelled, or their expressions use columns that have no values in the model, types, functions or operators that are not built in or not immutable, or collations, or differ among partitions. Samples have NULL there. A table in which they are generated columns computes them.")
    .hint("State them in argument \"derived\" with what is built in, or name them in \"exclude\".")
}

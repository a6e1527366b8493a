//! Sampling.

use pgrx::PgSqlErrorCode;

use super::fault::{Fault, list};

pub fn not_a_row_type() -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH, "argument \"row_type\" must be of a named row type")
        .detail("Its columns determine the result. Its value is ignored.")
        .hint("Pass NULL::name_of_a_table.")
}

pub fn row_type_has_strangers<S: AsRef<str>>(
    model: &str,
    type_name: &str,
    names: impl IntoIterator<Item = S>,
) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
        format!("row type {type_name} does not match model \"{model}\""),
    )
    .detail(format!("The model has no columns named {}.", list(names)))
    .hint("Pass a row type that has only columns of the source, or omit \"row_type\" to get jsonb.")
}

pub fn row_type_mismatch(model: &str, type_name: &str, column: &str, wanted: &str, found: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
        format!("row type {type_name} does not match model \"{model}\""),
    )
    .detail(format!("Column \"{column}\" is of type {wanted} in the row type and of type {found} in the model."))
    .hint("Pass a row type with the types of the source, or omit \"row_type\" to get jsonb.")
}

pub fn row_type_changed(type_name: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_OBJECT_IN_USE, format!("row type {type_name} is being changed"))
        .detail("Its columns have changed since the call began.")
        .hint("Try again.")
}

pub fn domains_unchecked<S: AsRef<str>>(columns: impl IntoIterator<Item = S>) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("synthetic values may violate the domains of columns {}", list(columns)),
    )
    .detail("The row type has domains there whose constraints were not checked when the rows were made. They are not evaluated, because they may call functions of any role.")
    .hint("Insert the rows into a table of that type, which checks them.")
}

pub fn type_is_gone(column: &str, type_name: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT,
        format!("type {type_name} of column \"{column}\" has changed since the model was trained"),
    )
    .detail("It was dropped, renamed or altered.")
    .hint("Restore the type, sample as jsonb, or train the model again.")
}

pub fn value_refused(column: &str, type_name: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_DATA_EXCEPTION,
        format!("a synthetic value of column \"{column}\" is not accepted by type {type_name}"),
    )
    .detail(
        "The type or its constraints have changed since the model was trained, or they are stricter than what is modelled.",
    )
    .hint("Sample as jsonb, or train the model again with a declared domain for the column.")
}

pub fn key_out_of_range(column: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
        format!("there are not enough values for column \"{column}\""),
    )
    .detail("It is numbered from 1, and its type cannot hold as many numbers as rows were requested.")
    .hint("Ask for fewer rows.")
}

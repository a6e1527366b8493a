//! Argument `given`.

use pgrx::PgSqlErrorCode;

use super::fault::Fault;

pub fn given_of_no_column(model: &str, column: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN, format!("model \"{model}\" has no column \"{column}\""))
        .detail("It is named in argument \"given\".")
        .hint("The view tablediffusion.columns lists the columns of a model. Names are case-sensitive.")
}

pub fn given_is_generated(column: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("column \"{column}\" has newly generated values and cannot be given"),
    )
    .detail("It identifies rows or privacy units, and the model does not know its values.")
    .hint("Leave it out of \"given\".")
}

pub fn given_is_left_out(column: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("column \"{column}\" is excluded from the model and cannot be given"),
    )
    .detail("The training did not use it.")
    .hint("Leave it out of \"given\", or train a model that includes it.")
}

pub fn given_is_no_scalar(column: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("argument \"given\" must have a single value for column \"{column}\""),
    )
    .detail("The value of a column is a JSON string, number, boolean or null.")
    .hint("Sample once for each value.")
}

pub fn given_refused(column: &str, type_name: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("the value given for column \"{column}\" is not of its type"),
    )
    .detail(format!("It is not accepted by type {type_name}, or is not a finite number."))
    .hint("Write the value as in SQL.")
}

pub fn given_null(column: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_NULL_VALUE_NOT_ALLOWED,
        format!("column \"{column}\" is never NULL in this model"),
    )
    .detail("It is declared NOT NULL, or the model has no NULL for it.")
    .hint("Give a value, or leave the column out of \"given\".")
}

pub fn given_unknown(model: &str, column: &str, numbers: bool) -> Fault {
    let detail = if numbers {
        "It is outside the declared or released range."
    } else {
        "It is not among the declared or released values: it is rare, or does not occur."
    };
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("model \"{model}\" does not know the value given for column \"{column}\""),
    )
    .detail(detail)
    .hint("The view tablediffusion.columns shows what a model knows about each column.")
}

pub fn too_few_rows_fit(model: &str, tries: u64) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
        format!("model \"{model}\" makes too few rows with the given values"),
    )
    .detail(format!("Fewer than one row in {tries} has the given values."))
    .hint("Give fewer columns.")
}

//! Invalid arguments.

use pgrx::PgSqlErrorCode;

use super::fault::Fault;

pub fn argument_is_null(name: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_NULL_VALUE_NOT_ALLOWED, format!("argument \"{name}\" must not be null"))
        .detail("It has no default.")
        .hint("Pass a value.")
}

pub fn null_in_list(name: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_NULL_VALUE_NOT_ALLOWED, format!("argument \"{name}\" must not contain nulls"))
        .detail("It is a list of names.")
        .hint("Leave the null out.")
}

pub fn not_an_object(name: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, format!("argument \"{name}\" must be a JSON object"))
        .detail("It maps names to settings.")
        .hint("Write it as '{\"name\": ...}'.")
}

/// `what` names the text: `argument "model"`, or the name of an object.
pub fn not_utf8(what: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_CHARACTER_NOT_IN_REPERTOIRE, format!("{what} is not valid UTF-8"))
        .detail(
            "A database with encoding SQL_ASCII accepts any bytes as text, but tablediffusion needs names in UTF-8.",
        )
        .hint("Pass text in UTF-8, or rename the object.")
}

pub fn json_unreadable(name: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, format!("argument \"{name}\" cannot be read"))
        .detail("The JSON contains a number that is too large for a double, or is nested too deeply.")
        .hint("Pass numbers as strings if they must be that large.")
}

pub fn definition_unknown(function: &str, argument: usize) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_FUNCTION_DEFINITION,
        format!("function {function} is declared in SQL with other argument types than the library expects"),
    )
    .detail(format!("Argument {argument} does not have the type that the library expects."))
    .hint("Run ALTER EXTENSION tablediffusion UPDATE. Drop functions that were declared by hand.")
}

pub fn rows_not_positive(argument: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, "the number of rows must be positive")
        .detail(format!("It is given as argument \"{argument}\"."))
        .hint("Pass a number of at least 1.")
}

pub fn model_name_unusable() -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_INVALID_NAME, "the name of a model must have 1 to 200 characters")
        .detail("It identifies the model within the database.")
        .hint("Pass another name as argument \"model\".")
}

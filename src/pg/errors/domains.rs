//! Declared domains.

use pgrx::PgSqlErrorCode;

use super::fault::Fault;

pub fn domain_of_no_column(column: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("a domain is declared for \"{column}\", which is not a modelled column"),
    )
    .detail("The column does not exist, is excluded, is generated afresh, or is the privacy unit.")
    .hint("Leave its domain out.")
}

pub fn domain_malformed(column: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("the domain declared for column \"{column}\" is not well formed"),
    )
    .detail("It has either \"values\", a list of different values, or one or both of \"min\" and \"max\", in order.")
    .hint("Write it as {\"values\": [\"a\", \"b\"]} or {\"min\": 0, \"max\": 100}.")
}

pub fn domain_wants(column: &str, type_name: &str, wants: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("the domain declared for column \"{column}\" does not suit its type"),
    )
    .detail(format!("The domain of a column of type {type_name} is declared by {wants}."))
    .hint("Numbers and times take \"min\" and \"max\"; everything else takes \"values\".")
}

pub fn domain_value_refused(column: &str, type_name: &str, position: usize) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("the domain declared for column \"{column}\" holds a value that is not of its type"),
    )
    .detail(format!("Value {position} is not accepted by type {type_name}."))
    .hint("Write the values as they would be written in SQL.")
}

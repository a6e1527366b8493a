//! Declared domains.

use pgrx::PgSqlErrorCode;

use super::fault::Fault;

pub fn domain_of_no_column(column: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("a domain is declared for \"{column}\", which is not a modelled column"),
    )
    .detail("The column does not exist, is excluded, has newly generated values, or is the privacy unit.")
    .hint("Remove its domain.")
}

pub fn domain_malformed(column: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("the domain declared for column \"{column}\" is not well formed"),
    )
    .detail("A domain has either \"values\", a list of different values, or \"min\", \"max\" or both, where min is not above max.")
    .hint("Write it as {\"values\": [\"a\", \"b\"]} or {\"min\": 0, \"max\": 100}.")
}

pub fn domain_wants(column: &str, type_name: &str, wants: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("the domain declared for column \"{column}\" does not suit its type"),
    )
    .detail(format!("A column of type {type_name} takes {wants}."))
    .hint("Numbers and times take \"min\" and \"max\"; everything else takes \"values\".")
}

pub fn domain_value_refused(column: &str, type_name: &str, position: usize) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("the domain declared for column \"{column}\" contains a value that is not of its type"),
    )
    .detail(format!("Value {position} is not accepted by type {type_name}."))
    .hint("Write the values as in SQL.")
}

//! Invalid sources of a training.

use pgrx::PgSqlErrorCode;

use super::fault::{Fault, list};

pub fn relation_missing() -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE, "the source does not exist")
        .detail("No relation has the given OID.")
        .hint("Name an existing table or view.")
}

pub fn wrong_relation_kind(relation: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_WRONG_OBJECT_TYPE, format!("\"{relation}\" cannot be a source"))
        .detail("A source is a table, a partitioned table, a view, a materialized view or a foreign table.")
        .hint("Name one of these.")
}

/// `otherwise` names an alternative for the caller.
pub fn no_select_privilege<S: AsRef<str>>(
    relation: &str,
    columns: impl IntoIterator<Item = S>,
    otherwise: &str,
) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE, format!("permission denied for table {relation}"))
        .detail(format!("The SELECT privilege is missing for these columns, which would be read: {}.", list(columns)))
        .hint(format!("Have the owner grant SELECT on them{otherwise}."))
}

pub fn no_such_column(relation: &str, column: &str, argument: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN,
        format!("column \"{column}\" of relation \"{relation}\" does not exist"),
    )
    .detail(format!("It is named in argument \"{argument}\"."))
    .hint("Names are case-sensitive.")
}

/// `modelled` is a sentence that lists the supported types.
pub fn unsupported_type(column: &str, type_name: &str, modelled: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
        format!("column \"{column}\" has type {type_name}, which cannot be modelled"),
    )
    .detail(modelled)
    .hint(format!("Leave it out with exclude => '{{{}}}'.", array_element(column)))
}

pub fn rows_per_unit_alone() -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        "argument \"rows_per_unit\" has no meaning without \"privacy_unit\"",
    )
    .detail("Without a privacy unit, each row is protected by itself.")
    .hint("Set \"privacy_unit\" to the column that identifies the unit of each row.")
}

pub fn unit_type_unsupported(column: &str, type_name: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
        format!("column \"{column}\" has type {type_name}, which cannot identify privacy units"),
    )
    .detail("A privacy unit can have any type that can be modelled.")
    .hint("Train on a view that casts it to text.")
}

pub fn unit_collation_unsupported(column: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
        format!("column \"{column}\" has a nondeterministic collation and cannot identify privacy units"),
    )
    .detail("Units are compared byte by byte, but different texts may be equal under this collation.")
    .hint("Train on a view that gives equal texts the same form and another collation.")
}

/// A name as an element of an array literal.
fn array_element(name: &str) -> String {
    let plain =
        !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_') && !name.eq_ignore_ascii_case("null");
    let quoted =
        if plain { name.to_owned() } else { format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")) };
    quoted.replace('\'', "''")
}

pub fn no_columns(relation: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, format!("\"{relation}\" has no column to learn from"))
        .detail("Every column is excluded, is computed from others, or has newly generated values and is never read.")
        .hint("Keys, identity and serial columns and unique uuid or text columns are not modelled. Name at least one other column.")
}

/// Replaces an error that was raised while reading the source. Its message and SQLSTATE could reveal a value of the
/// table.
pub fn cannot_read(relation: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_EXTERNAL_ROUTINE_EXCEPTION, format!("could not read \"{relation}\""))
        .detail("The original message and its SQLSTATE are withheld because they may reveal values of the table.")
        .hint("Select the same columns from it to see the message.")
}

pub fn encoding_unsupported(encoding: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
        format!("tablediffusion does not work in a database of encoding {encoding}"),
    )
    .detail("It needs text in UTF-8.")
    .hint("Use a database of encoding UTF8.")
}

pub fn source_keeps_changing(relation: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_OBJECT_IN_USE, format!("relations that \"{relation}\" reads keep changing"))
        .detail("Views or partitions behind it were changed while they were looked up.")
        .hint("Try again.")
}

//! Synthetic tables.

use pgrx::PgSqlErrorCode;

use super::fault::{Fault, list};

pub fn target_changed() -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        "the new table was changed before rows were inserted",
    )
    .detail(
        "Something, such as an event trigger, changed its columns, or added indexes, triggers, rules or constraints.",
    )
    .hint("Disable it for this statement, or insert from tablediffusion_sample.")
}

pub fn including_unknown(word: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, format!("\"{word}\" cannot be copied to a table"))
        .detail("It is named in argument \"including\".")
        .hint("Use any of comments, constraints, generated and indexes.")
}

pub fn not_taken_over<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("constraints and indexes {} of the source are not copied", list(names)),
    )
    .detail("They use types, functions, operators, operator classes or collations that are not built in, or functions that are not immutable, which would run with the rights of the table's owner.")
    .hint("If you trust the roles that created them, create them on the new table.")
}

pub fn domains_left<S: AsRef<str>>(
    columns: impl IntoIterator<Item = S>,
    domains: impl IntoIterator<Item = S>,
) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("columns {} of the new table have base types instead of domains", list(columns)),
    )
    .detail(format!(
        "Other roles control the constraints of domains {}, or not all of these constraints hold in synthetic rows.",
        list(domains)
    ))
    .hint("If you trust the owners of the domains, change the types of the columns with ALTER TABLE.")
}

pub fn including_without_source(source: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE, format!("the source {source} of the model does not exist here"))
        .detail("Argument \"including\" copies comments, constraints and indexes from it.")
        .hint("Omit the argument, and create what you need on the new table.")
}

pub fn not_a_table(relation: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_WRONG_OBJECT_TYPE, format!("\"{relation}\" is not an ordinary table"))
        .detail("Rows are replaced only in tables without partitions and rules.")
        .hint("Name a table that tablediffusion_create_table made.")
}

pub fn table_changed() -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_OBJECT_IN_USE, "the table is being renamed or replaced")
        .detail("Its name refers to another table than when the call began.")
        .hint("Try again.")
}

pub fn rows_are_hidden(relation: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
        format!("row-level security may hide rows of table \"{relation}\""),
    )
    .detail("All of its rows would be replaced, but FORCE ROW LEVEL SECURITY may hide some from its owner.")
    .hint("Run ALTER TABLE ... NO FORCE ROW LEVEL SECURITY. The policies still apply to other roles.")
}

pub fn nothing_to_write(relation: &str, model: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
        format!("table \"{relation}\" has no column that model \"{model}\" generates values for"),
    )
    .detail("Columns that are not in the model get their defaults, and generated columns are computed.")
    .hint("Name a table that has some of the model's columns.")
}

pub fn not_synthetic(relation: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("table \"{relation}\" may hold rows that are not synthetic"),
    )
    .detail("All of its rows would be deleted. Its comment does not start like that of a synthetic table, or a model was trained on it.")
    .hint("Name a table that tablediffusion_create_table made, or an empty one.")
}

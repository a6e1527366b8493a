//! Synthetic tables.

use pgrx::PgSqlErrorCode;

use super::fault::{Fault, list};

pub fn target_changed() -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "the new table is not as it was made")
        .detail("Something, such as an event trigger, changed its columns, or put indexes, triggers, rules or constraints on it.")
        .hint("Disable it for this statement, or insert from tablediffusion_sample.")
}

pub fn including_unknown(word: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("\"{word}\" is nothing that a table can take over"),
    )
    .detail("It is named in argument \"including\".")
    .hint("Name any of comments, constraints and indexes.")
}

pub fn not_taken_over<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("constraints and indexes {} of the source are not taken over", list(names)),
    )
    .detail("They use types, functions, operators, operator classes or collations that are not built in, or functions that are not immutable, which would run as whoever makes the table.")
    .hint("Create them on the new table, if you trust who made them.")
}

pub fn domains_left<S: AsRef<str>>(
    columns: impl IntoIterator<Item = S>,
    domains: impl IntoIterator<Item = S>,
) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("columns {} of the new table are not of domains", list(columns)),
    )
    .detail(format!(
        "Other roles decide what domains {} ask for, or not all of it holds in synthetic rows.",
        list(domains)
    ))
    .hint("Change the columns' types with ALTER TABLE, if you trust who made the domains.")
}

pub fn including_without_source(source: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE, format!("the source {source} of the model does not exist here"))
        .detail("Argument \"including\" takes comments, constraints and indexes from it.")
        .hint("Leave the argument out, and create what is wanted on the new table.")
}

pub fn not_a_table(relation: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_WRONG_OBJECT_TYPE, format!("\"{relation}\" is no plain table"))
        .detail("Rows are replaced in tables without partitions and rules only.")
        .hint("Name a table that tablediffusion_create_table made.")
}

pub fn table_changed() -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_OBJECT_IN_USE, "the table is being renamed or replaced")
        .detail("Its name means another table than it did when the call began.")
        .hint("Try again.")
}

pub fn rows_are_hidden(relation: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
        format!("row-level security may hide rows of table \"{relation}\""),
    )
    .detail("All of its rows would be replaced, and it is forced to hide some from its owner too.")
    .hint("Run ALTER TABLE ... NO FORCE ROW LEVEL SECURITY; other roles stay under its policies.")
}

pub fn nothing_to_write(relation: &str, model: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
        format!("table \"{relation}\" has no column that model \"{model}\" makes values of"),
    )
    .detail("Columns that the model leaves out have their defaults, and computed ones are computed.")
    .hint("Name a table that has some of the model's columns.")
}

pub fn not_synthetic(relation: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("table \"{relation}\" may hold rows that are not synthetic"),
    )
    .detail("All of its rows would be deleted. Its comment does not start as that of a synthetic table, or a model was trained on it.")
    .hint("Name a table that tablediffusion_create_table made, or an empty one.")
}

//! Comparing with the real table.

use pgrx::PgSqlErrorCode;

use super::fault::Fault;

pub fn not_private(relation: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("the result is computed from the rows of \"{relation}\" and is not differentially private"),
    )
    .detail("It is only for those who may read that table. Nothing is charged.")
    .hint("Do not publish it.")
}

pub fn no_columns_shared(synthetic: &str, real: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN,
        format!("relations \"{synthetic}\" and \"{real}\" have no column in common that can be compared"),
    )
    .detail(
        "Columns are matched by name, and must hold numbers in both relations or texts in both. Keys are not compared.",
    )
    .hint("Name a synthetic table and the source of its model.")
}

pub fn nothing_to_compare() -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "there are too few rows to compare")
        .detail("At least two synthetic and four real rows are needed. Useful figures need several thousand of each.")
        .hint("Make more synthetic rows with tablediffusion_create_table or tablediffusion_refresh_table.")
}

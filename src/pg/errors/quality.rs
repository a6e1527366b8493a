//! Comparing with the real table.

use pgrx::PgSqlErrorCode;

use super::fault::Fault;

pub fn not_private(relation: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("what follows is computed from the rows of \"{relation}\" and is not differentially private"),
    )
    .detail("It is for those who may read that table, and charges nothing.")
    .hint("Publish none of it.")
}

pub fn no_columns_shared(synthetic: &str, real: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN,
        format!("relations \"{synthetic}\" and \"{real}\" have no column in common that can be compared"),
    )
    .detail("Columns are matched by name, and hold numbers in both or texts in both. Keys are not compared.")
    .hint("Name a table of synthetic rows and the table that they stand for.")
}

pub fn nothing_to_compare() -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, "there are too few rows to compare")
        .detail("It takes two synthetic rows and four real ones at least, and several thousand to mean anything.")
        .hint("Make more synthetic rows with tablediffusion_create_table or tablediffusion_refresh_table.")
}

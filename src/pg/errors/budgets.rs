//! Budgets and charges.

use pgrx::PgSqlErrorCode;

use super::fault::Fault;

pub fn not_relation_owner(relation: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE, format!("must be owner of relation {relation}"))
        .detail("Only the owner of a relation may set its budget or replace its rows.")
        .hint("Ask the owner, or use SET ROLE if you are a member of it.")
}

pub fn budget_spent(relation: &str, epsilon: f64, delta: f64, spent: f64, remaining: f64) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
        format!("the privacy budget of {relation} does not allow this training"),
    )
    .detail(format!(
        "The budget is epsilon {epsilon} at delta {delta:e}. Trainings have spent {spent:.4}, which leaves about {remaining:.4} for one more training."
    ))
    .hint("Use a smaller epsilon or delta, or have the owner of the relation raise the budget with tablediffusion_set_budget.")
}

pub fn budget_of_former_relation(relation: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("the privacy budget of an earlier relation named {relation} applies, including what was spent of it"),
    )
    .detail("Dropping, renaming or restoring a relation gives back nothing of its budget.")
    .hint("If the relation now contains other people's data, its owner can set a new budget with tablediffusion_set_budget.")
}

pub fn budget_is_spent_already(relation: &str, spent: f64) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("trainings have already spent the whole budget of {relation}"),
    )
    .detail(format!("They amount to epsilon {spent:.4} at the budget's delta."))
    .hint("No further training is admitted. Existing models are not affected.")
}

pub fn rows_are_not_its_rows(source: &str, relation: &str, reason: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
        format!("a training on {source} cannot be charged to the budget of {relation}"),
    )
    .detail(format!(
        "One row of {relation} may change many rows of {source}, because {source} has {reason}. A training that protects rows of {source} does not protect rows of {relation}."
    ))
    .hint("Set \"privacy_unit\" to a column that identifies the unit of each row in all tables behind the source, or have the owner create a table from the source.")
}

pub fn source_rows_only(source: &str, reason: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_WARNING,
        format!("the training protects rows of {source}, but not rows of the tables behind it"),
    )
    .detail(format!("One row of a table may change many rows of {source}, because {source} has {reason}."))
    .hint(
        "Set \"privacy_unit\" to a column that identifies the unit of each row in all tables behind the source, or train on a table.",
    )
}

pub fn not_in_its_budget(relation: &str, trainings: u64) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("trainings on views of {relation} are not charged to its budget: {trainings}"),
    )
    .detail("They protect rows of the views. One row of the relation may have changed many of these.")
    .hint("The view tablediffusion.ledger marks them with source_rows_only.")
}

pub fn budget_is_changing() -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_LOCK_NOT_AVAILABLE,
        "an open transaction is changing a budget that applies to this training",
    )
    .detail("A separate transaction charges the training. It cannot wait for the transaction that trains.")
    .hint("Commit tablediffusion_set_budget before training, or try again after the other session has committed.")
}

pub fn no_worker() -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
        "no background worker is free to charge the training",
    )
    .detail("A background worker charges each training before it reads a row. Nothing was read.")
    .hint("Try again, or raise max_worker_processes.")
}

pub fn charge_not_entered() -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_INTERNAL_ERROR, "the training could not be charged")
        .detail("The background worker that charges it ended early. Nothing was read.")
        .hint("See the server log for the reason.")
}

pub fn charge_refused(code: PgSqlErrorCode) -> Fault {
    charge_not_entered().code(code)
}

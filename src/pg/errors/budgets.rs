//! Budgets and charges.

use pgrx::PgSqlErrorCode;

use super::fault::Fault;

pub fn not_relation_owner(relation: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE, format!("must be owner of relation {relation}"))
        .detail("What may be spent of a relation is for its owner to say.")
        .hint("Ask the owner, or use SET ROLE if you are a member of it.")
}

pub fn budget_spent(relation: &str, epsilon: f64, delta: f64, spent: f64, remaining: f64) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
        format!("the privacy budget of {relation} does not allow this training"),
    )
    .detail(format!(
        "It is epsilon {epsilon} at delta {delta:e}; trainings have spent {spent:.4}, which leaves one more of about {remaining:.4}."
    ))
    .hint("Use a smaller epsilon or delta, or have the owner of the relation raise the budget with tablediffusion_set_budget.")
}

pub fn budget_of_former_relation(relation: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("the privacy budget of an earlier relation named {relation} applies, with all that was spent of it"),
    )
    .detail("Dropping, renaming or restoring a relation gives nothing back.")
    .hint("If it now holds other people's data, its owner can set a new budget with tablediffusion_set_budget.")
}

pub fn budget_is_spent_already(relation: &str, spent: f64) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("trainings have spent the whole budget of {relation} already"),
    )
    .detail(format!("They amount to epsilon {spent:.4} at the budget's delta."))
    .hint("No further training is admitted; existing models are not affected.")
}

pub fn rows_are_not_its_rows(source: &str, relation: &str, reason: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
        format!("a training on {source} cannot be charged to the budget of {relation}"),
    )
    .detail(format!(
        "A row of {relation} may change many rows of {source}, because it has {reason}; protecting the latter does not protect the former."
    ))
    .hint("Name as \"privacy_unit\" a column that says whose the rows of all tables behind it are, or have the owner make a table of it.")
}

pub fn source_rows_only(source: &str, reason: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_WARNING,
        format!("the training protects rows of {source}, and not rows of the tables behind it"),
    )
    .detail(format!("A row of a table may change many rows of {source}, because it has {reason}."))
    .hint(
        "Name as \"privacy_unit\" a column that says whose the rows of all tables behind it are, or train on a table.",
    )
}

pub fn not_in_its_budget(relation: &str, trainings: u64) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("trainings on views of {relation} are not part of what is spent of it: {trainings}"),
    )
    .detail("They protect rows of the views, of which one row of the relation may have changed many.")
    .hint("The view tablediffusion.ledger shows them, with source_rows_only.")
}

pub fn budget_is_changing() -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_LOCK_NOT_AVAILABLE,
        "a budget that applies to this training is being changed by an open transaction",
    )
    .detail("A training is charged in a transaction of its own, which cannot wait for the one that trains.")
    .hint("Commit tablediffusion_set_budget before training, or try again once another session has.")
}

pub fn no_worker() -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
        "no background worker is free to charge the training",
    )
    .detail("A training is charged by a worker of its own before it reads a row; nothing was read.")
    .hint("Try again, or have max_worker_processes raised.")
}

pub fn charge_not_entered() -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_INTERNAL_ERROR, "the training could not be charged")
        .detail("The background worker that charges it ended early; nothing was read.")
        .hint("The server's log says why.")
}

pub fn charge_refused(code: PgSqlErrorCode) -> Fault {
    charge_not_entered().code(code)
}

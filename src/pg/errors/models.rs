//! Models and who may use them.

use pgrx::PgSqlErrorCode;

use super::fault::{Fault, bytes};
use crate::engine::EngineError;

pub fn model_exists(name: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_DUPLICATE_OBJECT, format!("model \"{name}\" already exists"))
        .detail("The names of models are unique within a database.")
        .hint("Pass another name as argument \"model\", or replace => true.")
}

pub fn no_such_model(name: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT, format!("model \"{name}\" does not exist"))
        .detail("The view tablediffusion.models lists the models that you may use.")
        .hint("Train it with tablediffusion_train.")
}

pub fn not_model_owner(name: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE, format!("must be owner of model \"{name}\""))
        .detail("A model belongs to the role that trained it.")
        .hint("Ask that role, or use SET ROLE if you are a member of it.")
}

pub fn not_model_user(name: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE, format!("permission denied for model \"{name}\""))
        .detail("Only its owner and the roles that it is granted to may sample it.")
        .hint("Ask its owner to run tablediffusion_grant.")
}

pub fn no_such_role(role: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT, format!("role \"{role}\" does not exist"))
        .detail("It is named in argument \"role\".")
        .hint("Names are case-sensitive. The name public stands for every role.")
}

pub fn not_granted(model: &str, role: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT, format!("model \"{model}\" is not granted to \"{role}\""))
        .detail("There is nothing to revoke.")
        .hint("The view tablediffusion.grants lists all grants. Members of a role have the grants of that role.")
}

/// The reason why bytes cannot be imported.
pub fn not_importable(error: EngineError) -> Fault {
    let reason = match error {
        EngineError::CorruptModel { reason } => reason,
        EngineError::MemoryLimit { needed, limit } => return import_needs_memory(needed, limit),
        error => return error.into(),
    };
    Fault::new(PgSqlErrorCode::ERRCODE_DATA_CORRUPTED, format!("argument \"bytes\" is not a model: {reason}"))
        .detail("It is not the result of tablediffusion_export, or was changed in transit.")
        .hint("Export the model again, and do not change the bytes.")
}

fn import_needs_memory(needed: u64, limit: u64) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED, "importing may need more memory than allowed")
        .detail(format!(
            "Reading the model may take {}; tablediffusion.memory_limit is {}.",
            bytes(needed),
            bytes(limit)
        ))
        .hint("If you trust the model, have a superuser raise the setting.")
}

pub fn annotation_unreadable(name: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_DATA_CORRUPTED,
        format!("the description of the columns of model \"{name}\" is damaged"),
    )
    .detail("It is stored with the model.")
    .hint("Restore the model from a backup, or train it again.")
}

pub fn update_needed() -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        "the extension in this database is older than its library",
    )
    .detail("Since version 0.3.0, trainings are charged before they read, in tables that older versions do not have. Nothing was read.")
    .hint("Run ALTER EXTENSION tablediffusion UPDATE.")
}

pub fn catalog_missing() -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE, "the tables of extension tablediffusion are missing")
        .detail("They belong to schema tablediffusion.")
        .hint("Restore the database from a backup. DROP EXTENSION would delete all remaining models, charges and budgets.")
}

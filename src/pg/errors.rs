//! Every error, warning and notice of the face, with its SQLSTATE, DETAIL and HINT. None carries a value of a table.

use pgrx::pg_sys::panic::ErrorReport;
use pgrx::{PgLogLevel, PgSqlErrorCode};
use serde::{Deserialize, Serialize};

use super::rows::MAX_TRIES;
use crate::engine::EngineError;
use crate::engine::privacy::mutant::Mutant;

/// Result with [`Fault`].
pub type Result<T> = std::result::Result<T, Fault>;

/// A report in the making: message in lower case without a full stop; detail and hint are sentences.
#[derive(Debug)]
pub struct Fault {
    code: PgSqlErrorCode,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
}

impl Fault {
    fn new(code: PgSqlErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), detail: None, hint: None }
    }

    fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    fn report(self, level: PgLogLevel) {
        let mut report = ErrorReport::new(self.code, self.message, "tablediffusion");
        if let Some(detail) = self.detail {
            report = report.set_detail(detail);
        }
        if let Some(hint) = self.hint {
            report = report.set_hint(hint);
        }
        report.report(level);
    }

    /// Reports it as an ERROR, which ends the statement.
    pub fn raise(self) -> ! {
        self.report(PgLogLevel::ERROR);
        unreachable!("an ERROR does not return")
    }

    /// Reports it as a WARNING.
    pub fn warn(self) {
        self.report(PgLogLevel::WARNING);
    }

    /// Reports it as a NOTICE.
    pub fn notice(self) {
        self.report(PgLogLevel::NOTICE);
    }
}

/// A fault on its way from another process.
#[derive(Debug, Serialize, Deserialize)]
pub struct Told {
    code: i32,
    message: String,
    detail: Option<String>,
    hint: Option<String>,
}

impl From<Fault> for Told {
    fn from(Fault { code, message, detail, hint }: Fault) -> Self {
        Self { code: code as i32, message, detail, hint }
    }
}

impl From<Told> for Fault {
    fn from(Told { code, message, detail, hint }: Told) -> Self {
        Self { code: PgSqlErrorCode::from(code), message, detail, hint }
    }
}

impl From<EngineError> for Fault {
    fn from(error: EngineError) -> Self {
        let message = error.to_string();
        match error {
            EngineError::InvalidParameter { detail, hint, .. } => {
                Self { code: PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, message, detail, hint }
            }
            EngineError::MemoryLimit { needed, limit } => Self::new(
                PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
                "training would need more memory than allowed",
            )
            .detail(format!(
                "It is expected to need about {}; tablediffusion.memory_limit is {}.",
                bytes(needed),
                bytes(limit)
            ))
            .hint("Exclude columns, train on a table of fewer rows, or have a superuser raise the setting."),
            EngineError::MoreRowsThanExpected { limit } => {
                Self::new(PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED, message)
                    .detail(format!("tablediffusion.memory_limit is {}.", bytes(limit)))
                    .hint("Run ANALYZE to be told how much is needed; exclude columns, train on a view of fewer rows, or have a superuser raise the setting.")
            }
            EngineError::MoreRowsThanCounted => {
                Self::new(PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE, message)
                    .detail("It is read several times, and has to show the same rows each time.")
                    .hint("Train on a table, or on a view without volatile functions.")
            }
            EngineError::CorruptModel { .. } => Self::new(PgSqlErrorCode::ERRCODE_DATA_CORRUPTED, message)
                .detail("The bytes in tablediffusion.models_store are not what a training wrote.")
                .hint("Restore the model from a backup, or train it again."),
            EngineError::UnsupportedVersion { .. } => Self::new(PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED, message)
                .detail("The model was written by a newer release of tablediffusion.")
                .hint("Install that release and run ALTER EXTENSION tablediffusion UPDATE."),
            EngineError::Internal(_) => Self::new(PgSqlErrorCode::ERRCODE_INTERNAL_ERROR, message),
        }
    }
}

/// A size for people: `64 MB`.
pub fn bytes(n: u64) -> String {
    match n {
        0..10_240 => format!("{n} bytes"),
        10_240..10_485_760 => format!("{} kB", n.div_ceil(1024)),
        10_485_760..10_737_418_240 => format!("{} MB", n.div_ceil(1 << 20)),
        _ => format!("{} GB", n.div_ceil(1 << 30)),
    }
}

fn list<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    names.into_iter().map(|name| format!("\"{}\"", name.as_ref())).collect::<Vec<_>>().join(", ")
}

// Arguments.

pub fn argument_is_null(name: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_NULL_VALUE_NOT_ALLOWED, format!("argument \"{name}\" must not be null"))
        .detail("It has no default.")
        .hint("Pass a value.")
}

pub fn null_in_list(name: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_NULL_VALUE_NOT_ALLOWED, format!("argument \"{name}\" must not contain nulls"))
        .detail("It is a list of names.")
        .hint("Leave the null out.")
}

pub fn not_an_object(name: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, format!("argument \"{name}\" must be a JSON object"))
        .detail("It maps names to settings.")
        .hint("Write it as '{\"name\": ...}'.")
}

/// `what` says which text it is: `argument "model"`, or the name of something.
pub fn not_utf8(what: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_CHARACTER_NOT_IN_REPERTOIRE, format!("{what} is not valid UTF-8"))
        .detail("A database of encoding SQL_ASCII takes any bytes for text; tablediffusion works with names in UTF-8.")
        .hint("Write it in UTF-8, or rename what it is the name of.")
}

pub fn json_unreadable(name: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, format!("argument \"{name}\" cannot be read"))
        .detail("It is JSON that holds a number too large for a double, or is nested too deeply.")
        .hint("Pass numbers as strings if they must be that large.")
}

pub fn definition_unknown(function: &str, argument: usize) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_FUNCTION_DEFINITION,
        format!("function {function} is not defined in SQL as tablediffusion defines it"),
    )
    .detail(format!("Argument {argument} is of another type than the library takes."))
    .hint("Run ALTER EXTENSION tablediffusion UPDATE; drop definitions that are not the extension's.")
}

pub fn rows_not_positive(argument: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, "the number of rows must be positive")
        .detail(format!("It is given as argument \"{argument}\"."))
        .hint("Pass a number of at least 1.")
}

pub fn model_name_unusable() -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_INVALID_NAME, "the name of a model must have 1 to 200 characters")
        .detail("It identifies the model within the database.")
        .hint("Pass another name as argument \"model\".")
}

// The source.

pub fn relation_missing() -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE, "the source does not exist")
        .detail("No relation has the given identity any more.")
        .hint("Name an existing table or view.")
}

pub fn wrong_relation_kind(relation: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_WRONG_OBJECT_TYPE, format!("\"{relation}\" cannot be a source"))
        .detail("A source is a table, a partitioned table, a view, a materialized view or a foreign table.")
        .hint("Name one of these.")
}

/// `otherwise` says what the caller can do without.
pub fn no_select_privilege<S: AsRef<str>>(
    relation: &str,
    columns: impl IntoIterator<Item = S>,
    otherwise: &str,
) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE, format!("permission denied for table {relation}"))
        .detail(format!("The privilege to select these columns, which would be read, is missing: {}.", list(columns)))
        .hint(format!("Have the owner grant SELECT on them{otherwise}."))
}

pub fn no_such_column(relation: &str, column: &str, argument: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN,
        format!("column \"{column}\" of relation \"{relation}\" does not exist"),
    )
    .detail(format!("It is named in argument \"{argument}\"."))
    .hint("Names are compared letter by letter, upper and lower case included.")
}

pub fn unsupported_type(column: &str, type_name: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
        format!("column \"{column}\" has type {type_name}, which cannot be modelled"),
    )
    .detail(
        "Booleans, numbers, text, enums, dates, times, timestamps, intervals, uuids and domains over them can be modelled.",
    )
    .hint(format!("Leave it out with exclude => '{{{}}}'.", array_element(column)))
}

pub fn rows_per_unit_alone() -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        "argument \"rows_per_unit\" has no meaning without \"privacy_unit\"",
    )
    .detail("Without a privacy unit, each row is protected by itself.")
    .hint("Name the column that says whose a row is as \"privacy_unit\".")
}

pub fn unit_type_unsupported(column: &str, type_name: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
        format!("column \"{column}\" has type {type_name}, which cannot tell privacy units apart"),
    )
    .detail("Columns of all types that can be modelled can.")
    .hint("Train on a view that casts it to text.")
}

pub fn unit_collation_unsupported(column: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
        format!("column \"{column}\" has a nondeterministic collation and cannot tell privacy units apart"),
    )
    .detail("Units are told apart byte by byte, and different texts may be equal under its collation.")
    .hint("Train on a view that brings equal texts into one form, under another collation.")
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
        .detail("Every column is excluded, or generated afresh and never read.")
        .hint("Keys, identity and serial columns and unique uuid or text columns are not modelled; name at least one other.")
}

/// In place of an error that reading the source raised, whose own words and SQLSTATE may tell a value of the table.
pub fn cannot_read(relation: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_EXTERNAL_ROUTINE_EXCEPTION, format!("could not read \"{relation}\""))
        .detail("The original message and its SQLSTATE are withheld because they may tell values of the table.")
        .hint("Select the same columns from it to see the message.")
}

pub fn encoding_unsupported(encoding: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
        format!("tablediffusion does not work in a database of encoding {encoding}"),
    )
    .detail("It works with texts in UTF-8.")
    .hint("Use a database of encoding UTF8.")
}

pub fn source_keeps_changing(relation: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_OBJECT_IN_USE, format!("what \"{relation}\" reads keeps changing"))
        .detail("Views or partitions behind it were changed while they were looked up.")
        .hint("Try again.")
}

// Budgets.

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
    Fault { code, ..charge_not_entered() }
}

// Declared domains.

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

// Models.

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
        .detail("Its owner may sample it, and so may roles that the owner granted it to.")
        .hint("Have its owner run tablediffusion_grant.")
}

pub fn no_such_role(role: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT, format!("role \"{role}\" does not exist"))
        .detail("It is named in argument \"role\".")
        .hint("Names are compared letter by letter; public stands for every role.")
}

pub fn not_granted(model: &str, role: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT, format!("model \"{model}\" is not granted to \"{role}\""))
        .detail("There is nothing to take back.")
        .hint("The view tablediffusion.grants lists what is granted; members of a role use what that role was granted.")
}

/// Why bytes cannot be imported.
pub fn not_importable(error: EngineError) -> Fault {
    let reason = match error {
        EngineError::CorruptModel { reason } => reason,
        EngineError::MemoryLimit { needed, limit } => return import_needs_memory(needed, limit),
        error => return error.into(),
    };
    Fault::new(PgSqlErrorCode::ERRCODE_DATA_CORRUPTED, format!("argument \"bytes\" is no model: {reason}"))
        .detail("It is not what tablediffusion_export returned, or was changed on the way.")
        .hint("Export the model again, and keep the bytes as they are.")
}

fn import_needs_memory(needed: u64, limit: u64) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED, "importing may need more memory than allowed")
        .detail(format!(
            "Such bytes may take {} to read; tablediffusion.memory_limit is {}.",
            bytes(needed),
            bytes(limit)
        ))
        .hint("If you trust where they come from, have a superuser raise the setting.")
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
        "the extension in this database is of an older version than its library",
    )
    .detail("Since version 0.3.0 trainings are charged before they read, in tables that older versions have not; nothing was read.")
    .hint("Run ALTER EXTENSION tablediffusion UPDATE.")
}

pub fn catalog_missing() -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_UNDEFINED_TABLE, "the tables of extension tablediffusion are missing")
        .detail("They live in the schema tablediffusion.")
        .hint("Restore the database from a backup. DROP EXTENSION would delete what is left of models, charges and budgets.")
}

// Sampling.

pub fn not_a_row_type() -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH, "argument \"row_type\" must be of a named row type")
        .detail("Its columns say what comes back; its value is not looked at.")
        .hint("Pass NULL::name_of_a_table.")
}

pub fn row_type_has_strangers<S: AsRef<str>>(
    model: &str,
    type_name: &str,
    names: impl IntoIterator<Item = S>,
) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
        format!("row type {type_name} does not match model \"{model}\""),
    )
    .detail(format!("The model has no columns named {}.", list(names)))
    .hint("Pass a row type whose columns are among the source's, or leave \"row_type\" out to get jsonb.")
}

pub fn row_type_mismatch(model: &str, type_name: &str, column: &str, wanted: &str, found: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH,
        format!("row type {type_name} does not match model \"{model}\""),
    )
    .detail(format!("Column \"{column}\" is of type {wanted} in the row type and of type {found} in the model."))
    .hint("Pass a row type with the source's types, or leave \"row_type\" out to get jsonb.")
}

pub fn row_type_changed(type_name: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_OBJECT_IN_USE, format!("row type {type_name} is being changed"))
        .detail("It has other columns than it had when the call began.")
        .hint("Try again.")
}

pub fn domains_unchecked<S: AsRef<str>>(columns: impl IntoIterator<Item = S>) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("synthetic values may break the domains of columns {}", list(columns)),
    )
    .detail("The row type has domains there that ask for what was not looked at when the rows were made. They are not evaluated, since they may call anybody's functions.")
    .hint("Insert the rows into a table of that type, which checks them.")
}

pub fn type_is_gone(column: &str, type_name: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT,
        format!("type {type_name} of column \"{column}\" does not exist as it was when the model was trained"),
    )
    .detail("It was dropped, renamed or changed since.")
    .hint("Restore the type, sample as jsonb, or train the model again.")
}

pub fn value_refused(column: &str, type_name: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_DATA_EXCEPTION,
        format!("a synthetic value of column \"{column}\" is not accepted by type {type_name}"),
    )
    .detail(
        "The type or its constraints changed since the model was trained, or they bind in ways that are not modelled.",
    )
    .hint("Sample as jsonb, or train the model again with a declared domain for the column.")
}

pub fn key_out_of_range(column: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
        format!("there are not enough values for column \"{column}\""),
    )
    .detail("It is numbered from 1, and its type holds fewer numbers than rows are asked for.")
    .hint("Ask for fewer rows.")
}

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

// Quality.

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

// Given values.

pub fn given_of_no_column(model: &str, column: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN, format!("model \"{model}\" has no column \"{column}\""))
        .detail("It is named in argument \"given\".")
        .hint("The view tablediffusion.columns lists a model's columns; names are compared letter by letter.")
}

pub fn given_is_generated(column: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("column \"{column}\" is generated afresh and cannot be given"),
    )
    .detail("It identifies rows, or whose they are, and the model knows nothing of its values.")
    .hint("Leave it out of \"given\".")
}

pub fn given_is_left_out(column: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("column \"{column}\" is left out of the model and cannot be given"),
    )
    .detail("The training did not look at it.")
    .hint("Leave it out of \"given\", or train a model that includes it.")
}

pub fn given_is_no_scalar(column: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("what is given for column \"{column}\" is not one value"),
    )
    .detail("A column is given as a JSON string, number, boolean or null.")
    .hint("Sample once for each value.")
}

pub fn given_refused(column: &str, type_name: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("the value given for column \"{column}\" is not of its type"),
    )
    .detail(format!("It is not accepted by type {type_name}, or is not a finite number."))
    .hint("Write it as it would be written in SQL.")
}

pub fn given_null(column: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_NULL_VALUE_NOT_ALLOWED,
        format!("column \"{column}\" is never NULL in this model"),
    )
    .detail("It is declared NOT NULL, or the model has no NULL in it.")
    .hint("Give a value, or leave the column out of \"given\".")
}

pub fn given_unknown(model: &str, column: &str, numbers: bool) -> Fault {
    let detail = if numbers {
        "It lies outside the range that was declared or released."
    } else {
        "It is not among the values that were declared or released: it is rare, or was never there."
    };
    Fault::new(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        format!("model \"{model}\" does not know the value given for column \"{column}\""),
    )
    .detail(detail)
    .hint("The view tablediffusion.columns shows what a model knows of each column.")
}

pub fn too_few_rows_fit(model: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
        format!("model \"{model}\" makes too few rows with the given values"),
    )
    .detail(format!("They are looked for among all its rows, and fewer than one in {MAX_TRIES} are such."))
    .hint("Give fewer columns.")
}

// Constraints of the source.

pub fn too_few_rows_hold(model: &str, constraint: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
        format!("model \"{model}\" makes too few rows that satisfy check constraint \"{constraint}\""),
    )
    .detail(format!(
        "Fewer than one row in {MAX_TRIES} satisfies all constraints of the source and whatever is given."
    ))
    .hint("Give fewer columns, spend a larger epsilon, or train on a view, which has no constraints, with domains cast to what they are over.")
}

pub fn too_few_rows_differ(model: &str, key: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED,
        format!("model \"{model}\" makes too few different rows for unique key \"{key}\""),
    )
    .detail(format!("Fewer than one row in {MAX_TRIES} has a key that no row before it has."))
    .hint("Ask for fewer rows, or train on a view, which has no keys.")
}

pub fn check_unusable(constraint: &str) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("check constraint \"{constraint}\" of the source cannot be evaluated on synthetic rows"),
    )
    .detail("It fails on a row, or does not mean what it did when the model was trained. The original message is withheld because it may contain values.")
    .hint("Train on a view, which has no constraints.")
}

pub fn keys_need_memory(needed: u64, limit: u64) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_CONFIGURATION_LIMIT_EXCEEDED, "sampling would need more memory than allowed")
        .detail(format!(
            "To keep unique keys unique may take {}; tablediffusion.memory_limit is {}.",
            bytes(needed),
            bytes(limit)
        ))
        .hint("Ask for fewer rows, or have a superuser raise the setting.")
}

pub fn constraints_gone<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_WARNING, format!("synthetic rows may break constraints {}", list(names)))
        .detail("They use types, functions or operators that are not built in, or types of their columns do not exist as they were when the model was trained.")
        .hint("Restore the types, or train the model again; filter the rows that come, if that matters.")
}

pub fn constraints_lost<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("synthetic rows may break constraints {}", list(names)),
    )
    .detail("They are about columns that are left out, or use types, functions or operators that are not built in, or functions that are not immutable, or depend on collations.")
    .hint("Filter the rows that come, if that matters.")
}

// Resources.

pub fn threads_unavailable() -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_INSUFFICIENT_RESOURCES, "could not start threads")
        .detail("Training and sampling do their arithmetic on threads of the backend.")
        .hint("Lower tablediffusion.threads, or raise the limit of the operating system.")
}

pub fn engine_panicked() -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_INTERNAL_ERROR, "internal error: a computation failed unexpectedly")
        .detail("What it said is withheld because it may contain values of the table.")
        .hint("This is a defect of tablediffusion; please report it.")
}

// Warnings and notices.

/// What a build with mutants says whenever it is loaded.
pub fn mutants(active: Option<Mutant>) -> Fault {
    let at_work = active.map_or("None is at work".to_owned(), |mutant| format!("{mutant:?} is at work"));
    Fault::new(PgSqlErrorCode::ERRCODE_WARNING, "this build of tablediffusion can be told to leak what it reads")
        .detail(format!("It has flaws for its tests to find, which the server's environment chooses. {at_work}."))
        .hint("Build without the feature mutants for any use but those tests.")
}

pub fn delta_is_large(delta: f64, count: f64, what: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_WARNING, format!("delta {delta:e} is not small for a table of this size"))
        .detail(format!(
            "At a noisy count of {count:.0} {what}, a delta of one in as many would allow whole {what} to be revealed."
        ))
        .hint(format!("Use a delta well below {:.0e}.", 1.0 / count))
}

pub fn memory_announced(needed: u64, setting: u64) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("training is expected to need about {} of memory", bytes(needed)),
    )
    .detail(format!("That is more than maintenance_work_mem, {}.", bytes(setting)))
    .hint("Raise maintenance_work_mem if the machine has the memory; tablediffusion.memory_limit refuses what is too much.")
}

pub fn nothing_released<S: AsRef<str>>(columns: impl IntoIterator<Item = S>) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("no value could be released of columns {}", list(columns)),
    )
    .detail("No value of theirs stood out of the noise. They come back as NULL, or as a placeholder where NULL is not allowed.")
    .hint("Exclude them, declare their domains, or spend a larger epsilon.")
}

pub fn progress(phase: &str, percent: Option<u8>) -> Fault {
    let message = percent.map_or_else(|| phase.to_owned(), |percent| format!("{phase}: {percent} %"));
    Fault::new(PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION, message)
}

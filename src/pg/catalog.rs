//! The tables of the extension: read and written as their owner, whoever calls. Data of sources are never read here.

use std::ffi::CStr;
use std::hash::{DefaultHasher, Hash, Hasher};

use pgrx::spi::{SpiClient, SpiResult};
use pgrx::{JsonB, Spi, pg_sys};
use serde_json::Value;

use super::datum;
use super::errors::{self, Result};
use crate::engine::EngineError;
use crate::engine::privacy::mutant::{self, Mutant};

const SCHEMA: &CStr = c"tablediffusion";
const MODELS: &CStr = c"models_store";

/// What is kept of a training.
pub struct Record {
    pub name: String,
    pub source: String,
    pub source_oid: pg_sys::Oid,
    pub method: String,
    pub epsilon: f64,
    pub delta: f64,
    pub neighbours: String,
    pub noisy_rows: f64,
    pub columns: Value,
    pub stages: Value,
    pub bytes: Vec<u8>,
}

/// Claims the name of a model until the transaction ends: two trainings of one name go one after the other.
pub fn claim(name: &str, replace: bool) -> Result<()> {
    if name.is_empty() || name.chars().count() > 200 {
        return Err(errors::model_name_unusable());
    }
    let (table, _) = models_table()?;
    // A hash may make two names wait for each other, which does no harm.
    // SAFETY: a lock on an object that need not exist, held until the transaction ends.
    unsafe {
        let lock = pg_sys::AccessExclusiveLock as pg_sys::LOCKMODE;
        pg_sys::LockDatabaseObject(table, pg_sys::Oid::from(hash(name)), 0, lock);
    }
    match owner_of(name)? {
        None => Ok(()),
        Some(_) if !replace => Err(errors::model_exists(name)),
        Some(owner) if !is_owner(owner) => Err(errors::not_model_owner(name)),
        Some(_) => Ok(()),
    }
}

/// The same in every session.
fn hash(name: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish() as u32
}

/// Stores a model, in place of an older one of its name, and what it cost. The charge stays whatever becomes of the
/// model.
pub fn store(record: Record) -> Result<()> {
    // SAFETY: a plain call.
    let owner = unsafe { pg_sys::GetUserId() };
    as_owner(|client| {
        let spent = [
            record.name.clone().into(),
            owner.into(),
            record.source.clone().into(),
            record.source_oid.into(),
            record.method.clone().into(),
            record.epsilon.into(),
            record.delta.into(),
            record.neighbours.clone().into(),
            JsonB(record.stages).into(),
        ];
        client.update(
            "INSERT INTO tablediffusion.ledger_store
                 (model, role, role_name, source, source_id, method, epsilon, delta, neighbours, stages)
             VALUES ($1, $2, pg_catalog.pg_get_userbyid($2), $3, $4, $5, $6, $7, $8, $9)",
            None,
            &spent,
        )?;
        client.update(
            "INSERT INTO tablediffusion.models_store AS m
                 (name, owner, source, source_id, method, epsilon, delta, neighbours, noisy_rows, columns, bytes)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT (name) DO UPDATE SET
                 owner = EXCLUDED.owner, created = EXCLUDED.created, source = EXCLUDED.source,
                 source_id = EXCLUDED.source_id, method = EXCLUDED.method, epsilon = EXCLUDED.epsilon,
                 delta = EXCLUDED.delta, neighbours = EXCLUDED.neighbours, noisy_rows = EXCLUDED.noisy_rows,
                 columns = EXCLUDED.columns, bytes = EXCLUDED.bytes",
            None,
            &[
                record.name.into(),
                owner.into(),
                record.source.into(),
                record.source_oid.into(),
                record.method.into(),
                record.epsilon.into(),
                record.delta.into(),
                record.neighbours.into(),
                record.noisy_rows.into(),
                JsonB(record.columns).into(),
                record.bytes.into(),
            ],
        )?;
        Ok(())
    })
}

/// Loads the bytes of a model that the caller may sample.
///
/// # Errors
/// If it does not exist, belongs to another role, or was trained by a transaction that is still in progress: a
/// rollback would take its charge back. `xmin` names that transaction, is right after a restore too, and is that of
/// the subtransaction inside a savepoint.
pub fn load(name: &str) -> Result<Vec<u8>> {
    let found = as_owner(|client| {
        let query = "SELECT owner::pg_catalog.oid, xmin, bytes FROM tablediffusion.models_store WHERE name = $1";
        let rows = client.select(query, Some(1), &[name.into()])?;
        if rows.is_empty() {
            return Ok(None);
        }
        let row = rows.first();
        let (owner, creator) = (row.get::<pg_sys::Oid>(1)?, row.get::<pg_sys::TransactionId>(2)?);
        Ok(owner.zip(creator).zip(row.get::<Vec<u8>>(3)?))
    })?;
    let ((owner, creator), bytes) = found.ok_or_else(|| errors::no_such_model(name))?;
    if !is_owner(owner) {
        return Err(errors::not_model_owner(name));
    }
    // SAFETY: any transaction id may be asked about.
    if unsafe { pg_sys::TransactionIdIsCurrentTransactionId(creator) } && !mutant::is(Mutant::SampleBeforeCommit) {
        return Err(errors::model_not_committed(name));
    }
    Ok(bytes)
}

/// Drops a model of the caller's.
pub fn drop(name: &str) -> Result<()> {
    let owner = owner_of(name)?.ok_or_else(|| errors::no_such_model(name))?;
    if !is_owner(owner) {
        return Err(errors::not_model_owner(name));
    }
    // By owner too: another role's model may have taken the name in between.
    let dropped = as_owner(|client| {
        let query = "DELETE FROM tablediffusion.models_store WHERE name = $1 AND owner = $2";
        Ok(client.update(query, None, &[name.into(), owner.into()])?.len())
    })?;
    if dropped == 1 { Ok(()) } else { Err(errors::no_such_model(name)) }
}

/// The owner of a model, as of now rather than as of the calling statement's snapshot.
fn owner_of(name: &str) -> Result<Option<pg_sys::Oid>> {
    as_owner(|client| {
        let query = "SELECT owner::pg_catalog.oid FROM tablediffusion.models_store WHERE name = $1";
        let rows = client.update(query, Some(1), &[name.into()])?;
        if rows.is_empty() { Ok(None) } else { rows.first().get_one::<pg_sys::Oid>() }
    })
}

/// Whether the caller has the privileges of a model's owner.
fn is_owner(owner: pg_sys::Oid) -> bool {
    // SAFETY: a look-up; superusers have the privileges of every role, existing or not.
    unsafe { pg_sys::has_privs_of_role(pg_sys::GetUserId(), owner) }
}

/// The table of models and who owns it.
fn models_table() -> Result<(pg_sys::Oid, pg_sys::Oid)> {
    // SAFETY: look-ups by name; the row is read before it is released.
    let found = unsafe {
        let schema = pg_sys::get_namespace_oid(SCHEMA.as_ptr(), true);
        let table = pg_sys::get_relname_relid(MODELS.as_ptr(), schema);
        let tuple = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::RELOID as i32, table.into());
        if tuple.is_null() {
            None
        } else {
            let owner = (*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_class>()).relowner;
            pg_sys::ReleaseSysCache(tuple);
            Some((table, owner))
        }
    };
    found.ok_or_else(errors::catalog_missing)
}

/// Runs SQL of ours on our tables as their owner, with a pinned search path. After an ERROR, the end of the
/// transaction or subtransaction gives the caller back their identity.
fn as_owner<T>(work: impl FnOnce(&mut SpiClient<'_>) -> SpiResult<T>) -> Result<T> {
    let (_, owner) = models_table()?;
    let (mut user, mut context) = (pg_sys::InvalidOid, 0);
    // SAFETY: the identity is put back below.
    unsafe {
        pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
        pg_sys::SetUserIdAndSecContext(owner, context | pg_sys::SECURITY_LOCAL_USERID_CHANGE as i32);
    }
    let result = datum::with_pinned_path(|| Spi::connect_mut(work));
    // SAFETY: as it was.
    unsafe { pg_sys::SetUserIdAndSecContext(user, context) };
    result.map_err(|_| EngineError::Internal("the tables of the extension could not be used").into())
}

/// Says no to a training where nothing can be written, before it reads a row.
pub fn check_writable() {
    // SAFETY: each raises an ERROR or returns.
    unsafe {
        pg_sys::PreventCommandIfReadOnly(c"tablediffusion_train()".as_ptr());
        pg_sys::PreventCommandDuringRecovery(c"tablediffusion_train()".as_ptr());
    }
}

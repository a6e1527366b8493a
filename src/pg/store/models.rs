//! The table of models.

use std::hash::{DefaultHasher, Hash, Hasher};

use pgrx::{IntoDatum, pg_sys};
use serde_json::Value;

use crate::pg::errors::{self, Result};
use crate::pg::server::access::{OwnTable, as_owner, ask, table};
use crate::pg::server::fmgr::InputFunction;
use crate::pg::server::{insert, lookup};
use crate::pg::store::locks::lock;

/// A model as it is stored.
pub struct Record {
    pub name: String,
    pub source: String,
    /// Invalid for an imported model.
    pub source_oid: pg_sys::Oid,
    pub method: String,
    pub epsilon: f64,
    pub delta: f64,
    pub neighbours: String,
    pub noisy_rows: f64,
    pub columns: Value,
    pub bytes: Vec<u8>,
}

/// Claims the name of a model until the transaction ends. Two trainings with the same name run one after the other.
pub fn claim(name: &str, replace: bool) -> Result<()> {
    if name.is_empty() || name.chars().count() > 200 {
        return Err(errors::model_name_unusable());
    }
    lock_name(name)?;
    match owner_of(name)? {
        None => Ok(()),
        Some(_) if !replace => Err(errors::model_exists(name)),
        Some(owner) if !lookup::has_role(owner) => Err(errors::not_model_owner(name)),
        Some(_) => Ok(()),
    }
}

/// Serializes changes of a model or its grants under one name, until the transaction ends.
fn lock_name(name: &str) -> Result<()> {
    // With equal hashes, two names wait for each other, which does no harm.
    lock(OwnTable::Models, hash(name), pg_sys::AccessExclusiveLock)
}

/// The same in every session.
fn hash(name: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish() as u32
}

/// Stores a model for the caller, in place of an older one with the same name. The row is inserted directly: the plan
/// of a statement would contain the model, and plans can be printed.
pub fn store(record: &Record) -> Result<()> {
    as_owner(|client| {
        let query = "DELETE FROM tablediffusion.models_store WHERE name = $1";
        client.update(query, None, &[record.name.as_str().into()]).map(|_| ())
    })?;
    let (table, _) = table(OwnTable::Models)?;
    // SAFETY: plain calls.
    let (owner, now) = unsafe { (pg_sys::GetUserId(), pg_sys::GetCurrentTransactionStartTimestamp()) };
    let columns = InputFunction::new(pg_sys::JSONBOID, -1).parse(&record.columns.to_string());
    let number = |value: f64| pg_sys::Datum::from(value.to_bits());
    let text = |value: &str| value.into_datum().unwrap_or(pg_sys::Datum::null());
    let values = [
        (c"name", pg_sys::TEXTOID, text(&record.name)),
        (c"owner", pg_sys::REGROLEOID, owner.into()),
        (c"created", pg_sys::TIMESTAMPTZOID, now.into()),
        (c"source", pg_sys::TEXTOID, text(&record.source)),
        (c"source_id", pg_sys::OIDOID, record.source_oid.into()),
        (c"method", pg_sys::TEXTOID, text(&record.method)),
        (c"epsilon", pg_sys::FLOAT8OID, number(record.epsilon)),
        (c"delta", pg_sys::FLOAT8OID, number(record.delta)),
        (c"neighbours", pg_sys::TEXTOID, text(&record.neighbours)),
        (c"noisy_rows", pg_sys::FLOAT8OID, number(record.noisy_rows)),
        (c"columns", pg_sys::JSONBOID, columns),
        (c"bytes", pg_sys::BYTEAOID, record.bytes.as_slice().into_datum().unwrap_or(pg_sys::Datum::null())),
    ];
    insert::row(table, &values).ok_or_else(errors::catalog_missing)
}

/// Loads the bytes of a model that the caller may sample.
///
/// # Errors
/// If it does not exist, or the caller neither owns it nor has a grant.
pub fn load(name: &str) -> Result<Vec<u8>> {
    // SAFETY: a plain call.
    let user = unsafe { pg_sys::GetUserId() };
    let found = as_owner(|client| {
        let query = "SELECT bytes, pg_catalog.pg_has_role($2, owner::pg_catalog.oid, 'USAGE') OR EXISTS (
                    SELECT FROM tablediffusion.grants_store AS g
                    WHERE g.model = m.name AND (
                        g.grantee::pg_catalog.oid = 0
                        OR pg_catalog.pg_has_role($2, g.grantee::pg_catalog.oid, 'USAGE')))
            FROM tablediffusion.models_store AS m WHERE name = $1";
        let rows = client.select(query, Some(1), &[name.into(), user.into()])?;
        if rows.is_empty() {
            return Ok(None);
        }
        let row = rows.first();
        Ok(row.get::<Vec<u8>>(1)?.zip(row.get::<bool>(2)?))
    })?;
    let (bytes, may_sample) = found.ok_or_else(|| errors::no_such_model(name))?;
    if may_sample { Ok(bytes) } else { Err(errors::not_model_user(name)) }
}

/// The owner of a model that the caller owns. Nobody else can change the model until the transaction ends.
pub fn own(name: &str) -> Result<pg_sys::Oid> {
    lock_name(name)?;
    check_owner(name)
}

/// The owner of a model that the caller owns.
pub fn check_owner(name: &str) -> Result<pg_sys::Oid> {
    let owner = owner_of(name)?.ok_or_else(|| errors::no_such_model(name))?;
    if lookup::has_role(owner) { Ok(owner) } else { Err(errors::not_model_owner(name)) }
}

/// Drops a model of the caller and the grants on it, so that a later model with that name has none. There is no foreign
/// key, because a restore with several jobs fills tables in any order.
pub fn drop(name: &str) -> Result<()> {
    let owner = own(name)?;
    let dropped = as_owner(|client| {
        client.update("DELETE FROM tablediffusion.grants_store WHERE model = $1", None, &[name.into()])?;
        let query = "DELETE FROM tablediffusion.models_store WHERE name = $1 AND owner = $2";
        Ok(client.update(query, None, &[name.into(), owner.into()])?.len())
    })?;
    if dropped == 1 { Ok(()) } else { Err(errors::no_such_model(name)) }
}

/// Renames a model of the caller and its grants.
pub fn rename(name: &str, new_name: &str) -> Result<()> {
    let owner = own(name)?;
    claim(new_name, false)?;
    let renamed = as_owner(|client| {
        let query = "UPDATE tablediffusion.grants_store SET model = $2 WHERE model = $1";
        client.update(query, None, &[name.into(), new_name.into()])?;
        let query = "UPDATE tablediffusion.models_store SET name = $2 WHERE name = $1 AND owner = $3";
        Ok(client.update(query, None, &[name.into(), new_name.into(), owner.into()])?.len())
    })?;
    if renamed == 1 { Ok(()) } else { Err(errors::no_such_model(name)) }
}

/// The owner of a model at this moment, not in the calling statement's snapshot. Writes nothing.
fn owner_of(name: &str) -> Result<Option<pg_sys::Oid>> {
    let query = "SELECT coalesce((SELECT pg_catalog.to_json(owner::pg_catalog.oid::pg_catalog.int8)
            FROM tablediffusion.models_store WHERE name = $1), 'null')::pg_catalog.text";
    Ok(ask::<Option<u32>>(query, name)?.map(pg_sys::Oid::from))
}

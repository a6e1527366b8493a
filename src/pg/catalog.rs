//! The tables of the extension: read and written as their owner, whoever calls. Data of sources are never read here.

use std::ffi::CStr;
use std::hash::{DefaultHasher, Hash, Hasher};

use pgrx::datum::DatumWithOid;
use pgrx::spi::{SpiClient, SpiResult};
use pgrx::{IntoDatum, JsonB, Spi, pg_sys};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::annotation::Annotation;
use super::datum::{self, c_string};
use super::errors::{self, Result};
use super::lineage::Charged;
use super::released;
use crate::engine::EngineError;
use crate::engine::artifact::Artifact;
use crate::engine::privacy::equivalent::Equivalent;
use crate::engine::privacy::mutant::{self, Mutant};

const SCHEMA: &CStr = c"tablediffusion";

/// Tables of ours, as far as the code refers to them by more than a name in SQL.
#[derive(Debug, Clone, Copy)]
pub enum Catalog {
    Models,
    Budgets,
    Charges,
}

impl Catalog {
    fn name(self) -> &'static CStr {
        match self {
            Self::Models => c"models_store",
            Self::Budgets => c"budgets_store",
            Self::Charges => c"charges_store",
        }
    }
}

/// A model as it is kept.
pub struct Record {
    pub name: String,
    pub source: String,
    /// Invalid for a model that comes from elsewhere.
    pub source_oid: pg_sys::Oid,
    pub method: String,
    pub epsilon: f64,
    pub delta: f64,
    pub neighbours: String,
    pub noisy_rows: f64,
    pub columns: Value,
    pub bytes: Vec<u8>,
}

impl Record {
    pub fn new(
        name: &str,
        source_oid: pg_sys::Oid,
        annotation: &Annotation,
        artifact: &Artifact,
        bytes: Vec<u8>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            source: annotation.source.clone(),
            source_oid,
            method: artifact.method.name().to_owned(),
            epsilon: artifact.ledger.epsilon,
            delta: artifact.ledger.delta,
            neighbours: artifact.ledger.neighbours.describe(),
            noisy_rows: artifact.noisy_rows,
            columns: released::columns(annotation, artifact),
            bytes,
        }
    }
}

/// What a training spent, besides what is kept of its model.
pub struct Charge {
    pub privacy_unit: Option<String>,
    pub rows_per_unit: Option<i32>,
    pub stages: Value,
    pub row_security: bool,
    pub cost: Equivalent,
    pub charged: Vec<Charged>,
}

/// Claims the name of a model until the transaction ends: two trainings of one name go one after the other.
pub fn claim(name: &str, replace: bool) -> Result<()> {
    if name.is_empty() || name.chars().count() > 200 {
        return Err(errors::model_name_unusable());
    }
    lock_name(name)?;
    match owner_of(name)? {
        None => Ok(()),
        Some(_) if !replace => Err(errors::model_exists(name)),
        Some(owner) if !is_owner(owner) => Err(errors::not_model_owner(name)),
        Some(_) => Ok(()),
    }
}

/// What is done to a model or its grants under one name goes one after the other, until the transaction ends.
fn lock_name(name: &str) -> Result<()> {
    // A hash may make two names wait for each other, which does no harm.
    lock(Catalog::Models, hash(name), pg_sys::AccessExclusiveLock)
}

/// Locks something that has to do with a table of ours, which need not exist, until the transaction ends.
pub fn lock(catalog: Catalog, number: u32, mode: u32) -> Result<()> {
    let (table, _) = table(catalog)?;
    // SAFETY: any lock on an object of any number may be taken.
    unsafe { pg_sys::LockDatabaseObject(table, pg_sys::Oid::from(number), 0, mode as pg_sys::LOCKMODE) };
    Ok(())
}

/// The same in every session.
fn hash(name: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish() as u32
}

/// Enters in the ledger what the training of a model cost. The charge stays whatever becomes of the model.
pub fn charge(record: &Record, charge: Charge) -> Result<()> {
    // SAFETY: plain calls. The charge must be on disk before anybody can sample: a crash would take it back.
    let role = unsafe {
        pg_sys::ForceSyncCommit();
        pg_sys::GetUserId()
    };
    // Rounded down, so that its precision is not below what was found.
    let gaussian = charge.cost.precision.sqrt().recip() * (1.0 - 4.0 * f64::EPSILON);
    let charged = json(&charge.charged)?;
    as_owner(|client| {
        let spent = [
            record.name.clone().into(),
            role.into(),
            record.source.clone().into(),
            record.source_oid.into(),
            record.method.clone().into(),
            record.epsilon.into(),
            record.delta.into(),
            record.neighbours.clone().into(),
            charge.privacy_unit.into(),
            charge.rows_per_unit.into(),
            JsonB(charge.stages).into(),
            charge.row_security.into(),
            gaussian.into(),
            charge.cost.delta.into(),
            charged.into(),
        ];
        client.update(
            "WITH entered AS (
                 INSERT INTO tablediffusion.ledger_store
                     (model, role, role_name, source, source_id, method, epsilon, delta, neighbours, privacy_unit,
                      rows_per_unit, stages, row_security, gaussian_noise_multiplier, excess_delta)
                 VALUES ($1, $2, pg_catalog.pg_get_userbyid($2), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
                 RETURNING id)
             INSERT INTO tablediffusion.charges_store (entry, relation, origin, name)
             SELECT entered.id, charged.relation, origin_store.id, charged.name
             FROM entered, tablediffusion.origin_store,
                  pg_catalog.jsonb_to_recordset($15::pg_catalog.jsonb) AS charged (relation oid, name text)",
            None,
            &spent,
        )?;
        Ok(())
    })
}

/// Stores a model as the caller's, in place of an older one of its name.
pub fn store(record: Record) -> Result<()> {
    // SAFETY: a plain call.
    let owner = unsafe { pg_sys::GetUserId() };
    as_owner(|client| {
        client.update(
            "INSERT INTO tablediffusion.models_store AS m
                 (name, owner, source, source_id, method, epsilon, delta, neighbours, noisy_rows, columns, bytes)
             VALUES ($1, $2, $3, $4::pg_catalog.oid, $5, $6, $7, $8, $9, $10, $11)
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
                number(record.source_oid),
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
/// If it does not exist, the caller neither owns it nor was granted it, or it was trained by a transaction that is still
/// in progress: a rollback would take its charge back. `xmin` names that transaction, is right after a restore too, and
/// is that of the subtransaction inside a savepoint. A model without a source was imported, and charged elsewhere.
pub fn load(name: &str) -> Result<Vec<u8>> {
    // SAFETY: a plain call.
    let user = unsafe { pg_sys::GetUserId() };
    let found = as_owner(|client| {
        let query = "SELECT CASE WHEN source_id <> 0 THEN xmin END, bytes,
                pg_catalog.pg_has_role($2, owner::pg_catalog.oid, 'USAGE') OR EXISTS (
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
        let (creator, bytes) = (row.get::<pg_sys::TransactionId>(1)?, row.get::<Vec<u8>>(2)?);
        Ok(bytes.zip(row.get::<bool>(3)?).map(|(bytes, may_sample)| (creator, bytes, may_sample)))
    })?;
    let (creator, bytes, may_sample) = found.ok_or_else(|| errors::no_such_model(name))?;
    if !may_sample {
        return Err(errors::not_model_user(name));
    }
    // SAFETY: any transaction id may be asked about.
    let uncommitted = creator.is_some_and(|creator| unsafe { pg_sys::TransactionIdIsCurrentTransactionId(creator) });
    if uncommitted && !mutant::is(Mutant::SampleBeforeCommit) {
        return Err(errors::model_not_committed(name));
    }
    Ok(bytes)
}

/// The owner of a model of the caller's, which nobody else changes until the transaction ends.
pub fn own(name: &str) -> Result<pg_sys::Oid> {
    lock_name(name)?;
    check_owner(name)
}

/// The owner of a model of the caller's.
pub fn check_owner(name: &str) -> Result<pg_sys::Oid> {
    let owner = owner_of(name)?.ok_or_else(|| errors::no_such_model(name))?;
    if is_owner(owner) { Ok(owner) } else { Err(errors::not_model_owner(name)) }
}

/// An oid as a bigint: 0, which stands for every role, would go for NULL as an oid.
fn number<'a>(oid: pg_sys::Oid) -> DatumWithOid<'a> {
    i64::from(oid.to_u32()).into()
}

/// Lets a role sample a model that the caller [`own`]s; granting twice is granting once.
pub fn grant(model: &str, grantee: pg_sys::Oid) -> Result<()> {
    // SAFETY: a plain call.
    let grantor = unsafe { pg_sys::GetUserId() };
    as_owner(|client| {
        let query =
            "INSERT INTO tablediffusion.grants_store (model, grantee, grantor) VALUES ($1, $2::pg_catalog.oid, $3)
            ON CONFLICT (model, grantee) DO NOTHING";
        client.update(query, None, &[model.into(), number(grantee), grantor.into()]).map(|_| ())
    })
}

/// Takes a grant on a model that the caller [`own`]s back; false if there was none.
pub fn revoke(model: &str, grantee: pg_sys::Oid) -> Result<bool> {
    as_owner(|client| {
        let query = "DELETE FROM tablediffusion.grants_store WHERE model = $1 AND grantee = $2::pg_catalog.oid";
        Ok(!client.update(query, None, &[model.into(), number(grantee)])?.is_empty())
    })
}

/// Sets the budget of a relation, in place of one that it has or of one of a relation that is gone and had its name;
/// without an epsilon it has none afterwards.
pub fn set_budget(relation: pg_sys::Oid, epsilon: Option<f64>, delta: f64) -> Result<()> {
    // SAFETY: a plain call.
    let role = unsafe { pg_sys::GetUserId() };
    as_owner(|client| {
        let named = "SELECT o.id AS origin, c.oid AS relation,
                pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS name
            FROM tablediffusion.origin_store AS o, pg_catalog.pg_class AS c
            JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = $1";
        let forget = format!(
            "WITH named AS ({named})
            DELETE FROM tablediffusion.budgets_store AS b USING named
            WHERE b.relation = named.relation AND b.origin = named.origin
               OR b.name = named.name AND NOT (b.origin = named.origin AND EXISTS (
                      SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = b.relation))"
        );
        client.update(forget.as_str(), None, &[relation.into()])?;
        if let Some(epsilon) = epsilon {
            let set = format!(
                "WITH named AS ({named})
                INSERT INTO tablediffusion.budgets_store (relation, origin, name, epsilon, delta, role)
                SELECT relation, origin, name, $2, $3, $4 FROM named"
            );
            client.update(set.as_str(), None, &[relation.into(), epsilon.into(), delta.into(), role.into()])?;
        }
        Ok(())
    })
}

/// Gives the tables among some relations, in JSON, a budget if none applies to them.
pub fn default_budgets(charged: &str, epsilon: f64, delta: f64) -> Result<()> {
    as_owner(|client| {
        let query = "INSERT INTO tablediffusion.budgets_store (relation, origin, name, epsilon, delta, role)
            SELECT r.relation, o.id, r.name, $2, $3, c.relowner
            FROM tablediffusion.origin_store AS o,
                 pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r (relation oid, name text, \"table\" boolean)
            JOIN pg_catalog.pg_class AS c ON c.oid = r.relation
            WHERE r.\"table\" AND NOT EXISTS (
                SELECT FROM tablediffusion.budgets_store AS b
                WHERE b.relation = r.relation AND b.origin = o.id OR b.name = r.name)
            ON CONFLICT (relation, origin) DO NOTHING";
        client.update(query, None, &[charged.into(), epsilon.into(), delta.into()]).map(|_| ())
    })
}

/// Drops a model of the caller's, and the grants on it: a later model of its name has none. There is no foreign key,
/// because a restore with several jobs fills tables in any order.
pub fn drop(name: &str) -> Result<()> {
    let owner = own(name)?;
    let dropped = as_owner(|client| {
        client.update("DELETE FROM tablediffusion.grants_store WHERE model = $1", None, &[name.into()])?;
        let query = "DELETE FROM tablediffusion.models_store WHERE name = $1 AND owner = $2";
        Ok(client.update(query, None, &[name.into(), owner.into()])?.len())
    })?;
    if dropped == 1 { Ok(()) } else { Err(errors::no_such_model(name)) }
}

/// Gives a model of the caller's another name, which its grants follow.
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

/// Whether any training was charged to a relation of this database.
pub fn was_charged(relation: pg_sys::Oid) -> Result<bool> {
    as_owner(|client| {
        let query = "SELECT EXISTS (SELECT FROM tablediffusion.charges_store AS c
            JOIN tablediffusion.origin_store AS o ON o.id = c.origin WHERE c.relation = $1)";
        Ok(client.select(query, Some(1), &[relation.into()])?.first().get_one::<bool>()?.unwrap_or(true))
    })
}

/// The owner of a model, as of now rather than as of the calling statement's snapshot. Writes nothing.
fn owner_of(name: &str) -> Result<Option<pg_sys::Oid>> {
    let query = "SELECT coalesce((SELECT pg_catalog.to_json(owner::pg_catalog.oid::pg_catalog.int8)
            FROM tablediffusion.models_store WHERE name = $1), 'null')::pg_catalog.text";
    Ok(ask::<Option<u32>>(query, name)?.map(pg_sys::Oid::from))
}

/// Whether the caller has the privileges of a model's owner.
fn is_owner(owner: pg_sys::Oid) -> bool {
    // SAFETY: a look-up; superusers have the privileges of every role, existing or not.
    unsafe { pg_sys::has_privs_of_role(pg_sys::GetUserId(), owner) }
}

/// A table of ours and who owns it.
fn table(catalog: Catalog) -> Result<(pg_sys::Oid, pg_sys::Oid)> {
    // SAFETY: look-ups by name; the row is read before it is released.
    let found = unsafe {
        let schema = pg_sys::get_namespace_oid(SCHEMA.as_ptr(), true);
        let table = pg_sys::get_relname_relid(catalog.name().as_ptr(), schema);
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

/// Something as JSON, for SQL.
pub fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|_| EngineError::Internal("a value could not be written as JSON").into())
}

/// Asks the catalogs and tables of ours as the owner of the latter, under a snapshot of this moment whatever the
/// transaction's isolation: what other sessions have committed is seen. The query takes one text and returns one, JSON.
pub fn ask<T: DeserializeOwned>(query: &str, argument: &str) -> Result<T> {
    let (query, argument) = (c_string(query), argument.into_datum());
    let answer = as_owner(|_| {
        let (mut types, mut values) = ([pg_sys::TEXTOID], [argument.unwrap_or(pg_sys::Datum::null())]);
        // SAFETY: a query with one parameter of type text, run read-only; SPI is connected. Its one row has one text.
        unsafe {
            let plan = pg_sys::SPI_prepare(query.as_ptr(), 1, types.as_mut_ptr());
            let (now, none) = (pg_sys::GetLatestSnapshot(), std::ptr::null_mut());
            pg_sys::SPI_execute_snapshot(plan, values.as_mut_ptr(), std::ptr::null(), now, none, true, false, 1);
            if pg_sys::SPI_processed != 1 {
                return Ok(None);
            }
            let table = &*pg_sys::SPI_tuptable;
            Ok(datum::optional_string(pg_sys::SPI_getvalue(*table.vals, table.tupdesc, 1)))
        }
    })?;
    let unreadable = EngineError::Internal("the catalogs could not be read");
    answer.and_then(|json| serde_json::from_str(&json).ok()).ok_or_else(|| unreadable.into())
}

/// Runs SQL of ours on our tables as their owner, with a pinned search path. After an ERROR, the end of the
/// transaction or subtransaction gives the caller back their identity.
fn as_owner<T>(work: impl FnOnce(&mut SpiClient<'_>) -> SpiResult<T>) -> Result<T> {
    let (_, owner) = table(Catalog::Models)?;
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
pub fn check_writable(command: &CStr) {
    // SAFETY: each raises an ERROR or returns.
    unsafe {
        pg_sys::PreventCommandIfReadOnly(command.as_ptr());
        pg_sys::PreventCommandDuringRecovery(command.as_ptr());
    }
}

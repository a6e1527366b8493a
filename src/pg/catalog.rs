//! The tables of the extension: read and written as their owner, whoever calls. Data of sources are never read here.

use std::ffi::CStr;
use std::hash::{DefaultHasher, Hash, Hasher};

use pgrx::datum::DatumWithOid;
use pgrx::spi::{SpiClient, SpiResult};
use pgrx::{IntoDatum, JsonB, Spi, pg_sys};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::annotation::Annotation;
use super::datum::{self, Input, c_string};
use super::errors::{self, Result};
use super::lineage::Charged;
use super::{insert, released};
use crate::engine::EngineError;
use crate::engine::artifact::Artifact;
use crate::engine::privacy::accountant::gdp::Equivalent;

const SCHEMA: &CStr = c"tablediffusion";

/// Tables of ours, as far as the code refers to them by more than a name in SQL.
#[derive(Debug, Clone, Copy)]
pub enum Catalog {
    Models,
    Budgets,
    Charges,
    Outcomes,
}

impl Catalog {
    fn name(self) -> &'static CStr {
        match self {
            Self::Models => c"models_store",
            Self::Budgets => c"budgets_store",
            Self::Charges => c"charges_store",
            Self::Outcomes => c"outcomes_store",
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

/// A training that asks to be admitted: what it may spend, of what, for whom.
#[derive(Debug, Serialize, Deserialize)]
pub struct Charge {
    pub model: String,
    pub role: u32,
    pub source: String,
    pub source_id: u32,
    pub method: String,
    pub epsilon: f64,
    pub delta: f64,
    pub neighbours: String,
    pub privacy_unit: Option<String>,
    pub rows_per_unit: Option<i32>,
    pub row_security: bool,
    /// Why rows of the source are not rows of the relations behind it, if they are not.
    pub source_rows_only: Option<String>,
    /// The most that it spends.
    pub precision: f64,
    pub excess_delta: f64,
    pub charged: Vec<Charged>,
    /// Epsilon and delta of the budget that tables without one are given.
    pub default_budget: Option<(f64, f64)>,
    /// The transaction that trains.
    pub transaction: u64,
}

impl Charge {
    pub fn reserve(&self) -> Equivalent {
        Equivalent { precision: self.precision, delta: self.excess_delta }
    }
}

/// What became of a training that was charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    ModelMade,
    Failed,
    Cancelled,
}

impl Outcome {
    /// As the ledger says it.
    fn words(self) -> &'static str {
        match self {
            Self::ModelMade => "model made",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What a training that made a model really spent.
pub struct Settled {
    pub stages: Value,
    pub cost: Equivalent,
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
        Some(owner) if !datum::has_role(owner) => Err(errors::not_model_owner(name)),
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

/// Whether this transaction itself holds such a lock.
pub fn holds(catalog: Catalog, number: u32, mode: u32) -> Result<bool> {
    let tag = tag(catalog, number)?;
    // SAFETY: a look-up.
    Ok(unsafe {
        #[cfg(not(any(feature = "pg17", feature = "pg18")))]
        let held = pg_sys::LockHeldByMe(&tag, mode as pg_sys::LOCKMODE);
        #[cfg(any(feature = "pg17", feature = "pg18"))]
        let held = pg_sys::LockHeldByMe(&tag, mode as pg_sys::LOCKMODE, false);
        held
    })
}

/// Whether such a lock would be had at once, of which this transaction holds none. It is not kept.
pub fn is_free(catalog: Catalog, number: u32, mode: u32) -> Result<bool> {
    let (tag, mode) = (tag(catalog, number)?, mode as pg_sys::LOCKMODE);
    // SAFETY: any lock on an object of any number may be taken; it is given back if it was had.
    unsafe {
        let had = pg_sys::LockAcquire(&tag, mode, false, true);
        let free = had != pg_sys::LockAcquireResult::LOCKACQUIRE_NOT_AVAIL;
        if free {
            pg_sys::LockRelease(&tag, mode, false);
        }
        Ok(free)
    }
}

/// How PostgreSQL calls what [`lock`] locks.
fn tag(catalog: Catalog, number: u32) -> Result<pg_sys::LOCKTAG> {
    let (table, _) = table(catalog)?;
    Ok(pg_sys::LOCKTAG {
        // SAFETY: a plain look-up.
        locktag_field1: unsafe { pg_sys::MyDatabaseId }.to_u32(),
        locktag_field2: table.to_u32(),
        locktag_field3: number,
        locktag_field4: 0,
        locktag_type: pg_sys::LockTagType::LOCKTAG_OBJECT as u8,
        locktag_lockmethodid: pg_sys::DEFAULT_LOCKMETHOD as u8,
    })
}

/// The same in every session.
fn hash(name: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish() as u32
}

/// Enters in the ledger what a training may spend, and returns the number of the entry.
pub fn enter_charge(charge: &Charge) -> Result<i64> {
    let charged = json(&charge.charged)?;
    let entered = as_owner(|client| {
        let spent = [
            charge.model.as_str().into(),
            pg_sys::Oid::from(charge.role).into(),
            charge.source.as_str().into(),
            pg_sys::Oid::from(charge.source_id).into(),
            charge.method.as_str().into(),
            charge.epsilon.into(),
            charge.delta.into(),
            charge.neighbours.as_str().into(),
            charge.privacy_unit.clone().into(),
            charge.rows_per_unit.into(),
            charge.row_security.into(),
            noise_multiplier(charge.precision).into(),
            charge.excess_delta.into(),
            charged.into(),
            charge.transaction.to_string().into(),
            charge.source_rows_only.is_some().into(),
        ];
        let rows = client.update(
            "WITH entered AS (
                 INSERT INTO tablediffusion.ledger_store
                     (model, role, role_name, source, source_id, method, epsilon, delta, neighbours, privacy_unit,
                      rows_per_unit, row_security, stages, gaussian_noise_multiplier, excess_delta, origin, transaction,
                      source_rows_only)
                 SELECT $1, $2, pg_catalog.pg_get_userbyid($2), $3, $4, $5, $6, $7, $8, $9, $10, $11, '[]', $12, $13,
                        id, $15::pg_catalog.xid8, $16
                 FROM tablediffusion.origin_store
                 RETURNING id, origin
             ), charges AS (
                 INSERT INTO tablediffusion.charges_store (entry, relation, origin, name, owner, counts)
                 SELECT entered.id, charged.relation, entered.origin, charged.name, charged.owner, charged.counts
                 FROM entered, pg_catalog.jsonb_to_recordset($14::pg_catalog.jsonb)
                     AS charged (relation oid, name text, owner oid, counts boolean))
             SELECT id FROM entered",
            None,
            &spent,
        )?;
        rows.first().get_one::<i64>()
    })?;
    entered.ok_or_else(|| EngineError::Internal("the ledger took no entry").into())
}

/// Enters what became of a training, as a part of the current transaction.
pub fn enter_outcome(entry: i64, outcome: Outcome, settled: Option<Settled>) -> Result<()> {
    let (stages, cost) = settled.map(|settled| (JsonB(settled.stages), settled.cost)).unzip();
    as_owner(|client| {
        client.update(
            "INSERT INTO tablediffusion.outcomes_store (entry, outcome, stages, gaussian_noise_multiplier, excess_delta)
             VALUES ($1, $2, $3, $4, $5)",
            None,
            &[
                entry.into(),
                outcome.words().into(),
                stages.into(),
                cost.map(|cost| noise_multiplier(cost.precision)).into(),
                cost.map(|cost| cost.delta).into(),
            ],
        )?;
        Ok(())
    })
}

/// Rounded down, so that the precision of what is entered is not below what was found.
fn noise_multiplier(precision: f64) -> f64 {
    precision.sqrt().recip() * (1.0 - 4.0 * f64::EPSILON)
}

/// Stores a model as the caller's, in place of an older one of its name. The row is put into the table as it is: a
/// statement's plan would hold the model, and plans can be had printed.
pub fn store(record: &Record) -> Result<()> {
    as_owner(|client| {
        let query = "DELETE FROM tablediffusion.models_store WHERE name = $1";
        client.update(query, None, &[record.name.as_str().into()]).map(|_| ())
    })?;
    let (table, _) = table(Catalog::Models)?;
    // SAFETY: plain calls.
    let (owner, now) = unsafe { (pg_sys::GetUserId(), pg_sys::GetCurrentTransactionStartTimestamp()) };
    let columns = Input::new(pg_sys::JSONBOID, -1).parse(&record.columns.to_string());
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
/// If it does not exist, or the caller neither owns it nor was granted it.
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

/// The owner of a model of the caller's, which nobody else changes until the transaction ends.
pub fn own(name: &str) -> Result<pg_sys::Oid> {
    lock_name(name)?;
    check_owner(name)
}

/// The owner of a model of the caller's.
pub fn check_owner(name: &str) -> Result<pg_sys::Oid> {
    let owner = owner_of(name)?.ok_or_else(|| errors::no_such_model(name))?;
    if datum::has_role(owner) { Ok(owner) } else { Err(errors::not_model_owner(name)) }
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

/// Sets the budget of a relation, in place of one that it has or of one of a relation that is gone and had its name and
/// owner, or was restored under it; without an epsilon it has none afterwards.
pub fn set_budget(relation: pg_sys::Oid, epsilon: Option<f64>, delta: f64) -> Result<()> {
    // SAFETY: a plain call.
    let role = unsafe { pg_sys::GetUserId() };
    as_owner(|client| {
        let named = "SELECT o.id AS origin, c.oid AS relation,
                pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) AS name,
                c.relowner AS owner
            FROM tablediffusion.origin_store AS o, pg_catalog.pg_class AS c
            JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = $1";
        let forget = format!(
            "WITH named AS ({named})
            DELETE FROM tablediffusion.budgets_store AS b USING named
            WHERE b.relation = named.relation AND b.origin = named.origin
               OR b.name = named.name AND (b.origin <> named.origin
                  OR coalesce(b.owner, b.role::pg_catalog.oid) = named.owner AND NOT EXISTS (
                      SELECT FROM pg_catalog.pg_class AS c WHERE c.oid = b.relation))"
        );
        client.update(forget.as_str(), None, &[relation.into()])?;
        if let Some(epsilon) = epsilon {
            let set = format!(
                "WITH named AS ({named})
                INSERT INTO tablediffusion.budgets_store (relation, origin, name, epsilon, delta, role, owner)
                SELECT relation, origin, name, $2, $3, $4, owner FROM named"
            );
            client.update(set.as_str(), None, &[relation.into(), epsilon.into(), delta.into(), role.into()])?;
        }
        Ok(())
    })
}

/// Gives the tables among some relations, in JSON, a budget if none applies to them.
pub fn default_budgets(charged: &str, epsilon: f64, delta: f64) -> Result<()> {
    as_owner(|client| {
        let query = "INSERT INTO tablediffusion.budgets_store (relation, origin, name, epsilon, delta, role, owner)
            SELECT r.relation, o.id, r.name, $2, $3, r.owner, r.owner
            FROM tablediffusion.origin_store AS o,
                 pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb)
                     AS r (relation oid, name text, owner oid, \"table\" boolean)
            WHERE r.\"table\" AND NOT EXISTS (
                SELECT FROM tablediffusion.budgets_store AS b
                WHERE b.relation = r.relation AND b.origin = o.id
                   OR b.name = r.name AND (b.origin <> o.id OR coalesce(b.owner, b.role::pg_catalog.oid) = r.owner))
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

/// How many trainings read a relation of this database and could not be charged to it.
pub fn uncounted(relation: pg_sys::Oid) -> Result<u64> {
    let query = "SELECT pg_catalog.to_json(pg_catalog.count(*))::pg_catalog.text
        FROM tablediffusion.charges_store AS c JOIN tablediffusion.origin_store AS o ON o.id = c.origin
        WHERE NOT c.counts AND c.relation = $1::pg_catalog.oid";
    ask(query, &relation.to_u32().to_string())
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

/// A table of ours and who owns it.
fn table(catalog: Catalog) -> Result<(pg_sys::Oid, pg_sys::Oid)> {
    // SAFETY: look-ups by name, and one of pg_class.
    let found = unsafe {
        let schema = pg_sys::get_namespace_oid(SCHEMA.as_ptr(), true);
        let table = pg_sys::get_relname_relid(catalog.name().as_ptr(), schema);
        let owned = |class: &pg_sys::FormData_pg_class| (table, class.relowner);
        datum::looked_up(pg_sys::SysCacheIdentifier::RELOID, table, owned)
    };
    found.ok_or_else(errors::catalog_missing)
}

/// Says no to what needs tables that an older version of the extension has not.
pub fn check_current() -> Result<()> {
    table(Catalog::Outcomes).map(|_| ()).map_err(|_| errors::update_needed())
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

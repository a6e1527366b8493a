//! The tables of the extension: their oids, and SQL of the extension that runs as their owner. It never reads data of
//! sources.

use std::ffi::CStr;

use pgrx::spi::{SpiClient, SpiResult};
use pgrx::{IntoDatum, Spi, pg_sys};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::pg::errors::{self, Result};
use crate::pg::server::text::{self, c_string};
use crate::pg::server::{guc, lookup};

const SCHEMA: &CStr = c"tablediffusion";

/// Tables of the extension that the code locks or accesses directly.
#[derive(Debug, Clone, Copy)]
pub enum OwnTable {
    Models,
    Budgets,
    Charges,
    Outcomes,
}

impl OwnTable {
    fn name(self) -> &'static CStr {
        match self {
            Self::Models => c"models_store",
            Self::Budgets => c"budgets_store",
            Self::Charges => c"charges_store",
            Self::Outcomes => c"outcomes_store",
        }
    }
}

/// A table of the extension and its owner.
pub fn table(catalog: OwnTable) -> Result<(pg_sys::Oid, pg_sys::Oid)> {
    // SAFETY: look-ups by name, and one of pg_class.
    let found = unsafe {
        let schema = pg_sys::get_namespace_oid(SCHEMA.as_ptr(), true);
        let table = pg_sys::get_relname_relid(catalog.name().as_ptr(), schema);
        let owned = |class: &pg_sys::FormData_pg_class| (table, class.relowner);
        lookup::looked_up(pg_sys::SysCacheIdentifier::RELOID, table, owned)
    };
    found.ok_or_else(errors::catalog_missing)
}

/// Refuses calls that need tables which an older version of the extension does not have.
pub fn check_current() -> Result<()> {
    table(OwnTable::Outcomes).map(|_| ()).map_err(|_| errors::update_needed())
}

/// A value as JSON, for SQL.
pub fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|_| errors::internal("a value could not be written as JSON"))
}

/// Queries the catalogs and the extension's tables as the owner of the latter. It uses a current snapshot at any
/// isolation level, so it sees what other sessions have committed. The query takes one text and returns one, which is
/// JSON.
pub fn ask<T: DeserializeOwned>(query: &str, argument: &str) -> Result<T> {
    let (query, argument) = (c_string(query), argument.into_datum());
    let answer = as_owner(|_| {
        let (mut types, mut values) = ([pg_sys::TEXTOID], [argument.unwrap_or(pg_sys::Datum::null())]);
        // SAFETY: a query with one text parameter, run read-only. SPI is connected. Its one row has one text.
        unsafe {
            let plan = pg_sys::SPI_prepare(query.as_ptr(), 1, types.as_mut_ptr());
            let (now, none) = (pg_sys::GetLatestSnapshot(), std::ptr::null_mut());
            pg_sys::SPI_execute_snapshot(plan, values.as_mut_ptr(), std::ptr::null(), now, none, true, false, 1);
            if pg_sys::SPI_processed != 1 {
                return Ok(None);
            }
            let table = &*pg_sys::SPI_tuptable;
            Ok(text::optional_string(pg_sys::SPI_getvalue(*table.vals, table.tupdesc, 1)))
        }
    })?;
    answer
        .and_then(|json| serde_json::from_str(&json).ok())
        .ok_or_else(|| errors::internal("an answer could not be read"))
}

/// Runs SQL on the extension's tables as their owner, with a pinned search path. After an ERROR, the end of the
/// transaction or subtransaction restores the caller's identity.
pub fn as_owner<T>(work: impl FnOnce(&mut SpiClient<'_>) -> SpiResult<T>) -> Result<T> {
    let (_, owner) = table(OwnTable::Models)?;
    let (mut user, mut context) = (pg_sys::InvalidOid, 0);
    // SAFETY: the identity is restored below.
    unsafe {
        pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
        pg_sys::SetUserIdAndSecContext(owner, context | pg_sys::SECURITY_LOCAL_USERID_CHANGE as i32);
    }
    let result = guc::with_pinned_path(|| Spi::connect_mut(work));
    // SAFETY: restores the previous state.
    unsafe { pg_sys::SetUserIdAndSecContext(user, context) };
    Ok(result?)
}

/// Refuses a training before it reads a row if the transaction cannot write.
pub fn check_writable(command: &CStr) {
    // SAFETY: each raises an ERROR or returns.
    unsafe {
        pg_sys::PreventCommandIfReadOnly(command.as_ptr());
        pg_sys::PreventCommandDuringRecovery(command.as_ptr());
    }
}

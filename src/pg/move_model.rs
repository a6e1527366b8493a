//! `tablediffusion_export`, `tablediffusion_import` and `tablediffusion_rename`: models on the move.

use pgrx::{IntoDatum, pg_sys};

use super::call::{Call, sql_function};
use super::catalog::{self, Record};
use super::errors::{self, Result};
use super::{datum, guard, rows, settings, threads};
use crate::engine::EngineError;
use crate::engine::artifact::{Artifact, check_memory, memory_for};

sql_function!(tablediffusion_export, pg_finfo_tablediffusion_export, export);
sql_function!(tablediffusion_import, pg_finfo_tablediffusion_import, import);
sql_function!(tablediffusion_rename, pg_finfo_tablediffusion_rename, rename);

/// `(model text)`: the model as versioned bytes with a checksum, the same on every machine.
fn export(call: &Call) -> Result<Option<pg_sys::Datum>> {
    let name = call.text(0, "model")?;
    catalog::check_owner(&name)?;
    Ok(catalog::load(&name)?.into_datum())
}

/// `(bytes bytea, model text, replace boolean)`. Nothing in the bytes is believed before it is checked, and nothing they
/// hold is run but expressions that [`super::invariants`] lets pass. What the training spent was charged where it was
/// trained.
fn import(call: &Call) -> Result<Option<pg_sys::Datum>> {
    let (length, name) = (call.length_of_bytes(0, "bytes")?, call.text(1, "model")?);
    let replace = call.boolean(2, "replace")?;
    catalog::check_writable(c"tablediffusion_import()");
    datum::check_encoding()?;
    let limit = settings::memory_limit();
    check_memory(memory_for(length), limit).map_err(errors::not_importable)?;
    let bytes = call.bytes(0, "bytes")?;
    let (bytes, artifact) = threads::run(move || {
        let artifact = Artifact::from_bytes_within(&bytes, limit);
        (bytes, artifact)
    })?;
    let artifact = artifact.map_err(errors::not_importable)?;
    if !artifact.ledger.is_plausible() {
        return Err(errors::not_importable(EngineError::CorruptModel { reason: "its ledger is that of no training" }));
    }
    let damaged = |reason| errors::not_importable(EngineError::CorruptModel { reason });
    let annotation =
        rows::annotation(&name, &artifact).map_err(|_| damaged("the description of its columns is damaged"))?;
    for column in &annotation.columns {
        // The type need not exist here.
        guard::attempt(|| datum::resolve_type(&column.type_name), || damaged("the type of a column is none"))?;
    }
    catalog::claim(&name, replace)?;
    catalog::store(&Record::new(&name, pg_sys::InvalidOid, &annotation, &artifact, bytes))?;
    Ok(name.into_datum())
}

/// `(model text, new_name text)`.
fn rename(call: &Call) -> Result<Option<pg_sys::Datum>> {
    catalog::check_writable(c"tablediffusion_rename()");
    catalog::rename(&call.text(0, "model")?, &call.text(1, "new_name")?)?;
    Ok(Some(pg_sys::Datum::null()))
}

//! `tablediffusion_drop`, `_grant`, `_revoke`, `_export`, `_import` and `_rename`.

use pgrx::{IntoDatum, pg_sys};

use crate::engine::EngineError;
use crate::engine::artifact::{Artifact, check_memory, memory_for};
use crate::pg::errors::{self, Result};
use crate::pg::model::{metadata_check, record};
use crate::pg::server::call::{Call, sql_function};
use crate::pg::server::text::{self, c_string};
use crate::pg::server::{access, guard, settings, threads, types};
use crate::pg::store::{grants, models};

sql_function!(tablediffusion_drop(model), pg_finfo_tablediffusion_drop, drop_model);

fn drop_model(call: &Call) -> Result<Option<pg_sys::Datum>> {
    access::check_writable(c"tablediffusion_drop()");
    models::drop(&call.text("model")?)?;
    Ok(Some(pg_sys::Datum::null()))
}

sql_function!(tablediffusion_grant(model, role), pg_finfo_tablediffusion_grant, grant);
sql_function!(tablediffusion_revoke(model, role), pg_finfo_tablediffusion_revoke, revoke);

/// `(model text, role name)`.
fn grant(call: &Call) -> Result<Option<pg_sys::Datum>> {
    let (model, role) = (call.text("model")?, call.name("role")?);
    access::check_writable(c"tablediffusion_grant()");
    models::own(&model)?;
    grants::grant(&model, grantee(&role)?)?;
    Ok(Some(pg_sys::Datum::null()))
}

/// `(model text, role name)`.
fn revoke(call: &Call) -> Result<Option<pg_sys::Datum>> {
    let (model, role) = (call.text("model")?, call.name("role")?);
    access::check_writable(c"tablediffusion_revoke()");
    models::own(&model)?;
    if grants::revoke(&model, grantee(&role)?)? {
        Ok(Some(pg_sys::Datum::null()))
    } else {
        Err(errors::not_granted(&model, &role))
    }
}

/// The role with that name. `public`, which cannot be the name of a role, stands for every role.
fn grantee(role: &str) -> Result<pg_sys::Oid> {
    if role == "public" {
        return Ok(pg_sys::InvalidOid);
    }
    let name = c_string(role);
    // SAFETY: a NUL-terminated string; InvalidOid if there is no such role.
    let found = unsafe { pg_sys::get_role_oid(name.as_ptr(), true) };
    if found == pg_sys::InvalidOid { Err(errors::no_such_role(role)) } else { Ok(found) }
}

sql_function!(tablediffusion_export(model), pg_finfo_tablediffusion_export, export);
sql_function!(tablediffusion_import(bytes, model, replace), pg_finfo_tablediffusion_import, import);
sql_function!(tablediffusion_rename(model, new_name), pg_finfo_tablediffusion_rename, rename);

/// `(model text)`: returns the model as versioned bytes with a checksum, which are the same on every machine.
fn export(call: &Call) -> Result<Option<pg_sys::Datum>> {
    let name = call.text("model")?;
    models::check_owner(&name)?;
    Ok(models::load(&name)?.into_datum())
}

/// `(bytes bytea, model text, replace boolean)`. Everything in the bytes is checked before it is used. Of their
/// content, only expressions that [`crate::pg::model::constraints`] accepts are run. The training was charged where it
/// ran.
fn import(call: &Call) -> Result<Option<pg_sys::Datum>> {
    let (length, name) = (call.length_of_bytes("bytes")?, call.text("model")?);
    let replace = call.boolean("replace")?;
    access::check_writable(c"tablediffusion_import()");
    text::check_encoding()?;
    let limit = settings::memory_limit();
    check_memory(memory_for(length), limit).map_err(errors::not_importable)?;
    let bytes = call.bytes("bytes")?;
    let (bytes, artifact) = threads::run(move || {
        let artifact = Artifact::from_bytes_within(&bytes, limit);
        (bytes, artifact)
    })?;
    let artifact = artifact.map_err(errors::not_importable)?;
    if !artifact.ledger.is_plausible() {
        return Err(errors::not_importable(EngineError::CorruptModel {
            reason: "its ledger does not fit any training",
        }));
    }
    let damaged = |reason| errors::not_importable(EngineError::CorruptModel { reason });
    let annotation = metadata_check::annotation(&name, &artifact)
        .map_err(|_| damaged("the description of its columns is damaged"))?;
    for column in &annotation.columns {
        // The type may be missing in this database.
        guard::attempt(|| types::resolve_type(&column.type_name), || damaged("the type of a column is not valid"))?;
    }
    models::claim(&name, replace)?;
    models::store(&record::of(&name, pg_sys::InvalidOid, &annotation, &artifact, bytes))?;
    Ok(name.into_datum())
}

/// `(model text, new_name text)`.
fn rename(call: &Call) -> Result<Option<pg_sys::Datum>> {
    access::check_writable(c"tablediffusion_rename()");
    models::rename(&call.text("model")?, &call.text("new_name")?)?;
    Ok(Some(pg_sys::Datum::null()))
}

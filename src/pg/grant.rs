//! `tablediffusion_grant(model, role)` and `tablediffusion_revoke(model, role)`: who may sample a model besides its
//! owner.

use pgrx::pg_sys;

use super::call::{Call, sql_function};
use super::catalog;
use super::datum::c_string;
use super::errors::{self, Result};

sql_function!(tablediffusion_grant, pg_finfo_tablediffusion_grant, grant);
sql_function!(tablediffusion_revoke, pg_finfo_tablediffusion_revoke, revoke);

/// `(model text, role name)`.
fn grant(call: &Call) -> Result<Option<pg_sys::Datum>> {
    let (model, role) = (call.text(0, "model")?, call.name(1, "role")?);
    catalog::check_writable(c"tablediffusion_grant()");
    catalog::own(&model)?;
    catalog::grant(&model, grantee(&role)?)?;
    Ok(Some(pg_sys::Datum::null()))
}

/// `(model text, role name)`.
fn revoke(call: &Call) -> Result<Option<pg_sys::Datum>> {
    let (model, role) = (call.text(0, "model")?, call.name(1, "role")?);
    catalog::check_writable(c"tablediffusion_revoke()");
    catalog::own(&model)?;
    if catalog::revoke(&model, grantee(&role)?)? {
        Ok(Some(pg_sys::Datum::null()))
    } else {
        Err(errors::not_granted(&model, &role))
    }
}

/// The role of that name; `public`, which no role can be named, is every role.
fn grantee(role: &str) -> Result<pg_sys::Oid> {
    if role == "public" {
        return Ok(pg_sys::InvalidOid);
    }
    let name = c_string(role);
    // SAFETY: a NUL-terminated string; InvalidOid if there is no such role.
    let found = unsafe { pg_sys::get_role_oid(name.as_ptr(), true) };
    if found == pg_sys::InvalidOid { Err(errors::no_such_role(role)) } else { Ok(found) }
}

//! The table of grants: who may sample a model besides its owner.

use pgrx::datum::DatumWithOid;
use pgrx::pg_sys;

use crate::pg::errors::Result;
use crate::pg::server::access::as_owner;

/// An oid as a bigint. As an oid, 0 (every role) would be passed as NULL.
fn number<'a>(oid: pg_sys::Oid) -> DatumWithOid<'a> {
    i64::from(oid.to_u32()).into()
}

/// Allows a role to sample a model that the caller [`own`]s. A second grant changes nothing.
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

/// Revokes a grant on a model that the caller [`own`]s; false if there was none.
pub fn revoke(model: &str, grantee: pg_sys::Oid) -> Result<bool> {
    as_owner(|client| {
        let query = "DELETE FROM tablediffusion.grants_store WHERE model = $1 AND grantee = $2::pg_catalog.oid";
        Ok(!client.update(query, None, &[model.into(), number(grantee)])?.is_empty())
    })
}

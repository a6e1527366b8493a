//! Types: their SQL names, and the base types of domains.

use pgrx::pg_sys;

use crate::pg::server::guc::with_pinned_path;
use crate::pg::server::lookup;
use crate::pg::server::text::{c_string, string};

/// A type in SQL, with its schema unless that is pg_catalog.
pub fn type_name(type_oid: pg_sys::Oid, typmod: i32) -> String {
    with_pinned_path(|| format_type(type_oid, typmod, 0))
}

/// A type in words that have the same meaning under every search path.
pub fn qualified_type_name(type_oid: pg_sys::Oid, typmod: i32) -> String {
    format_type(type_oid, typmod, pg_sys::FORMAT_TYPE_FORCE_QUALIFY)
}

fn format_type(type_oid: pg_sys::Oid, typmod: i32, flags: u32) -> String {
    let flags = flags | pg_sys::FORMAT_TYPE_TYPEMOD_GIVEN | pg_sys::FORMAT_TYPE_ALLOW_INVALID;
    // SAFETY: any oid may be asked for; the result is NUL-terminated.
    unsafe { string(pg_sys::format_type_extended(type_oid, typmod, flags as pg_sys::bits16)) }
}

/// The SQL name of a type, if it exists.
pub fn resolve_type(written: &str) -> Option<(pg_sys::Oid, i32)> {
    let text = c_string(written);
    let (mut type_oid, mut typmod) = (pg_sys::InvalidOid, -1);
    // SAFETY: a NUL-terminated string. The result is empty if there is no such type.
    with_pinned_path(|| unsafe {
        #[cfg(feature = "pg15")]
        pg_sys::parseTypeString(text.as_ptr(), &mut type_oid, &mut typmod, true);
        #[cfg(not(feature = "pg15"))]
        {
            let mut soft =
                pg_sys::ErrorSaveContext { type_: pg_sys::NodeTag::T_ErrorSaveContext, ..Default::default() };
            if !pg_sys::parseTypeString(text.as_ptr(), &mut type_oid, &mut typmod, (&raw mut soft).cast()) {
                type_oid = pg_sys::InvalidOid;
            }
        }
    });
    (type_oid != pg_sys::InvalidOid).then_some((type_oid, typmod))
}

/// The base type of a type, and the modifier that the type or its domains have.
pub fn base_type(type_oid: pg_sys::Oid, typmod: i32) -> (pg_sys::Oid, i32) {
    let mut typmod = typmod;
    // SAFETY: a look-up; ERROR if there is no such type.
    (unsafe { pg_sys::getBaseTypeAndTypmod(type_oid, &mut typmod) }, typmod)
}

/// The domain and the domains below it, outermost first.
pub fn domains(type_oid: pg_sys::Oid) -> Vec<(pg_sys::Oid, bool)> {
    let of_domain = |row: &pg_sys::FormData_pg_type| {
        let is_domain = row.typtype == pg_sys::TYPTYPE_DOMAIN as std::ffi::c_char;
        is_domain.then_some((row.typbasetype, row.typnotnull))
    };
    // SAFETY: the rows of this cache are those of pg_type.
    let look = |oid| unsafe { lookup::looked_up(pg_sys::SysCacheIdentifier::TYPEOID, oid, of_domain) }.flatten();
    let mut found = Vec::new();
    let mut current = type_oid;
    while let Some((base, not_null)) = look(current) {
        found.push((current, not_null));
        current = base;
    }
    found
}

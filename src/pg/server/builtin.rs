//! PostgreSQL's own objects, which no role has created.

use pgrx::pg_sys;

use crate::pg::server::text;

/// Whether an object is PostgreSQL's own.
pub fn is_builtin(object: pg_sys::Oid) -> bool {
    object != pg_sys::InvalidOid && object.to_u32() < pg_sys::FirstNormalObjectId
}

/// Whether a type and all its parts are PostgreSQL's own, and its values do not name objects that roles can create.
/// Domains never qualify, because their input functions evaluate their constraints.
pub fn is_builtin_type(type_oid: pg_sys::Oid) -> bool {
    if !is_builtin(type_oid) || names_objects(type_oid) {
        return false;
    }
    // SAFETY: look-ups of types that need not exist.
    let (sort, element) = unsafe { (pg_sys::get_typtype(type_oid) as u8, pg_sys::get_element_type(type_oid)) };
    matches!(sort, pg_sys::TYPTYPE_BASE | pg_sys::TYPTYPE_RANGE | pg_sys::TYPTYPE_MULTIRANGE)
        && (element == pg_sys::InvalidOid || is_builtin_type(element))
}

/// Types whose values are names of functions, text search configurations and the like.
fn names_objects(type_oid: pg_sys::Oid) -> bool {
    matches!(
        type_oid,
        pg_sys::REGPROCOID
            | pg_sys::REGPROCEDUREOID
            | pg_sys::REGOPEROID
            | pg_sys::REGOPERATOROID
            | pg_sys::REGCLASSOID
            | pg_sys::REGTYPEOID
            | pg_sys::REGROLEOID
            | pg_sys::REGNAMESPACEOID
            | pg_sys::REGCOLLATIONOID
            | pg_sys::REGCONFIGOID
            | pg_sys::REGDICTIONARYOID
    )
}

/// Whether a function is PostgreSQL's own and depends only on its arguments.
pub fn is_builtin_and_immutable(function: pg_sys::Oid) -> bool {
    // SAFETY: a look-up of a function that exists.
    is_builtin(function)
        && unsafe { pg_sys::func_volatile(function) } == pg_sys::PROVOLATILE_IMMUTABLE as std::ffi::c_char
}

/// The name of an operator of PostgreSQL itself; `None` for any other operator.
pub fn builtin_operator(operator: pg_sys::Oid) -> Option<String> {
    if !is_builtin(operator) {
        return None;
    }
    // SAFETY: null for an operator that does not exist.
    unsafe { text::optional_string(pg_sys::get_opname(operator)) }
}

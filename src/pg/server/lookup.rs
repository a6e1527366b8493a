//! Look-ups of objects and roles in the system caches.

use pgrx::pg_sys;

/// The owner of a function, if there is such a function.
pub fn owner_of_function(oid: pg_sys::Oid) -> Option<pg_sys::Oid> {
    // SAFETY: the rows of this cache are those of pg_proc.
    unsafe { looked_up(pg_sys::SysCacheIdentifier::PROCOID, oid, |row: &pg_sys::FormData_pg_proc| row.proowner) }
}

/// The owner of a type, if there is such a type.
pub fn owner_of_type(oid: pg_sys::Oid) -> Option<pg_sys::Oid> {
    // SAFETY: the rows of this cache are those of pg_type.
    unsafe { looked_up(pg_sys::SysCacheIdentifier::TYPEOID, oid, |row: &pg_sys::FormData_pg_type| row.typowner) }
}

/// Reads the row of a system cache with an oid.
///
/// # Safety
/// Rows of the cache have type `T`, and its key is one oid.
pub unsafe fn looked_up<T, R>(
    cache: pg_sys::SysCacheIdentifier::Type,
    oid: pg_sys::Oid,
    of: impl FnOnce(&T) -> R,
) -> Option<R> {
    // SAFETY: as promised; the row is released after it is read.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(cache as i32, oid.into());
        if tuple.is_null() {
            return None;
        }
        let found = of(&*pg_sys::GETSTRUCT(tuple).cast::<T>());
        pg_sys::ReleaseSysCache(tuple);
        Some(found)
    }
}

/// Whether the caller has the privileges of a role. Superusers have those of every role, even of missing ones.
pub fn has_role(role: pg_sys::Oid) -> bool {
    // SAFETY: a look-up.
    unsafe { pg_sys::has_privs_of_role(pg_sys::GetUserId(), role) }
}

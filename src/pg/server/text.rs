//! PostgreSQL's texts as Rust strings, and the reverse.

use std::ffi::{CStr, CString, c_char};

use pgrx::pg_sys;

use crate::pg::errors::{self, Result};

/// A C string of PostgreSQL as a Rust string.
///
/// # Safety
/// `text` points to a NUL-terminated string.
pub unsafe fn string(text: *const c_char) -> String {
    // SAFETY: as promised.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// A C string of PostgreSQL that may be null.
///
/// # Safety
/// `text` is null or points to a NUL-terminated string.
pub unsafe fn optional_string(text: *const c_char) -> Option<String> {
    // SAFETY: as promised.
    (!text.is_null()).then(|| unsafe { string(text) })
}

/// Bytes of PostgreSQL as a Rust string. `what` names them. In a database with encoding SQL_ASCII they may be anything.
pub fn utf8(bytes: &[u8], what: impl FnOnce() -> String) -> Result<String> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| errors::not_utf8(&what()))
}

/// A `name` of the catalogs.
pub fn name(name: &pg_sys::NameData, what: impl FnOnce() -> String) -> Result<String> {
    // SAFETY: a name ends in a NUL.
    utf8(unsafe { CStr::from_ptr(name.data.as_ptr()) }.to_bytes(), what)
}

/// The name of a schema, or `None` if it does not exist.
pub fn schema_name(schema: pg_sys::Oid) -> Result<String> {
    // SAFETY: a look-up; a NUL-terminated string, or null.
    let name = unsafe {
        let name = pg_sys::get_namespace_name(schema);
        if name.is_null() { &[] } else { CStr::from_ptr(name).to_bytes() }
    };
    utf8(name, || format!("the name of schema {}", schema.to_u32()))
}

/// A Rust string for PostgreSQL. It is cut at a NUL, which SQL text cannot contain.
pub fn c_string(text: &str) -> CString {
    let end = text.find('\0').unwrap_or(text.len());
    CString::new(&text[..end]).unwrap_or_default()
}

/// Refuses databases with another encoding than UTF-8 or SQL_ASCII.
pub fn check_encoding() -> Result<()> {
    // SAFETY: plain calls. The name is static.
    let (encoding, name) = unsafe { (pg_sys::GetDatabaseEncoding(), string(pg_sys::GetDatabaseEncodingName())) };
    let accepted = [pg_sys::pg_enc::PG_UTF8, pg_sys::pg_enc::PG_SQL_ASCII];
    if accepted.iter().any(|accepted| *accepted as i32 == encoding) {
        Ok(())
    } else {
        Err(errors::encoding_unsupported(&name))
    }
}

/// An identifier, quoted as needed.
pub fn quoted(identifier: &str) -> String {
    let identifier = c_string(identifier);
    // SAFETY: a NUL-terminated string in and out.
    unsafe { string(pg_sys::quote_identifier(identifier.as_ptr())) }
}

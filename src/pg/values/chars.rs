//! Texts of types with a maximum length.

use pgrx::pg_sys;

use crate::pg::server::types;

/// A text without its trailing blanks, which are insignificant in `char(n)`.
pub fn without_blanks(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|b| *b != b' ').map_or(0, |i| i + 1);
    &text[..end]
}

/// The maximum length, in characters, of a type or its base type.
pub fn longest(type_oid: pg_sys::Oid, typmod: i32) -> usize {
    let (base, typmod) = types::base_type(type_oid, typmod);
    // The modifier includes the header.
    let header = pg_sys::VARHDRSZ as i32;
    let is_limited = matches!(base, pg_sys::VARCHAROID | pg_sys::BPCHAROID) && typmod > header;
    if is_limited { (typmod - header) as usize } else { usize::MAX }
}

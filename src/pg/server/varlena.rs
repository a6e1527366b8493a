//! Values of variable length.

use pgrx::pg_sys;
use pgrx::varlena::{varatt_is_1b_e, varatt_is_4b_c, vardata_any, varsize_any_exhdr};

/// The bytes of a varlena, detoasted into the current memory context if it is out of line or compressed.
///
/// # Safety
/// `value` is a varlena.
pub unsafe fn varlena<'a>(value: pg_sys::Datum) -> &'a [u8] {
    // SAFETY: the caller's datum is a varlena; detoasting leaves one in memory.
    unsafe {
        let mut pointer: *mut pg_sys::varlena = value.cast_mut_ptr();
        if varatt_is_1b_e(pointer) || varatt_is_4b_c(pointer) {
            pointer = pg_sys::pg_detoast_datum_packed(pointer);
        }
        std::slice::from_raw_parts(vardata_any(pointer).cast(), varsize_any_exhdr(pointer))
    }
}

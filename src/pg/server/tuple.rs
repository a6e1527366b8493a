//! Attributes and descriptors of rows.

use pgrx::pg_sys;

use crate::pg::server::text::c_string;

/// Attribute `i` of a tuple descriptor, counted from 0.
///
/// # Safety
/// `desc` is a valid descriptor with more than `i` attributes.
pub unsafe fn attribute<'a>(desc: pg_sys::TupleDesc, i: usize) -> &'a pg_sys::FormData_pg_attribute {
    #[cfg(not(feature = "pg18"))]
    // SAFETY: as promised.
    unsafe {
        &*(*desc).attrs.as_ptr().add(i)
    }
    #[cfg(feature = "pg18")]
    // SAFETY: as promised.
    unsafe {
        &*pg_sys::TupleDescAttr(desc, i as i32)
    }
}

/// A descriptor of rows of these columns, in the current memory context.
pub fn descriptor(columns: &[Target]) -> pg_sys::TupleDesc {
    // SAFETY: as many entries as allocated, with existing types. Names are copied.
    unsafe {
        let desc = pg_sys::CreateTemplateTupleDesc(columns.len() as i32);
        for (i, column) in columns.iter().enumerate() {
            let name = c_string(&column.column);
            pg_sys::TupleDescInitEntry(desc, (i + 1) as i16, name.as_ptr(), column.type_oid, column.typmod, 0);
        }
        desc
    }
}

/// The destination of values: name and type of a column of the result.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    pub column: String,
    pub type_oid: pg_sys::Oid,
    pub typmod: i32,
}

//! What a set-returning function returns.

use pgrx::pg_sys;

use super::call::Call;
use super::datum::Scratch;

/// The tuplestore that a set-returning function fills: in memory up to work_mem, in a temporary file beyond.
pub struct Store {
    store: *mut pg_sys::Tuplestorestate,
    desc: pg_sys::TupleDesc,
    pub scratch: Scratch,
}

impl Store {
    /// `flags` are those of `InitMaterializedSRF`: none for rows of a row type.
    pub fn open(call: &Call, flags: u32) -> Self {
        // SAFETY: the call is in progress; ERROR if it cannot take a set.
        unsafe {
            pg_sys::InitMaterializedSRF(call.fcinfo(), flags);
            let info: *mut pg_sys::ReturnSetInfo = (*call.fcinfo()).resultinfo.cast();
            Self { store: (*info).setResult, desc: (*info).setDesc, scratch: Scratch::new() }
        }
    }

    pub fn width(&self) -> usize {
        // SAFETY: the descriptor of the set.
        unsafe { (*self.desc).natts as usize }
    }

    pub fn put(&self, values: &mut [pg_sys::Datum], nulls: &mut [bool]) {
        // SAFETY: as many values as the descriptor has attributes; the store copies them.
        unsafe { pg_sys::tuplestore_putvalues(self.store, self.desc, values.as_mut_ptr(), nulls.as_mut_ptr()) };
    }

    /// A row of values, or NULLs.
    pub fn put_options<const N: usize>(&self, values: [Option<pg_sys::Datum>; N]) {
        let mut nulls = values.map(|value| value.is_none());
        self.put(&mut values.map(|value| value.unwrap_or(pg_sys::Datum::null())), &mut nulls);
    }
}

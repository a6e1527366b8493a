//! The result of a set-returning function.

use pgrx::pg_sys;

use crate::pg::server::call::Call;
use crate::pg::server::memory::Scratch;
use crate::pg::server::tuple::{self, Target};

/// The tuplestore that a set-returning function fills: in memory up to work_mem, in a temporary file beyond.
pub struct ResultRows {
    store: *mut pg_sys::Tuplestorestate,
    desc: pg_sys::TupleDesc,
    pub scratch: Scratch,
}

impl ResultRows {
    /// `flags` are those of `InitMaterializedSRF`; 0 for rows of a row type.
    pub fn open(call: &Call, flags: u32) -> Self {
        // SAFETY: the call is in progress. ERROR if the caller cannot accept a set.
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

    /// Whether its live columns are these, by position.
    pub fn has(&self, columns: &[(usize, Target)]) -> bool {
        // SAFETY: the descriptor of the set.
        let attributes = (0..self.width()).map(|i| (i, unsafe { tuple::attribute(self.desc, i) }));
        let mut live = attributes.filter(|(_, attribute)| !attribute.attisdropped);
        let is = |(i, target): &(usize, Target)| {
            live.next().is_some_and(|(at, found)| {
                at == *i && found.atttypid == target.type_oid && found.atttypmod == target.typmod
            })
        };
        columns.iter().all(is) && live.next().is_none()
    }

    /// Appends a row of values of the columns' types, which are copied.
    ///
    /// # Panics
    /// If their number is not the number of columns.
    pub fn put(&self, values: &mut [pg_sys::Datum], nulls: &mut [bool]) {
        assert!(values.len() == self.width() && nulls.len() == self.width(), "a row of another width");
        // SAFETY: as many values as the descriptor has attributes. The store copies them.
        unsafe { pg_sys::tuplestore_putvalues(self.store, self.desc, values.as_mut_ptr(), nulls.as_mut_ptr()) };
    }

    /// Appends a row of values or NULLs.
    pub fn put_options<const N: usize>(&self, values: [Option<pg_sys::Datum>; N]) {
        let mut nulls = values.map(|value| value.is_none());
        self.put(&mut values.map(|value| value.unwrap_or(pg_sys::Datum::null())), &mut nulls);
    }
}

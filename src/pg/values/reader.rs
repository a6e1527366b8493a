//! SQL values to the engine's values, one reader per column.

use std::collections::HashMap;

use pgrx::pg_sys;

use crate::engine::table::{BlockColumn, Measure};
use crate::pg::values::datums;
use crate::pg::values::kind::Kind;

/// Reads the values of one column.
pub struct ValueReader {
    kind: Kind,
    is_category: bool,
    /// Labels of an enum, by oid.
    labels: HashMap<u32, Vec<u8>>,
}

impl ValueReader {
    pub fn new(kind: Kind) -> Self {
        Self { kind, is_category: kind.measure() == Measure::Category, labels: HashMap::new() }
    }

    /// An empty block column of the right type.
    pub fn column(&self) -> BlockColumn {
        if self.is_category { BlockColumn::categories() } else { BlockColumn::numbers() }
    }

    /// Appends a value. Detoasted values go to the current memory context.
    ///
    /// # Safety
    /// `value` is a value of the reader's kind unless `is_null`.
    pub unsafe fn push(&mut self, column: &mut BlockColumn, value: pg_sys::Datum, is_null: bool) {
        // SAFETY: as promised.
        unsafe {
            match (self.is_category, is_null) {
                (false, true) => column.push_number(None),
                (false, false) => column.push_number(Some(datums::number(self.kind, value))),
                (true, true) => column.push_text(None),
                (true, false) if self.kind == Kind::Enum => {
                    let read = || datums::with_text(Kind::Enum, value, <[u8]>::to_vec);
                    let label = self.labels.entry(value.value() as u32).or_insert_with(read);
                    column.push_text(Some(label));
                }
                (true, false) => datums::with_text(self.kind, value, |text| column.push_text(Some(text))),
            }
        }
    }
}

/// Reads values as bytes that are equal if and only if the `=` operator of their type says so. For columns that
/// identify privacy units.
pub struct IdentityReader(Kind);

impl IdentityReader {
    pub fn new(kind: Kind) -> Self {
        Self(kind)
    }

    /// Appends a value to a column of texts. Detoasted values go to the current memory context.
    ///
    /// # Safety
    /// `value` is a value of the reader's kind unless `is_null`.
    pub unsafe fn push(&self, column: &mut BlockColumn, value: pg_sys::Datum, is_null: bool) {
        if is_null {
            return column.push_text(None);
        }
        // SAFETY: as promised.
        unsafe { datums::with_identity(self.0, value, |bytes| column.push_text(Some(bytes))) };
    }
}

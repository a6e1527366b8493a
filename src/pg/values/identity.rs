//! SQL values as bytes that tell them apart, for columns that say which privacy unit a row belongs to.

use pgrx::pg_sys;

use crate::engine::table::BlockColumn;
use crate::pg::server::{fmgr, varlena};
use crate::pg::values::kind::Kind;
use crate::pg::values::{chars, reader};

/// Reads values as bytes that are equal if and only if `=` of their type says so of the values.
pub struct IdentityReader(Kind);

impl IdentityReader {
    pub fn new(kind: Kind) -> Self {
        Self(kind)
    }

    /// Appends a value to a column of texts. What is detoasted goes to the current memory context.
    ///
    /// # Safety
    /// `value` is a value of the reader's kind unless `is_null`.
    pub unsafe fn push(&self, column: &mut BlockColumn, value: pg_sys::Datum, is_null: bool) {
        if is_null {
            return column.push_text(None);
        }
        let word = value.value() as i64;
        match self.0 {
            Kind::Boolean => column.push_text(Some(&[u8::from(word & 0xff != 0)])),
            Kind::Int2 => column.push_text(Some(&(word as i16).to_ne_bytes())),
            Kind::Int4 | Kind::Date => column.push_text(Some(&(word as i32).to_ne_bytes())),
            Kind::Enum => column.push_text(Some(&(word as u32).to_ne_bytes())),
            Kind::Int8 | Kind::Time { .. } | Kind::Timestamp { .. } | Kind::Timestamptz { .. } => {
                column.push_text(Some(&word.to_ne_bytes()));
            }
            Kind::Float4 => column.push_text(Some(&float(f64::from(f32::from_bits(word as u32))))),
            Kind::Float8 => column.push_text(Some(&float(f64::from_bits(word as u64)))),
            Kind::Uuid => {
                // SAFETY: a uuid is sixteen bytes passed by reference.
                let bytes: &[u8; 16] = unsafe { &*value.cast_mut_ptr() };
                column.push_text(Some(bytes));
            }
            Kind::Interval => {
                // SAFETY: an interval is passed by reference.
                let span = reader::span(unsafe { &*value.cast_mut_ptr() });
                column.push_text(Some(&span.to_ne_bytes()));
            }
            Kind::Numeric | Kind::Decimal { .. } => {
                // SAFETY: a numeric in and out; without trailing zeros, equal numbers are stored alike.
                let trimmed = unsafe { fmgr::call(pg_sys::numeric_trim_scale, &[value]) };
                // SAFETY: as above.
                column.push_text(Some(unsafe { varlena::varlena(trimmed) }));
            }
            // SAFETY: texts are varlenas.
            Kind::Text => column.push_text(Some(unsafe { varlena::varlena(value) })),
            // SAFETY: as above.
            Kind::Char => column.push_text(Some(chars::without_blanks(unsafe { varlena::varlena(value) }))),
        }
    }
}

/// The bits of a number: of one zero and one NaN.
fn float(number: f64) -> [u8; 8] {
    let number = if number.is_nan() { f64::NAN } else { number + 0.0 };
    number.to_bits().to_ne_bytes()
}

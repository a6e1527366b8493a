//! The column that says which privacy unit a row belongs to: never modelled, read only to tell units apart.

use pgrx::pg_sys;

use super::datum;
use super::errors::{self, Result};
use super::keys::Keys;
use super::reader::{self, TrimBlanks};
use super::source::{Attribute, Source};
use super::types::Kind;
use crate::engine::privacy::ledger::PrivacyUnit;
use crate::engine::table::BlockColumn;

/// What a training protects, where it was asked for something else than rows.
pub struct Unit<'a> {
    pub column: &'a Attribute,
    rows: u32,
    /// Whether the catalogs say that no two rows are of one unit, so that units are rows.
    is_row: bool,
}

impl<'a> Unit<'a> {
    /// The unit that the arguments ask for.
    pub fn of(source: &'a Source, keys: &Keys, name: Option<&str>, rows: Option<i64>) -> Result<Option<Self>> {
        let Some(name) = name else {
            return if rows.is_some() { Err(errors::rows_per_unit_alone()) } else { Ok(None) };
        };
        let column = source.columns.iter().find(|column| column.name == *name);
        let column = column.ok_or_else(|| errors::no_such_column(&source.name, name, "privacy_unit"))?;
        if column.kind.is_none() {
            return Err(errors::unit_type_unsupported(&column.name, &column.type_name()));
        }
        if !column.exact_equality {
            return Err(errors::unit_collation_unsupported(&column.name));
        }
        // The engine refuses what is out of range.
        let rows = rows.map_or(1, |rows| u32::try_from(rows).unwrap_or(0));
        Ok(Some(Self { column, rows, is_row: rows > 0 && keys.tells_rows_apart(source, column) }))
    }

    /// The column to read, unless units are rows.
    pub fn read(&self) -> Option<&'a Attribute> {
        (!self.is_row).then_some(self.column)
    }

    /// What the engine is told, unless units are rows.
    pub fn relation(&self) -> Option<PrivacyUnit> {
        (!self.is_row).then(|| PrivacyUnit { column: self.column.name.clone(), rows: self.rows })
    }
}

/// Reads values as bytes that are equal if and only if `=` of their type says so of the values.
pub struct UnitReader(Kind);

impl UnitReader {
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
                let trimmed = unsafe { datum::call(pg_sys::numeric_trim_scale, &[value]) };
                // SAFETY: as above.
                column.push_text(Some(unsafe { reader::varlena(trimmed) }));
            }
            // SAFETY: texts are varlenas.
            Kind::Text => column.push_text(Some(unsafe { reader::varlena(value) })),
            // SAFETY: as above.
            Kind::Char => column.push_text(Some(unsafe { reader::varlena(value) }.trim_ascii_end_blanks())),
        }
    }
}

/// The bits of a number: of one zero and one NaN.
fn float(number: f64) -> [u8; 8] {
    let number = if number.is_nan() { f64::NAN } else { number + 0.0 };
    number.to_bits().to_ne_bytes()
}

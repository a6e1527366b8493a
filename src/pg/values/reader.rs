//! SQL values to the engine's values, one reader a column.

use std::collections::HashMap;
use std::ffi::CStr;

use pgrx::pg_sys;

use crate::engine::table::{BlockColumn, Measure};
use crate::pg::server::fmgr;
use crate::pg::server::varlena::varlena;
use crate::pg::values::kind::{DAY, Kind};
use crate::pg::values::numeric::{self, Decoded};
use crate::pg::values::{chars, uuid};

/// Reads the values of one column.
pub struct ValueReader {
    kind: Kind,
    /// Labels of an enum by oid.
    labels: HashMap<pg_sys::Oid, Vec<u8>>,
}

impl ValueReader {
    pub fn new(kind: Kind) -> Self {
        Self { kind, labels: HashMap::new() }
    }

    /// An empty block column of the right sort.
    pub fn column(&self) -> BlockColumn {
        if self.kind.measure() == Measure::Category { BlockColumn::categories() } else { BlockColumn::numbers() }
    }

    /// Appends a value. What is detoasted goes to the current memory context.
    ///
    /// # Safety
    /// `value` is a value of the reader's kind unless `is_null`.
    pub unsafe fn push(&mut self, column: &mut BlockColumn, value: pg_sys::Datum, is_null: bool) {
        if self.kind.measure() != Measure::Category {
            // SAFETY: as promised.
            column.push_number((!is_null).then(|| unsafe { self.number(value) }));
        } else if is_null {
            column.push_text(None);
        } else {
            // SAFETY: as promised.
            unsafe { self.push_text(column, value) };
        }
    }

    /// A value in the engine's measure; NaN for a `numeric` or floating-point NaN.
    ///
    /// # Safety
    /// `value` is a value of the reader's kind, which is not a category.
    pub unsafe fn number(&self, value: pg_sys::Datum) -> f64 {
        let word = value.value() as i64;
        match self.kind {
            Kind::Int2 => f64::from(word as i16),
            Kind::Int4 => f64::from(word as i32),
            Kind::Int8 => word as f64,
            Kind::Float4 => f64::from(f32::from_bits(word as u32)),
            Kind::Float8 => f64::from_bits(word as u64),
            Kind::Date => match word as i32 {
                i32::MIN => f64::NEG_INFINITY,
                i32::MAX => f64::INFINITY,
                days => f64::from(days),
            },
            Kind::Time { unit } => (word / unit) as f64,
            Kind::Timestamp { unit } | Kind::Timestamptz { unit } => match word {
                i64::MIN => f64::NEG_INFINITY,
                i64::MAX => f64::INFINITY,
                microseconds => microseconds.div_euclid(unit) as f64,
            },
            // SAFETY: an interval is passed by reference.
            Kind::Interval => unsafe { interval(&*value.cast_mut_ptr()) },
            // SAFETY: a numeric is a varlena.
            Kind::Numeric => unsafe { self.decimal(value, None) },
            // SAFETY: as above.
            Kind::Decimal { scale } => unsafe { self.decimal(value, Some(scale)) },
            Kind::Boolean | Kind::Text | Kind::Char | Kind::Enum | Kind::Uuid => f64::NAN,
        }
    }

    unsafe fn decimal(&self, value: pg_sys::Datum, scale: Option<i32>) -> f64 {
        // SAFETY: a numeric is a varlena.
        let decoded = numeric::decode(unsafe { varlena(value) });
        let quick = match decoded {
            Some(Decoded::NotANumber) => Some(f64::NAN),
            Some(Decoded::Infinite { negative }) => Some(if negative { f64::NEG_INFINITY } else { f64::INFINITY }),
            Some(Decoded::Exact { digits, exponent }) => match scale {
                Some(scale) => numeric::to_units(digits, exponent, scale),
                None => numeric::to_float(digits, exponent),
            },
            _ => None,
        };
        quick.unwrap_or_else(|| {
            // SAFETY: the function takes a numeric and returns a double.
            let float = unsafe { fmgr::call(pg_sys::numeric_float8_no_overflow, &[value]) };
            let float = f64::from_bits(float.value() as u64);
            scale.map_or(float, |scale| (float * 10f64.powi(scale)).round())
        })
    }

    unsafe fn push_text(&mut self, column: &mut BlockColumn, value: pg_sys::Datum) {
        match self.kind {
            Kind::Boolean => column.push_text(Some(if value.value() & 0xff != 0 { b"true" } else { b"false" })),
            Kind::Enum => {
                let label = self.labels.entry(enum_oid(value)).or_insert_with(|| {
                    // SAFETY: the value is an enum's.
                    unsafe { enum_label(value) }
                });
                column.push_text(Some(label));
            }
            Kind::Uuid => {
                // SAFETY: a uuid is sixteen bytes passed by reference.
                let bytes: &[u8; 16] = unsafe { &*value.cast_mut_ptr() };
                column.push_text(Some(uuid::written(bytes).as_bytes()));
            }
            _ => {
                // SAFETY: the other categories are varlenas.
                let mut text = unsafe { varlena(value) };
                if self.kind == Kind::Char {
                    text = chars::without_blanks(text);
                }
                column.push_text(Some(text));
            }
        }
    }
}

/// Months count as 30 days and days as 24 hours, as in comparisons of intervals.
fn interval(value: &pg_sys::Interval) -> f64 {
    match (value.month, value.day, value.time) {
        // PostgreSQL 17 and later have infinite intervals.
        (i32::MIN, i32::MIN, i64::MIN) => f64::NEG_INFINITY,
        (i32::MAX, i32::MAX, i64::MAX) => f64::INFINITY,
        _ => span(value) as f64,
    }
}

/// An interval in microseconds.
pub fn span(value: &pg_sys::Interval) -> i128 {
    (i128::from(value.month) * 30 + i128::from(value.day)) * i128::from(DAY) + i128::from(value.time)
}

fn enum_oid(value: pg_sys::Datum) -> pg_sys::Oid {
    pg_sys::Oid::from(value.value() as u32)
}

unsafe fn enum_label(value: pg_sys::Datum) -> Vec<u8> {
    // SAFETY: enum_out takes an enum and returns a C string.
    unsafe { CStr::from_ptr(fmgr::call(pg_sys::enum_out, &[value]).cast_mut_ptr()) }.to_bytes().to_vec()
}

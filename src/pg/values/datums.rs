//! The stored form of each kind of values: reading them in the engine's measure, comparing them, and making them.

use std::ffi::CStr;

use pgrx::pg_sys::{self, Datum};

use crate::pg::server::fmgr;
use crate::pg::server::varlena::varlena;
use crate::pg::values::facts::DAY;
use crate::pg::values::kind::Kind;
use crate::pg::values::numeric::{self, Decoded};
use crate::pg::values::{chars, uuid};

/// A value in the engine's measure; NaN for a `numeric` or floating-point NaN, and for a category.
///
/// # Safety
/// `value` is a value of the kind.
pub unsafe fn number(kind: Kind, value: Datum) -> f64 {
    let word = value.value() as i64;
    match kind {
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
        Kind::Numeric => unsafe { decimal(value, None) },
        // SAFETY: as above.
        Kind::Decimal { scale } => unsafe { decimal(value, Some(scale)) },
        Kind::Boolean | Kind::Text | Kind::Char | Kind::Enum | Kind::Uuid => f64::NAN,
    }
}

unsafe fn decimal(value: Datum, scale: Option<i32>) -> f64 {
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
fn span(value: &pg_sys::Interval) -> i128 {
    (i128::from(value.month) * 30 + i128::from(value.day)) * i128::from(DAY) + i128::from(value.time)
}

/// Passes a category to the engine's form. Detoasted values go to the current memory context.
///
/// # Safety
/// `value` is a value of the kind.
pub unsafe fn with_text<T>(kind: Kind, value: Datum, take: impl FnOnce(&[u8]) -> T) -> T {
    match kind {
        Kind::Boolean => take(if value.value() & 0xff != 0 { b"true" } else { b"false" }),
        // SAFETY: the value is an enum's.
        Kind::Enum => take(&unsafe { enum_label(value) }),
        // SAFETY: a uuid is sixteen bytes passed by reference.
        Kind::Uuid => take(uuid::written(unsafe { &*value.cast_mut_ptr() }).as_bytes()),
        // SAFETY: a varlena.
        Kind::Text => take(unsafe { varlena(value) }),
        // SAFETY: as above.
        Kind::Char => take(chars::without_blanks(unsafe { varlena(value) })),
        Kind::Int2
        | Kind::Int4
        | Kind::Int8
        | Kind::Float4
        | Kind::Float8
        | Kind::Numeric
        | Kind::Decimal { .. }
        | Kind::Date
        | Kind::Time { .. }
        | Kind::Timestamp { .. }
        | Kind::Timestamptz { .. }
        | Kind::Interval => take(b""),
    }
}

unsafe fn enum_label(value: pg_sys::Datum) -> Vec<u8> {
    // SAFETY: enum_out takes an enum and returns a C string.
    unsafe { CStr::from_ptr(fmgr::call(pg_sys::enum_out, &[value]).cast_mut_ptr()) }.to_bytes().to_vec()
}

/// Passes bytes that are equal for two values if and only if the `=` operator of their type says so. Detoasted values
/// go to the current memory context.
///
/// # Safety
/// `value` is a value of the kind.
pub unsafe fn with_identity<T>(kind: Kind, value: Datum, take: impl FnOnce(&[u8]) -> T) -> T {
    let word = value.value() as i64;
    match kind {
        Kind::Boolean => take(&[u8::from(word & 0xff != 0)]),
        Kind::Int2 => take(&(word as i16).to_ne_bytes()),
        Kind::Int4 | Kind::Date => take(&(word as i32).to_ne_bytes()),
        Kind::Enum => take(&(word as u32).to_ne_bytes()),
        Kind::Int8 | Kind::Time { .. } | Kind::Timestamp { .. } | Kind::Timestamptz { .. } => take(&word.to_ne_bytes()),
        Kind::Float4 => take(&bits(f64::from(f32::from_bits(word as u32)))),
        Kind::Float8 => take(&bits(f64::from_bits(word as u64))),
        Kind::Uuid => {
            // SAFETY: a uuid is sixteen bytes passed by reference.
            let bytes: &[u8; 16] = unsafe { &*value.cast_mut_ptr() };
            take(bytes)
        }
        Kind::Interval => {
            // SAFETY: an interval is passed by reference.
            let span = span(unsafe { &*value.cast_mut_ptr() });
            take(&span.to_ne_bytes())
        }
        Kind::Numeric | Kind::Decimal { .. } => {
            // SAFETY: a numeric in and out. Without trailing zeros, equal numbers are stored alike.
            let trimmed = unsafe { fmgr::call(pg_sys::numeric_trim_scale, &[value]) };
            // SAFETY: as above.
            take(unsafe { varlena(trimmed) })
        }
        // SAFETY: texts are varlenas.
        Kind::Text => take(unsafe { varlena(value) }),
        // SAFETY: as above.
        Kind::Char => take(chars::without_blanks(unsafe { varlena(value) })),
    }
}

/// The bits of a number, with one zero and one NaN.
fn bits(number: f64) -> [u8; 8] {
    let number = if number.is_nan() { f64::NAN } else { number + 0.0 };
    number.to_bits().to_ne_bytes()
}

/// The whole number that a value of an integer kind is.
pub fn whole(kind: Kind, value: Datum) -> i64 {
    let word = value.value() as i64;
    match kind {
        Kind::Int2 => i64::from(word as i16),
        Kind::Int4 => i64::from(word as i32),
        _ => word,
    }
}

/// A whole number as a value of a kind's plain type, if that type holds whole numbers and this one fits.
pub fn whole_datum(kind: Kind, number: i64) -> Option<Datum> {
    match kind {
        Kind::Int2 => i16::try_from(number).ok().map(Datum::from),
        Kind::Int4 => i32::try_from(number).ok().map(Datum::from),
        Kind::Int8 => Some(Datum::from(number)),
        // SAFETY: makes a numeric in the current context.
        Kind::Numeric | Kind::Decimal { .. } => Some(unsafe { pg_sys::int64_to_numeric(number) }.into()),
        Kind::Boolean
        | Kind::Float4
        | Kind::Float8
        | Kind::Text
        | Kind::Char
        | Kind::Enum
        | Kind::Uuid
        | Kind::Date
        | Kind::Time { .. }
        | Kind::Timestamp { .. }
        | Kind::Timestamptz { .. }
        | Kind::Interval => None,
    }
}

/// The first and last day and microsecond that PostgreSQL accepts, counted from 2000-01-01.
const FIRST_DAY: f64 = -2_451_545.0;
const LAST_DAY: f64 = 2_145_031_948.0 - 2_451_545.0;
const FIRST_MICROSECOND: i64 = -211_813_488_000_000_000;
const LAST_MICROSECOND: i64 = 9_223_371_331_199_999_999;

/// A value of a numeric or time kind, clamped to the range of its type. Values that are passed by reference are made in
/// the current memory context.
pub fn number_datum(kind: Kind, number: f64) -> Datum {
    match kind {
        // Casts from floating point saturate.
        Kind::Int2 => Datum::from(number.round() as i16),
        Kind::Int4 => Datum::from(number.round() as i32),
        Kind::Int8 => Datum::from(number.round() as i64),
        Kind::Float4 => Datum::from(u64::from((number as f32).to_bits())),
        Kind::Float8 => Datum::from(number.to_bits()),
        // SAFETY: takes a double and makes a numeric.
        Kind::Numeric => unsafe { fmgr::call(pg_sys::float8_numeric, &[Datum::from(number.to_bits())]) },
        Kind::Decimal { scale } => {
            let units = number.round() as i64;
            // SAFETY: both make a numeric in the current context.
            unsafe {
                if scale >= 0 {
                    pg_sys::int64_div_fast_to_numeric(units, scale).into()
                } else {
                    let power = 10i64.saturating_pow(scale.unsigned_abs());
                    pg_sys::int64_to_numeric(units.saturating_mul(power)).into()
                }
            }
        }
        Kind::Date => Datum::from(number.round().clamp(FIRST_DAY, LAST_DAY) as i32),
        Kind::Time { unit } => Datum::from((number.round() as i64).saturating_mul(unit).clamp(0, DAY)),
        Kind::Timestamp { unit } | Kind::Timestamptz { unit } => {
            Datum::from((number.round() as i64).saturating_mul(unit).clamp(FIRST_MICROSECOND, LAST_MICROSECOND))
        }
        Kind::Interval => {
            let microseconds = number.round() as i64;
            let days = (microseconds / DAY).clamp(i64::from(i32::MIN) + 1, i64::from(i32::MAX) - 1);
            copied(&pg_sys::Interval { time: microseconds - days * DAY, day: days as i32, month: 0 })
        }
        Kind::Boolean | Kind::Text | Kind::Char | Kind::Enum | Kind::Uuid => Datum::null(),
    }
}

/// A copy of a value of a type in the current memory context.
///
/// # Safety
/// `value` is a value of a type of this length, which is -1 for a varlena.
pub unsafe fn duplicate(value: Datum, length: i16, by_value: bool) -> Datum {
    // SAFETY: as promised; the new chunk has the size of the value.
    unsafe {
        match usize::try_from(length) {
            _ if by_value => value,
            Ok(length) => {
                let place: *mut u8 = pg_sys::palloc(length).cast();
                std::ptr::copy_nonoverlapping(value.cast_mut_ptr::<u8>(), place, length);
                Datum::from(place)
            }
            Err(_) => Datum::from(pg_sys::pg_detoast_datum_copy(value.cast_mut_ptr())),
        }
    }
}

/// A copy in the current memory context, as a datum passed by reference.
pub fn copied<T: Copy>(value: &T) -> Datum {
    // SAFETY: the new chunk has the size and alignment of the value.
    unsafe {
        let place: *mut T = pg_sys::palloc(size_of::<T>()).cast();
        place.write(*value);
        Datum::from(place)
    }
}

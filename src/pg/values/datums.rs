//! Numbers in the engine's measure as values of the plain type of a kind.

use pgrx::pg_sys::{self, Datum};

use crate::pg::server::fmgr;
use crate::pg::values::kind::{DAY, Kind};

/// A whole number as a value of a kind's plain type, if that is one of such numbers and holds it.
pub fn whole_datum(kind: Kind, number: i64) -> Option<Datum> {
    match kind {
        Kind::Int2 => i16::try_from(number).ok().map(Datum::from),
        Kind::Int4 => i32::try_from(number).ok().map(Datum::from),
        Kind::Int8 => Some(Datum::from(number)),
        // SAFETY: makes a numeric in the current context.
        Kind::Numeric | Kind::Decimal { .. } => Some(unsafe { pg_sys::int64_to_numeric(number) }.into()),
        _ => None,
    }
}

/// The type that values of a kind are made as.
pub fn plain_type(kind: Kind) -> pg_sys::Oid {
    match kind {
        Kind::Boolean => pg_sys::BOOLOID,
        Kind::Int2 => pg_sys::INT2OID,
        Kind::Int4 => pg_sys::INT4OID,
        Kind::Int8 => pg_sys::INT8OID,
        Kind::Float4 => pg_sys::FLOAT4OID,
        Kind::Float8 => pg_sys::FLOAT8OID,
        Kind::Numeric | Kind::Decimal { .. } => pg_sys::NUMERICOID,
        Kind::Text | Kind::Char | Kind::Enum => pg_sys::TEXTOID,
        Kind::Uuid => pg_sys::UUIDOID,
        Kind::Date => pg_sys::DATEOID,
        Kind::Time { .. } => pg_sys::TIMEOID,
        Kind::Timestamp { .. } => pg_sys::TIMESTAMPOID,
        Kind::Timestamptz { .. } => pg_sys::TIMESTAMPTZOID,
        Kind::Interval => pg_sys::INTERVALOID,
    }
}

/// First and last day and microsecond that PostgreSQL takes, counted from 2000-01-01.
const FIRST_DAY: f64 = -2_451_545.0;
const LAST_DAY: f64 = 2_145_031_948.0 - 2_451_545.0;
const FIRST_MICROSECOND: i64 = -211_813_488_000_000_000;
const LAST_MICROSECOND: i64 = 9_223_371_331_199_999_999;

/// A value of a numeric or time kind, brought into the range of its type. What is passed by reference is made in the
/// current memory context.
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

/// A copy in the current memory context, as a datum passed by reference.
pub fn copied<T: Copy>(value: &T) -> Datum {
    // SAFETY: the new chunk is as large and as aligned as the value needs.
    unsafe {
        let place: *mut T = pg_sys::palloc(size_of::<T>()).cast();
        place.write(*value);
        Datum::from(place)
    }
}

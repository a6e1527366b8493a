//! Properties of a kind of values.

use pgrx::pg_sys;

use crate::engine::table::Measure;
use crate::pg::server::fmgr::Function;
use crate::pg::values::key::Key;

/// Microseconds of a day.
pub const DAY: i64 = 86_400_000_000;

/// The JSON form of the values of a kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum JsonForm {
    Boolean,
    /// A string in the engine's form.
    Text,
    /// A whole number from the range with this end.
    Integer {
        largest: i64,
    },
    Float4,
    Float8,
    /// A number with this many decimal places.
    Decimal {
        scale: i32,
    },
    /// A number, as the output function of its plain type writes it.
    Number,
    /// A string, as the output function of its plain type writes it.
    Quoted,
    /// A string, as PostgreSQL writes dates and times in JSON.
    DateTime,
}

/// The values that a type lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    Nothing,
    Booleans,
    /// The labels of the enum.
    Labels,
}

/// Kinds whose constants can be compared with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Number,
    Timestamp,
    Timestamptz,
    Time,
    Interval,
}

/// Properties of a kind.
pub struct Facts {
    pub measure: Measure,
    /// The type of generated values.
    pub plain: pg_sys::Oid,
    /// The replacement for NULL in a category that is NOT NULL and has no released value.
    pub plainest: &'static [u8],
    /// The value of one step of the measure, in numbers or microseconds.
    pub unit: f64,
    /// `None` if its constants cannot be compared with those of other kinds.
    pub family: Option<Family>,
    pub key: Option<Key>,
    /// The largest number of rows that a key of it can number.
    pub most_rows: u64,
    pub json: JsonForm,
    /// The function that applies a type modifier.
    pub scaled_by: Option<Function>,
    pub listed: Listed,
}

impl Facts {
    /// Properties of a category, whose values are made as a plain type.
    pub fn category(plain: pg_sys::Oid) -> Self {
        Self {
            measure: Measure::Category,
            plain,
            plainest: b"",
            unit: 1.0,
            family: None,
            key: None,
            most_rows: i64::MAX as u64,
            json: JsonForm::Text,
            scaled_by: None,
            listed: Listed::Nothing,
        }
    }

    /// Properties of real numbers.
    pub fn real(plain: pg_sys::Oid, json: JsonForm) -> Self {
        Self { measure: Measure::Real, family: Some(Family::Number), json, ..Self::category(plain) }
    }

    /// Properties of whole numbers, up to the largest of the range.
    pub fn whole(plain: pg_sys::Oid, largest: i64) -> Self {
        Self {
            measure: Measure::Lattice,
            key: Some(Key::Number),
            most_rows: largest as u64,
            ..Self::real(plain, JsonForm::Integer { largest })
        }
    }

    /// Properties of times with a spacing in microseconds.
    pub fn time(plain: pg_sys::Oid, family: Family, unit: i64) -> Self {
        let measure = match family {
            Family::Timestamp | Family::Timestamptz => Measure::Moment { per_day: (DAY / unit.max(1)) as u64 },
            _ => Measure::Lattice,
        };
        let json = JsonForm::DateTime;
        Self { measure, unit: unit as f64, family: Some(family), json, ..Self::category(plain) }
    }
}

//! What is to be known of a kind of values.

use pgrx::pg_sys;

use crate::engine::table::Measure;
use crate::pg::server::fmgr::Function;
use crate::pg::values::key::Key;

/// How JSON has the values of a kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum JsonForm {
    Boolean,
    /// A string, as the engine has it.
    Text,
    /// A whole number of the range that ends here.
    Integer {
        largest: i64,
    },
    Float4,
    Float8,
    /// A number of so many places.
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

/// Values that a type itself lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    Nothing,
    Booleans,
    /// The labels of the enum.
    Labels,
}

/// Kinds whose constants compare with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Number,
    Timestamp,
    Timestamptz,
    Time,
    Interval,
}

/// What is to be known of a kind.
pub struct Facts {
    pub measure: Measure,
    /// The type that values are made as.
    pub plain: pg_sys::Oid,
    /// What a category that cannot be NULL becomes where no value of it was released.
    pub plainest: &'static [u8],
    /// What one step of the measure is worth, in numbers or microseconds.
    pub unit: f64,
    /// Nothing for one whose constants compare with no others.
    pub family: Option<Family>,
    pub key: Option<Key>,
    /// Rows that a key can number.
    pub most_rows: u64,
    pub json: JsonForm,
    /// What brings a value into a modifier.
    pub scaled_by: Option<Function>,
    pub listed: Listed,
}

impl Facts {
    /// Of a category, whose values are made as a plain type.
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

    /// Of real numbers.
    pub fn real(plain: pg_sys::Oid, json: JsonForm) -> Self {
        Self { measure: Measure::Real, family: Some(Family::Number), json, ..Self::category(plain) }
    }

    /// Of whole numbers of the range that ends with the largest.
    pub fn whole(plain: pg_sys::Oid, largest: i64) -> Self {
        Self {
            measure: Measure::Lattice,
            key: Some(Key::Number),
            most_rows: largest as u64,
            ..Self::real(plain, JsonForm::Integer { largest })
        }
    }

    /// Of times at so many microseconds from each other.
    pub fn time(plain: pg_sys::Oid, family: Family, unit: i64) -> Self {
        let (measure, json) = (Measure::Lattice, JsonForm::DateTime);
        Self { measure, unit: unit as f64, family: Some(family), json, ..Self::category(plain) }
    }
}

//! The SQL types that can be modelled. Each has one entry with all its properties, except how its values are stored,
//! which is in [`super::datums`].

use pgrx::pg_sys;
use serde::{Deserialize, Serialize};

use crate::engine::table::Measure;
use crate::pg::server::fmgr::Function;
use crate::pg::server::types;
use crate::pg::values::facts::{DAY, Facts, Family, JsonForm, Listed};
use crate::pg::values::key::Key;

/// A type of values: domains are their base types, and modifiers that do not change the spacing of values are omitted.
/// `unit` is the spacing of times in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Boolean,
    Int2,
    Int4,
    Int8,
    Float4,
    Float8,
    /// `numeric` without a scale, or with more digits than a double holds.
    Numeric,
    /// `numeric(p, s)` of at most 15 digits, in units of 10^-scale.
    Decimal {
        scale: i32,
    },
    /// `text` and `varchar`.
    Text,
    /// `char(n)`, whose trailing blanks are insignificant.
    Char,
    Enum,
    Uuid,
    Date,
    Time {
        unit: i64,
    },
    Timestamp {
        unit: i64,
    },
    Timestamptz {
        unit: i64,
    },
    Interval,
}

/// Number of decimal digits that a double always holds exactly.
const EXACT_DIGITS: i32 = 15;
/// Scales whose units can be converted to `numeric`.
const SCALES: std::ops::RangeInclusive<i32> = -EXACT_DIGITS..=18;

impl Kind {
    /// The kind of a type, or `None` if it cannot be modelled.
    pub fn of(type_oid: pg_sys::Oid, typmod: i32) -> Option<Self> {
        let (base, typmod) = types::base_type(type_oid, typmod);
        Some(match base {
            pg_sys::BOOLOID => Self::Boolean,
            pg_sys::INT2OID => Self::Int2,
            pg_sys::INT4OID => Self::Int4,
            pg_sys::INT8OID => Self::Int8,
            pg_sys::FLOAT4OID => Self::Float4,
            pg_sys::FLOAT8OID => Self::Float8,
            pg_sys::NUMERICOID => numeric(typmod),
            pg_sys::TEXTOID | pg_sys::VARCHAROID => Self::Text,
            pg_sys::BPCHAROID => Self::Char,
            pg_sys::UUIDOID => Self::Uuid,
            pg_sys::DATEOID => Self::Date,
            pg_sys::TIMEOID => Self::Time { unit: unit(typmod) },
            pg_sys::TIMESTAMPOID => Self::Timestamp { unit: unit(typmod) },
            pg_sys::TIMESTAMPTZOID => Self::Timestamptz { unit: unit(typmod) },
            pg_sys::INTERVALOID => Self::Interval,
            // SAFETY: a look-up of a type.
            other if unsafe { pg_sys::get_typtype(other) } == pg_sys::TYPTYPE_ENUM as std::ffi::c_char => Self::Enum,
            _ => return None,
        })
    }

    /// Whether [`Kind::of`] can return it.
    pub fn is_possible(self) -> bool {
        match self {
            Self::Decimal { scale } => SCALES.contains(&scale),
            Self::Time { unit } | Self::Timestamp { unit } | Self::Timestamptz { unit } => {
                (0..=6).any(|digits| unit == 10i64.pow(digits))
            }
            Self::Boolean
            | Self::Int2
            | Self::Int4
            | Self::Int8
            | Self::Float4
            | Self::Float8
            | Self::Numeric
            | Self::Text
            | Self::Char
            | Self::Enum
            | Self::Uuid
            | Self::Date
            | Self::Interval => true,
        }
    }

    /// Its properties, except how its values are stored.
    fn facts(self) -> Facts {
        use Listed::{Booleans, Labels};
        match self {
            Self::Boolean => Facts { json: JsonForm::Boolean, listed: Booleans, ..Facts::category(pg_sys::BOOLOID) },
            Self::Int2 => Facts::whole(pg_sys::INT2OID, i16::MAX.into()),
            Self::Int4 => Facts::whole(pg_sys::INT4OID, i32::MAX.into()),
            Self::Int8 => Facts::whole(pg_sys::INT8OID, i64::MAX),
            Self::Float4 => Facts::real(pg_sys::FLOAT4OID, JsonForm::Float4),
            Self::Float8 => Facts::real(pg_sys::FLOAT8OID, JsonForm::Float8),
            Self::Numeric => Facts {
                key: Some(Key::Number),
                scaled_by: Some(pg_sys::numeric),
                ..Facts::real(pg_sys::NUMERICOID, JsonForm::Number)
            },
            Self::Decimal { scale } => Facts {
                measure: Measure::Lattice,
                unit: 10f64.powi(scale.saturating_neg()),
                key: (scale == 0).then_some(Key::Number),
                scaled_by: Some(pg_sys::numeric),
                ..Facts::real(pg_sys::NUMERICOID, JsonForm::Decimal { scale })
            },
            Self::Text | Self::Char => Facts { key: Some(Key::Text), ..Facts::category(pg_sys::TEXTOID) },
            Self::Enum => Facts { listed: Labels, ..Facts::category(pg_sys::TEXTOID) },
            Self::Uuid => Facts {
                key: Some(Key::Uuid),
                plainest: b"00000000-0000-0000-0000-000000000000",
                ..Facts::category(pg_sys::UUIDOID)
            },
            Self::Date => Facts::time(pg_sys::DATEOID, Family::Timestamp, DAY),
            Self::Time { unit } => Facts::time(pg_sys::TIMEOID, Family::Time, unit),
            Self::Timestamp { unit } => Facts::time(pg_sys::TIMESTAMPOID, Family::Timestamp, unit),
            Self::Timestamptz { unit } => Facts::time(pg_sys::TIMESTAMPTZOID, Family::Timestamptz, unit),
            Self::Interval => Facts {
                json: JsonForm::Quoted,
                scaled_by: Some(pg_sys::interval_scale),
                ..Facts::time(pg_sys::INTERVALOID, Family::Interval, 1)
            },
        }
    }

    /// A category in the engine's form, from the text of the output function.
    pub fn category(self, written: String) -> String {
        match self {
            Self::Boolean => if written == "t" { "true" } else { "false" }.to_owned(),
            Self::Char => written.trim_end_matches(' ').to_owned(),
            Self::Text | Self::Enum | Self::Uuid => written,
            Self::Int2
            | Self::Int4
            | Self::Int8
            | Self::Float4
            | Self::Float8
            | Self::Numeric
            | Self::Decimal { .. }
            | Self::Date
            | Self::Time { .. }
            | Self::Timestamp { .. }
            | Self::Timestamptz { .. }
            | Self::Interval => written,
        }
    }

    /// The engine's measure for it.
    pub fn measure(self) -> Measure {
        self.facts().measure
    }

    /// The type of generated values.
    pub fn plain_type(self) -> pg_sys::Oid {
        self.facts().plain
    }

    /// Whether it accepts any text, apart from the labels of an enum.
    pub fn is_text(self) -> bool {
        self.facts().plain == pg_sys::TEXTOID
    }

    /// The replacement for NULL in a category that is NOT NULL and has no released value.
    pub fn plainest_text(self) -> &'static [u8] {
        self.facts().plainest
    }

    /// The value of one step of the engine's measure, in numbers or microseconds.
    pub fn unit(self) -> f64 {
        self.facts().unit
    }

    /// Whether constants of the two kinds can be compared without a time zone.
    pub fn comparable(self, other: Self) -> bool {
        self.facts().family.is_some() && self.facts().family == other.facts().family
    }

    /// How a key of this kind is generated, if it can be.
    pub fn key(self) -> Option<Key> {
        self.facts().key
    }

    /// The largest number of rows that a key of it can number.
    pub fn most_rows(self) -> u64 {
        self.facts().most_rows
    }

    /// Its JSON form.
    pub fn json(self) -> JsonForm {
        self.facts().json
    }

    /// The function that applies a modifier of its plain type, if there is one.
    pub fn scaled_by(self) -> Option<Function> {
        self.facts().scaled_by
    }

    /// The values that its type lists.
    pub fn listed(self) -> Listed {
        self.facts().listed
    }
}

/// The supported types, in words.
pub const MODELLED: &str =
    "Booleans, numbers, text, enums, dates, times, timestamps, intervals, uuids and domains over them can be modelled.";

/// Precision and scale of a `numeric` with a modifier.
fn numeric_parts(typmod: i32) -> Option<(i32, i32)> {
    let packed = typmod - pg_sys::VARHDRSZ as i32;
    // The scale is eleven bits, in two's complement.
    (typmod >= pg_sys::VARHDRSZ as i32).then(|| ((packed >> 16) & 0xffff, ((packed & 0x7ff) ^ 1024) - 1024))
}

/// The largest number, in units of its scale, that fits a `numeric` with a modifier.
pub fn most_units(typmod: i32) -> f64 {
    numeric_parts(typmod).map_or(f64::INFINITY, |(precision, _)| 10f64.powi(precision) - 1.0)
}

fn numeric(typmod: i32) -> Kind {
    let Some((precision, scale)) = numeric_parts(typmod) else { return Kind::Numeric };
    if precision <= EXACT_DIGITS && SCALES.contains(&scale) { Kind::Decimal { scale } } else { Kind::Numeric }
}

/// Microseconds between values of a time type with `typmod` digits of seconds.
fn unit(typmod: i32) -> i64 {
    if (0..6).contains(&typmod) { 10i64.pow(6 - typmod as u32) } else { 1 }
}

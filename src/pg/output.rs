//! The engine's values to SQL values and to JSON, one writer a column.

use std::collections::HashMap;

use pgrx::pg_sys::{self, Datum};

use super::datum::{self, Input, Output, Scratch};
use super::errors::{self, Result};
use super::guard;
use super::keys::Key;
use super::types::{DAY, Kind, most_units};
use crate::engine::EngineError;
use crate::engine::table::Measure;

/// Distinct texts of a column that are kept ready.
const CACHED: usize = 50_000;

/// One value of a row.
pub enum Cell<'a> {
    Null,
    Text(&'a [u8]),
    /// In the measure of the column's kind.
    Number(f64),
    /// A number that is a key.
    Key(i64),
    Uuid([u8; 16]),
    /// A text that does not come again.
    Once(String),
}

/// Where values go: the type of a column of the result.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    pub column: String,
    pub type_oid: pg_sys::Oid,
    pub typmod: i32,
}

/// Makes SQL values of one column, as values of the type under the target's domains: these are for whoever uses them to
/// check, since a domain may call anybody's functions.
pub struct Typed {
    /// What the values are of, and how errors call it.
    base: Target,
    kind: Kind,
    way: Way,
    input: Input,
    cache: HashMap<Box<[u8]>, Datum>,
    kept: Scratch,
}

/// From a value of a kind's plain type to one of the target's base type.
enum Way {
    /// They are the same.
    Same,
    /// They are the same, and hold decimals up to so many units.
    Within(f64),
    /// They are the same, and a function brings a value into the target's modifier.
    Scaled(datum::Function),
    /// Written by one type's output function and read by the other's input function.
    Text(Output),
}

impl Way {
    /// The way to a base type, if an assignment would find one.
    fn of(kind: Kind, base: pg_sys::Oid, typmod: i32) -> Option<Self> {
        let plain = plain_type(kind);
        if base != plain {
            return is_assignable(kind, base).then(|| Self::Text(Output::new(plain)));
        }
        Some(match (kind, Kind::of(base, typmod)) {
            (Kind::Decimal { .. }, found) if found == Some(kind) => Self::Within(most_units(typmod)),
            (Kind::Numeric | Kind::Decimal { .. }, _) if typmod >= 0 => Self::Scaled(pg_sys::numeric),
            (Kind::Interval, _) if typmod >= 0 => Self::Scaled(pg_sys::interval_scale),
            (Kind::Numeric | Kind::Decimal { .. }, _) => Self::Same,
            (_, Some(found)) if found.unit() <= kind.unit() => Self::Same,
            // Times of fewer digits.
            _ => Self::Text(Output::new(plain)),
        })
    }
}

/// Whether values of a kind can be assigned to a base type other than the kind's plain one, by nothing but input functions
/// of types that hold no others: those of rows, arrays and ranges may call the functions of domains inside.
fn is_assignable(kind: Kind, base: pg_sys::Oid) -> bool {
    let mut function = pg_sys::InvalidOid;
    // SAFETY: look-ups of existing types.
    unsafe {
        let sort = pg_sys::get_typtype(base) as u8;
        if kind == Kind::Enum && sort == pg_sys::TYPTYPE_ENUM {
            return true;
        }
        let assignment = pg_sys::CoercionContext::COERCION_ASSIGNMENT;
        sort == pg_sys::TYPTYPE_BASE
            && pg_sys::get_element_type(base) == pg_sys::InvalidOid
            && pg_sys::find_coercion_pathway(base, plain_type(kind), assignment, &mut function)
                != pg_sys::CoercionPathType::COERCION_PATH_NONE
    }
}

impl Typed {
    /// A writer from values of `kind` to the target, whose base type alone decides how; nothing if they cannot be assigned.
    pub fn new(kind: Kind, target: &Target) -> Option<Self> {
        let (type_oid, typmod) = datum::base_type(target.type_oid, target.typmod);
        Some(Self {
            way: Way::of(kind, type_oid, typmod)?,
            input: Input::new(type_oid, typmod),
            base: Target { column: target.column.clone(), type_oid, typmod },
            kind,
            cache: HashMap::new(),
            kept: Scratch::new(),
        })
    }

    /// Characters that a value may have.
    pub fn longest(&self) -> usize {
        // A modifier counts the header too.
        let header = pg_sys::VARHDRSZ as i32;
        let limited = matches!(self.base.type_oid, pg_sys::VARCHAROID | pg_sys::BPCHAROID) && self.base.typmod > header;
        if limited { (self.base.typmod - header) as usize } else { usize::MAX }
    }

    /// Called between blocks, when no value is in use.
    pub fn tidy(&mut self) {
        if self.cache.len() > CACHED {
            self.cache.clear();
            // SAFETY: nothing refers to the cached values any more.
            unsafe { self.kept.reset() };
        }
    }

    /// The value of a cell as one of the target's base type, in the current memory context or one of our own; nothing for
    /// NULL.
    ///
    /// # Errors
    /// If the type refuses it, or no column of the kind has such a cell.
    pub fn value(&mut self, cell: &Cell<'_>) -> Result<Option<Datum>> {
        let is_category = self.kind.measure() == Measure::Category;
        match cell {
            Cell::Null => Ok(None),
            Cell::Text(text) if is_category => self.text(text).map(Some),
            Cell::Once(text) if Key::of(self.kind) == Some(Key::Text) => self.parse(text).map(Some),
            Cell::Number(number) if !is_category => self.number(*number).map(Some),
            Cell::Key(number) if Key::of(self.kind) == Some(Key::Number) => self.key(*number).map(Some),
            Cell::Uuid(bytes) if self.kind == Kind::Uuid => match self.way {
                Way::Same => Ok(Some(copied(bytes))),
                _ => self.parse(&uuid_text(bytes)).map(Some),
            },
            _ => Err(EngineError::CorruptModel { reason: "a value is not of its column's kind" }.into()),
        }
    }

    fn text(&mut self, text: &[u8]) -> Result<Datum> {
        if let Some(datum) = self.cache.get(text) {
            return Ok(*datum);
        }
        let string = String::from_utf8_lossy(text).into_owned();
        let (input, kept) = (&mut self.input, &self.kept);
        let datum = guard::attempt(|| kept.within(|| input.parse(&string)), || refused(&self.base))?;
        self.cache.insert(text.into(), datum);
        Ok(datum)
    }

    fn parse(&mut self, text: &str) -> Result<Datum> {
        let input = &mut self.input;
        guard::attempt(|| input.parse(text), || refused(&self.base))
    }

    fn number(&mut self, number: f64) -> Result<Datum> {
        match &mut self.way {
            Way::Same => Ok(number_datum(self.kind, number)),
            Way::Within(most) => Ok(number_datum(self.kind, number.clamp(-*most, *most))),
            Way::Scaled(function) => scaled(*function, number_datum(self.kind, number), &self.base),
            Way::Text(output) => {
                // SAFETY: the value is of the type that the output function was looked up for.
                let text = unsafe { output.format(number_datum(self.kind, number)) };
                self.parse(&text)
            }
        }
    }

    /// A number that is a key, whatever the scale of its column.
    fn key(&mut self, number: i64) -> Result<Datum> {
        let out_of_range = || errors::key_out_of_range(&self.base.column);
        match self.way {
            Way::Within(most) if number as f64 > most => Err(out_of_range()),
            Way::Same | Way::Within(_) => whole_datum(self.kind, number).ok_or_else(out_of_range),
            Way::Scaled(function) => {
                let datum = whole_datum(self.kind, number).ok_or_else(out_of_range)?;
                scaled(function, datum, &self.base)
            }
            Way::Text(_) => self.parse(&number.to_string()),
        }
    }
}

/// A value brought into the modifier of a type.
fn scaled(function: datum::Function, value: Datum, base: &Target) -> Result<Datum> {
    // SAFETY: the functions of `Way` take a value of their type and a modifier.
    guard::attempt(|| unsafe { datum::call(function, &[value, Datum::from(base.typmod)]) }, || refused(base))
}

fn refused(base: &Target) -> errors::Fault {
    errors::value_refused(&base.column, &datum::type_name(base.type_oid, base.typmod))
}

/// A whole number as a value of a kind's plain type, if that is one of such numbers and holds it.
fn whole_datum(kind: Kind, number: i64) -> Option<Datum> {
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
        Kind::Numeric => unsafe { datum::call(pg_sys::float8_numeric, &[Datum::from(number.to_bits())]) },
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
fn copied<T: Copy>(value: &T) -> Datum {
    // SAFETY: the new chunk is as large and as aligned as the value needs.
    unsafe {
        let place: *mut T = pg_sys::palloc(size_of::<T>()).cast();
        place.write(*value);
        Datum::from(place)
    }
}

/// Makes JSON of one column.
pub struct Json {
    kind: Kind,
    output: Option<Output>,
    cache: HashMap<Box<[u8]>, String>,
}

impl Json {
    pub fn new(kind: Kind) -> Self {
        let output = (kind == Kind::Interval || kind == Kind::Numeric).then(|| Output::new(plain_type(kind)));
        Self { kind, output, cache: HashMap::new() }
    }

    /// Appends the JSON of a cell.
    pub fn write(&mut self, cell: &Cell<'_>, to: &mut String) {
        use std::fmt::Write;
        match cell {
            Cell::Null => to.push_str("null"),
            Cell::Text(text) if self.kind == Kind::Boolean => {
                to.push_str(if *text == b"true" { "true" } else { "false" });
            }
            Cell::Text(text) => {
                if let Some(known) = self.cache.get(*text) {
                    to.push_str(known);
                    return;
                }
                let escaped = escaped(&String::from_utf8_lossy(text));
                to.push_str(&escaped);
                if self.cache.len() < CACHED {
                    self.cache.insert((*text).into(), escaped);
                }
            }
            Cell::Once(text) => to.push_str(&escaped(text)),
            Cell::Key(number) => drop(write!(to, "{number}")),
            Cell::Uuid(bytes) => to.push_str(&escaped(&uuid_text(bytes))),
            Cell::Number(number) => self.number(*number, to),
        }
    }

    fn number(&mut self, number: f64, to: &mut String) {
        use std::fmt::Write;
        match self.kind {
            _ if !number.is_finite() => to.push_str("null"),
            Kind::Int2 => drop(write!(to, "{}", number.round() as i16)),
            Kind::Int4 => drop(write!(to, "{}", number.round() as i32)),
            Kind::Int8 => drop(write!(to, "{}", number.round() as i64)),
            Kind::Float4 => drop(write!(to, "{}", number as f32)),
            Kind::Float8 => drop(write!(to, "{number}")),
            Kind::Decimal { scale } => decimal(number.round() as i64, scale, to),
            Kind::Numeric => {
                // SAFETY: a numeric for numeric's output function.
                let text = self.output.as_mut().map(|o| unsafe { o.format(number_datum(Kind::Numeric, number)) });
                to.push_str(&text.unwrap_or_default());
            }
            Kind::Interval => {
                // SAFETY: an interval for interval's output function.
                let text = self.output.as_mut().map(|o| unsafe { o.format(number_datum(Kind::Interval, number)) });
                to.push_str(&escaped(&text.unwrap_or_default()));
            }
            _ => {
                // The buffer's length is that of PostgreSQL's own: MAXDATELEN + 1. Zone 0 is UTC.
                let (mut buffer, utc) = ([0 as std::ffi::c_char; 129], 0);
                // SAFETY: a value of a type that the function knows, and a buffer that holds all it writes.
                unsafe {
                    let datum = number_datum(self.kind, number);
                    pg_sys::JsonEncodeDateTime(buffer.as_mut_ptr(), datum, plain_type(self.kind), &utc);
                    to.push('"');
                    to.push_str(&datum::string(buffer.as_ptr()));
                    to.push('"');
                }
            }
        }
    }
}

fn decimal(units: i64, scale: i32, to: &mut String) {
    use std::fmt::Write;
    if scale <= 0 {
        let zeros = if units == 0 { 0 } else { scale.unsigned_abs() as usize };
        let _ = write!(to, "{units}{}", "0".repeat(zeros));
        return;
    }
    let scale = scale as usize;
    let digits = format!("{:0>width$}", units.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let _ = write!(to, "{}{whole}.{fraction}", if units < 0 { "-" } else { "" });
}

/// A JSON string, quotes included.
pub fn escaped(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn uuid_text(bytes: &[u8; 16]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(units: i64, scale: i32) -> String {
        let mut text = String::new();
        decimal(units, scale, &mut text);
        text
    }

    #[test]
    fn decimals_keep_their_digits() {
        assert_eq!(written(1725, 2), "17.25");
        assert_eq!(written(-5, 2), "-0.05");
        assert_eq!(written(0, 3), "0.000");
        assert_eq!(written(12, -3), "12000");
        assert_eq!(written(7, 0), "7");
    }

    #[test]
    fn uuids_are_written_as_usual() {
        assert_eq!(uuid_text(&[0xab; 16]), "abababab-abab-abab-abab-abababababab");
    }
}

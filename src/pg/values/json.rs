//! The engine's values to JSON, one writer a column.

use std::collections::HashMap;

use pgrx::pg_sys;

use crate::pg::server::fmgr::OutputFunction;
use crate::pg::server::text;
use crate::pg::values::cell::{CACHED, CellValue};
use crate::pg::values::datums::{number_datum, plain_type};
use crate::pg::values::kind::Kind;
use crate::pg::values::uuid;

/// Makes JSON of one column.
pub struct JsonWriter {
    kind: Kind,
    output: Option<OutputFunction>,
    cache: HashMap<Box<[u8]>, String>,
}

impl JsonWriter {
    pub fn new(kind: Kind) -> Self {
        let output = (kind == Kind::Interval || kind == Kind::Numeric).then(|| OutputFunction::new(plain_type(kind)));
        Self { kind, output, cache: HashMap::new() }
    }

    /// Appends the JSON of a cell.
    pub fn write(&mut self, cell: &CellValue<'_>, to: &mut String) {
        use std::fmt::Write;
        match cell {
            CellValue::Null => to.push_str("null"),
            CellValue::Text(text) if self.kind == Kind::Boolean => {
                to.push_str(if *text == b"true" { "true" } else { "false" });
            }
            CellValue::Text(text) => {
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
            CellValue::Once(text) => to.push_str(&escaped(text)),
            CellValue::Key(number) => drop(write!(to, "{number}")),
            CellValue::Uuid(bytes) => to.push_str(&escaped(&uuid::written(bytes))),
            CellValue::Number(number) => self.number(*number, to),
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
                    to.push_str(&text::string(buffer.as_ptr()));
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
}

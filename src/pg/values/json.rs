//! The engine's values to JSON, one writer per column.

use std::collections::HashMap;

use pgrx::pg_sys::{self, Datum};

use crate::pg::server::fmgr::OutputFunction;
use crate::pg::server::text;
use crate::pg::values::cell::{CACHED, CellValue};
use crate::pg::values::datums::{self, number_datum};
use crate::pg::values::facts::JsonForm;
use crate::pg::values::kind::Kind;
use crate::pg::values::uuid;

/// Writes the JSON of one column.
pub struct JsonWriter {
    kind: Kind,
    form: JsonForm,
    output: Option<OutputFunction>,
    cache: HashMap<Box<[u8]>, String>,
}

impl JsonWriter {
    pub fn new(kind: Kind) -> Self {
        let form = kind.json();
        let is_written = matches!(form, JsonForm::Number | JsonForm::Quoted);
        let output = is_written.then(|| OutputFunction::new(kind.plain_type()));
        Self { kind, form, output, cache: HashMap::new() }
    }

    /// Appends the JSON of a cell.
    pub fn write(&mut self, cell: &CellValue<'_>, to: &mut String) {
        use std::fmt::Write;
        match cell {
            CellValue::Null => to.push_str("null"),
            CellValue::Text(text) if self.form == JsonForm::Boolean => {
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
            // SAFETY: a value of the base type of a column of this kind.
            CellValue::Sql(value) => unsafe { self.sql(*value, to) },
        }
    }

    fn number(&mut self, number: f64, to: &mut String) {
        use std::fmt::Write;
        if !number.is_finite() {
            return to.push_str("null");
        }
        match self.form {
            JsonForm::Integer { largest } => {
                let _ = write!(to, "{}", (number.round() as i64).clamp(-largest - 1, largest));
            }
            JsonForm::Float4 => drop(write!(to, "{}", number as f32)),
            JsonForm::Float8 => drop(write!(to, "{number}")),
            JsonForm::Decimal { scale } => decimal(number.round() as i64, scale, to),
            JsonForm::Number => to.push_str(&self.written(number)),
            JsonForm::Quoted => to.push_str(&escaped(&self.written(number))),
            JsonForm::Boolean | JsonForm::Text => to.push_str("null"),
            // SAFETY: a value of the kind.
            JsonForm::DateTime => unsafe { self.date_time(number_datum(self.kind, number), to) },
        }
    }

    /// # Safety
    /// A value of the kind, which is one of dates and times.
    unsafe fn date_time(&self, value: Datum, to: &mut String) {
        // The buffer has the length of PostgreSQL's own: MAXDATELEN + 1. Zone 0 is UTC.
        let (mut buffer, utc) = ([0 as std::ffi::c_char; 129], 0);
        // SAFETY: a value of a type that the function knows, and a buffer with enough room.
        unsafe {
            pg_sys::JsonEncodeDateTime(buffer.as_mut_ptr(), value, self.kind.plain_type(), &utc);
            to.push('"');
            to.push_str(&text::string(buffer.as_ptr()));
            to.push('"');
        }
    }

    /// Appends a SQL value. What is no number is a string, as PostgreSQL writes it in JSON.
    ///
    /// # Safety
    /// A value of the kind.
    unsafe fn sql(&mut self, value: Datum, to: &mut String) {
        let kind = self.kind;
        // SAFETY: as promised.
        unsafe {
            match self.form {
                JsonForm::Boolean => to.push_str(if value.value() & 0xff != 0 { "true" } else { "false" }),
                JsonForm::Text => datums::with_text(kind, value, |text| {
                    to.push_str(&escaped(&String::from_utf8_lossy(text)));
                }),
                JsonForm::Integer { .. } => to.push_str(&datums::whole(kind, value).to_string()),
                JsonForm::DateTime => self.date_time(value, to),
                JsonForm::Float4 | JsonForm::Float8 | JsonForm::Decimal { .. } => match datums::number(kind, value) {
                    number if number.is_finite() => self.number(number, to),
                    number if number.is_nan() => to.push_str("\"NaN\""),
                    number => to.push_str(if number > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" }),
                },
                JsonForm::Number | JsonForm::Quoted => {
                    let text = self.output.as_mut().map(|output| output.format(value)).unwrap_or_default();
                    let is_number = self.form == JsonForm::Number && text.ends_with(|c: char| c.is_ascii_digit());
                    to.push_str(&if is_number { text } else { escaped(&text) });
                }
            }
        }
    }

    /// The text from the output function of the plain type.
    fn written(&mut self, number: f64) -> String {
        let datum = number_datum(self.kind, number);
        // SAFETY: a value of the type that the output function was looked up for.
        self.output.as_mut().map(|output| unsafe { output.format(datum) }).unwrap_or_default()
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

//! The engine's values to SQL values, one writer per column.

use std::collections::HashMap;

use pgrx::pg_sys::{self, Datum};

use crate::engine::EngineError;
use crate::engine::table::Measure;
use crate::pg::errors::{self, Result};
use crate::pg::server::fmgr::{self, InputFunction, OutputFunction};
use crate::pg::server::memory::Scratch;
use crate::pg::server::tuple::Target;
use crate::pg::server::{guard, types};
use crate::pg::values::cell::{CACHED, CellValue};
use crate::pg::values::datums::{copied, duplicate, number_datum, whole_datum};
use crate::pg::values::key::Key;
use crate::pg::values::kind::{Kind, most_units};
use crate::pg::values::{chars, uuid};

/// Makes SQL values of one column, with the base type of the target. Constraints of its domains are left to the user of
/// the values, because a domain may call functions of any role.
pub struct SqlWriter {
    /// The type of the values, and its name in errors.
    base: Target,
    kind: Kind,
    is_category: bool,
    key: Option<Key>,
    way: Way,
    /// For values that are SQL values already.
    taking: Option<Taking>,
    input: InputFunction,
    cache: HashMap<Box<[u8]>, Datum>,
    kept: Scratch,
}

/// Conversion from a kind's plain type to the target's base type.
enum Way {
    /// The types are the same.
    Same,
    /// The types are the same, and hold decimals up to this many units.
    Within(f64),
    /// The types are the same, and a function applies the target's modifier.
    Scaled(fmgr::Function),
    /// Written by one type's output function and read by the other's input function.
    Text(OutputFunction),
}

impl Way {
    /// The conversion to a base type, if an assignment cast exists.
    fn of(kind: Kind, base: pg_sys::Oid, typmod: i32) -> Option<Self> {
        let plain = kind.plain_type();
        if base != plain {
            return is_assignable(kind, base).then(|| Self::Text(OutputFunction::new(plain)));
        }
        let found = Kind::of(base, typmod);
        Some(match kind.scaled_by() {
            _ if matches!(kind, Kind::Decimal { .. }) && found == Some(kind) => Self::Within(most_units(typmod)),
            Some(function) if typmod >= 0 => Self::Scaled(function),
            Some(_) => Self::Same,
            None if found.is_some_and(|found| found.unit() <= kind.unit()) => Self::Same,
            // Times with fewer digits.
            None => Self::Text(OutputFunction::new(plain)),
        })
    }
}

/// What happens to values of the base type of the source's column.
enum Taking {
    /// They are copied: the length of the type, and whether it is passed by value.
    Same(i16, bool),
    /// They are written by the output function of their type and read by the target's input function.
    Text(OutputFunction),
}

/// Whether values of a kind can be assigned to another base type using only input functions of types without
/// components. Those of rows, arrays and ranges may call the functions of domains inside.
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
            && pg_sys::find_coercion_pathway(base, kind.plain_type(), assignment, &mut function)
                != pg_sys::CoercionPathType::COERCION_PATH_NONE
    }
}

impl SqlWriter {
    /// A writer from values of `kind` to the target's base type; `None` if they cannot be assigned.
    pub fn new(kind: Kind, target: &Target) -> Option<Self> {
        let (type_oid, typmod) = types::base_type(target.type_oid, target.typmod);
        Some(Self {
            way: Way::of(kind, type_oid, typmod)?,
            taking: None,
            input: InputFunction::new(type_oid, typmod),
            base: Target { column: target.column.clone(), type_oid, typmod },
            kind,
            is_category: kind.measure() == Measure::Category,
            key: kind.key(),
            cache: HashMap::new(),
            kept: Scratch::new(),
        })
    }

    /// The writer, for values of this base type instead of values of the engine.
    pub fn taking(mut self, (type_oid, typmod): (pg_sys::Oid, i32)) -> Self {
        let target = &self.base;
        let is_same = target.type_oid == type_oid && (target.typmod == typmod || target.typmod < 0);
        self.taking = Some(if is_same {
            let (mut length, mut by_value) = (0, false);
            // SAFETY: a look-up of an existing type.
            unsafe { pg_sys::get_typlenbyval(type_oid, &mut length, &mut by_value) };
            Taking::Same(length, by_value)
        } else {
            Taking::Text(OutputFunction::new(type_oid))
        });
        self
    }

    /// Maximum length of a value in characters.
    pub fn longest(&self) -> usize {
        chars::longest(self.base.type_oid, self.base.typmod)
    }

    /// Called between blocks, when no value is in use.
    pub fn tidy(&mut self) {
        if self.cache.len() > CACHED {
            self.cache.clear();
            // SAFETY: nothing refers to the cached values any more.
            unsafe { self.kept.reset() };
        }
    }

    /// The value of a cell in the target's base type, in the current memory context or an own one; `None` for NULL.
    ///
    /// # Errors
    /// If the type refuses it, or the kind of the column has no such cell.
    pub fn value(&mut self, cell: &CellValue<'_>) -> Result<Option<Datum>> {
        let is_category = self.is_category;
        match cell {
            CellValue::Null => Ok(None),
            CellValue::Text(text) if is_category => self.text(text).map(Some),
            CellValue::Once(text) if self.key == Some(Key::Text) => self.parse(text).map(Some),
            CellValue::Number(number) if !is_category => self.number(*number).map(Some),
            CellValue::Key(number) if self.key == Some(Key::Number) => self.key(*number).map(Some),
            CellValue::Uuid(bytes) if self.kind == Kind::Uuid => match self.way {
                Way::Same => Ok(Some(copied(bytes))),
                _ => self.parse(&uuid::written(bytes)).map(Some),
            },
            // SAFETY: a value of the type that the writer was told of.
            CellValue::Sql(value) if self.taking.is_some() => unsafe { self.sql(*value) }.map(Some),
            _ => Err(EngineError::CorruptModel { reason: "a value is not of its column's kind" }.into()),
        }
    }

    /// # Safety
    /// A value of the type that the writer takes.
    unsafe fn sql(&mut self, value: Datum) -> Result<Datum> {
        // SAFETY: as promised.
        unsafe {
            match &mut self.taking {
                Some(Taking::Text(output)) => {
                    let text = output.format(value);
                    self.parse(&text)
                }
                Some(Taking::Same(length, by_value)) => Ok(duplicate(value, *length, *by_value)),
                None => Ok(value),
            }
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

    /// The number of a key, whatever the scale of its column.
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

/// Applies the modifier of a type to a value.
fn scaled(function: fmgr::Function, value: Datum, base: &Target) -> Result<Datum> {
    // SAFETY: the functions of `Way` take a value of their type and a modifier.
    guard::attempt(|| unsafe { fmgr::call(function, &[value, Datum::from(base.typmod)]) }, || refused(base))
}

fn refused(base: &Target) -> errors::Fault {
    errors::value_refused(&base.column, &types::type_name(base.type_oid, base.typmod))
}

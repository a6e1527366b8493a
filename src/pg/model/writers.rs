//! The columns of a result, each with the source of its values and a writer.

use pgrx::pg_sys;

use crate::pg::errors::{self, Result};
use crate::pg::model::cell_source::{CellSource, ModelRow};
use crate::pg::model::loaded::Model;
use crate::pg::model::metadata::ColumnFacts;
use crate::pg::model::row_values::base_target;
use crate::pg::server::memory::RowMemory;
use crate::pg::server::tuple::Target;
use crate::pg::server::types::{self, type_name};
use crate::pg::values::kind::Kind;
use crate::pg::values::writer::SqlWriter;

/// Writers for the columns of a result, by position; `None` for a column that stays NULL.
pub type Writers = Vec<(usize, CellSource, Option<SqlWriter>)>;

/// Writes the values of a row to their positions, in the current memory context.
pub fn write(writers: &mut Writers, row: &ModelRow, values: &mut [pg_sys::Datum], nulls: &mut [bool]) -> Result<()> {
    for (i, origin, typed) in writers {
        let value = match typed {
            Some(typed) => typed.value(&origin.cell(row)?)?,
            None => None,
        };
        values[*i] = value.unwrap_or(pg_sys::Datum::null());
        nulls[*i] = value.is_none();
    }
    Ok(())
}

/// Called between blocks, when no value is in use.
pub fn tidy(writers: &mut Writers) {
    writers.iter_mut().for_each(|(_, _, typed)| typed.iter_mut().for_each(SqlWriter::tidy));
}

/// Makes rows of SQL values for a receiver that copies them.
pub struct RowWriter {
    writers: Writers,
    values: Vec<pg_sys::Datum>,
    nulls: Vec<bool>,
    memory: RowMemory,
}

impl RowWriter {
    /// For rows of `width` values. Values without a writer stay NULL.
    pub fn new(writers: Writers, width: usize) -> Self {
        let (values, nulls) = (vec![pg_sys::Datum::null(); width], vec![true; width]);
        Self { writers, values, nulls, memory: RowMemory::new() }
    }

    /// Passes the values of a row to the receiver.
    pub fn write(&mut self, row: &ModelRow, copy: impl FnOnce(&mut [pg_sys::Datum], &mut [bool])) -> Result<()> {
        let Self { writers, values, nulls, memory } = self;
        // SAFETY: earlier rows were copied, and what writers keep is elsewhere.
        unsafe { memory.next() }.within(|| write(writers, row, values, nulls))?;
        copy(values, nulls);
        Ok(())
    }

    /// Called between blocks.
    pub fn tidy(&mut self) {
        tidy(&mut self.writers);
    }
}

/// Matches the columns of a result with those of the model, by name.
pub fn writers(model: &Model, targets: &[(usize, Target)], row_type: &str, total: u64, seed: u64) -> Result<Writers> {
    let annotation = &model.annotation;
    let places = annotation.places();
    let stranger = |(_, target): &&(usize, Target)| {
        !annotation.columns.iter().any(|column| column.name == target.column)
            && !annotation.left_out.contains(&target.column)
    };
    let strangers: Vec<&str> = targets.iter().filter(stranger).map(|(_, target)| target.column.as_str()).collect();
    if !strangers.is_empty() {
        return Err(errors::row_type_has_strangers(&model.name, row_type, strangers));
    }
    let writer = |(i, target): &(usize, Target)| {
        let Some(k) = annotation.columns.iter().position(|column| column.name == target.column) else {
            return Ok((*i, CellSource::LeftOut, None));
        };
        let column = &annotation.columns[k];
        let typed = typed(column, target).ok_or_else(|| {
            if types::resolve_type(&column.type_name).is_some_and(|(own, _)| own == target.type_oid) {
                return errors::type_is_gone(&column.name, &column.type_name);
            }
            let wanted = type_name(target.type_oid, target.typmod);
            errors::row_type_mismatch(&model.name, row_type, &target.column, &wanted, &column.type_name)
        })?;
        let origin = CellSource::of(column, places[k], typed.longest(), total, seed)?;
        Ok((*i, origin, Some(taking(typed, column)?)))
    };
    targets.iter().map(writer).collect()
}

/// A writer for a column of the model. Different enums do not share labels.
fn typed(column: &ColumnFacts, target: &Target) -> Option<SqlWriter> {
    let typed = SqlWriter::new(column.kind, target)?;
    let (base, _) = types::base_type(target.type_oid, target.typmod);
    // SAFETY: a look-up.
    let is_enum = unsafe { pg_sys::get_typtype(base) } as u8 == pg_sys::TYPTYPE_ENUM;
    let own = || types::resolve_type(&column.type_name).map(|(own, typmod)| types::base_type(own, typmod).0);
    (!is_enum || own() == Some(base)).then_some(typed)
}

/// The writer, which takes SQL values if the column is computed.
fn taking(typed: SqlWriter, column: &ColumnFacts) -> Result<SqlWriter> {
    if column.computed.is_none() {
        return Ok(typed);
    }
    // A type of the same kind has values of the same form, even if it is not the one that they are computed in.
    let own = base_target(column).map(|own| typed.taking((own.type_oid, own.typmod)));
    own.ok_or_else(|| errors::type_is_gone(&column.name, &column.type_name))
}

/// Writers for a table that was created for the model and has all its columns in order.
pub fn own_writers(model: &Model, total: u64, seed: u64) -> Result<(Writers, Vec<Target>)> {
    let places = model.annotation.places();
    let mut writers = Vec::new();
    let mut targets = Vec::new();
    for (i, (column, place)) in model.annotation.columns.iter().zip(places).enumerate() {
        let gone = || errors::type_is_gone(&column.name, &column.type_name);
        let (type_oid, typmod) = types::resolve_type(&column.type_name)
            .filter(|(type_oid, typmod)| Kind::of(*type_oid, *typmod) == Some(column.kind))
            .ok_or_else(gone)?;
        let target = Target { column: column.name.clone(), type_oid, typmod };
        let typed = SqlWriter::new(column.kind, &target).ok_or_else(gone)?;
        let origin = CellSource::of(column, place, typed.longest(), total, seed)?;
        writers.push((i, origin, Some(taking(typed, column)?)));
        targets.push(target);
    }
    Ok((writers, targets))
}

//! `tablediffusion_create_table`: a new table with the source's column types, full of synthetic rows.

use std::ffi::CStr;

use pgrx::pg_sys;

use crate::engine::EngineError;
use crate::pg::errors::{self, Result};
use crate::pg::functions::copy_properties::{self, Including};
use crate::pg::model::loaded::Model;
use crate::pg::model::rows::{self, Rows};
use crate::pg::model::table_comment::describe;
use crate::pg::model::writers::{self, Writers};
use crate::pg::model::{given, target_domains};
use crate::pg::server::call::{Call, sql_function};
use crate::pg::server::memory::Scratch;
use crate::pg::server::text::{self, c_string};
use crate::pg::server::tuple::{self, Target};
use crate::pg::server::{access, spi, types};
use crate::pg::values::writer::Typed;

sql_function!(tablediffusion_create_table, pg_finfo_tablediffusion_create_table, create_table);

/// Rows that are written at once.
const BATCH: usize = 1000;

/// `(target text, model text, n bigint, seed bigint, given jsonb, including text[])`, the last from version 0.2.0 on.
fn create_table(call: &Call) -> Result<Option<pg_sys::Datum>> {
    let (target, name, total) = (call.text(0, "target")?, call.text(1, "model")?, call.rows(2, "n")?);
    let seed = rows::seed(call.optional_int(3))?;
    let given = call.object(4, "given")?;
    access::check_writable(c"tablediffusion_create_table()");
    let including = if call.count() > 5 { call.texts(5, "including")? } else { Vec::new() };
    let including = Including::parse(&including)?;
    let model = Model::load(name)?;
    let given = given::wanted(&model, &given)?;
    let (writers, targets) = writers::own_writers(&model, total, seed)?;
    let targets = target_domains::chosen(&model.annotation, targets)?;
    let columns =
        Columns { names_and_types: targets, not_null: model.annotation.columns.iter().map(|c| c.not_null).collect() };
    let relation = Place::of(&target)?.create(&columns)?;
    let table = relation.oid();
    relation.fill(writers, &columns, Rows::new(&model, given, seed, total)?)?;
    drop(relation);
    copy_properties::take_over(including, table, &model.annotation)?;
    describe(table, &model);
    Ok(Some(table.into()))
}

/// The columns that the table is to have, and those of them that are NOT NULL, as in the source.
struct Columns {
    names_and_types: Vec<Target>,
    not_null: Vec<bool>,
}

impl Columns {
    fn iter(&self) -> impl Iterator<Item = (&Target, bool)> {
        self.names_and_types.iter().zip(self.not_null.iter().copied())
    }

    /// As `CREATE TABLE` has them.
    fn written(&self) -> String {
        let written = |(target, not_null): (&Target, bool)| {
            let type_name = types::qualified_type_name(target.type_oid, target.typmod);
            format!("{} {type_name}{}", text::quoted(&target.column), if not_null { " NOT NULL" } else { "" })
        };
        self.iter().map(written).collect::<Vec<_>>().join(", ")
    }

    /// Whether a descriptor is that of these columns: values of their types are written by it.
    ///
    /// # Safety
    /// A valid descriptor.
    unsafe fn are(&self, desc: pg_sys::TupleDesc) -> bool {
        // SAFETY: as promised; only attributes that there are are looked at.
        let (width, constraints) = unsafe { ((*desc).natts as usize, (*desc).constr.as_ref()) };
        let is = |(i, (target, not_null)): (usize, (&Target, bool))| {
            // SAFETY: as above.
            let found = unsafe { tuple::attribute(desc, i) };
            !found.attisdropped
                && text::name(&found.attname, String::new).is_ok_and(|name| name == target.column)
                && (found.atttypid, found.atttypmod) == (target.type_oid, target.typmod)
                && (found.attnotnull, found.attgenerated, found.attidentity) == (not_null, 0, 0)
        };
        width == self.names_and_types.len()
            && self.iter().enumerate().all(is)
            && constraints.is_none_or(|c| c.num_defval == 0 && c.num_check == 0 && c.missing.is_null())
    }
}

/// Where a table goes: a schema by its oid, as the caller's search path has it, and a name.
struct Place {
    schema: pg_sys::Oid,
    name: String,
}

impl Place {
    fn of(target: &str) -> Result<Self> {
        let text = c_string(target);
        // SAFETY: a NUL-terminated string in; ERROR if it is not a name, or if the caller may create nothing there. The
        // schema cannot be dropped from here on.
        unsafe {
            let names = pg_sys::textToQualifiedNameList(pg_sys::cstring_to_text(text.as_ptr()));
            let range = pg_sys::makeRangeVarFromNameList(names);
            let lock = pg_sys::NoLock as pg_sys::LOCKMODE;
            let schema = pg_sys::RangeVarGetAndCheckCreationNamespace(range, lock, std::ptr::null_mut());
            let name = text::utf8(CStr::from_ptr((*range).relname).to_bytes(), || "argument \"target\"".to_owned())?;
            Ok(Self { schema, name })
        }
    }

    /// Creates the table as the caller, and opens it for writing.
    ///
    /// # Errors
    /// If what is there afterwards is not what was made, without anything that rows would be written past.
    fn create(&self, columns: &Columns) -> Result<Table> {
        let (schema, name) = (text::quoted(&text::schema_name(self.schema)?), text::quoted(&self.name));
        spi::run(&format!("CREATE TABLE {schema}.{name} ({})", columns.written()), &[])?;
        let name = c_string(&self.name);
        // SAFETY: a look-up by name in one schema; null if it was dropped. It is closed by `drop`.
        let relation = unsafe {
            let table = pg_sys::get_relname_relid(name.as_ptr(), self.schema);
            pg_sys::try_relation_open(table, pg_sys::AccessExclusiveLock as pg_sys::LOCKMODE)
        };
        if relation.is_null() {
            return Err(errors::target_changed());
        }
        let table = Table(relation);
        // SAFETY: an open relation.
        if unsafe { table.is_as_made(columns) } { Ok(table) } else { Err(errors::target_changed()) }
    }
}

/// A table that this transaction made, open for writing.
struct Table(pg_sys::Relation);

impl Table {
    /// # Safety
    /// The relation is open.
    unsafe fn is_as_made(&self, columns: &Columns) -> bool {
        // SAFETY: as promised.
        unsafe {
            let (relation, class) = (&*self.0, &*(*self.0).rd_rel);
            relation.rd_createSubid == pg_sys::GetCurrentSubTransactionId()
                && class.relkind as u8 == pg_sys::RELKIND_RELATION
                && !(class.relhasindex || class.relhastriggers || class.relhasrules || class.relhassubclass)
                && !(class.relispartition || class.relrowsecurity)
                && columns.are(relation.rd_att)
        }
    }

    fn oid(&self) -> pg_sys::Oid {
        // SAFETY: the relation is open.
        unsafe { (*self.0).rd_id }
    }

    fn fill(&self, mut writers: Writers, columns: &Columns, mut all: Rows) -> Result<()> {
        let scratch = Scratch::new();
        let mut batch = Batch::new(self.0);
        while let Some(block) = all.next_block()? {
            for row in 0..block.rows {
                let Some(number) = all.take(&block, row)? else { continue };
                let (values, nulls) = batch.next_row();
                writers::write(&mut writers, &scratch, values, nulls, |origin| origin.cell(&block, row, number))?;
                if nulls.iter().zip(&columns.not_null).any(|(is_null, not_null)| *is_null && *not_null) {
                    return Err(EngineError::CorruptModel { reason: "it has a NULL where there can be none" }.into());
                }
                batch.end_row();
                if batch.rows == BATCH {
                    batch.write_and_forget(&scratch);
                }
            }
            batch.write_and_forget(&scratch);
            writers.iter_mut().for_each(|(_, _, typed)| typed.iter_mut().for_each(Typed::tidy));
        }
        batch.finish();
        Ok(())
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        // After an ERROR the transaction's end closes it.
        if !std::thread::panicking() {
            // SAFETY: opened by `create`; the lock stays.
            unsafe { pg_sys::relation_close(self.0, pg_sys::NoLock as pg_sys::LOCKMODE) };
        }
    }
}

/// Rows on their way into a table.
struct Batch {
    relation: pg_sys::Relation,
    slots: Vec<*mut pg_sys::TupleTableSlot>,
    rows: usize,
    width: usize,
    command: pg_sys::CommandId,
    state: pg_sys::BulkInsertState,
}

impl Batch {
    fn new(relation: pg_sys::Relation) -> Self {
        // SAFETY: an open relation; the slots live in the current memory context.
        unsafe {
            let desc = (*relation).rd_att;
            let slot = |_| pg_sys::MakeSingleTupleTableSlot(desc, &raw const pg_sys::TTSOpsVirtual);
            Self {
                relation,
                slots: (0..BATCH).map(slot).collect(),
                rows: 0,
                width: (*desc).natts as usize,
                command: pg_sys::GetCurrentCommandId(true),
                state: pg_sys::GetBulkInsertState(),
            }
        }
    }

    /// The places for the values of the next row.
    fn next_row(&mut self) -> (&mut [pg_sys::Datum], &mut [bool]) {
        // SAFETY: an empty virtual slot has room for as many values as the table has columns.
        unsafe {
            let slot = &*self.slots[self.rows];
            (
                std::slice::from_raw_parts_mut(slot.tts_values, self.width),
                std::slice::from_raw_parts_mut(slot.tts_isnull, self.width),
            )
        }
    }

    fn end_row(&mut self) {
        // SAFETY: the slot is empty and its values are set.
        unsafe { pg_sys::ExecStoreVirtualTuple(self.slots[self.rows]) };
        self.rows += 1;
    }

    /// Writes what is there, and forgets what it was made of.
    fn write_and_forget(&mut self, scratch: &Scratch) {
        scratch.within(|| self.write());
        // SAFETY: the rows are written and their slots empty.
        unsafe { scratch.reset() };
    }

    fn write(&mut self) {
        // SAFETY: the first `rows` slots are full; what they refer to lives until the caller resets its context.
        unsafe {
            let rows = self.rows as i32;
            pg_sys::table_multi_insert(self.relation, self.slots.as_mut_ptr(), rows, self.command, 0, self.state);
            for slot in &self.slots[..self.rows] {
                pg_sys::ExecClearTuple(*slot);
            }
        }
        self.rows = 0;
    }

    fn finish(self) {
        // SAFETY: made by `new`; everything is written.
        unsafe {
            pg_sys::FreeBulkInsertState(self.state);
            pg_sys::table_finish_bulk_insert(self.relation, 0);
            for slot in self.slots {
                pg_sys::ExecDropSingleTupleTableSlot(slot);
            }
            pg_sys::CommandCounterIncrement();
        }
    }
}

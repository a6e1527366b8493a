//! `tablediffusion_create_table`: a new table with the source's column types, full of synthetic rows.

use pgrx::pg_sys;

use super::annotation::ColumnFacts;
use super::call::{Call, sql_function};
use super::datum::{self, Scratch, c_string};
use super::errors::{self, Result};
use super::like::{self, Including};
use super::output::Typed;
use super::rows::{self, Rows};
use super::sample::{self, Model, Writers};
use super::source::Source;
use super::{catalog, domains, given};

sql_function!(tablediffusion_create_table, pg_finfo_tablediffusion_create_table, create_table);

/// Rows that are written at once.
const BATCH: usize = 1000;

/// `(target text, model text, n bigint, seed bigint, given jsonb, including text[])`, the last from version 0.2.0 on.
fn create_table(call: &Call) -> Result<Option<pg_sys::Datum>> {
    let (target, name, total) = (call.text(0, "target")?, call.text(1, "model")?, call.rows(2, "n")?);
    let seed = rows::seed(call.optional_int(3))?;
    let given = call.object(4, "given")?;
    catalog::check_writable(c"tablediffusion_create_table()");
    let including = if call.count() > 5 { call.texts(5, "including")? } else { Vec::new() };
    let including = Including::parse(&including)?;
    let model = Model::load(name)?;
    let given = given::wanted(&model, &given)?;
    let (writers, targets) = sample::own_writers(&model, total, seed)?;
    let targets = domains::chosen(&model.annotation, targets)?;
    let columns: Vec<String> =
        targets.iter().map(|target| format!("{} {}", datum::quoted(&target.column), sql_type(target))).collect();
    let table = create(&target, &columns)?;
    let relation = Table::open(table)?;
    relation.fill(writers, Rows::new(&model, given, seed, total)?)?;
    drop(relation);
    forbid_nulls(table, &model)?;
    like::take_over(including, table, &model.annotation)?;
    describe(table, &model);
    Ok(Some(table.into()))
}

/// Columns that were NOT NULL in the source are so here.
fn forbid_nulls(table: pg_sys::Oid, model: &Model) -> Result<()> {
    let columns = model.annotation.columns.iter().filter(|column| column.not_null);
    let forbid = |column: &ColumnFacts| format!("ALTER COLUMN {} SET NOT NULL", datum::quoted(&column.name));
    let actions: Vec<String> = columns.map(forbid).collect();
    if actions.is_empty() {
        return Ok(());
    }
    let statement = format!("ALTER TABLE {} {}", Source::open(table)?.quoted(), actions.join(", "));
    datum::run(&statement, &[])
}

fn sql_type(target: &super::output::Target) -> String {
    datum::qualified_type_name(target.type_oid, target.typmod)
}

/// Creates the table as the caller, where the caller's search path puts it.
fn create(target: &str, columns: &[String]) -> Result<pg_sys::Oid> {
    let text = c_string(target);
    // SAFETY: a NUL-terminated string in; ERROR if it is not a name; the range lives in the current memory context.
    let (range, written) = unsafe {
        let names = pg_sys::textToQualifiedNameList(pg_sys::cstring_to_text(text.as_ptr()));
        let range = pg_sys::makeRangeVarFromNameList(names);
        let parts = [(*range).catalogname, (*range).schemaname, (*range).relname];
        let parts = parts.into_iter().filter_map(|part| datum::optional_string(part));
        (range, parts.map(|part| datum::quoted(&part)).collect::<Vec<_>>().join("."))
    };
    datum::run(&format!("CREATE TABLE {written} ({})", columns.join(", ")), &[])?;
    // SAFETY: a valid range; the new relation is first in the search path. ERROR if somebody took it away.
    Ok(unsafe {
        let lock = pg_sys::AccessExclusiveLock as pg_sys::LOCKMODE;
        pg_sys::RangeVarGetRelidExtended(range, lock, 0, None, std::ptr::null_mut())
    })
}

/// A table that this transaction made, open for writing.
struct Table(pg_sys::Relation);

impl Table {
    /// # Errors
    /// If something put indexes, triggers or constraints on the table as it was made: rows are written past them.
    fn open(oid: pg_sys::Oid) -> Result<Self> {
        // SAFETY: the relation exists and is locked; it is closed by `drop`.
        let table = Self(unsafe { pg_sys::table_open(oid, pg_sys::NoLock as pg_sys::LOCKMODE) });
        // SAFETY: an open relation.
        let plain = unsafe {
            let class = &*(*table.0).rd_rel;
            class.relkind as u8 == pg_sys::RELKIND_RELATION
                && !class.relhasindex
                && !class.relhastriggers
                && (*(*table.0).rd_att).constr.is_null()
        };
        if plain { Ok(table) } else { Err(errors::target_changed()) }
    }

    fn fill(&self, mut writers: Writers, mut all: Rows) -> Result<()> {
        let scratch = Scratch::new();
        let mut batch = Batch::new(self.0);
        while let Some(block) = all.next_block()? {
            for row in 0..block.rows {
                let Some(number) = all.take(&block, row)? else { continue };
                scratch.within(|| {
                    let (values, nulls) = batch.next_row();
                    for (i, origin, typed) in &mut writers {
                        let Some(typed) = typed else { continue };
                        let value = typed.value(&origin.cell(&block, row, number)?)?;
                        values[*i] = value.unwrap_or(pg_sys::Datum::null());
                        nulls[*i] = value.is_none();
                    }
                    batch.end_row();
                    Result::Ok(())
                })?;
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
            // SAFETY: opened by `open`; the lock stays.
            unsafe { pg_sys::table_close(self.0, pg_sys::NoLock as pg_sys::LOCKMODE) };
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

/// How the comment on a synthetic table starts.
const DESCRIBED: &str = "Synthetic rows from model ";

/// Says on the table what it is.
pub fn describe(table: pg_sys::Oid, model: &Model) {
    let ledger = &model.artifact.ledger;
    // SAFETY: the result is a NUL-terminated string in static memory.
    let now = unsafe { datum::string(pg_sys::timestamptz_to_str(pg_sys::GetCurrentTimestamp())) };
    let text = c_string(&format!(
        "{DESCRIBED}\"{}\" (method {}, epsilon {}, delta {:e}, neighbouring tables: {}), made by tablediffusion on {now}.",
        model.name,
        model.artifact.method.name(),
        ledger.epsilon,
        ledger.delta,
        ledger.neighbours.describe(),
    ));
    // SAFETY: the table exists; a NUL-terminated string.
    unsafe { pg_sys::CreateComments(table, pg_sys::RelationRelationId, 0, text.as_ptr()) };
}

/// Whether that is said on a table.
pub fn is_described(table: &Source) -> bool {
    // SAFETY: a look-up; what is found lives in the current memory context.
    let comment = unsafe { datum::optional_string(pg_sys::GetComment(table.oid, pg_sys::RelationRelationId, 0)) };
    comment.is_some_and(|comment| comment.starts_with(DESCRIBED))
}

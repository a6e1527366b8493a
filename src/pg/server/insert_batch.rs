//! Batched inserts into a table.

use std::marker::PhantomData;

use pgrx::pg_sys;

use crate::pg::errors::Result;
use crate::pg::server::memory::Scratch;

/// Maximum rows per batch.
const ROWS: usize = 1000;

/// Rows that wait to be written to a table that is open for writing.
pub struct InsertBatch<'a> {
    relation: pg_sys::Relation,
    slots: Vec<*mut pg_sys::TupleTableSlot>,
    rows: usize,
    width: usize,
    command: pg_sys::CommandId,
    state: pg_sys::BulkInsertState,
    /// Memory of the rows' values.
    scratch: Scratch,
    open: PhantomData<&'a pg_sys::RelationData>,
}

impl InsertBatch<'_> {
    /// # Safety
    /// The relation is a table that stays open for writing.
    pub unsafe fn new(relation: pg_sys::Relation) -> Self {
        // SAFETY: as promised; the slots live in the current memory context.
        unsafe {
            let desc = (*relation).rd_att;
            let slot = |_| pg_sys::MakeSingleTupleTableSlot(desc, &raw const pg_sys::TTSOpsVirtual);
            Self {
                relation,
                slots: (0..ROWS).map(slot).collect(),
                rows: 0,
                width: (*desc).natts as usize,
                command: pg_sys::GetCurrentCommandId(true),
                state: pg_sys::GetBulkInsertState(),
                scratch: Scratch::new(),
                open: PhantomData,
            }
        }
    }

    /// Adds a row: `fill` sets a value for each column of the table, in memory that lives until the row is written.
    pub fn put(&mut self, fill: impl FnOnce(&mut [pg_sys::Datum], &mut [bool]) -> Result<()>) -> Result<()> {
        let slot = self.slots[self.rows];
        // SAFETY: an empty virtual slot has room for as many values as the table has columns.
        let (values, nulls) = unsafe {
            (
                std::slice::from_raw_parts_mut((*slot).tts_values, self.width),
                std::slice::from_raw_parts_mut((*slot).tts_isnull, self.width),
            )
        };
        self.scratch.within(|| fill(values, nulls))?;
        // SAFETY: the slot is empty and its values are set.
        unsafe { pg_sys::ExecStoreVirtualTuple(slot) };
        self.rows += 1;
        if self.rows == ROWS {
            self.flush();
        }
        Ok(())
    }

    /// Writes the collected rows, and frees their memory.
    pub fn flush(&mut self) {
        if self.rows == 0 {
            return;
        }
        let (rows, slots) = (self.rows as i32, &mut self.slots);
        // SAFETY: the first slots are full, and their values live until the reset.
        self.scratch.within(|| unsafe {
            pg_sys::table_multi_insert(self.relation, slots.as_mut_ptr(), rows, self.command, 0, self.state);
        });
        // SAFETY: the rows are written.
        unsafe {
            for slot in &self.slots[..self.rows] {
                pg_sys::ExecClearTuple(*slot);
            }
            self.scratch.reset();
        }
        self.rows = 0;
    }

    /// Writes the remaining rows, and ends the command.
    pub fn finish(mut self) {
        self.flush();
        // SAFETY: made by `new`, and everything is written.
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

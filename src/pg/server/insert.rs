//! Inserts a row into a table of the extension without a statement.

use std::ffi::CStr;

use pgrx::pg_sys;

use crate::pg::server::tuple;

/// Inserts a row with these columns and the types of their values. Indexes and constraints of the table are maintained.
/// `None` if the table does not have exactly these columns.
pub fn row(table: pg_sys::Oid, values: &[(&CStr, pg_sys::Oid, pg_sys::Datum)]) -> Option<()> {
    // SAFETY: an existing table of the extension, which is closed again, after an ERROR by the end of the transaction.
    // The slot takes as many values as the descriptor has attributes, each of the type that was checked.
    unsafe {
        let relation = pg_sys::table_open(table, pg_sys::RowExclusiveLock as pg_sys::LOCKMODE);
        let slot = pg_sys::MakeSingleTupleTableSlot((*relation).rd_att, &raw const pg_sys::TTSOpsVirtual);
        let filled = fill(&*slot, values);
        if filled.is_some() {
            pg_sys::ExecStoreVirtualTuple(slot);
            insert(relation, slot);
        }
        pg_sys::ExecDropSingleTupleTableSlot(slot);
        pg_sys::table_close(relation, pg_sys::NoLock as pg_sys::LOCKMODE);
        pg_sys::CommandCounterIncrement();
        filled
    }
}

/// # Safety
/// An empty virtual slot.
unsafe fn fill(slot: &pg_sys::TupleTableSlot, values: &[(&CStr, pg_sys::Oid, pg_sys::Datum)]) -> Option<()> {
    // SAFETY: the slot has room for as many values as its descriptor has attributes.
    unsafe {
        let desc = slot.tts_tupleDescriptor;
        let mut left = values.len();
        for i in 0..(*desc).natts as usize {
            let attribute = tuple::attribute(desc, i);
            *slot.tts_isnull.add(i) = attribute.attisdropped;
            if attribute.attisdropped {
                continue;
            }
            let name = CStr::from_ptr(attribute.attname.data.as_ptr());
            let (_, _, value) = values.iter().find(|(own, oid, _)| *own == name && *oid == attribute.atttypid)?;
            *slot.tts_values.add(i) = *value;
            left -= 1;
        }
        (left == 0).then_some(())
    }
}

/// # Safety
/// An open table that is locked for writing, and a full slot with one of its rows.
unsafe fn insert(relation: pg_sys::Relation, slot: *mut pg_sys::TupleTableSlot) {
    // SAFETY: as promised. Everything is freed with the executor's state, or with the transaction after an ERROR.
    unsafe {
        let state = pg_sys::CreateExecutorState();
        let target: *mut pg_sys::ResultRelInfo = pg_sys::palloc0(size_of::<pg_sys::ResultRelInfo>()).cast();
        pg_sys::InitResultRelInfo(target, relation, 1, std::ptr::null_mut(), 0);
        pg_sys::ExecOpenIndices(target, false);
        pg_sys::ExecSimpleRelationInsert(target, state, slot);
        pg_sys::ExecCloseIndices(target);
        pg_sys::FreeExecutorState(state);
    }
}

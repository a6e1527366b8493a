//! Statements on one table, which is known by its oid: whatever its name has come to mean when a statement is understood,
//! nothing of any other table is run.

use std::ffi::CStr;

use pgrx::pg_sys::{self, NodeTag};

use crate::pg::errors::{self, Result};
use crate::pg::server::expr;
use crate::pg::server::text::c_string;
use crate::pg::server::tuple::{self, Target};

/// What statements call the rows that they are given. No table comes before it.
pub const ROWS: &CStr = c"tablediffusion_rows";

/// Rows for a statement: in memory up to work_mem, in a temporary file beyond.
pub struct EphemeralRows {
    store: *mut pg_sys::Tuplestorestate,
    relation: pg_sys::EphemeralNamedRelationData,
}

impl EphemeralRows {
    /// None, of these columns, as long as the current memory context lives.
    pub fn new(columns: &[Target]) -> Self {
        let metadata = pg_sys::EphemeralNamedRelationMetadataData {
            name: ROWS.as_ptr().cast_mut(),
            reliddesc: pg_sys::InvalidOid,
            tupdesc: tuple::descriptor(columns),
            enrtype: pg_sys::EphemeralNameRelationType::ENR_NAMED_TUPLESTORE,
            enrtuples: 0.0,
        };
        // SAFETY: makes a store in the current memory context.
        let store = unsafe { pg_sys::tuplestore_begin_heap(false, false, pg_sys::work_mem) };
        let relation = pg_sys::EphemeralNamedRelationData { md: metadata, reldata: store.cast() };
        Self { store, relation }
    }

    /// Appends a row of values of the columns' types, which are copied.
    ///
    /// # Panics
    /// If they are not as many as there are columns.
    pub fn put(&mut self, values: &mut [pg_sys::Datum], nulls: &mut [bool]) {
        let desc = self.relation.md.tupdesc;
        // SAFETY: the descriptor is ours, and the values are as many as it has columns.
        unsafe {
            let width = (*desc).natts as usize;
            assert!(values.len() == width && nulls.len() == width, "a row of another width");
            pg_sys::tuplestore_putvalues(self.store, desc, values.as_mut_ptr(), nulls.as_mut_ptr());
        }
        self.relation.md.enrtuples += 1.0;
    }
}

impl Drop for EphemeralRows {
    fn drop(&mut self) {
        // After an ERROR the transaction's end frees it and closes its file.
        if !std::thread::panicking() {
            // SAFETY: made by `new`; no statement reads it any more.
            unsafe { pg_sys::tuplestore_end(self.store) };
        }
    }
}

/// Runs a statement that is about `table` and nothing else but the rows that it is given, as the current user and under a
/// snapshot of its own. Tells how many rows it wrote or read, of which it reads `most` at most; 0 is all.
///
/// # Errors
/// If it is about another table by now.
pub fn run(table: pg_sys::Oid, statement: &str, given: Option<&mut EphemeralRows>, most: u64) -> Result<u64> {
    let text = c_string(statement);
    // SAFETY: a NUL-terminated statement, and rows that outlive it. A snapshot that an ERROR leaves behind goes with the
    // transaction or subtransaction.
    unsafe {
        let environment = pg_sys::create_queryEnv();
        if let Some(given) = given {
            pg_sys::register_ENR(environment, &raw mut given.relation);
        }
        pg_sys::CommandCounterIncrement();
        pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
        let raw = expr::members(pg_sys::raw_parser(text.as_ptr(), pg_sys::RawParseMode::RAW_PARSE_DEFAULT));
        let [raw] = raw[..] else { return Err(errors::internal("a text is not a single statement")) };
        let none = std::ptr::null();
        let queries = pg_sys::pg_analyze_and_rewrite_fixedparams(raw.cast(), text.as_ptr(), none, 0, environment);
        let [query] = expr::members(queries)[..] else { return Err(errors::table_changed()) };
        if !is_about(&*query.cast(), table) {
            return Err(errors::table_changed());
        }
        let plan = pg_sys::pg_plan_query(query.cast(), text.as_ptr(), 0, std::ptr::null_mut());
        let processed = execute(plan, &text, environment, most);
        pg_sys::PopActiveSnapshot();
        pg_sys::CommandCounterIncrement();
        Ok(processed)
    }
}

/// Whether the tables that a query names are this one.
///
/// # Safety
/// A valid query.
unsafe fn is_about(query: &pg_sys::Query, table: pg_sys::Oid) -> bool {
    // SAFETY: as promised.
    let ranges = unsafe { expr::members(query.rtable) };
    // SAFETY: as above.
    let ranges = ranges
        .into_iter()
        .filter_map(|range| unsafe { expr::cast::<pg_sys::RangeTblEntry>(range, NodeTag::T_RangeTblEntry) });
    let mut tables = ranges.filter(|range| range.rtekind == pg_sys::RTEKind::RTE_RELATION).peekable();
    tables.peek().is_some() && tables.all(|range| range.relid == table)
}

/// # Safety
/// The plan of a statement of `text`, with the rows that it names in its environment.
unsafe fn execute(
    plan: *mut pg_sys::PlannedStmt,
    text: &CStr,
    environment: *mut pg_sys::QueryEnvironment,
    most: u64,
) -> u64 {
    let none = std::ptr::null_mut();
    // SAFETY: as promised; a snapshot is active. What is started is ended here, or by the end of the transaction.
    unsafe {
        let query = pg_sys::CreateQueryDesc(
            plan,
            text.as_ptr(),
            pg_sys::GetActiveSnapshot(),
            std::ptr::null_mut(),
            pg_sys::None_Receiver,
            none,
            environment,
            0,
        );
        pg_sys::ExecutorStart(query, 0);
        #[cfg(not(feature = "pg18"))]
        pg_sys::ExecutorRun(query, pg_sys::ScanDirection::ForwardScanDirection, most, true);
        #[cfg(feature = "pg18")]
        pg_sys::ExecutorRun(query, pg_sys::ScanDirection::ForwardScanDirection, most);
        pg_sys::ExecutorFinish(query);
        let processed = (*(*query).estate).es_processed;
        pg_sys::ExecutorEnd(query);
        pg_sys::FreeQueryDesc(query);
        processed
    }
}

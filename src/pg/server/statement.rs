//! Statements on one table, identified by its oid. If its name refers to another table when a statement is parsed, the
//! statement does not run.

use std::ffi::CStr;

use pgrx::pg_sys::{self, NodeTag};

use crate::pg::errors::{self, Result};
use crate::pg::server::expr;
use crate::pg::server::text::c_string;
use crate::pg::server::tuple::{self, Target};

/// The name of the given rows in statements. It takes precedence over tables.
pub const ROWS: &CStr = c"tablediffusion_rows";

/// Rows for a statement: in memory up to work_mem, in a temporary file beyond.
pub struct EphemeralRows {
    store: *mut pg_sys::Tuplestorestate,
    relation: pg_sys::EphemeralNamedRelationData,
}

impl EphemeralRows {
    /// An empty store with these columns. It lives as long as the current memory context.
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
    /// If their number is not the number of columns.
    pub fn put(&mut self, values: &mut [pg_sys::Datum], nulls: &mut [bool]) {
        let desc = self.relation.md.tupdesc;
        // SAFETY: the descriptor is ours, and there are as many values as columns.
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
        // After an ERROR, the end of the transaction frees it and closes its file.
        if !std::thread::panicking() {
            // SAFETY: made by `new`; no statement reads it any more.
            unsafe { pg_sys::tuplestore_end(self.store) };
        }
    }
}

/// Runs a statement on `table` and the given rows, as the current user and with a separate snapshot. Returns how many
/// rows it wrote or read. It reads `most` rows at most; 0 means all.
///
/// # Errors
/// If the name now refers to another table.
pub fn run(table: pg_sys::Oid, statement: &str, given: Option<&mut EphemeralRows>, most: u64) -> Result<u64> {
    let text = c_string(statement);
    // SAFETY: a NUL-terminated statement, and rows that outlive it. After an ERROR, the end of the transaction or
    // subtransaction removes the snapshot.
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

/// Whether every table that a query names is this one.
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
/// The plan of the statement `text`, and the environment with the rows that it names.
unsafe fn execute(
    plan: *mut pg_sys::PlannedStmt,
    text: &CStr,
    environment: *mut pg_sys::QueryEnvironment,
    most: u64,
) -> u64 {
    let none = std::ptr::null_mut();
    // SAFETY: as promised. A snapshot is active. The execution is ended here, or by the end of the transaction.
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

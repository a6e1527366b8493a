//! Work on the extension's tables in a separate transaction, which stays committed whatever happens to the caller's
//! transaction. A dynamic background worker does it, which needs no preloaded library. The request and the answer are
//! JSON in a segment of shared memory.

use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pgrx::bgworkers::BackgroundWorkerBuilder;
use pgrx::pg_sys;
use serde::{Deserialize, Serialize};

use crate::engine::privacy::mutant::{self, Mutant};
use crate::pg::errors::{self, Fault, Result, Told};
use crate::pg::server::{access, guard};
use crate::pg::store::admission;
use crate::pg::store::ledger::{self, Charge, Outcome};

/// Maximum size of an answer.
const ROOM: usize = 1 << 16;
/// How long a worker waits for locks. The holder may be waiting for the worker, and workers are few.
const PATIENCE: &CStr = c"1s";

/// The worker's 128 bytes of arguments.
#[derive(Serialize, Deserialize)]
struct WorkOrder {
    database: u32,
    /// The outcome of a training. Without it, the worker reads a charge from shared memory.
    outcome: Option<(i64, Outcome)>,
}

/// Admits a training and commits its charge. The charge is on disk when this returns the number of the entry.
///
/// # Errors
/// If a budget does not allow it, or the charge cannot be entered. In this case nothing is charged, unless the worker
/// was terminated after its commit.
pub fn pay(charge: &Charge) -> Result<i64> {
    if mutant::is(Mutant::ChargeTakenBack) {
        return admission::enter(charge);
    }
    let segment = Segment::create(&access::json(charge)?);
    let worker = launch(Some(segment.handle()), None).ok_or_else(errors::no_worker)?;
    worker.wait_for_shutdown().map_err(|_| errors::charge_not_entered())?;
    let answer: std::result::Result<i64, Told> = segment.read().ok_or_else(errors::charge_not_entered)?;
    answer.map_err(Fault::from)
}

/// Requests that the outcome of a training without a model is recorded. It does not wait: without a worker, the end of
/// the transaction shows as much.
pub fn tell(entry: i64, outcome: Outcome) {
    launch(None, Some((entry, outcome)));
}

fn launch(
    segment: Option<pg_sys::dsm_handle>,
    outcome: Option<(i64, Outcome)>,
) -> Option<pgrx::bgworkers::DynamicBackgroundWorker> {
    // SAFETY: plain look-ups of this backend's own facts.
    let (database, pid) = unsafe { (pg_sys::MyDatabaseId, pg_sys::MyProcPid) };
    let order = serde_json::to_string(&WorkOrder { database: database.to_u32(), outcome }).ok()?;
    BackgroundWorkerBuilder::new("tablediffusion ledger")
        .set_type("tablediffusion ledger")
        .set_library("$libdir/tablediffusion")
        .set_function("tablediffusion_worker")
        .set_argument(segment.map(pg_sys::Datum::from))
        .set_extra(&order)
        .set_notify_pid(pid)
        .set_restart_time(None)
        .enable_spi_access()
        .load_dynamic()
        .ok()
}

/// The background worker. It does one task and ends.
#[doc(hidden)]
#[unsafe(no_mangle)]
#[pgrx::pg_guard]
pub unsafe extern "C-unwind" fn tablediffusion_worker(segment: pg_sys::Datum) {
    // SAFETY: the postmaster starts this as a worker that connects to a database. It needs a superuser's rights to
    // reach the extension's tables, and then runs as their owner.
    let order = unsafe {
        pg_sys::BackgroundWorkerUnblockSignals();
        let extra = CStr::from_ptr((*pg_sys::MyBgworkerEntry).bgw_extra.as_ptr()).to_bytes();
        let Ok(order) = serde_json::from_slice::<WorkOrder>(extra) else { return };
        pg_sys::BackgroundWorkerInitializeConnectionByOid(pg_sys::Oid::from(order.database), pg_sys::InvalidOid, 0);
        order
    };
    settle_down();
    if let Some((entry, outcome)) = order.outcome {
        // Nobody receives a failure.
        let _ = in_transaction(|| ledger::enter_outcome(entry, outcome, None));
        return;
    }
    // `None` if the caller has ended.
    let Some(segment) = Segment::attach(segment.value() as pg_sys::dsm_handle) else { return };
    let answer = match segment.read::<Charge>() {
        Some(charge) => in_transaction(|| admission::enter(&charge)),
        None => Err(errors::charge_not_entered()),
    };
    segment.write(&answer.map_err(Told::from));
}

/// The work does not depend on the settings of the database.
fn settle_down() {
    let settings = [
        (c"lock_timeout", PATIENCE),
        (c"statement_timeout", c"0"),
        (c"default_transaction_isolation", c"read committed"),
        (c"default_transaction_read_only", c"off"),
        (c"default_transaction_deferrable", c"off"),
    ];
    for (name, value) in settings {
        // SAFETY: static C strings, on the main thread.
        unsafe {
            let (context, source) = (pg_sys::GucContext::PGC_USERSET, pg_sys::GucSource::PGC_S_OVERRIDE);
            pg_sys::SetConfigOption(name.as_ptr(), value.as_ptr(), context, source);
        }
    }
}

/// Runs work in a separate transaction, whose commit is on disk when this returns. A fault rolls it back.
fn in_transaction<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    // SAFETY: no transaction is open in this worker, which does nothing else.
    unsafe {
        pg_sys::SetCurrentStatementStartTimestamp();
        pg_sys::StartTransactionCommand();
        pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
    }
    let commit = |done: T| {
        // SAFETY: the transaction and the snapshot from above.
        unsafe {
            pg_sys::ForceSyncCommit();
            pg_sys::PopActiveSnapshot();
            pg_sys::CommitTransactionCommand();
        }
        done
    };
    match catch_unwind(AssertUnwindSafe(|| work().map(commit))) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(fault)) => {
            // SAFETY: as above.
            unsafe { pg_sys::AbortCurrentTransaction() };
            Err(fault)
        }
        Err(payload) => {
            // SAFETY: pgrx has flushed the ERROR that became the panic.
            unsafe { pg_sys::AbortCurrentTransaction() };
            Err(match guard::sqlstate(&*payload) {
                Some(pgrx::PgSqlErrorCode::ERRCODE_LOCK_NOT_AVAILABLE) => errors::budget_is_changing(),
                Some(code) => errors::charge_refused(code),
                None => errors::charge_not_entered(),
            })
        }
    }
}

/// Shared memory for a request and its answer, each stored as a length and JSON.
struct Segment(*mut pg_sys::dsm_segment);

impl Segment {
    fn create(question: &str) -> Self {
        let size = size_of::<u64>() + question.len().max(ROOM);
        // SAFETY: ERROR if there is no memory. It is detached when dropped, or else when the transaction ends.
        let segment = Self(unsafe { pg_sys::dsm_create(size, 0) });
        segment.put(question.as_bytes());
        segment
    }

    fn attach(handle: pg_sys::dsm_handle) -> Option<Self> {
        // SAFETY: null if no segment has this handle.
        let segment = unsafe { pg_sys::dsm_attach(handle) };
        // Constructed only if there is one, because drop detaches it.
        (!segment.is_null()).then(|| Self(segment))
    }

    fn handle(&self) -> pg_sys::dsm_handle {
        // SAFETY: an attached segment.
        unsafe { pg_sys::dsm_segment_handle(self.0) }
    }

    /// The position of the length, and the maximum number of bytes after it.
    fn place(&self) -> (*mut u64, usize) {
        // SAFETY: an attached segment, which is aligned for anything.
        unsafe {
            let room = pg_sys::dsm_segment_map_length(self.0) as usize - size_of::<u64>();
            (pg_sys::dsm_segment_address(self.0).cast(), room)
        }
    }

    fn put(&self, text: &[u8]) {
        let (place, room) = self.place();
        let length = if text.len() <= room { text.len() } else { 0 };
        // SAFETY: the segment is large enough, and the other side reads it only before this starts or after it has
        // ended.
        unsafe {
            place.write(length as u64);
            std::ptr::copy_nonoverlapping(text.as_ptr(), place.add(1).cast(), length);
        }
    }

    fn write<T: Serialize>(&self, answer: &T) {
        self.put(serde_json::to_string(answer).unwrap_or_default().as_bytes());
    }

    /// What the other side wrote, if it can be parsed.
    fn read<T: for<'a> Deserialize<'a>>(&self) -> Option<T> {
        let (place, room) = self.place();
        // SAFETY: see `put`. The length is limited to the segment.
        let text = unsafe {
            let length = (place.read() as usize).min(room);
            std::slice::from_raw_parts(place.add(1).cast::<u8>(), length)
        };
        serde_json::from_slice(text).ok()
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // After an ERROR, the end of the transaction detaches it.
        if !std::thread::panicking() {
            // SAFETY: attached by this process.
            unsafe { pg_sys::dsm_detach(self.0) };
        }
    }
}

//! Work on the extension's tables in a transaction of its own, which stays done whatever becomes of the caller's: a
//! dynamic background worker does it, which needs no preloaded library. What is to be done, and what came of it, travel as
//! JSON through a piece of shared memory.

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

/// Bytes that an answer may have.
const ROOM: usize = 1 << 16;
/// How long a worker waits for locks: whoever it waits for may be waiting for it, and workers are few.
const PATIENCE: &CStr = c"1s";

/// What a worker finds in its 128 bytes.
#[derive(Serialize, Deserialize)]
struct WorkOrder {
    database: u32,
    /// What became of a training; without it the worker reads a charge from shared memory.
    outcome: Option<(i64, Outcome)>,
}

/// Admits a training and commits its charge, durably, before this returns the number of the entry.
///
/// # Errors
/// If a budget does not allow it, or the charge cannot be entered. Nothing is charged then, unless the worker was ended
/// after its commit.
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

/// Has it written down what became of a training that ends without a model. Not waited for: where there is no worker, the
/// end of the transaction tells as much.
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

/// The background worker: it does one piece of work and ends.
#[doc(hidden)]
#[unsafe(no_mangle)]
#[pgrx::pg_guard]
pub unsafe extern "C-unwind" fn tablediffusion_worker(segment: pg_sys::Datum) {
    // SAFETY: the postmaster starts this as a worker that connects to a database. A superuser's rights are needed to
    // reach the extension's tables, whose owner the work then runs as.
    let order = unsafe {
        pg_sys::BackgroundWorkerUnblockSignals();
        let extra = CStr::from_ptr((*pg_sys::MyBgworkerEntry).bgw_extra.as_ptr()).to_bytes();
        let Ok(order) = serde_json::from_slice::<WorkOrder>(extra) else { return };
        pg_sys::BackgroundWorkerInitializeConnectionByOid(pg_sys::Oid::from(order.database), pg_sys::InvalidOid, 0);
        order
    };
    settle_down();
    if let Some((entry, outcome)) = order.outcome {
        // Nobody listens to a failure.
        let _ = in_transaction(|| ledger::enter_outcome(entry, outcome, None));
        return;
    }
    // Gone if the caller is.
    let Some(segment) = Segment::attach(segment.value() as pg_sys::dsm_handle) else { return };
    let answer = match segment.read::<Charge>() {
        Some(charge) => in_transaction(|| admission::enter(&charge)),
        None => Err(errors::charge_not_entered()),
    };
    segment.write(&answer.map_err(Told::from));
}

/// Whatever settings the database has, the work is done as usual.
fn settle_down() {
    let settings = [
        (c"lock_timeout", PATIENCE),
        (c"statement_timeout", c"0"),
        (c"default_transaction_isolation", c"read committed"),
        (c"default_transaction_read_only", c"off"),
        (c"default_transaction_deferrable", c"off"),
    ];
    for (name, value) in settings {
        // SAFETY: C strings without end of life, on the main thread.
        unsafe {
            let (context, source) = (pg_sys::GucContext::PGC_USERSET, pg_sys::GucSource::PGC_S_OVERRIDE);
            pg_sys::SetConfigOption(name.as_ptr(), value.as_ptr(), context, source);
        }
    }
}

/// Runs work in a transaction of its own, whose commit is on disk when this returns; a fault takes it back.
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

/// Shared memory with room for a question and its answer, each as its length and JSON.
struct Segment(*mut pg_sys::dsm_segment);

impl Segment {
    fn create(question: &str) -> Self {
        let size = size_of::<u64>() + question.len().max(ROOM);
        // SAFETY: ERROR if there is no room; detached when dropped, or else when the transaction ends.
        let segment = Self(unsafe { pg_sys::dsm_create(size, 0) });
        segment.put(question.as_bytes());
        segment
    }

    fn attach(handle: pg_sys::dsm_handle) -> Option<Self> {
        // SAFETY: null if there is none of this handle.
        let segment = unsafe { pg_sys::dsm_attach(handle) };
        // Made only if there is one: what is dropped is detached.
        (!segment.is_null()).then(|| Self(segment))
    }

    fn handle(&self) -> pg_sys::dsm_handle {
        // SAFETY: an attached segment.
        unsafe { pg_sys::dsm_segment_handle(self.0) }
    }

    /// Where the length is, and how many bytes may follow it.
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
        // SAFETY: the segment has room, and the other side looks only before this starts or after it has ended.
        unsafe {
            place.write(length as u64);
            std::ptr::copy_nonoverlapping(text.as_ptr(), place.add(1).cast(), length);
        }
    }

    fn write<T: Serialize>(&self, answer: &T) {
        self.put(serde_json::to_string(answer).unwrap_or_default().as_bytes());
    }

    /// What the other side wrote, if it can be read as this.
    fn read<T: for<'a> Deserialize<'a>>(&self) -> Option<T> {
        let (place, room) = self.place();
        // SAFETY: see `put`; the length is held to the room.
        let text = unsafe {
            let length = (place.read() as usize).min(room);
            std::slice::from_raw_parts(place.add(1).cast::<u8>(), length)
        };
        serde_json::from_slice(text).ok()
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // After an ERROR the transaction's end detaches it.
        if !std::thread::panicking() {
            // SAFETY: attached by this process.
            unsafe { pg_sys::dsm_detach(self.0) };
        }
    }
}

//! Progress: phases and percentages, none of which depends on the data.
//!
//! A session can ask for NOTICEs. Other sessions see the progress through PostgreSQL's per-backend command progress,
//! under a command number that no view of PostgreSQL uses. This needs no preloaded library. PostgreSQL clears it when a
//! transaction fails or a session ends.

use std::time::{Duration, Instant};

use pgrx::{IntoDatum, pg_sys};

use crate::engine::job::{PHASES, Progress};
use crate::pg::errors;
use crate::pg::server::call::{Call, sql_function};
use crate::pg::server::settings;
use crate::pg::server::tuplestore::ResultRows;

sql_function!(tablediffusion_progress(), pg_finfo_tablediffusion_progress, progress);

/// "td", far above PostgreSQL's own command numbers.
const COMMAND: pg_sys::ProgressCommandType::Type = 0x7464_0001;

/// The numbers that a backend publishes: the phase, its percentage, the start of the training and of the phase, the
/// method (three numbers), the role, and the model's name (the rest).
const PHASE: usize = 0;
const PERCENT: usize = 1;
const STARTED: usize = 2;
const PHASE_STARTED: usize = 3;
const METHOD: usize = 4;
const ROLE: usize = 7;
const MODEL: usize = 8;
const NUMBERS: usize = 20;

/// Publishes the progress of one training, and reports it in NOTICEs.
pub struct Reporter {
    last_notice: Instant,
    shown: Option<Progress>,
}

impl Reporter {
    /// Starts to publish a training of `source`.
    pub fn new(source: pg_sys::Oid, model: &str, method: &str) -> Self {
        let now = now();
        let mut numbers = [0; NUMBERS];
        (numbers[PERCENT], numbers[STARTED], numbers[PHASE_STARTED]) = (-1, now, now);
        // SAFETY: a plain call.
        numbers[ROLE] = i64::from(unsafe { pg_sys::GetUserId() }.to_u32());
        pack(method, &mut numbers[METHOD..ROLE]);
        pack(model, &mut numbers[MODEL..]);
        // SAFETY: plain calls; each number has its place.
        unsafe { pg_sys::pgstat_progress_start_command(COMMAND, source) };
        (0..NUMBERS).for_each(|place| show(place, numbers[place]));
        Self { last_notice: Instant::now(), shown: None }
    }

    /// Publishes the progress, and reports it in a NOTICE if the last one is long enough ago.
    pub fn tick(&mut self, progress: Progress) {
        if self.shown != Some(progress) {
            show(PERCENT, progress.percent.map_or(-1, i64::from));
            if self.shown.is_some_and(|shown| shown.phases_done != progress.phases_done) {
                show(PHASE, progress.phases_done as i64);
                show(PHASE_STARTED, now());
            }
            self.shown = Some(progress);
        }
        let interval = settings::progress_interval();
        if interval > 0 && self.last_notice.elapsed() >= Duration::from_millis(interval) {
            self.last_notice = Instant::now();
            errors::progress(progress.phase(), progress.percent).notice();
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        // SAFETY: a plain call; after an ERROR it has been done already.
        unsafe { pg_sys::pgstat_progress_end_command() };
    }
}

fn show(place: usize, number: i64) {
    // SAFETY: a place below `NUMBERS`.
    unsafe { pg_sys::pgstat_progress_update_param(place as i32, number) };
}

/// Now, as a `timestamptz`.
fn now() -> i64 {
    // SAFETY: a plain call.
    unsafe { pg_sys::GetCurrentTimestamp() }
}

/// Writes as many whole characters of a text as fit, eight bytes per number.
fn pack(text: &str, numbers: &mut [i64]) {
    let room = 8 * numbers.len();
    let length = (0..=text.len().min(room)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let mut bytes = text.as_bytes()[..length].to_vec();
    bytes.resize(room, 0);
    for (number, eight) in numbers.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *number = i64::from_le_bytes(*eight);
    }
}

fn unpack(numbers: &[i64]) -> String {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).take_while(|byte| *byte != 0).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A training in progress, as its backend publishes it.
struct Shown {
    pid: i32,
    database: pg_sys::Oid,
    /// The role that logged in. The training may run as another role.
    user: pg_sys::Oid,
    source: pg_sys::Oid,
    numbers: [i64; NUMBERS],
}

/// One row for each training in progress that the caller may see: those of roles whose privileges the caller has.
fn progress(call: &Call) -> Result<Option<pg_sys::Datum>, errors::Fault> {
    let store = ResultRows::open(call, 0);
    // SAFETY: plain calls; an entry is a copy that lives until the transaction ends.
    let backends = unsafe { pg_sys::pgstat_fetch_stat_numbackends() };
    for index in 1..=backends {
        if let Some(shown) = training(index).filter(|shown| may_know(shown.user) || may_know(shown.role())) {
            store.scratch.within(|| shown.put(&store));
        }
    }
    Ok(None)
}

/// The training that the backend with this index (from 1) publishes.
fn training(index: i32) -> Option<Shown> {
    // SAFETY: an index of a backend; the entry is a copy.
    unsafe {
        #[cfg(feature = "pg15")]
        let entry = pg_sys::pgstat_fetch_stat_local_beentry(index);
        #[cfg(not(feature = "pg15"))]
        let entry = pg_sys::pgstat_get_local_beentry_by_index(index);
        let status = &entry.as_ref()?.backendStatus;
        (status.st_procpid > 0 && status.st_progress_command == COMMAND).then_some(Shown {
            pid: status.st_procpid,
            database: status.st_databaseid,
            user: status.st_userid,
            source: status.st_progress_command_target,
            numbers: status.st_progress_param,
        })
    }
}

fn may_know(role: pg_sys::Oid) -> bool {
    // SAFETY: look-ups.
    unsafe {
        let user = pg_sys::GetUserId();
        pg_sys::has_privs_of_role(user, role)
            || pg_sys::has_privs_of_role(user, pg_sys::Oid::from(pg_sys::ROLE_PG_READ_ALL_STATS))
    }
}

impl Shown {
    fn role(&self) -> pg_sys::Oid {
        pg_sys::Oid::from(self.numbers[ROLE] as u32)
    }

    fn put(self, store: &ResultRows) {
        let role = self.role();
        let Self { pid, database, source, numbers, .. } = self;
        let phases_done = numbers[PHASE].clamp(0, PHASES.len() as i64 - 1) as usize;
        let percent = Some(numbers[PERCENT]).filter(|percent| *percent >= 0);
        let moment = |place: usize| Some(pg_sys::Datum::from(numbers[place]));
        let values = [
            pid.into_datum(),
            Some(database.into()),
            Some(role.into()),
            Some(source.into()),
            unpack(&numbers[MODEL..]).into_datum(),
            unpack(&numbers[METHOD..ROLE]).into_datum(),
            PHASES[phases_done].into_datum(),
            (phases_done as i32).into_datum(),
            (PHASES.len() as i32).into_datum(),
            percent.and_then(|percent| (percent as i32).into_datum()),
            moment(STARTED),
            moment(PHASE_STARTED),
        ];
        store.put_options(values);
    }
}

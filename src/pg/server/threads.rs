//! The thread pool of a backend. Its threads only compute: they never call PostgreSQL and take no signals.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use pgrx::check_for_interrupts;

use crate::engine::abandon::Waiter;
use crate::pg::errors::{self, Result};
use crate::pg::server::settings;

static STARTED: OnceLock<bool> = OnceLock::new();

/// Starts the pool, once per backend. A thread inherits the signal mask of the thread that starts it. All signals are
/// blocked around the start, so PostgreSQL's handlers only run on the main thread.
pub fn start() -> Result<()> {
    let started = *STARTED.get_or_init(|| {
        with_signals_blocked(|| {
            rayon::ThreadPoolBuilder::new()
                .num_threads(settings::threads())
                .thread_name(|i| format!("tablediffusion {i}"))
                .build_global()
                .is_ok()
        })
    });
    if started { Ok(()) } else { Err(errors::threads_unavailable()) }
}

/// How long the main thread waits between checks for interrupts.
pub const PATIENCE: Duration = Duration::from_millis(20);

/// Runs work of the engine on the pool while the main thread answers interrupts. An interrupt abandons the work: it
/// never begins, or it ends at its next check. A panic is a defect of the extension, whose message may contain a value.
pub fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    start()?;
    let (sender, receiver) = channel();
    // Dropped when this returns, also when an interrupt unwinds.
    let waiter = Waiter::default();
    let token = waiter.token();
    rayon::spawn(move || {
        if let Some(result) = token.run(|| catch_unwind(AssertUnwindSafe(work))) {
            // After an interrupt, nobody receives.
            let _ = sender.send(result);
        }
    });
    loop {
        match receiver.recv_timeout(PATIENCE) {
            Ok(result) => return result.map_err(|_| errors::engine_panicked()),
            Err(RecvTimeoutError::Timeout) => {
                check_for_interrupts!();
            }
            Err(RecvTimeoutError::Disconnected) => return Err(errors::engine_panicked()),
        }
    }
}

fn with_signals_blocked<T>(work: impl FnOnce() -> T) -> T {
    use libc::{SIG_SETMASK, pthread_sigmask, sigfillset, sigset_t};
    // SAFETY: both sets are plain data that the calls fill. The mask of this thread is restored.
    unsafe {
        let mut all: sigset_t = std::mem::zeroed();
        let mut before: sigset_t = std::mem::zeroed();
        sigfillset(&mut all);
        pthread_sigmask(SIG_SETMASK, &all, &mut before);
        let result = work();
        pthread_sigmask(SIG_SETMASK, &before, std::ptr::null_mut());
        result
    }
}

/// Keeps the message of a panic on a worker thread out of the server's log, because it may contain a value. Panics on
/// the main thread become errors and are handled where they are caught.
pub fn hush_worker_panics() {
    let main = std::thread::current().id();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == main {
            before(info);
        } else if let Some(at) = info.location() {
            eprintln!("tablediffusion: a computation failed at {}:{}", at.file(), at.line());
        }
    }));
}

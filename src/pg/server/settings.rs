//! The settings, all under `tablediffusion.`.

use std::num::NonZero;

use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
use pgrx::pg_sys;

static DELTA: GucSetting<f64> = GucSetting::<f64>::new(1e-6);
static MEMORY_LIMIT: GucSetting<i32> = GucSetting::<i32>::new(4 * 1024 * 1024);
static DEFAULT_BUDGET: GucSetting<f64> = GucSetting::<f64>::new(0.0);
static DEFAULT_BUDGET_DELTA: GucSetting<f64> = GucSetting::<f64>::new(1e-6);
static THREADS: GucSetting<i32> = GucSetting::<i32>::new(0);
static PROGRESS_INTERVAL: GucSetting<i32> = GucSetting::<i32>::new(0);

/// `tablediffusion.delta`: the default delta of a training.
pub fn delta() -> f64 {
    DELTA.get()
}

/// `tablediffusion.memory_limit` in bytes; 0 for no limit.
pub fn memory_limit() -> u64 {
    MEMORY_LIMIT.get().max(0) as u64 * 1024
}

/// `tablediffusion.default_budget` and `tablediffusion.default_budget_delta`: the budget for a table without one, if it
/// is set.
pub fn default_budget() -> Option<(f64, f64)> {
    let epsilon = DEFAULT_BUDGET.get();
    (epsilon > 0.0).then(|| (epsilon, DEFAULT_BUDGET_DELTA.get()))
}

/// `tablediffusion.threads`, limited to the number of processors, because any role can set it.
pub fn threads() -> usize {
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    match THREADS.get().max(0) as usize {
        0 => processors,
        wanted => wanted.min(processors),
    }
}

/// `tablediffusion.progress_interval` in milliseconds; 0 for no notices.
pub fn progress_interval() -> u64 {
    PROGRESS_INTERVAL.get().max(0) as u64
}

/// Registers the settings and reserves their prefix.
pub fn define() {
    GucRegistry::define_float_guc(
        c"tablediffusion.delta",
        c"Default delta of a training.",
        c"The probability with which the bound epsilon may fail. Keep it far below one over the number of rows.",
        &DELTA,
        1e-30,
        0.5,
        GucContext::Userset,
        GucFlags::empty(),
    );
    // It protects the other users of the machine, so only a superuser can raise it.
    GucRegistry::define_int_guc(
        c"tablediffusion.memory_limit",
        c"Maximum memory that a training or an import may be expected to need.",
        c"A training or import that is expected to need more is refused before it starts. 0 means no limit.",
        &MEMORY_LIMIT,
        0,
        i32::MAX,
        GucContext::Suset,
        GucFlags::UNIT_KB,
    );
    // Roles that train must not decide what trainings may spend.
    GucRegistry::define_float_guc(
        c"tablediffusion.default_budget",
        c"Epsilon of the budget that a table without a budget gets at its first training.",
        c"0 means no budget. The owner of the table can set another budget.",
        &DEFAULT_BUDGET,
        0.0,
        1e6,
        GucContext::Suset,
        GucFlags::empty(),
    );
    GucRegistry::define_float_guc(
        c"tablediffusion.default_budget_delta",
        c"Delta of the default budget.",
        c"Keep it far below one over the number of rows.",
        &DEFAULT_BUDGET_DELTA,
        1e-30,
        0.5,
        GucContext::Suset,
        GucFlags::empty(),
    );
    GucRegistry::define_int_guc(
        c"tablediffusion.threads",
        c"Number of threads that training and sampling use.",
        c"Read when a session first trains or samples. 0 means the number of processors, which is also the maximum.",
        &THREADS,
        0,
        1024,
        GucContext::Userset,
        GucFlags::empty(),
    );
    GucRegistry::define_int_guc(
        c"tablediffusion.progress_interval",
        c"Time between two notices about the progress of a training.",
        c"0 disables these notices. The view tablediffusion.progress always shows progress.",
        &PROGRESS_INTERVAL,
        0,
        i32::MAX,
        GucContext::Userset,
        GucFlags::UNIT_MS,
    );
    // SAFETY: a static C string, on the main thread.
    unsafe { pg_sys::MarkGUCPrefixReserved(c"tablediffusion".as_ptr()) };
}

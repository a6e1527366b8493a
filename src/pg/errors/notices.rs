//! Warnings and notices of trainings.

use pgrx::PgSqlErrorCode;

use super::fault::{Fault, bytes, list};
use crate::engine::privacy::mutant::Mutant;

/// What a build with mutants says whenever it is loaded.
pub fn mutants(active: Option<Mutant>) -> Fault {
    let at_work = active.map_or("None is at work".to_owned(), |mutant| format!("{mutant:?} is at work"));
    Fault::new(PgSqlErrorCode::ERRCODE_WARNING, "this build of tablediffusion can be told to leak what it reads")
        .detail(format!("It has flaws for its tests to find, which the server's environment chooses. {at_work}."))
        .hint("Build without the feature mutants for any use but those tests.")
}

pub fn delta_is_large(delta: f64, count: f64, what: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_WARNING, format!("delta {delta:e} is not small for a table of this size"))
        .detail(format!(
            "At a noisy count of {count:.0} {what}, a delta of one in as many would allow whole {what} to be revealed."
        ))
        .hint(format!("Use a delta well below {:.0e}.", 1.0 / count))
}

pub fn memory_announced(needed: u64, setting: u64) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("training is expected to need about {} of memory", bytes(needed)),
    )
    .detail(format!("That is more than maintenance_work_mem, {}.", bytes(setting)))
    .hint("Raise maintenance_work_mem if the machine has the memory; tablediffusion.memory_limit refuses what is too much.")
}

pub fn nothing_released<S: AsRef<str>>(columns: impl IntoIterator<Item = S>) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("no value could be released of columns {}", list(columns)),
    )
    .detail("No value of theirs stood out of the noise. They come back as NULL, or as a placeholder where NULL is not allowed.")
    .hint("Exclude them, declare their domains, or spend a larger epsilon.")
}

pub fn progress(phase: &str, percent: Option<u8>) -> Fault {
    let message = percent.map_or_else(|| phase.to_owned(), |percent| format!("{phase}: {percent} %"));
    Fault::new(PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION, message)
}

//! Warnings and notices of trainings.

use pgrx::PgSqlErrorCode;

use super::fault::{Fault, bytes, list};
use crate::engine::privacy::mutant::Mutant;

/// The warning that a build with mutants gives whenever it is loaded.
pub fn mutants(active: Option<Mutant>) -> Fault {
    let enabled = active.map_or("None is enabled".to_owned(), |mutant| format!("{mutant:?} is enabled"));
    Fault::new(
        PgSqlErrorCode::ERRCODE_WARNING,
        "this build of tablediffusion can be made to leak the data that it reads",
    )
    .detail(format!("It has deliberate flaws for tests, which the server's environment enables. {enabled}."))
    .hint("Use a build without the feature mutants for anything but these tests.")
}

pub fn delta_is_large(delta: f64, count: f64, what: &str) -> Fault {
    Fault::new(PgSqlErrorCode::ERRCODE_WARNING, format!("delta {delta:e} is too large for a table of this size"))
        .detail(format!(
            "The noisy count is {count:.0} {what}. A delta of one over that count would allow whole {what} to be revealed."
        ))
        .hint(format!("Use a delta well below {:.0e}.", 1.0 / count))
}

pub fn memory_announced(needed: u64, setting: u64) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("training is expected to need about {} of memory", bytes(needed)),
    )
    .detail(format!("That is more than maintenance_work_mem, {}.", bytes(setting)))
    .hint("Raise maintenance_work_mem if the machine has the memory. A training that needs more than tablediffusion.memory_limit is refused.")
}

pub fn nothing_released<S: AsRef<str>>(columns: impl IntoIterator<Item = S>) -> Fault {
    Fault::new(
        PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
        format!("no value could be released for columns {}", list(columns)),
    )
    .detail("None of their values was frequent enough to stand out from the noise. Synthetic rows have NULL there, or a placeholder where NULL is not allowed.")
    .hint("Exclude them, declare their domains, or use a larger epsilon.")
}

pub fn progress(phase: &str, percent: Option<u8>) -> Fault {
    let message = percent.map_or_else(|| phase.to_owned(), |percent| format!("{phase}: {percent} %"));
    Fault::new(PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION, message)
}

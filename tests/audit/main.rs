//! The audit: attacks on the engine as it is, through its public interface. docs/audit.md says what each one does.
//!
//! Every check prints a line of the audit's table, and fails if what it proves exceeds what is claimed. A claim that is
//! true fails a check with probability 1e-6 at most, unless the check says otherwise. Run as it is, the audit takes about
//! a minute; `TABLEDIFFUSION_AUDIT=long` makes more runs of more settings. With the feature `mutants` and
//! `TABLEDIFFUSION_MUTANT`, a check must fail: see run.sh.

#![cfg(not(feature = "pg"))]

mod bounds;
mod counts;
mod noise;
mod one_run;
mod rows;
mod steps;

/// Whether to make the long audit.
fn long() -> bool {
    std::env::var("TABLEDIFFUSION_AUDIT").is_ok_and(|value| value == "long")
}

/// Share of the claim that an attack must prove where the worst case can be staged.
const TIGHT: f64 = 0.8;

/// The name of the check that is running.
fn check() -> String {
    std::thread::current().name().and_then(|name| name.rsplit("::").next()).unwrap_or_default().to_owned()
}

/// What an attack proved.
struct Finding {
    attack: String,
    claim: f64,
    lower: f64,
    runs: f64,
    /// Share of the claim that must be proven, or the attack is too weak to find anything.
    least: f64,
}

impl Finding {
    /// Prints the finding and fails if it is above the claim, or too far below it.
    fn judge(self) {
        let Self { attack, claim, lower, runs, least } = self;
        let verdict = match lower {
            _ if lower > claim => "BROKEN",
            _ if lower < least * claim => "TOO WEAK",
            _ => "holds",
        };
        println!("| {} | {attack} | {claim:.3} | {lower:.3} | {runs} | {verdict} |", check());
        assert!(verdict == "holds", "{attack}: claimed {claim}, found {lower}: {verdict}");
    }
}

/// Prints how probable a worse deviation from what is claimed is, and fails if that is less than 1e-7.
fn judge_deviation(test: &str, probability: f64, runs: f64) {
    let verdict = if probability < 1e-7 { "BROKEN" } else { "holds" };
    println!("| {} | {test} | - | p = {probability:.2e} | {runs} | {verdict} |", check());
    assert!(verdict == "holds", "{test}: probability {probability:e}");
}

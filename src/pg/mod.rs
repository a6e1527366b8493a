//! The face: the PostgreSQL side of the extension. It handles SPI, datums, catalogs, roles, interrupts and progress,
//! and does not know how a model learns.
//!
//! It has seven modules. Each imports only from those before it: errors, server, values, relation, store, model,
//! functions.

#![deny(clippy::undocumented_unsafe_blocks)]

#[cfg(test)]
mod arguments_tests;
mod errors;
mod functions;
mod model;
mod relation;
mod server;
mod store;
mod values;

// tests/inside.sh runs these from SQL, inside the library. pgrx's own test macro would need cargo-pgrx.
#[cfg(all(feature = "pg_test", not(test)))]
mod tests;

use pgrx::pg_guard;

use crate::engine::privacy::mutant;

/// Runs once per backend, when the library is loaded.
#[allow(non_snake_case)]
#[pg_guard]
pub extern "C-unwind" fn _PG_init() {
    server::settings::define();
    server::threads::hush_worker_panics();
    if mutant::POSSIBLE {
        errors::mutants(mutant::active()).warn();
    }
}

//! The face: what PostgreSQL sees. It owns SPI, datums, catalogs, roles, interrupts and progress, and knows nothing of
//! how a model learns.
//!
//! Seven rooms, each of which imports only from those before it: errors, server, values, relation, store, model,
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

// Run from SQL by tests/inside.sh, in the library itself: their macro's other half would have cargo-pgrx run them.
#[cfg(all(feature = "pg_test", not(test)))]
mod tests;

use pgrx::pg_guard;

use crate::engine::privacy::mutant;

/// Runs once a backend, when the library is loaded.
#[allow(non_snake_case)]
#[pg_guard]
pub extern "C-unwind" fn _PG_init() {
    server::settings::define();
    server::threads::hush_worker_panics();
    if mutant::POSSIBLE {
        errors::mutants(mutant::active()).warn();
    }
}

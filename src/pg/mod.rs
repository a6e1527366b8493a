//! The face: what PostgreSQL sees. It owns SPI, datums, catalogs, roles, interrupts and progress, and knows nothing of
//! how a model learns.
//!
//! Seven rooms, each of which imports only from those before it: errors, server, values, relation, store, model,
//! functions.

#![deny(clippy::undocumented_unsafe_blocks)]

mod errors;
mod functions;
mod model;
mod relation;
mod server;
mod store;
mod values;

#[cfg(any(test, feature = "pg_test"))]
mod tests;

use pgrx::{extension_sql_file, pg_guard};

use crate::engine::privacy::mutant;

extension_sql_file!("../../sql/catalog.sql", name = "catalog", bootstrap);
extension_sql_file!("../../sql/functions.sql", name = "functions", requires = ["catalog"]);
extension_sql_file!("../../sql/views.sql", name = "views", requires = ["functions"], finalize);

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

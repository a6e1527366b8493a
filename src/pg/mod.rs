//! The face: what PostgreSQL sees. It owns SPI, datums, catalogs, roles, interrupts and progress, and knows nothing of
//! how a model learns.

#![deny(clippy::undocumented_unsafe_blocks)]

mod annotation;
mod annotation_check;
mod apart;
mod budget;
mod call;
mod catalog;
mod constraints;
mod create_table;
mod datum;
mod declared;
mod domains;
mod drop;
mod errors;
mod fold;
mod given;
mod grant;
mod guard;
mod insert;
mod invariants;
mod keys;
mod like;
mod lineage;
mod move_model;
mod node;
mod numeric;
mod output;
mod plan;
mod progress;
mod quality;
mod reader;
mod refresh;
mod released;
mod report;
mod row_wise;
mod rows;
mod sample;
mod settings;
mod source;
mod statement;
mod store;
mod stream;
mod threads;
mod train;
mod types;
mod unchecked;
mod unit;
mod version;

// Run from SQL by tests/inside.sh, in the library itself: their macro's other half would have cargo-pgrx run them.
#[cfg(all(feature = "pg_test", not(test)))]
mod tests;

use pgrx::pg_guard;

use crate::engine::privacy::mutant;

/// Runs once a backend, when the library is loaded.
#[allow(non_snake_case)]
#[pg_guard]
pub extern "C-unwind" fn _PG_init() {
    settings::define();
    threads::hush_worker_panics();
    if mutant::POSSIBLE {
        errors::mutants(mutant::active()).warn();
    }
}

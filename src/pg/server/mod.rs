//! PostgreSQL's C interface, made safe.

pub mod access;
pub mod builtin;
pub mod call;
pub mod expr;
pub mod fmgr;
pub mod fold;
pub mod guard;
pub mod guc;
pub mod insert;
pub mod insert_batch;
pub mod lookup;
pub mod memory;
pub mod settings;
pub mod spi;
pub mod statement;
pub mod subtransaction;
pub mod text;
pub mod threads;
pub mod tuple;
pub mod tuplestore;
pub mod types;
pub mod varlena;

//! Differentially private synthetic tables inside PostgreSQL.
//!
//! Two wings: [`engine`] knows tables of codes, privacy and models and never PostgreSQL; `pg` is the face that
//! PostgreSQL sees and never knows how a model learns.

pub mod engine;

#[cfg(feature = "pg")]
mod pg;

#[cfg(feature = "pg")]
::pgrx::pg_module_magic!(name, version);

//! Differentially private synthetic tables inside PostgreSQL.
//!
//! Two wings: [`engine`] knows tables of codes, privacy and models and never PostgreSQL; `pg` is the face that
//! PostgreSQL sees and never knows how a model learns.

pub mod engine;

#[cfg(feature = "pg")]
mod pg;

#[cfg(feature = "pg")]
::pgrx::pg_module_magic!(name, version);

/// What `cargo pgrx test` asks for.
#[cfg(all(test, feature = "pg"))]
pub mod pg_test {
    pub fn setup(_: Vec<&str>) {}

    pub fn postgresql_conf_options() -> Vec<&'static str> {
        Vec::new()
    }
}

//! Tests of the face inside PostgreSQL. Each runs in a transaction that is rolled back. Tests with several transactions
//! or roles are in `tests/regress`.

mod constraints;
mod errors;
mod keys;
mod subtransaction;
mod unit;
mod values;

use pgrx::{Spi, pg_sys};

use super::relation::Relation;

/// Creates a table `t` and opens it.
fn table(definition: &str) -> Relation {
    Spi::run(&format!("CREATE TABLE t ({definition})")).unwrap();
    let oid = Spi::get_one::<pg_sys::Oid>("SELECT 't'::regclass::oid").unwrap().unwrap();
    Relation::open(oid).unwrap_or_else(|fault| fault.raise())
}

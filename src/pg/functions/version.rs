//! `tablediffusion_version()`.

use pgrx::{IntoDatum, pg_sys};

use crate::engine::privacy::mutant;
use crate::pg::errors::Result;
use crate::pg::server::call::{Call, sql_function};

sql_function!(tablediffusion_version(), pg_finfo_tablediffusion_version, version);

fn version(_: &Call) -> Result<Option<pg_sys::Datum>> {
    let version = env!("CARGO_PKG_VERSION");
    Ok(if mutant::POSSIBLE { format!("{version}+mutants").into_datum() } else { version.into_datum() })
}

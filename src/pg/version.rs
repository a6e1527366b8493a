//! `tablediffusion_version()`.

use pgrx::{IntoDatum, pg_sys};

use super::call::{Call, sql_function};
use super::errors::Result;
use crate::engine::privacy::mutant;

sql_function!(tablediffusion_version, pg_finfo_tablediffusion_version, version);

fn version(_: &Call) -> Result<Option<pg_sys::Datum>> {
    let version = env!("CARGO_PKG_VERSION");
    Ok(if mutant::POSSIBLE { format!("{version}+mutants").into_datum() } else { version.into_datum() })
}

//! `tablediffusion_version()`.

use pgrx::{IntoDatum, pg_sys};

use super::call::{Call, sql_function};
use super::errors::Result;

sql_function!(tablediffusion_version, pg_finfo_tablediffusion_version, version);

fn version(_: &Call) -> Result<Option<pg_sys::Datum>> {
    Ok(env!("CARGO_PKG_VERSION").into_datum())
}

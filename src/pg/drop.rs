//! `tablediffusion_drop(model)`.

use pgrx::pg_sys;

use super::call::{Call, sql_function};
use super::catalog;
use super::errors::Result;

sql_function!(tablediffusion_drop, pg_finfo_tablediffusion_drop, drop_model);

fn drop_model(call: &Call) -> Result<Option<pg_sys::Datum>> {
    catalog::check_writable(c"tablediffusion_drop()");
    catalog::drop(&call.text(0, "model")?)?;
    Ok(Some(pg_sys::Datum::null()))
}

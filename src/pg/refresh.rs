//! `tablediffusion_refresh_table`: other synthetic rows in a table that is shared. Readers see the old rows until the
//! transaction commits, and the new ones after it; privileges, indexes, comments and views that use the table stay.

use pgrx::{IntoDatum, Spi, pg_sys};

use super::call::{Call, sql_function};
use super::datum;
use super::errors::{self, Result};
use super::sample::Model;
use super::source::Source;
use super::{catalog, create_table};
use crate::engine::EngineError;

sql_function!(tablediffusion_refresh_table, pg_finfo_tablediffusion_refresh_table, refresh);

/// `(target regclass, model text, n bigint, seed bigint, given jsonb)`: the number of rows.
fn refresh(call: &Call) -> Result<Option<pg_sys::Datum>> {
    let (target, name, total) = (call.oid(0, "target")?, call.text(1, "model")?, call.rows(2, "n")?);
    let (seed, given) = (call.optional_int(3), call.json(4, "given")?);
    catalog::check_writable(c"tablediffusion_refresh_table()");
    let model = Model::load(name)?;
    // One refresh after the other, and no row in between from anybody else; readers go on.
    // SAFETY: any oid may be locked; ERROR if it is no relation any more.
    unsafe { pg_sys::LockRelationOid(target, pg_sys::ShareRowExclusiveLock as pg_sys::LOCKMODE) };
    let table = Source::open(target)?;
    check(&table)?;
    let columns: Vec<String> = table.columns.iter().map(|column| datum::quoted(&column.name)).collect();
    let (target, columns) = (table.quoted(), columns.join(", "));
    datum::run(&format!("DELETE FROM ONLY {target}"), &[])?;
    datum::run(
        &format!(
            "INSERT INTO {target} ({columns}) OVERRIDING SYSTEM VALUE
             SELECT {columns} FROM {}.tablediffusion_sample(
                 model => $1, n => $2, row_type => NULL::{target}, given => $3, seed => $4)",
            call.schema()
        ),
        &[model.name.clone().into(), (total as i64).into(), given.into(), seed.into()],
    )?;
    if create_table::is_described(&table) {
        create_table::describe(table.oid, &model);
    }
    Ok((total as i64).into_datum())
}

/// Only a table that is known to hold nothing else is emptied.
fn check(table: &Source) -> Result<()> {
    if !table.is_table() {
        return Err(errors::not_a_table(&table.name));
    }
    if !table.is_owned() {
        return Err(errors::not_relation_owner(&table.name));
    }
    let is_empty = || {
        let query = format!("SELECT NOT EXISTS (SELECT FROM ONLY {})", table.quoted());
        let found = Spi::get_one::<bool>(&query);
        found.ok().flatten().ok_or(EngineError::Internal("the table could not be read"))
    };
    if catalog::was_charged(table.oid)? || !(create_table::is_described(table) || is_empty()?) {
        return Err(errors::not_synthetic(&table.name));
    }
    Ok(())
}

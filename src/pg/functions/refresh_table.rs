//! `tablediffusion_refresh_table`: replaces the synthetic rows of a shared table. Readers see the old rows until the
//! transaction commits, and then the new ones. Privileges, indexes, comments and dependent views stay.

use pgrx::{IntoDatum, pg_sys};

use crate::pg::errors::{self, Result};
use crate::pg::model::cell_source::ModelRow;
use crate::pg::model::loaded::Model;
use crate::pg::model::rows::{self, RowSink, SyntheticRows};
use crate::pg::model::writers::{self, RowWriter, Writers};
use crate::pg::model::{given, table_comment};
use crate::pg::relation::{self, Relation};
use crate::pg::server::call::{Call, sql_function};
use crate::pg::server::statement::{self, EphemeralRows};
use crate::pg::server::tuple::Target;
use crate::pg::server::{access, text, types};
use crate::pg::store::ledger;

sql_function!(
    tablediffusion_refresh_table(target, model, n, seed, given),
    pg_finfo_tablediffusion_refresh_table,
    refresh
);

/// `(target regclass, model text, n bigint, seed bigint, given jsonb)`: the number of rows.
fn refresh(call: &Call) -> Result<Option<pg_sys::Datum>> {
    let (target, name, total) = (call.oid("target")?, call.text("model")?, call.rows("n")?);
    let (seed, given) = (rows::seed(call.optional_int("seed"))?, call.object("given")?);
    access::check_writable(c"tablediffusion_refresh_table()");
    Relation::check_owner(target)?;
    let model = Model::load(name)?;
    let given = given::wanted(&model, &given)?;
    let table = Relation::open(target)?;
    check(&table)?;
    let mut made = Made::new(&model, &table, total, seed)?;
    SyntheticRows::new(&model, given, seed, total)?.hand_to(&mut made)?;
    // Allows one refresh at a time and no other writer. Readers continue.
    // SAFETY: the relation exists, since it is locked already.
    unsafe { pg_sys::LockRelationOid(target, pg_sys::ShareRowExclusiveLock as pg_sys::LOCKMODE) };
    // The content of the table and its owner may have changed while rows were made or while this waited for the lock.
    let table = Relation::open(target)?;
    check(&table)?;
    as_owner(&table, || {
        let quoted = table.quoted();
        statement::run(table.oid, &format!("DELETE FROM ONLY {quoted}"), None, 0)?;
        statement::run(table.oid, &made.insert_into(&quoted), Some(&mut made.rows), 0)
    })?;
    if table_comment::is_described(&table) {
        table_comment::describe(table.oid, &model);
    }
    Ok((total as i64).into_datum())
}

/// Checks that the table contains nothing but synthetic rows.
fn check(table: &Relation) -> Result<()> {
    if !table.is_table() {
        return Err(errors::not_a_table(&table.name));
    }
    if !table.is_owned() {
        return Err(errors::not_relation_owner(&table.name));
    }
    let look = format!("SELECT FROM ONLY {}", table.quoted());
    let is_empty = || as_owner(table, || Ok(statement::run(table.oid, &look, None, 1)? == 0));
    if ledger::was_charged(table.oid)? || !(table_comment::is_described(table) || is_empty()?) {
        return Err(errors::not_synthetic(&table.name));
    }
    Ok(())
}

/// Does something with a table as its owner, so that triggers, defaults and constraints run with the owner's rights.
/// They are restricted as in PostgreSQL's own table maintenance, unless the owner is the caller. After an ERROR, the
/// end of the transaction or subtransaction restores the caller's identity.
fn as_owner<T>(table: &Relation, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let (mut user, mut context) = (pg_sys::InvalidOid, 0);
    // SAFETY: plain calls; identity and settings are put back below.
    let level = unsafe {
        pg_sys::GetUserIdAndSecContext(&mut user, &mut context);
        if user != table.owner {
            let restricted = context | pg_sys::SECURITY_RESTRICTED_OPERATION as i32;
            pg_sys::SetUserIdAndSecContext(table.owner, restricted);
        }
        pg_sys::NewGUCNestLevel()
    };
    // SAFETY: a look-up. Policies would hide rows from the check and the DELETE.
    let is_hidden = unsafe { pg_sys::check_enable_rls(table.oid, pg_sys::InvalidOid, true) }
        == pg_sys::CheckEnableRlsResult::RLS_ENABLED as i32;
    let result = if is_hidden { Err(errors::rows_are_hidden(&table.name)) } else { work() };
    // SAFETY: restores the previous state.
    unsafe {
        pg_sys::AtEOXact_GUC(false, level);
        pg_sys::SetUserIdAndSecContext(user, context);
    }
    result
}

/// Rows for the columns that the table and the model share. They are values of base types, which PostgreSQL casts to
/// domains when it inserts them.
struct Made {
    columns: Vec<Target>,
    writer: RowWriter,
    rows: EphemeralRows,
}

impl Made {
    fn new(model: &Model, table: &Relation, total: u64, seed: u64) -> Result<Self> {
        let target = |column: &relation::Attribute| {
            let (type_oid, typmod) = types::base_type(column.type_oid, column.typmod);
            Target { column: column.name.clone(), type_oid, typmod }
        };
        let targets: Vec<(usize, Target)> =
            table.columns.iter().filter(|column| !column.is_computed).map(target).enumerate().collect();
        let writers = writers::writers(model, &targets, &table.quoted(), total, seed)?;
        let (columns, writers): (Vec<Target>, Writers) = targets
            .into_iter()
            .zip(writers)
            .filter(|(_, (_, _, typed))| typed.is_some())
            .enumerate()
            .map(|(place, ((_, target), (_, origin, typed)))| (target, (place, origin, typed)))
            .unzip();
        if columns.is_empty() {
            return Err(errors::nothing_to_write(&table.name, &model.name));
        }
        Ok(Self { rows: EphemeralRows::new(&columns), writer: RowWriter::new(writers, columns.len()), columns })
    }

    fn insert_into(&self, table: &str) -> String {
        let columns: Vec<String> = self.columns.iter().map(|column| text::quoted(&column.column)).collect();
        let (columns, rows) = (columns.join(", "), statement::ROWS.to_string_lossy());
        format!("INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {rows}")
    }
}

impl RowSink for Made {
    fn take(&mut self, row: &ModelRow) -> Result<()> {
        let Self { writer, rows, .. } = self;
        writer.write(row, |values, nulls| rows.put(values, nulls))
    }

    fn end_block(&mut self) {
        self.writer.tidy();
    }
}

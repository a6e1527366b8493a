//! `tablediffusion_create_table`: a new table with the source's column types, filled with synthetic rows.

use pgrx::pg_sys;

use crate::engine::EngineError;
use crate::pg::errors::{self, Result};
use crate::pg::functions::copy_properties::{self, Including};
use crate::pg::functions::new_table::{Columns, Destination};
use crate::pg::model::cell_source::ModelRow;
use crate::pg::model::constraints::expression;
use crate::pg::model::loaded::Model;
use crate::pg::model::metadata::{Annotation, ColumnFacts};
use crate::pg::model::rows::{self, RowSink, SyntheticRows};
use crate::pg::model::table_comment::describe;
use crate::pg::model::writers::{self, Writers};
use crate::pg::model::{given, target_domains};
use crate::pg::server::call::{Call, sql_function};
use crate::pg::server::insert_batch::InsertBatch;
use crate::pg::server::{access, guard};

sql_function!(
    tablediffusion_create_table(target, model, n, seed, given, including),
    pg_finfo_tablediffusion_create_table,
    create_table
);

/// `(target text, model text, n bigint, seed bigint, given jsonb, including text[])`. Version 0.1.0 does not have the
/// last.
fn create_table(call: &Call) -> Result<Option<pg_sys::Datum>> {
    let (target, name, total) = (call.text("target")?, call.text("model")?, call.rows("n")?);
    let seed = rows::seed(call.optional_int("seed"))?;
    let given = call.object("given")?;
    access::check_writable(c"tablediffusion_create_table()");
    let including = call.texts("including")?;
    let including = Including::parse(&including)?;
    let model = Model::load(name)?;
    let given = given::wanted(&model, &given)?;
    let (writers, targets) = writers::own_writers(&model, total, seed)?;
    let targets = target_domains::chosen(&model.annotation, targets)?;
    let not_null: Vec<bool> = model.annotation.columns.iter().map(|column| column.not_null).collect();
    let generated = generated(&model.annotation, including)?;
    let columns = Columns { names_and_types: targets, not_null, generated };
    let table = Destination::of(&target)?.create(&columns)?;
    let mut sink = Written { batch: table.batch(), writers, not_null: &columns.not_null };
    SyntheticRows::new(&model, given, seed, total)?.hand_to(&mut sink)?;
    sink.batch.finish();
    let table = table.close();
    copy_properties::take_over(including, table, &model.annotation)?;
    describe(table, &model);
    Ok(Some(table.into()))
}

/// The expressions of the columns that are generated columns of the table. They are accepted as they are for sampling.
fn generated(annotation: &Annotation, including: Including) -> Result<Vec<Option<String>>> {
    let written = |column: &ColumnFacts| {
        let Some(computed) = column.computed.as_ref().filter(|computed| computed.generated && including.generated)
        else {
            return Ok(None);
        };
        let unusable = || errors::expression_unusable(&errors::expression_of(&column.name));
        let is_accepted = || expression::names_nothing_else(&computed.expression, Some(&computed.columns));
        if guard::attempt(is_accepted, unusable)? { Ok(Some(computed.expression.clone())) } else { Err(unusable()) }
    };
    annotation.columns.iter().map(written).collect()
}

/// Writes rows into the table.
struct Written<'a> {
    batch: InsertBatch<'a>,
    writers: Writers,
    not_null: &'a [bool],
}

impl RowSink for Written<'_> {
    fn take(&mut self, row: &ModelRow) -> Result<()> {
        let Self { batch, writers, not_null } = self;
        batch.put(|values, nulls| {
            writers::write(writers, row, values, nulls)?;
            if nulls.iter().zip(*not_null).any(|(is_null, not_null)| *is_null && *not_null) {
                return Err(EngineError::CorruptModel { reason: "it has a NULL in a column that is never NULL" }.into());
            }
            Ok(())
        })
    }

    fn end_block(&mut self) {
        // `tidy` frees what unwritten rows refer to, so they are written first.
        self.batch.flush();
        writers::tidy(&mut self.writers);
    }
}

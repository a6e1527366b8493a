//! `tablediffusion_sample`, as jsonb and as rows of a given type.

use pgrx::pg_sys;

use crate::pg::errors::{self, Result};
use crate::pg::model::cell_source::{self, CellSource, ModelRow};
use crate::pg::model::loaded::Model;
use crate::pg::model::rows::{self, RowSink, SyntheticRows};
use crate::pg::model::writers::{RowWriter, writers};
use crate::pg::model::{given, target_domains};
use crate::pg::server::call::{Call, sql_function};
use crate::pg::server::fmgr::InputFunction;
use crate::pg::server::memory::RowMemory;
use crate::pg::server::text;
use crate::pg::server::tuple::{self, Target};
use crate::pg::server::tuplestore::ResultRows;
use crate::pg::server::types::type_name;
use crate::pg::values::json::{self, JsonWriter};

sql_function!(tablediffusion_sample_json(model, n, given, seed), pg_finfo_tablediffusion_sample_json, sample_json);
sql_function!(
    tablediffusion_sample_rows(model, n, row_type, given, seed),
    pg_finfo_tablediffusion_sample_rows,
    sample_rows
);

/// `(model text, n bigint, given jsonb, seed bigint)`.
fn sample_json(call: &Call) -> Result<Option<pg_sys::Datum>> {
    let (name, total) = (call.text("model")?, call.rows("n")?);
    let given = call.object("given")?;
    let seed = rows::seed(call.optional_int("seed"))?;
    let model = Model::load(name)?;
    let given = given::wanted(&model, &given)?;
    let columns = model.annotation.columns.iter().zip(model.annotation.places());
    let columns = columns
        .map(|(column, place)| {
            let origin = CellSource::of(column, place, cell_source::longest(column), total, seed)?;
            let key = format!("{}:", json::escaped(&column.name));
            Ok((key, origin, JsonWriter::new(column.kind)))
        })
        .collect::<Result<Vec<_>>>()?;
    let store = ResultRows::open(call, pg_sys::MAT_SRF_USE_EXPECTED_DESC);
    let jsonb = InputFunction::new(pg_sys::JSONBOID, -1);
    let mut sink = Objects { columns, text: String::new(), jsonb, store, memory: RowMemory::new() };
    SyntheticRows::new(&model, given, seed, total)?.hand_to(&mut sink)?;
    Ok(None)
}

/// Rows as JSON objects.
struct Objects {
    /// Each column with the start of its JSON member.
    columns: Vec<(String, CellSource, JsonWriter)>,
    text: String,
    jsonb: InputFunction,
    store: ResultRows,
    memory: RowMemory,
}

impl RowSink for Objects {
    fn take(&mut self, row: &ModelRow) -> Result<()> {
        let Self { columns, text, jsonb, store, memory } = self;
        // SAFETY: the store has copied earlier rows.
        unsafe { memory.next() }.within(|| {
            text.clear();
            for (i, (key, origin, json)) in columns.iter_mut().enumerate() {
                text.push(if i == 0 { '{' } else { ',' });
                text.push_str(key);
                json.write(&origin.cell(row)?, text);
            }
            text.push('}');
            store.put(&mut [jsonb.parse(text)], &mut [false]);
            Ok(())
        })
    }

    fn end_block(&mut self) {}
}

/// `(model text, n bigint, row_type anyelement, given jsonb, seed bigint)`.
fn sample_rows(call: &Call) -> Result<Option<pg_sys::Datum>> {
    let (name, total) = (call.text("model")?, call.rows("n")?);
    let row_type = call.type_of("row_type");
    let given = call.object("given")?;
    let seed = rows::seed(call.optional_int("seed"))?;
    let targets = targets(row_type)?;
    let model = Model::load(name)?;
    let given = given::wanted(&model, &given)?;
    let row_type = type_name(row_type, -1);
    let writers = writers(&model, &targets, &row_type, total, seed)?;
    target_domains::tell(&model.annotation, &targets)?;
    let store = ResultRows::open(call, 0);
    // The result's type was looked up separately.
    if !store.has(&targets) {
        return Err(errors::row_type_changed(&row_type));
    }
    let mut sink = Records { writer: RowWriter::new(writers, store.width()), store };
    SyntheticRows::new(&model, given, seed, total)?.hand_to(&mut sink)?;
    Ok(None)
}

/// Rows of a row type.
struct Records {
    writer: RowWriter,
    store: ResultRows,
}

impl RowSink for Records {
    fn take(&mut self, row: &ModelRow) -> Result<()> {
        let Self { writer, store } = self;
        writer.write(row, |values, nulls| store.put(values, nulls))
    }

    fn end_block(&mut self) {
        self.writer.tidy();
    }
}

/// The live columns of a row type and their positions. Nobody can change them until the transaction ends.
fn targets(row_type: pg_sys::Oid) -> Result<Vec<(usize, Target)>> {
    // SAFETY: a look-up of any oid.
    let rows = unsafe { pg_sys::get_typ_typrelid(row_type) };
    if rows == pg_sys::InvalidOid {
        return Err(errors::not_a_row_type());
    }
    // SAFETY: null if it was dropped. The lock is kept until the transaction ends.
    let relation = unsafe { pg_sys::try_relation_open(rows, pg_sys::AccessShareLock as pg_sys::LOCKMODE) };
    if relation.is_null() {
        return Err(errors::not_a_row_type());
    }
    // SAFETY: the relation is open, so its descriptor is valid. It is closed after the descriptor is read.
    unsafe {
        let desc = (*relation).rd_att;
        let target = |i| {
            let attribute = tuple::attribute(desc, i);
            let what = || format!("the name of column {} of row type {}", i + 1, row_type.to_u32());
            let (type_oid, typmod) = (attribute.atttypid, attribute.atttypmod);
            Ok((i, Target { column: text::name(&attribute.attname, what)?, type_oid, typmod }))
        };
        let live = (0..(*desc).natts as usize).filter(|i| !tuple::attribute(desc, *i).attisdropped);
        let targets = live.map(target).collect();
        pg_sys::relation_close(relation, pg_sys::NoLock as pg_sys::LOCKMODE);
        targets
    }
}

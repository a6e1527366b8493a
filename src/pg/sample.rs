//! `tablediffusion_sample`, as jsonb and as rows of a given type.

use std::sync::Arc;

use pgrx::pg_sys;

use super::annotation::{Annotation, ColumnFacts};
use super::call::{Call, sql_function};
use super::datum::{self, Input, Scratch, type_name};
use super::errors::{self, Result};
use super::output::{Cell, Json, Target, Typed};
use super::rows::{self, Origin, Rows};
use super::store::Store;
use super::types::Kind;
use super::{catalog, given, threads, unchecked};
use crate::engine::artifact::Artifact;

sql_function!(tablediffusion_sample_json, pg_finfo_tablediffusion_sample_json, sample_json);
sql_function!(tablediffusion_sample_rows, pg_finfo_tablediffusion_sample_rows, sample_rows);

/// A loaded model.
pub struct Model {
    pub name: String,
    pub artifact: Arc<Artifact>,
    pub annotation: Annotation,
}

impl Model {
    pub fn load(name: String) -> Result<Self> {
        datum::check_encoding()?;
        let bytes = catalog::load(&name)?;
        let artifact = threads::run(move || Artifact::from_bytes(&bytes))??;
        let annotation = rows::annotation(&name, &artifact)?;
        Ok(Self { name, artifact: Arc::new(artifact), annotation })
    }
}

/// `(model text, n bigint, given jsonb, seed bigint)`.
fn sample_json(call: &Call) -> Result<Option<pg_sys::Datum>> {
    let (name, total) = (call.text(0, "model")?, call.rows(1, "n")?);
    let given = call.object(2, "given")?;
    let seed = rows::seed(call.optional_int(3))?;
    let model = Model::load(name)?;
    let given = given::wanted(&model, &given)?;
    let columns = model.annotation.columns.iter().zip(model.annotation.places());
    let mut writers = columns
        .map(|(column, place)| {
            let origin = Origin::of(column, place, rows::longest(column), total, seed)?;
            let key = format!("{}:", super::output::escaped(&column.name));
            Ok((key, origin, Json::new(column.kind)))
        })
        .collect::<Result<Vec<_>>>()?;
    let store = Store::open(call, pg_sys::MAT_SRF_USE_EXPECTED_DESC);
    let (mut text, mut jsonb) = (String::new(), Input::new(pg_sys::JSONBOID, -1));
    let mut all = Rows::new(&model, given, seed, total)?;
    while let Some(block) = all.next_block()? {
        for row in 0..block.rows {
            let Some(number) = all.take(&block, row)? else { continue };
            text.clear();
            for (i, (key, origin, json)) in writers.iter_mut().enumerate() {
                text.push(if i == 0 { '{' } else { ',' });
                text.push_str(key);
                json.write(&origin.cell(&block, row, number)?, &mut text);
            }
            text.push('}');
            store.scratch.within(|| store.put(&mut [jsonb.parse(&text)], &mut [false]));
            if row % 64 == 63 {
                // SAFETY: the store has copied what was made.
                unsafe { store.scratch.reset() };
            }
        }
    }
    Ok(None)
}

/// `(model text, n bigint, row_type anyelement, given jsonb, seed bigint)`.
fn sample_rows(call: &Call) -> Result<Option<pg_sys::Datum>> {
    let (name, total) = (call.text(0, "model")?, call.rows(1, "n")?);
    call.expect(2, &[pg_sys::ANYELEMENTOID]);
    // SAFETY: the call is in progress.
    let row_type = unsafe { pg_sys::get_fn_expr_argtype((*call.fcinfo()).flinfo, 2) };
    let given = call.object(3, "given")?;
    let seed = rows::seed(call.optional_int(4))?;
    let targets = targets(row_type)?;
    let model = Model::load(name)?;
    let given = given::wanted(&model, &given)?;
    let row_type = type_name(row_type, -1);
    let mut writers = writers(&model, &targets, &row_type, total, seed)?;
    unchecked::tell(&model.annotation, &targets)?;
    let store = Store::open(call, 0);
    // What the result is made by was looked up by itself.
    if !store.has(&targets) {
        return Err(errors::row_type_changed(&row_type));
    }
    let (mut values, mut nulls) = (vec![pg_sys::Datum::null(); store.width()], vec![true; store.width()]);
    let mut all = Rows::new(&model, given, seed, total)?;
    while let Some(block) = all.next_block()? {
        for row in 0..block.rows {
            let Some(number) = all.take(&block, row)? else { continue };
            write(&mut writers, &store.scratch, &mut values, &mut nulls, |origin| origin.cell(&block, row, number))?;
            store.put(&mut values, &mut nulls);
            if row % 64 == 63 {
                // SAFETY: the store has copied what was made; what writers keep is elsewhere.
                unsafe { store.scratch.reset() };
            }
        }
        writers.iter_mut().for_each(|(_, _, typed)| typed.iter_mut().for_each(Typed::tidy));
    }
    Ok(None)
}

/// Writers for the columns of a result, by their positions in it; nothing for a column that stays NULL.
pub type Writers = Vec<(usize, Origin, Option<Typed>)>;

/// Puts the values of a row into their places, in memory of `scratch`.
pub fn write<'a>(
    writers: &mut Writers,
    scratch: &Scratch,
    values: &mut [pg_sys::Datum],
    nulls: &mut [bool],
    mut cell: impl FnMut(&mut Origin) -> Result<Cell<'a>>,
) -> Result<()> {
    scratch.within(|| {
        for (i, origin, typed) in writers {
            let value = match typed {
                Some(typed) => typed.value(&cell(origin)?)?,
                None => None,
            };
            values[*i] = value.unwrap_or(pg_sys::Datum::null());
            nulls[*i] = value.is_none();
        }
        Ok(())
    })
}

/// Matches the columns of a result with those of the model, by name.
pub fn writers(model: &Model, targets: &[(usize, Target)], row_type: &str, total: u64, seed: u64) -> Result<Writers> {
    let annotation = &model.annotation;
    let places = annotation.places();
    let stranger = |(_, target): &&(usize, Target)| {
        !annotation.columns.iter().any(|column| column.name == target.column)
            && !annotation.left_out.contains(&target.column)
    };
    let strangers: Vec<&str> = targets.iter().filter(stranger).map(|(_, target)| target.column.as_str()).collect();
    if !strangers.is_empty() {
        return Err(errors::row_type_has_strangers(&model.name, row_type, strangers));
    }
    let writer = |(i, target): &(usize, Target)| {
        let Some(k) = annotation.columns.iter().position(|column| column.name == target.column) else {
            return Ok((*i, Origin::LeftOut, None));
        };
        let column = &annotation.columns[k];
        let typed = typed(column, target).ok_or_else(|| {
            if datum::resolve_type(&column.type_name).is_some_and(|(own, _)| own == target.type_oid) {
                return errors::type_is_gone(&column.name, &column.type_name);
            }
            let wanted = type_name(target.type_oid, target.typmod);
            errors::row_type_mismatch(&model.name, row_type, &target.column, &wanted, &column.type_name)
        })?;
        let origin = Origin::of(column, places[k], typed.longest(), total, seed)?;
        Ok((*i, origin, Some(typed)))
    };
    targets.iter().map(writer).collect()
}

/// A writer for a column of the model. One enum's labels are not another's.
fn typed(column: &ColumnFacts, target: &Target) -> Option<Typed> {
    let typed = Typed::new(column.kind, target)?;
    let (base, _) = datum::base_type(target.type_oid, target.typmod);
    // SAFETY: a look-up.
    let is_enum = unsafe { pg_sys::get_typtype(base) } as u8 == pg_sys::TYPTYPE_ENUM;
    let own = || datum::resolve_type(&column.type_name).map(|(own, typmod)| datum::base_type(own, typmod).0);
    (!is_enum || own() == Some(base)).then_some(typed)
}

/// Writers for a table that is made for the model, all of whose columns are in order.
pub fn own_writers(model: &Model, total: u64, seed: u64) -> Result<(Writers, Vec<Target>)> {
    let places = model.annotation.places();
    let mut writers = Vec::new();
    let mut targets = Vec::new();
    for (i, (column, place)) in model.annotation.columns.iter().zip(places).enumerate() {
        let gone = || errors::type_is_gone(&column.name, &column.type_name);
        let (type_oid, typmod) = datum::resolve_type(&column.type_name)
            .filter(|(type_oid, typmod)| Kind::of(*type_oid, *typmod) == Some(column.kind))
            .ok_or_else(gone)?;
        let target = Target { column: column.name.clone(), type_oid, typmod };
        let typed = Typed::new(column.kind, &target).ok_or_else(gone)?;
        let origin = Origin::of(column, place, rows::longest(column), total, seed)?;
        writers.push((i, origin, Some(typed)));
        targets.push(target);
    }
    Ok((writers, targets))
}

/// The live columns of a row type and their positions, which nobody changes until the transaction ends.
fn targets(row_type: pg_sys::Oid) -> Result<Vec<(usize, Target)>> {
    // SAFETY: a look-up of any oid.
    let rows = unsafe { pg_sys::get_typ_typrelid(row_type) };
    if rows == pg_sys::InvalidOid {
        return Err(errors::not_a_row_type());
    }
    // SAFETY: null if it was dropped; the lock is kept until the transaction ends.
    let relation = unsafe { pg_sys::try_relation_open(rows, pg_sys::AccessShareLock as pg_sys::LOCKMODE) };
    if relation.is_null() {
        return Err(errors::not_a_row_type());
    }
    // SAFETY: the relation is open, so that its descriptor is valid; it is closed after that is read.
    unsafe {
        let desc = (*relation).rd_att;
        let target = |i| {
            let attribute = datum::attribute(desc, i);
            let what = || format!("the name of column {} of row type {}", i + 1, row_type.to_u32());
            let (type_oid, typmod) = (attribute.atttypid, attribute.atttypmod);
            Ok((i, Target { column: datum::name(&attribute.attname, what)?, type_oid, typmod }))
        };
        let live = (0..(*desc).natts as usize).filter(|i| !datum::attribute(desc, *i).attisdropped);
        let targets = live.map(target).collect();
        pg_sys::relation_close(relation, pg_sys::NoLock as pg_sys::LOCKMODE);
        targets
    }
}

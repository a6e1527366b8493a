//! `tablediffusion_sample`, as jsonb and as rows of a given type.

use std::sync::Arc;

use pgrx::pg_sys;

use super::annotation::{Annotation, ColumnFacts};
use super::call::{Call, sql_function};
use super::datum::{self, Input, type_name};
use super::errors::{self, Result};
use super::output::{Json, Target, Typed};
use super::rows::{self, Origin, Rows};
use super::store::Store;
use super::types::Kind;
use super::{catalog, given, threads};
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
    // SAFETY: the call is in progress.
    let row_type = unsafe { pg_sys::get_fn_expr_argtype((*call.fcinfo()).flinfo, 2) };
    // SAFETY: any oid may be asked about.
    if row_type == pg_sys::RECORDOID || !unsafe { pg_sys::type_is_rowtype(row_type) } {
        return Err(errors::not_a_row_type());
    }
    let given = call.object(3, "given")?;
    let seed = rows::seed(call.optional_int(4))?;
    let model = Model::load(name)?;
    let given = given::wanted(&model, &given)?;
    let targets = targets(row_type);
    let mut writers = writers(&model, &targets, &type_name(row_type, -1), total, seed)?;
    let store = Store::open(call, 0);
    let (mut values, mut nulls) = (vec![pg_sys::Datum::null(); store.width()], vec![true; store.width()]);
    let mut all = Rows::new(&model, given, seed, total)?;
    while let Some(block) = all.next_block()? {
        for row in 0..block.rows {
            let Some(number) = all.take(&block, row)? else { continue };
            store.scratch.within(|| {
                for (i, origin, typed) in &mut writers {
                    let value = match typed {
                        Some(typed) => typed.value(&origin.cell(&block, row, number)?)?,
                        None => None,
                    };
                    values[*i] = value.unwrap_or(pg_sys::Datum::null());
                    nulls[*i] = value.is_none();
                }
                store.put(&mut values, &mut nulls);
                Result::Ok(())
            })?;
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

/// Matches the columns of a result with those of the model, by name.
fn writers(model: &Model, targets: &[(usize, Target)], row_type: &str, total: u64, seed: u64) -> Result<Writers> {
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
        let own = own_type(column);
        let differs = match own {
            Some(own) if own == target.type_oid => false,
            _ if plainly_same(column.kind, target) => false,
            own if convertible(own, column.kind, target.type_oid) => true,
            _ => {
                let wanted = type_name(target.type_oid, target.typmod);
                let found = &column.type_name;
                return Err(errors::row_type_mismatch(&model.name, row_type, &target.column, &wanted, found));
            }
        };
        let longest = longest(column, target);
        let origin = Origin::of(column, places[k], longest, total, seed)?;
        Ok((*i, origin, Some(Typed::new(column.kind, target.clone(), differs))))
    };
    targets.iter().map(writer).collect()
}

/// Writers for a table that is made for the model, all of whose columns are in order.
pub fn own_writers(model: &Model, total: u64, seed: u64) -> Result<(Writers, Vec<Target>)> {
    let places = model.annotation.places();
    let mut writers = Vec::new();
    let mut targets = Vec::new();
    for (i, (column, place)) in model.annotation.columns.iter().zip(places).enumerate() {
        let (type_oid, typmod) = datum::resolve_type(&column.type_name)
            .filter(|(type_oid, typmod)| Kind::of(*type_oid, *typmod) == Some(column.kind))
            .ok_or_else(|| errors::type_is_gone(&column.name, &column.type_name))?;
        let target = Target { column: column.name.clone(), type_oid, typmod };
        let origin = Origin::of(column, place, rows::longest(column), total, seed)?;
        writers.push((i, origin, Some(Typed::new(column.kind, target.clone(), false))));
        targets.push(target);
    }
    Ok((writers, targets))
}

fn longest(column: &ColumnFacts, target: &Target) -> usize {
    // A varchar's or char's modifier counts its own header too.
    let header = pg_sys::VARHDRSZ as i32;
    let limited = matches!(column.kind, Kind::Text | Kind::Char) && target.typmod > header;
    if limited { (target.typmod - header) as usize } else { usize::MAX }
}

/// The type that a column had in the source, if it still exists.
fn own_type(column: &ColumnFacts) -> Option<pg_sys::Oid> {
    datum::resolve_type(&column.type_name).map(|(type_oid, _)| type_oid)
}

/// Whether the target is the plain type that values of the kind are made as.
fn plainly_same(kind: Kind, target: &Target) -> bool {
    Kind::of(target.type_oid, target.typmod) == Some(kind) && kind != Kind::Enum
}

fn convertible(own: Option<pg_sys::Oid>, kind: Kind, target: pg_sys::Oid) -> bool {
    let own = own.unwrap_or(if kind == Kind::Enum { pg_sys::TEXTOID } else { pg_sys::InvalidOid });
    if own == pg_sys::InvalidOid {
        return false;
    }
    let mut function = pg_sys::InvalidOid;
    // SAFETY: look-ups of existing types.
    unsafe {
        let (own, target) = (pg_sys::getBaseType(own), pg_sys::getBaseType(target));
        let assignment = pg_sys::CoercionContext::COERCION_ASSIGNMENT;
        pg_sys::find_coercion_pathway(target, own, assignment, &mut function)
            != pg_sys::CoercionPathType::COERCION_PATH_NONE
    }
}

/// The live columns of a row type and their positions.
fn targets(row_type: pg_sys::Oid) -> Vec<(usize, Target)> {
    // SAFETY: a row type, whose descriptor is released after it is read.
    unsafe {
        let desc = pg_sys::lookup_rowtype_tupdesc_domain(row_type, -1, false);
        let targets = (0..(*desc).natts as usize)
            .map(|i| (i, datum::attribute(desc, i)))
            .map(|(i, attribute)| {
                let column = pgrx::name_data_to_str(&attribute.attname).to_owned();
                (
                    i,
                    attribute.attisdropped,
                    Target { column, type_oid: attribute.atttypid, typmod: attribute.atttypmod },
                )
            })
            .collect::<Vec<_>>();
        pgrx::tupdesc::release_tupdesc(desc);
        targets.into_iter().filter(|(_, dropped, _)| !dropped).map(|(i, _, target)| (i, target)).collect()
    }
}

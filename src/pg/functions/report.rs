//! `tablediffusion_report`: an HTML page about a model. Without a source it contains only released information.

use pgrx::{IntoDatum, pg_sys};

use crate::engine::privacy::accountant;
use crate::engine::quality::page::{Page, SeenRows};
use crate::engine::table::{Column, Domain};
use crate::engine::{self, abandon};
use crate::pg::errors::{self, Result};
use crate::pg::model::columns_json;
use crate::pg::model::loaded::Model;
use crate::pg::relation::{Attribute, Relation, scan};
use crate::pg::server::call::{Call, sql_function};
use crate::pg::server::{guard, threads};

sql_function!(tablediffusion_report(model, source), pg_finfo_tablediffusion_report, report);

/// The number of blocks of synthetic rows that the page shows, and their seed.
const BLOCKS: u64 = 5;
const SEED: u64 = 1;

/// `(model text, source regclass)`.
fn report(call: &Call) -> Result<Option<pg_sys::Datum>> {
    let model = Model::load(call.text("model")?)?;
    let real = if call.is_null("source") { None } else { Some(Relation::open(call.oid("source")?)?) };
    let modelled: Vec<&str> =
        model.annotation.columns.iter().filter(|c| c.is_modelled()).map(|c| c.name.as_str()).collect();
    let real = real.map(|source| seen_in(&source, &modelled, &model)).transpose()?;
    let made = seen_of(&model)?;
    let page = Page {
        model: &model.name,
        source: &model.annotation.source,
        source_rows_only: model.annotation.source_rows_only.as_deref(),
        method: model.artifact.method.name(),
        ledger: &model.artifact.ledger,
        alone: alone(&model)?,
        noisy_rows: model.artifact.noisy_rows,
        columns: columns_json::columns(&model.annotation, &model.artifact),
        names: modelled,
        made,
        real,
    };
    Ok(guard::engine(|| page.write())?.into_datum())
}

/// The epsilon of each stage of a model's ledger by itself.
fn alone(model: &Model) -> Result<Vec<f64>> {
    let phases = model.artifact.ledger.phases.clone();
    Ok(threads::run(move || {
        let stages = phases.iter().flat_map(|phase| phase.stages.iter().map(|s| (s, phase.accounted_delta)));
        let epsilons = stages.map(|(s, delta)| accountant::epsilon(&[(s.mechanism, s.times)], delta));
        epsilons.collect::<engine::Result<Vec<f64>>>()
    })??)
}

fn described(model: &Model) -> (Vec<Column>, Vec<Domain>) {
    model.artifact.columns.iter().map(|released| (released.column.clone(), released.domain.clone())).unzip()
}

fn seen_of(model: &Model) -> Result<SeenRows> {
    let (columns, domains) = described(model);
    let artifact = std::sync::Arc::clone(&model.artifact);
    Ok(threads::run(move || {
        let (sampler, mut seen) = (artifact.sampler(SEED), SeenRows::new(&domains, SEED));
        for number in 0..BLOCKS {
            abandon::check()?;
            seen.add(&sampler.block(number)?, &columns, &domains)?;
        }
        engine::Result::Ok(seen)
    })??)
}

fn seen_in(source: &Relation, names: &[&str], model: &Model) -> Result<SeenRows> {
    let (columns, domains) = described(model);
    let find = |(name, column): (&&str, &Column)| {
        let found = source.columns.iter().find(|own| own.name == **name);
        found
            .filter(|own| own.kind.is_some_and(|kind| kind.measure().stored() == column.measure.stored()))
            .ok_or_else(|| errors::no_such_column(&source.name, name, "source"))
    };
    let attributes: Vec<&Attribute> = names.iter().zip(&columns).map(find).collect::<Result<_>>()?;
    source.check_privilege(&attributes, ", or leave \"source\" out")?;
    errors::not_private(&source.name).notice();
    let mut seen = SeenRows::new(&domains, SEED);
    scan::scan(source, None, &attributes, None, |block, _| guard::engine(|| seen.add(block, &columns, &domains)))?;
    Ok(seen)
}

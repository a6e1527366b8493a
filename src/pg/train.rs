//! `tablediffusion_train`: drives a training from the first scan to the stored model.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use pgrx::{IntoDatum, check_for_interrupts, pg_sys};
use serde_json::{Map, Value};

use super::annotation::{Annotation, ColumnFacts};
use super::call::{Call, sql_function};
use super::catalog::{self, Charge, Outcome, Record, Settled};
use super::errors::{self, Result};
use super::invariants::Constraints;
use super::keys::{Key, Keys};
use super::lineage::Lineage;
use super::progress::Reporter;
use super::source::{Attribute, Source};
use super::unit::Unit;
use super::{apart, budget, constraints, datum, declared, guard, invariants, settings, stream, threads};
use crate::engine::EngineError;
use crate::engine::artifact::Artifact;
use crate::engine::job::{Job, Next, Request};
use crate::engine::models::Method;
use crate::engine::privacy::accountant::gdp::Equivalent;
use crate::engine::table::Column;

sql_function!(tablediffusion_train, pg_finfo_tablediffusion_train, train);

/// The arguments, in the order of SQL.
pub struct Arguments {
    pub source: pg_sys::Oid,
    epsilon: f64,
    model: Option<String>,
    delta: Option<f64>,
    method: String,
    columns: Option<Vec<String>>,
    exclude: Option<Vec<String>>,
    domain: Map<String, Value>,
    privacy_unit: Option<String>,
    rows_per_unit: Option<i64>,
    replace: bool,
    options: Map<String, Value>,
}

impl Arguments {
    pub fn of(call: &Call) -> Result<Self> {
        Ok(Self {
            source: call.oid(0, "source")?,
            epsilon: call.float(1, "epsilon")?,
            model: call.optional_text(2),
            delta: call.optional_float(3),
            method: call.text(4, "method")?,
            columns: call.names(5, "columns")?,
            exclude: call.names(6, "exclude")?,
            domain: call.object(7, "domain")?,
            privacy_unit: call.optional_name(8),
            rows_per_unit: call.optional_int4(9),
            replace: call.boolean(10, "replace")?,
            options: call.object(11, "options")?,
        })
    }
}

/// A training that was asked for, before anything is read.
pub struct Asked<'a> {
    pub job: Job,
    delta: f64,
    annotation: Annotation,
    modelled: Vec<&'a Attribute>,
    pub unit_column: Option<&'a Attribute>,
}

impl<'a> Asked<'a> {
    /// Checks the arguments against the source and the caller's privileges; reads no row.
    pub fn new(source: &'a Source, arguments: &Arguments) -> Result<Self> {
        let chosen = source.choose(arguments.columns.as_deref(), arguments.exclude.as_deref())?;
        let keys = Keys::of(source)?;
        let unit = Unit::of(source, &keys, arguments.privacy_unit.as_deref(), arguments.rows_per_unit)?;
        let (annotation, modelled) = plan(source, &chosen, &keys, unit.as_ref())?;
        if modelled.is_empty() {
            return Err(errors::no_columns(&source.name));
        }
        let unit_column = unit.as_ref().and_then(Unit::read);
        let read: Vec<&Attribute> = modelled.iter().copied().chain(unit_column).collect();
        source.check_privilege(&read, ", or name them in \"exclude\"")?;
        let columns = offered(source, &modelled, &arguments.domain)?;
        let method = guard::engine(|| Method::parse(&arguments.method))?;
        let delta = arguments.delta.unwrap_or_else(settings::delta);
        let request = Request {
            columns,
            unit: unit.as_ref().and_then(Unit::relation),
            epsilon: arguments.epsilon,
            delta,
            method,
            options: arguments.options.clone(),
            memory_limit: settings::memory_limit(),
        };
        let job = guard::engine(|| Job::new(request))?;
        Ok(Self { job, delta, annotation, modelled, unit_column })
    }
}

fn train(call: &Call) -> Result<Option<pg_sys::Datum>> {
    let arguments = Arguments::of(call)?;
    catalog::check_writable(c"tablediffusion_train()");
    catalog::check_current()?;
    datum::check_encoding()?;
    let source = Source::open(arguments.source)?;
    let Asked { mut job, delta, mut annotation, modelled, unit_column } = Asked::new(&source, &arguments)?;
    let (constraints, lost) = invariants::of(&source, &annotation.columns)?;
    annotation.constraints = constraints;
    if !lost.is_empty() {
        errors::constraints_lost(lost).notice();
    }
    let name = arguments.model.unwrap_or_else(|| source.name.clone());
    catalog::claim(&name, arguments.replace)?;
    let lineage = Lineage::of(&source, unit_column.map(|column| column.number))?;
    annotation.source_rows_only = lineage.source_rows_only.map(str::to_owned);
    if let Some(reason) = lineage.source_rows_only {
        errors::source_rows_only(&source.quoted(), reason).warn();
    }
    // Before anything of the engine may use a thread.
    threads::start()?;
    announce(guard::engine(|| job.expect_rows(lineage.estimate()))?);
    if !budget::awaited(&lineage.charged)?.is_empty() || settings::default_budget().is_some() {
        job.hold();
    }
    let entry = budget::pay(&charge(&name, &source, &job, &lineage))?;
    let reporter = Reporter::new(source.oid, &name, &arguments.method);
    followed(entry, || {
        let what = Read { source: &source, charged: &lineage, modelled: &modelled, unit: unit_column };
        let trained = drive(job, delta, &what, reporter)?;
        store(&name, &source, annotation, trained, entry)
    })?;
    Ok(name.into_datum())
}

/// What a training that is about to read may spend, and of what.
fn charge(name: &str, source: &Source, job: &Job, lineage: &Lineage) -> Charge {
    // SAFETY: plain calls; the transaction gets a number if it has none.
    let (role, transaction) = unsafe { (pg_sys::GetUserId(), pg_sys::GetTopFullTransactionId().value) };
    let (unit, reserve) = (job.neighbours().unit(), job.reserve());
    Charge {
        model: name.to_owned(),
        role: role.to_u32(),
        source: source.quoted(),
        source_id: source.oid.to_u32(),
        method: job.method().name().to_owned(),
        epsilon: job.epsilon(),
        delta: job.delta(),
        neighbours: job.neighbours().describe(),
        privacy_unit: unit.map(|unit| unit.column.clone()),
        rows_per_unit: unit.map(|unit| unit.rows as i32),
        row_security: lineage.row_security(),
        source_rows_only: lineage.source_rows_only.map(str::to_owned),
        precision: reserve.precision,
        excess_delta: reserve.delta,
        charged: lineage.charged.clone(),
        default_budget: settings::default_budget(),
        transaction,
    }
}

/// Does what was charged, and has it written down if it fails or is cancelled.
fn followed(entry: i64, work: impl FnOnce() -> Result<()>) -> Result<()> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.inspect_err(|_| apart::tell(entry, Outcome::Failed)),
        Err(payload) => {
            let cancelled = guard::is_cancel(&*payload);
            apart::tell(entry, if cancelled { Outcome::Cancelled } else { Outcome::Failed });
            resume_unwind(payload)
        }
    }
}

/// What is generated and what is modelled. A unit column that cannot be generated is left out.
fn plan<'a>(
    source: &Source,
    chosen: &[&'a Attribute],
    keys: &Keys,
    unit: Option<&Unit>,
) -> Result<(Annotation, Vec<&'a Attribute>)> {
    let mut facts = Vec::with_capacity(chosen.len());
    let mut modelled = Vec::with_capacity(chosen.len());
    for column in chosen {
        let type_name = column.type_name();
        let Some(kind) = column.kind else { return Err(errors::unsupported_type(&column.name, &type_name)) };
        let is_unit = unit.is_some_and(|unit| unit.column.number == column.number);
        let key = if is_unit { Key::of(kind) } else { keys.key(column) };
        if key.is_none() && is_unit {
            continue;
        }
        if key.is_none() {
            modelled.push(*column);
        }
        let (name, not_null) = (column.name.clone(), column.not_null);
        facts.push(ColumnFacts { name, ordinal: column.number, type_name, kind, not_null, key });
    }
    let left_out = source.columns.iter().filter(|column| !facts.iter().any(|f| f.ordinal == column.number));
    let left_out = left_out.map(|column| column.name.clone()).collect();
    let (source, constraints) = (source.quoted(), Constraints::default());
    Ok((Annotation { source, columns: facts, left_out, constraints, source_rows_only: None }, modelled))
}

/// The columns as the engine takes them: with the domains that the caller declares, or else those that the catalogs
/// imply.
fn offered(source: &Source, modelled: &[&Attribute], domains: &Map<String, Value>) -> Result<Vec<Column>> {
    if let Some(stranger) = domains.keys().find(|name| !modelled.iter().any(|column| column.name == **name)) {
        return Err(errors::domain_of_no_column(stranger));
    }
    let facts = constraints::facts(source, modelled)?;
    let offer = |(column, facts): (&&Attribute, constraints::Facts)| {
        let Some(kind) = column.kind else {
            return Err(errors::unsupported_type(&column.name, &column.type_name()));
        };
        let measure = kind.measure();
        let declared = match domains.get(&column.name) {
            Some(domain) => Some(declared::domain(column, domain)?),
            None => facts.declared(measure),
        };
        Ok(Column { name: column.name.clone(), measure, nullable: !facts.not_null, declared })
    };
    modelled.iter().zip(facts).map(offer).collect()
}

/// What a training reads.
struct Read<'a> {
    source: &'a Source,
    charged: &'a Lineage,
    modelled: &'a [&'a Attribute],
    unit: Option<&'a Attribute>,
}

/// Brings the job what it wants until it is done: a model, and what it cost.
fn drive(mut job: Job, delta: f64, what: &Read, mut reporter: Reporter) -> Result<(Artifact, Equivalent)> {
    loop {
        check_for_interrupts!();
        if job.next() != Next::Done {
            reporter.tick(job.progress());
        }
        match job.next() {
            Next::Count => {
                let rows = stream::count(what.source, what.charged)?;
                guard::engine(|| job.counted(rows))?;
            }
            wanted @ (Next::CountUnits | Next::Discover | Next::Encode) => {
                let columns = if wanted == Next::CountUnits { &[] } else { what.modelled };
                stream::scan(what.source, Some(what.charged), columns, what.unit, |block, units| {
                    guard::engine(|| match units {
                        None => job.observe(block),
                        Some(units) => job.observe_units(block, units),
                    })?;
                    reporter.tick(job.progress());
                    Ok(())
                })?;
                let (ended, result) = threads::run(move || {
                    let result = job.end_scan();
                    (job, result)
                })?;
                job = ended;
                result?;
            }
            Next::Step => {
                // On the pool, because wide tables make long steps.
                let (stepped, result) = threads::run(move || {
                    let result = job.step();
                    (job, result)
                })?;
                job = stepped;
                result?;
            }
            Next::Done => {
                tell(&job, delta);
                let cost = job.cost().ok_or(EngineError::Internal("a training cost nothing"))?;
                return Ok((threads::run(move || job.finish())??, cost));
            }
        }
    }
}

/// Says how much memory is needed where that is much: by public facts and the planner's statistics.
fn announce(needed: u64) {
    // SAFETY: a setting, read on the main thread; it is in kilobytes.
    let setting = unsafe { pg_sys::maintenance_work_mem }.max(0) as u64 * 1024;
    if needed > setting {
        errors::memory_announced(needed, setting).notice();
    }
}

/// What the user should know of noisy answers.
fn tell(job: &Job, delta: f64) {
    if let Some(units) = job.noisy_units().filter(|units| delta * units >= 1.0) {
        let what = if job.units_are_rows() { "rows" } else { "units" };
        errors::delta_is_large(delta, units, what).warn();
    }
    let unreleased = job.unreleased_columns();
    if !unreleased.is_empty() {
        errors::nothing_released(unreleased).notice();
    }
}

fn store(
    name: &str,
    source: &Source,
    annotation: Annotation,
    (mut artifact, cost): (Artifact, Equivalent),
    entry: i64,
) -> Result<()> {
    let internal = |_| EngineError::Internal("a description could not be written as JSON");
    artifact.annotation = serde_json::to_string(&annotation).map_err(internal)?;
    let bytes = guard::engine(|| artifact.to_bytes())?;
    let stages = serde_json::to_value(&artifact.ledger.phases).map_err(internal)?;
    catalog::store(&Record::new(name, source.oid, &annotation, &artifact, bytes))?;
    catalog::enter_outcome(entry, Outcome::ModelMade, Some(Settled { stages, cost }))
}

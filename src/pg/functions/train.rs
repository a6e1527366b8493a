//! `tablediffusion_train`: drives a training from the first scan to the stored model.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use pgrx::{IntoDatum, check_for_interrupts, pg_sys};

use crate::engine::artifact::Artifact;
use crate::engine::job::{Job, Next};
use crate::engine::privacy::accountant::gdp::Stored;
use crate::pg::errors::{self, Result};
use crate::pg::functions::arguments::{Arguments, Asked, training_function};
use crate::pg::functions::progress::Reporter;
use crate::pg::model::metadata::Annotation;
use crate::pg::model::{constraints, record};
use crate::pg::relation::lineage::Lineage;
use crate::pg::relation::{Attribute, Relation, scan};
use crate::pg::server::call::Call;
use crate::pg::server::{access, guard, settings, text, threads};
use crate::pg::store::ledger::{self, Charge, Outcome, Settled};
use crate::pg::store::{admission, models, worker};

training_function!(tablediffusion_train(), pg_finfo_tablediffusion_train, train);

fn train(call: &Call) -> Result<Option<pg_sys::Datum>> {
    let arguments = Arguments::of(call)?;
    access::check_writable(c"tablediffusion_train()");
    access::check_current()?;
    text::check_encoding()?;
    let source = Relation::open(arguments.source)?;
    let Asked { mut job, delta, mut annotation, modelled, rules, lost: generated, unit_column } =
        Asked::new(&source, &arguments)?;
    let (constraints, lost) = constraints::of(&source, &annotation.columns)?;
    annotation.constraints = constraints;
    annotation.constraints.checks.extend(rules);
    if !generated.is_empty() {
        errors::generated_left_out(generated).notice();
    }
    if !lost.is_empty() {
        errors::constraints_lost(lost).notice();
    }
    let name = arguments.model.unwrap_or_else(|| source.name.clone());
    models::claim(&name, arguments.replace)?;
    let lineage = Lineage::of(&source, unit_column.map(|column| column.number))?;
    annotation.source_rows_only = lineage.source_rows_only.map(str::to_owned);
    if let Some(reason) = lineage.source_rows_only {
        errors::source_rows_only(&source.quoted(), reason).warn();
    }
    // Before the engine uses a thread.
    threads::start()?;
    announce(guard::engine(|| job.expect_rows(lineage.estimate()))?);
    guard::engine(|| job.expect_draws(lineage.own_estimate(&source)))?;
    if !admission::awaited(&lineage.charged)?.is_empty() || settings::default_budget().is_some() {
        job.hold();
    }
    let entry = worker::pay(&charge(&name, &source, &job, &lineage))?;
    let reporter = Reporter::new(source.oid, &name, &arguments.method);
    followed(entry, || {
        let what = SourceInput { source: &source, charged: &lineage, modelled: &modelled, unit: unit_column };
        let trained = drive(job, delta, &what, reporter)?;
        store(&name, &source, annotation, trained, entry)
    })?;
    Ok(name.into_datum())
}

/// The charge of a training that is about to read.
fn charge(name: &str, source: &Relation, job: &Job, lineage: &Lineage) -> Charge {
    // SAFETY: plain calls. The transaction gets a number if it has none.
    let (role, transaction) = unsafe { (pg_sys::GetUserId(), pg_sys::GetTopFullTransactionId().value) };
    let (unit, reserve) = (job.neighbours().unit(), Stored::from(job.reserve()));
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
        excess_delta: reserve.excess_delta,
        charged: lineage.charged.clone(),
        default_budget: settings::default_budget(),
        transaction,
    }
}

/// Runs a charged training, and records the outcome if it fails or is cancelled.
fn followed(entry: i64, work: impl FnOnce() -> Result<()>) -> Result<()> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.inspect_err(|_| worker::tell(entry, Outcome::Failed)),
        Err(payload) => {
            let cancelled = guard::is_cancel(&*payload);
            worker::tell(entry, if cancelled { Outcome::Cancelled } else { Outcome::Failed });
            resume_unwind(payload)
        }
    }
}

/// What a training reads.
struct SourceInput<'a> {
    source: &'a Relation,
    charged: &'a Lineage,
    modelled: &'a [&'a Attribute],
    unit: Option<&'a Attribute>,
}

/// Gives the job its input until it is done. Returns the model and its actual cost.
fn drive(mut job: Job, delta: f64, what: &SourceInput, mut reporter: Reporter) -> Result<(Artifact, Stored)> {
    loop {
        check_for_interrupts!();
        if job.next() != Next::Done {
            reporter.tick(job.progress());
        }
        match job.next() {
            Next::Count => {
                let rows = scan::count(what.source, what.charged)?;
                guard::engine(|| job.counted(rows))?;
            }
            wanted @ (Next::CountUnits | Next::Discover | Next::Encode) => {
                let columns = if wanted == Next::CountUnits { &[] } else { what.modelled };
                scan::scan(what.source, Some(what.charged), columns, what.unit, |block, units| {
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
                let cost = job.cost().ok_or_else(|| errors::internal("a training has no cost"))?;
                return Ok((threads::run(move || job.finish())??, cost.into()));
            }
        }
    }
}

/// Announces the expected memory if it is large. It is computed from public facts and the planner's statistics.
fn announce(needed: u64) {
    // SAFETY: a setting, read on the main thread; it is in kilobytes.
    let setting = unsafe { pg_sys::maintenance_work_mem }.max(0) as u64 * 1024;
    if needed > setting {
        errors::memory_announced(needed, setting).notice();
    }
}

/// Notices that depend on noisy answers.
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
    source: &Relation,
    annotation: Annotation,
    (mut artifact, cost): (Artifact, Stored),
    entry: i64,
) -> Result<()> {
    let internal = |_| errors::internal("a description could not be written as JSON");
    artifact.annotation = serde_json::to_string(&annotation).map_err(internal)?;
    let bytes = guard::engine(|| artifact.to_bytes())?;
    let stages = serde_json::to_value(&artifact.ledger.phases).map_err(internal)?;
    models::store(&record::of(name, source.oid, &annotation, &artifact, bytes))?;
    ledger::enter_outcome(entry, Outcome::ModelMade, Some(Settled { stages, cost }))
}

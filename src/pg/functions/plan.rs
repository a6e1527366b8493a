//! `tablediffusion_plan`: the cost of a training by stage, before anything is spent.

use pgrx::{IntoDatum, pg_sys};

use crate::engine::job::TrainingPlan;
use crate::engine::privacy::accountant::gdp::Stored;
use crate::engine::privacy::mechanisms::Stage;
use crate::pg::errors::{self, Result};
use crate::pg::functions::arguments::{Arguments, Asked, training_function};
use crate::pg::relation::Relation;
use crate::pg::relation::lineage::Lineage;
use crate::pg::server::call::Call;
use crate::pg::server::tuplestore::ResultRows;
use crate::pg::server::{access, text, threads};
use crate::pg::store::budgets::Budget;

training_function!(tablediffusion_plan(rows), pg_finfo_tablediffusion_plan, plan);

/// One row of the result.
#[derive(Default)]
struct PlanLine {
    stage: String,
    mechanism: Option<&'static str>,
    uses: Option<u64>,
    noise_multiplier: Option<f64>,
    sampling_rate: Option<f64>,
    steps: Option<u64>,
    epsilon: Option<f64>,
    delta: Option<f64>,
    note: Option<String>,
}

/// The arguments of `tablediffusion_train`, and `rows bigint`.
fn plan(call: &Call) -> Result<Option<pg_sys::Datum>> {
    let arguments = Arguments::of(call)?;
    let rows = call.rows("rows")?;
    access::check_current()?;
    text::check_encoding()?;
    let source = Relation::open(arguments.source)?;
    let Asked { mut job, unit_column, .. } = Asked::new(&source, &arguments)?;
    let lineage = Lineage::of(&source, unit_column.map(|column| column.number))?;
    let budgets = Budget::applying(&lineage.charged)?;
    if !budgets.is_empty() {
        job.hold();
    }
    let (epsilon, delta, reserve) = (job.epsilon(), job.delta(), job.reserve());
    let TrainingPlan { stages, memory, neighbours } = threads::run(move || job.plan(rows as f64))??;

    let mut lines: Vec<PlanLine> = stages.into_iter().map(|(stage, alone)| of_stage(stage, alone)).collect();
    let told = |stage: &str, note| PlanLine { stage: stage.to_owned(), note: Some(note), ..PlanLine::default() };
    lines.push(PlanLine { epsilon: Some(epsilon), delta: Some(delta), ..told("total", neighbours.describe()) });
    lines.push(told("memory", format!("{} for {rows} rows", errors::bytes(memory))));
    if let Some(reason) = lineage.source_rows_only {
        let name = source.quoted();
        let rows = format!("rows of {name}, but not rows of the tables behind it: {name} has {reason}");
        lines.push(told("protected", rows));
    }
    for budget in budgets {
        let verdict = if !budget.counts {
            "cannot be charged with"
        } else if budget.allows(epsilon, delta, Stored::from(reserve)) {
            "allows"
        } else {
            "does not allow"
        };
        let note =
            format!("the budget of {} {verdict} this training; about {:.4} is left", budget.name, budget.remaining());
        lines.push(PlanLine { epsilon: Some(budget.epsilon), delta: Some(budget.delta), ..told("budget", note) });
    }
    lines.push(told("guarantee", neighbours.guarantee(epsilon, delta)));

    let store = ResultRows::open(call, 0);
    for line in lines {
        store.scratch.within(|| line.put(&store));
    }
    Ok(None)
}

fn of_stage(Stage { name, mechanism, times }: Stage, alone: f64) -> PlanLine {
    let line = PlanLine { stage: name, uses: Some(times), epsilon: Some(alone), ..PlanLine::default() };
    let facts = mechanism.facts();
    PlanLine {
        mechanism: Some(facts.name()),
        noise_multiplier: facts.noise_multiplier(),
        sampling_rate: mechanism.sampling_rate(),
        steps: mechanism.sampling_rate().map(|_| mechanism.steps()),
        ..line
    }
}

impl PlanLine {
    fn put(self, store: &ResultRows) {
        let number = |value: Option<f64>| value.map(|value| pg_sys::Datum::from(value.to_bits()));
        let whole = |value: Option<u64>| value.map(|value| pg_sys::Datum::from(value as i64));
        let values = [
            self.stage.into_datum(),
            self.mechanism.and_then(IntoDatum::into_datum),
            whole(self.uses),
            number(self.noise_multiplier),
            number(self.sampling_rate),
            whole(self.steps),
            number(self.epsilon),
            number(self.delta),
            self.note.and_then(IntoDatum::into_datum),
        ];
        store.put_options(values);
    }
}

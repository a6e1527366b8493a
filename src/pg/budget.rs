//! Lifetime budgets of relations: `tablediffusion_set_budget`, and the check that no training spends more.
//!
//! A training first takes a shared lock on every relation that it is charged to, so that a budget set meanwhile waits
//! for it; then an exclusive one on every budget that applies, held until the transaction ends; only then does it look at
//! what was spent, under a snapshot of that moment. So of two trainings that fit alone but not together one waits,
//! and sees the other's charge.

use pgrx::pg_sys;
use serde::Deserialize;

use super::call::{Call, sql_function};
use super::catalog::{self, Catalog};
use super::errors::{self, Result};
use super::lineage::{Charged, Lineage};
use super::source::Source;
use super::{guard, settings};
use crate::engine::job::Job;
use crate::engine::privacy::budget;
use crate::engine::privacy::equivalent::Equivalent;

sql_function!(tablediffusion_set_budget, pg_finfo_tablediffusion_set_budget, set_budget);
sql_function!(tablediffusion_spent_epsilon, pg_finfo_tablediffusion_spent_epsilon, spent_epsilon);
sql_function!(tablediffusion_remaining_epsilon, pg_finfo_tablediffusion_remaining_epsilon, remaining_epsilon);

/// A budget and what was spent of it.
#[derive(Debug, Deserialize)]
pub struct Budget {
    id: i64,
    /// Name of the relation, as SQL writes it.
    pub name: String,
    pub epsilon: f64,
    pub delta: f64,
    trainings: u64,
    precision_sum: f64,
    excess_delta: f64,
    /// Whether it was set for another relation that had the name.
    former: bool,
}

/// Those that apply to some relations, given as JSON.
const APPLYING: &str = "
    SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
               'id', b.id, 'name', coalesce(b.current_name, b.name), 'epsilon', b.epsilon, 'delta', b.delta,
               'trainings', b.trainings, 'precision_sum', b.precision_sum, 'excess_delta', b.excess_delta,
               'former', NOT m.direct) ORDER BY b.id), '[]')::pg_catalog.text
    FROM tablediffusion.budgets_spent AS b CROSS JOIN LATERAL (
        SELECT pg_catalog.bool_or(b.relation = r.relation AND b.origin = o.id) AS direct,
               pg_catalog.bool_or(b.name = r.name) AS named
        FROM tablediffusion.origin_store AS o,
             pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r (relation oid, name text)
    ) AS m
    WHERE m.direct OR m.named";

impl Budget {
    /// Those that apply to what a training is charged to, in the order of their numbers.
    pub fn applying(lineage: &Lineage) -> Result<Vec<Self>> {
        catalog::ask(APPLYING, &catalog::json(&lineage.charged)?)
    }

    fn spent(&self) -> Equivalent {
        Equivalent { precision: self.precision_sum, delta: self.excess_delta }
    }

    /// Whether a training that claims (`epsilon`, `delta`) and costs `reserve` at most stays within it. Only the first
    /// may rely on its claim: what is added up afterwards are Gaussian mechanisms, and if the first alone is above the
    /// budget as one of these, none comes after it.
    pub fn allows(&self, epsilon: f64, delta: f64, reserve: Equivalent) -> bool {
        let first = self.trainings == 0 && epsilon <= self.epsilon && delta <= self.delta;
        first || self.spent().and(reserve).epsilon(self.delta) <= self.epsilon
    }

    /// Epsilon of one more Gaussian mechanism that would use it up.
    pub fn remaining(&self) -> f64 {
        if self.trainings == 0 { self.epsilon } else { remaining(self.epsilon, self.spent(), self.delta) }
    }
}

/// Admits a training that is about to read, or refuses it: after this no other training that shares a budget goes on
/// before this one's transaction has ended.
pub fn admit(lineage: &Lineage, job: &mut Job) -> Result<()> {
    for Charged { relation, .. } in &lineage.charged {
        catalog::lock(Catalog::Charges, *relation, pg_sys::ShareLock)?;
    }
    if let Some((epsilon, delta)) = settings::default_budget() {
        catalog::default_budgets(&catalog::json(&lineage.charged)?, epsilon, delta)?;
    }
    let budgets = Budget::applying(lineage)?;
    for budget in &budgets {
        catalog::lock(Catalog::Budgets, budget.id as u32, pg_sys::ExclusiveLock)?;
        if budget.former {
            errors::budget_of_former_relation(&budget.name).notice();
        }
    }
    if budgets.is_empty() {
        return Ok(());
    }
    job.hold();
    let reserve = job.reserve();
    match Budget::applying(lineage)?.into_iter().find(|budget| !budget.allows(job.epsilon(), job.delta(), reserve)) {
        Some(budget) => {
            let spent = budget.spent().epsilon(budget.delta);
            Err(errors::budget_spent(&budget.name, budget.epsilon, budget.delta, spent, budget.remaining()))
        }
        None => Ok(()),
    }
}

/// `(source regclass, epsilon float8, delta float8)`.
fn set_budget(call: &Call) -> Result<Option<pg_sys::Datum>> {
    catalog::check_writable(c"tablediffusion_set_budget()");
    let source = Source::open(call.oid(0, "source")?)?;
    let epsilon = call.optional_float(1);
    let delta = call.optional_float(2).unwrap_or_else(settings::delta);
    if let Some(epsilon) = epsilon {
        guard::engine(|| budget::check(epsilon, delta))?;
    }
    if !source.is_owned() {
        return Err(errors::not_relation_owner(&source.name));
    }
    // Waits for trainings in progress, so that none is missed.
    catalog::lock(Catalog::Charges, source.oid.to_u32(), pg_sys::ExclusiveLock)?;
    catalog::set_budget(source.oid, epsilon, delta)?;
    if epsilon.is_some() {
        let lineage = Lineage::of(&source)?;
        let own = Budget::applying(&lineage)?.into_iter().find(|budget| budget.name == source.quoted());
        if let Some(own) = own.filter(|own| own.trainings > 0 && own.remaining() == 0.0) {
            errors::budget_is_spent_already(&own.name, own.spent().epsilon(own.delta)).notice();
        }
    }
    Ok(Some(pg_sys::Datum::null()))
}

/// `(precision_sum float8, excess_delta float8, delta float8)`.
fn spent_epsilon(call: &Call) -> Result<Option<pg_sys::Datum>> {
    let spent = Equivalent { precision: call.float(0, "precision_sum")?, delta: call.float(1, "excess_delta")? };
    let delta = call.float(2, "delta")?;
    Ok(number(if sensible(spent, delta) { spent.epsilon(delta) } else { f64::NAN }))
}

/// `(epsilon float8, precision_sum float8, excess_delta float8, delta float8)`.
fn remaining_epsilon(call: &Call) -> Result<Option<pg_sys::Datum>> {
    let epsilon = call.float(0, "epsilon")?;
    let spent = Equivalent { precision: call.float(1, "precision_sum")?, delta: call.float(2, "excess_delta")? };
    let delta = call.float(3, "delta")?;
    let known = sensible(spent, delta) && epsilon > 0.0 && epsilon.is_finite();
    Ok(number(if known { remaining(epsilon, spent, delta) } else { f64::NAN }))
}

fn sensible(spent: Equivalent, delta: f64) -> bool {
    let not_negative = |x: f64| x.is_finite() && x >= 0.0;
    not_negative(spent.precision) && not_negative(spent.delta) && delta > 0.0 && delta < 1.0
}

fn remaining(epsilon: f64, spent: Equivalent, delta: f64) -> f64 {
    if spent.delta >= delta {
        return 0.0;
    }
    let whole = Equivalent::of_gaussian(epsilon, delta - spent.delta);
    let left = Equivalent { precision: (whole.precision - spent.precision).max(0.0), delta: 0.0 };
    left.epsilon(delta - spent.delta)
}

fn number(value: f64) -> Option<pg_sys::Datum> {
    Some(pg_sys::Datum::from(value.to_bits()))
}

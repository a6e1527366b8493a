//! Lifetime budgets of relations: `tablediffusion_set_budget`, and the check that no training spends more.
//!
//! A training is admitted, and its whole charge committed, in a transaction of its own before it reads a row. That takes a
//! shared lock on every relation that is charged, so that a budget set meanwhile waits for it; then an exclusive one on
//! every budget that applies; only then does it look at what was spent, under a snapshot of that moment. So of two
//! trainings that fit alone but not together the second sees the first's charge.

use std::time::{Duration, Instant};

use pgrx::{check_for_interrupts, pg_sys};
use serde::Deserialize;

use super::call::{Call, sql_function};
use super::catalog::{self, Catalog, Charge};
use super::errors::{self, Result};
use super::lineage::{Charged, Lineage};
use super::source::Source;
use super::{apart, guard, settings, threads};
use crate::engine::privacy::accountant::gdp::Equivalent;
use crate::engine::privacy::budget;
use crate::engine::privacy::mutant::{self, Mutant};

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
    /// Whether trainings of this kind can be charged to it.
    pub counts: bool,
}

/// Those that apply to some relations, given as JSON. By name only one that was set for a relation of the same owner applies, or one that was restored.
const APPLYING: &str = "
    SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
               'id', b.id, 'name', coalesce(b.current_name, b.name), 'epsilon', b.epsilon, 'delta', b.delta,
               'trainings', b.trainings, 'precision_sum', b.precision_sum, 'excess_delta', b.excess_delta,
               'former', NOT m.direct, 'counts', m.counts) ORDER BY b.id), '[]')::pg_catalog.text
    FROM tablediffusion.budgets_spent AS b CROSS JOIN LATERAL (
        SELECT pg_catalog.bool_or(b.relation = r.relation AND b.origin = o.id) AS direct,
               pg_catalog.bool_and(r.counts) AS counts
        FROM tablediffusion.origin_store AS o,
             pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r (relation oid, name text, owner oid, counts boolean)
        WHERE b.relation = r.relation AND b.origin = o.id
           OR b.name = r.name AND (b.origin <> o.id OR b.set_for = r.owner)
    ) AS m
    WHERE m.direct IS NOT NULL";

impl Budget {
    /// Those that apply to what a training is charged to, in the order of their numbers.
    pub fn applying(charged: &[Charged]) -> Result<Vec<Self>> {
        catalog::ask(APPLYING, &catalog::json(&charged)?)
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

/// How long a training waits for a budget that is being changed. It does so itself, before it asks for a worker: these
/// are few, and shared.
const PATIENCE: Duration = Duration::from_secs(5);

/// The budgets that apply to what a training is about to be charged to, once nobody is changing them. Those of earlier
/// relations are told of.
///
/// # Errors
/// If one is being changed by this transaction, or for too long by another.
pub fn awaited(charged: &[Charged]) -> Result<Vec<Budget>> {
    let began = Instant::now();
    for Charged { relation, .. } in charged {
        // The charge would wait for this very transaction.
        if catalog::holds(Catalog::Charges, *relation, pg_sys::ExclusiveLock)? {
            return Err(errors::budget_is_changing());
        }
        while !catalog::is_free(Catalog::Charges, *relation, pg_sys::ShareLock)? {
            if began.elapsed() > PATIENCE {
                return Err(errors::budget_is_changing());
            }
            std::thread::sleep(threads::PATIENCE);
            check_for_interrupts!();
        }
    }
    let budgets = Budget::applying(charged)?;
    for budget in budgets.iter().filter(|budget| budget.former) {
        errors::budget_of_former_relation(&budget.name).notice();
    }
    Ok(budgets)
}

/// Has a training admitted and charged before it reads a row, and returns the number of its entry in the ledger.
pub fn pay(charge: &Charge) -> Result<i64> {
    if mutant::is(Mutant::ChargeTakenBack) { enter(charge) } else { apart::pay(charge) }
}

/// Admits a training and enters its charge, or refuses it: a part of the current transaction. Returns the entry's number.
pub fn enter(charge: &Charge) -> Result<i64> {
    for Charged { relation, .. } in &charge.charged {
        catalog::lock(Catalog::Charges, *relation, pg_sys::ShareLock)?;
    }
    if let Some((epsilon, delta)) = charge.default_budget {
        catalog::default_budgets(&catalog::json(&charge.charged)?, epsilon, delta)?;
    }
    for budget in Budget::applying(&charge.charged)? {
        catalog::lock(Catalog::Budgets, budget.id as u32, pg_sys::ExclusiveLock)?;
    }
    for budget in Budget::applying(&charge.charged)? {
        if let Some(reason) = charge.source_rows_only.as_deref().filter(|_| !budget.counts) {
            return Err(errors::rows_are_not_its_rows(&charge.source, &budget.name, reason));
        }
        if !budget.allows(charge.epsilon, charge.delta, charge.reserve()) {
            let spent = budget.spent().epsilon(budget.delta);
            return Err(errors::budget_spent(&budget.name, budget.epsilon, budget.delta, spent, budget.remaining()));
        }
    }
    catalog::enter_charge(charge)
}

/// `(source regclass, epsilon float8, delta float8)`.
fn set_budget(call: &Call) -> Result<Option<pg_sys::Datum>> {
    catalog::check_writable(c"tablediffusion_set_budget()");
    catalog::check_current()?;
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
        let others = catalog::uncounted(source.oid)?;
        if others > 0 {
            errors::not_in_its_budget(&source.quoted(), others).notice();
        }
        let lineage = Lineage::of(&source, None)?;
        let own = Budget::applying(&lineage.charged)?.into_iter().find(|budget| budget.name == source.quoted());
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

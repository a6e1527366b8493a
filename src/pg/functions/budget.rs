//! `tablediffusion_set_budget`, and the functions that compute spent and remaining epsilon for the views.

use pgrx::pg_sys;

use crate::engine::privacy::accountant::gdp::Stored;
use crate::engine::privacy::budget;
use crate::pg::errors::{self, Result};
use crate::pg::relation::Relation;
use crate::pg::relation::lineage::Lineage;
use crate::pg::server::access::{self, OwnTable};
use crate::pg::server::call::{Call, sql_function};
use crate::pg::server::{guard, settings};
use crate::pg::store::budgets::{self, Budget};
use crate::pg::store::{ledger, locks};

sql_function!(tablediffusion_set_budget(source, epsilon, delta), pg_finfo_tablediffusion_set_budget, set_budget);
sql_function!(
    tablediffusion_spent_epsilon(precision_sum, excess_delta, delta),
    pg_finfo_tablediffusion_spent_epsilon,
    spent_epsilon
);
sql_function!(
    tablediffusion_remaining_epsilon(epsilon, precision_sum, excess_delta, delta),
    pg_finfo_tablediffusion_remaining_epsilon,
    remaining_epsilon
);

/// `(source regclass, epsilon float8, delta float8)`.
fn set_budget(call: &Call) -> Result<Option<pg_sys::Datum>> {
    access::check_writable(c"tablediffusion_set_budget()");
    access::check_current()?;
    let source = Relation::open(call.oid("source")?)?;
    let epsilon = call.optional_float("epsilon");
    let delta = call.optional_float("delta").unwrap_or_else(settings::delta);
    if let Some(epsilon) = epsilon {
        guard::engine(|| budget::check(epsilon, delta))?;
    }
    if !source.is_owned() {
        return Err(errors::not_relation_owner(&source.name));
    }
    // Waits for trainings in progress, so that none is missed.
    locks::lock(OwnTable::Charges, source.oid.to_u32(), pg_sys::ExclusiveLock)?;
    budgets::set_budget(source.oid, epsilon, delta)?;
    if epsilon.is_some() {
        let others = ledger::uncounted(source.oid)?;
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
    let spent = Stored { precision: call.float("precision_sum")?, excess_delta: call.float("excess_delta")? };
    let delta = call.float("delta")?;
    Ok(number(if sensible(spent, delta) { spent.epsilon(delta) } else { f64::NAN }))
}

/// `(epsilon float8, precision_sum float8, excess_delta float8, delta float8)`.
fn remaining_epsilon(call: &Call) -> Result<Option<pg_sys::Datum>> {
    let epsilon = call.float("epsilon")?;
    let spent = Stored { precision: call.float("precision_sum")?, excess_delta: call.float("excess_delta")? };
    let delta = call.float("delta")?;
    let known = sensible(spent, delta) && epsilon > 0.0 && epsilon.is_finite();
    Ok(number(if known { spent.remaining(epsilon, delta) } else { f64::NAN }))
}

fn sensible(spent: Stored, delta: f64) -> bool {
    let not_negative = |x: f64| x.is_finite() && x >= 0.0;
    not_negative(spent.precision) && not_negative(spent.excess_delta) && delta > 0.0 && delta < 1.0
}

fn number(value: f64) -> Option<pg_sys::Datum> {
    Some(pg_sys::Datum::from(value.to_bits()))
}

//! Ensures that no training spends more than the budgets of what it reads.
//!
//! A training is admitted, and its whole charge committed, in a separate transaction before it reads a row. That
//! transaction takes a shared lock on every charged relation, so that a concurrent change of a budget waits. Then it
//! takes an exclusive lock on every budget that applies. Only then does it read what was spent, under a current
//! snapshot. If two trainings fit alone but not together, the second one sees the first one's charge.

use std::time::{Duration, Instant};

use pgrx::{check_for_interrupts, pg_sys};

use crate::pg::errors::{self, Result};
use crate::pg::relation::lineage::Charged;
use crate::pg::server::access::{self, OwnTable};
use crate::pg::server::threads;
use crate::pg::store::budgets::{self, Budget};
use crate::pg::store::ledger::{self, Charge};
use crate::pg::store::locks;

/// How long a training waits for a budget that is being changed. The training itself waits before it asks for a worker,
/// because workers are few and shared.
const PATIENCE: Duration = Duration::from_secs(5);

/// The budgets that apply to a training, after waiting for concurrent changes. A NOTICE names the budgets of earlier
/// relations.
///
/// # Errors
/// If this transaction is changing one, or another transaction takes too long.
pub fn awaited(charged: &[Charged]) -> Result<Vec<Budget>> {
    let began = Instant::now();
    for Charged { relation, .. } in charged {
        // The charge would wait for this transaction itself.
        if locks::holds(OwnTable::Charges, *relation, pg_sys::ExclusiveLock)? {
            return Err(errors::budget_is_changing());
        }
        while !locks::is_free(OwnTable::Charges, *relation, pg_sys::ShareLock)? {
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

/// Admits a training and enters its charge, or refuses it, as part of the current transaction. Returns the entry's
/// number.
pub fn enter(charge: &Charge) -> Result<i64> {
    for Charged { relation, .. } in &charge.charged {
        locks::lock(OwnTable::Charges, *relation, pg_sys::ShareLock)?;
    }
    if let Some((epsilon, delta)) = charge.default_budget {
        budgets::default_budgets(&access::json(&charge.charged)?, epsilon, delta)?;
    }
    for budget in Budget::applying(&charge.charged)? {
        locks::lock(OwnTable::Budgets, budget.id as u32, pg_sys::ExclusiveLock)?;
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
    ledger::enter_charge(charge)
}

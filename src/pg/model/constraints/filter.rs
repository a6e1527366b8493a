//! Checks rows of the model against the constraints and rules, and computes the columns that are not learned.

use std::cell::Cell;

use pgrx::pg_sys::{self, Datum};

use crate::engine::artifact::check_memory;
use crate::pg::errors::{self, Result};
use crate::pg::model::cell_source::ModelRow;
use crate::pg::model::constraints::expression::{self, Purpose};
use crate::pg::model::constraints::seen_keys::{BYTES_PER_ROW, SeenKeys};
use crate::pg::model::metadata::{Annotation, Check, Unique};
use crate::pg::model::row_values::RowValues;
use crate::pg::server::subtransaction::tried;
use crate::pg::server::{guard, settings};

/// The result of a check of a row.
pub enum Verdict {
    Holds,
    Breaks,
}

/// The constraints and computed columns of a model.
pub struct RowFilter {
    values: RowValues,
    checks: Vec<Prepared>,
    keys: Vec<SeenKeys>,
    /// For each condition, how many rows violated it first: computed columns, then checks, then keys.
    broken: Vec<u64>,
    /// The computed columns of the last row that held.
    computed: Vec<Option<Datum>>,
}

/// A condition that is ready to be evaluated.
struct Prepared {
    name: String,
    is_rule: bool,
    state: *mut pg_sys::ExprState,
}

impl RowFilter {
    /// The constraints for `total` rows of a model.
    ///
    /// # Errors
    /// If a constraint can no longer be parsed, a column can no longer be computed, or keys would take too much memory.
    pub fn new(annotation: &Annotation, total: u64, seed: u64) -> Result<Self> {
        let constraints = &annotation.constraints;
        let is_wanted = |name: &str| {
            let is_in = |columns: &[String]| columns.iter().any(|column| column == name);
            constraints.checks.iter().any(|check| is_in(&check.columns))
                || constraints.uniques.iter().any(|unique| is_in(&unique.columns))
        };
        let mut values = RowValues::new(annotation, is_wanted, total, seed)?;
        let whole =
            |columns: &[String]| columns.iter().all(|name| values.targets.iter().any(|target| target.column == *name));
        let (checks, gone): (Vec<&Check>, Vec<&Check>) =
            constraints.checks.iter().partition(|check| whole(&check.columns));
        let (uniques, gone_too): (Vec<&Unique>, Vec<&Unique>) =
            constraints.uniques.iter().partition(|unique| whole(&unique.columns));
        let mut gone: Vec<&str> =
            gone.iter().map(|c| c.name.as_str()).chain(gone_too.iter().map(|u| u.name.as_str())).collect();
        let (needed, limit) = (total.saturating_mul(uniques.len() as u64 * BYTES_PER_ROW), settings::memory_limit());
        check_memory(needed, limit).map_err(|_| errors::keys_need_memory(needed, limit))?;
        let mut prepared = Vec::new();
        for check in checks {
            match Prepared::new(check, &mut values)? {
                Some(check) => prepared.push(check),
                None => gone.push(&check.name),
            }
        }
        if !gone.is_empty() {
            errors::constraints_gone(gone).warn();
        }
        let keys: Vec<SeenKeys> = uniques.into_iter().map(|unique| SeenKeys::new(unique, &values.targets)).collect();
        let broken = vec![0; values.computed().len() + prepared.len() + keys.len()];
        Ok(Self { values, checks: prepared, keys, broken, computed: Vec::new() })
    }

    /// Checks a row. A row that satisfies everything is remembered as returned, and its computed columns are kept.
    pub fn look(&mut self, row: &ModelRow) -> Result<Verdict> {
        self.values.fill(row)?;
        let at = Cell::new(0);
        let broken = if self.values.computed().is_empty() && !self.checks.iter().any(|check| check.is_rule) {
            self.broken_by(&at)?
        } else {
            // A row on which an expression fails is none of the source's, where every expression has a value.
            tried(|| self.broken_by(&at), || self.unusable(at.get()))?.unwrap_or(Some(at.get()))
        };
        if let Some(which) = broken.or_else(|| self.repeated()) {
            self.broken[which] += 1;
            return Ok(Verdict::Breaks);
        }
        self.values.collect(&mut self.computed);
        Ok(Verdict::Holds)
    }

    /// The computed columns of the row that held, until the next row.
    pub fn computed(&self) -> &[Option<Datum>] {
        &self.computed
    }

    /// Called between blocks.
    pub fn tidy(&mut self) {
        self.values.tidy();
    }

    /// The error for a model that hardly ever makes a valid row. It names what most rows violate. `None` if no row
    /// violated anything.
    pub fn fault(&self, model: &str, tries: u64) -> Option<errors::Fault> {
        let (which, most) = self.broken.iter().enumerate().max_by_key(|(_, count)| **count)?;
        if *most == 0 {
            return None;
        }
        let computed = self.values.computed();
        if let Some(column) = computed.get(which) {
            return Some(errors::too_few_rows_computed(model, &column.name, tries));
        }
        let which = which - computed.len();
        Some(match self.checks.get(which) {
            Some(check) => errors::too_few_rows_hold(model, &check.described(), tries),
            None => errors::too_few_rows_differ(model, &self.keys[which - self.checks.len()].name, tries),
        })
    }

    /// The error for an expression that fails for another reason than the values of a row.
    fn unusable(&self, which: usize) -> errors::Fault {
        let computed = self.values.computed();
        match computed.get(which) {
            Some(column) => errors::expression_unusable(&errors::expression_of(&column.name)),
            None => errors::expression_unusable(&self.checks[which - computed.len()].described()),
        }
    }

    /// Computes the columns of the row in the slot, and returns the first condition that it violates. `at` is set to
    /// what is evaluated. ERROR if a computed column has no value or a rule fails.
    fn broken_by(&self, at: &Cell<usize>) -> Result<Option<usize>> {
        let computed = self.values.computed().len();
        for which in 0..computed {
            at.set(which);
            if !self.values.compute(which) {
                return Ok(Some(which));
            }
        }
        for (which, check) in self.checks.iter().enumerate() {
            at.set(computed + which);
            if !check.holds(self.values.context)? {
                return Ok(Some(at.get()));
            }
        }
        Ok(None)
    }

    /// The first key that the row in the slot repeats. Only a row that satisfies everything is remembered.
    fn repeated(&mut self) -> Option<usize> {
        let slot = self.values.slot;
        let hashes: Vec<Option<u128>> = self.keys.iter_mut().map(|key| key.hash(slot)).collect();
        let repeats = |(key, hash): (&SeenKeys, &Option<u128>)| hash.is_some_and(|hash| key.has(hash));
        if let Some(which) = self.keys.iter().zip(&hashes).position(repeats) {
            return Some(self.values.computed().len() + self.checks.len() + which);
        }
        self.keys.iter_mut().zip(hashes).for_each(|(key, hash)| key.remember(hash));
        None
    }
}

impl Prepared {
    /// Prepares a condition; `None` if it is not accepted.
    fn new(check: &Check, values: &mut RowValues) -> Result<Option<Self>> {
        let of_column = check.columns.first().filter(|_| check.of_domain);
        values.names.value = of_column.and_then(|name| values.targets.iter().position(|t| t.column == *name));
        let (name, is_rule) = (check.name.clone(), check.is_rule);
        let unusable =
            || if is_rule { errors::expression_unusable(&errors::rule(&name)) } else { errors::check_unusable(&name) };
        let state = guard::attempt(|| expression::prepare(&check.expression, &values.names, Purpose::Check), unusable)?;
        Ok(state.map(|state| Self { name, is_rule, state }))
    }

    /// Whether the row in the slot satisfies it. ERROR if a rule fails.
    fn holds(&self, context: *mut pg_sys::ExprContext) -> Result<bool> {
        // SAFETY: prepared for rows of the slot's descriptor.
        let check = || unsafe { pg_sys::ExecCheck(self.state, context) };
        if self.is_rule { Ok(check()) } else { guard::attempt(check, || errors::check_unusable(&self.name)) }
    }

    fn described(&self) -> String {
        if self.is_rule { errors::rule(&self.name) } else { format!("check constraint \"{}\"", self.name) }
    }
}

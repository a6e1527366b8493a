//! Checks rows of the model against the constraints.

use std::collections::HashSet;

use foldhash::fast::RandomState;
use pgrx::pg_sys::{self, Datum};

use crate::engine::artifact::check_memory;
use crate::pg::errors::{self, Result};
use crate::pg::model::cell_source::{CellSource, ModelRow};
use crate::pg::model::constraints::expression::{self, ColumnNames};
use crate::pg::model::metadata::{Annotation, Check, ColumnFacts, Unique};
use crate::pg::server::memory::RowMemory;
use crate::pg::server::tuple::Target;
use crate::pg::server::{guard, settings, types};
use crate::pg::values::kind::Kind;
use crate::pg::values::writer::SqlWriter;

/// Maximum bytes to remember a row of a unique key.
const BYTES_PER_ROW: u64 = 40;
/// Seeds of the two halves of a remembered hash.
const SEEDS: [u64; 2] = [0x243f_6a88_85a3_08d3, 0x1319_8a2e_0370_7344];

/// The result of a check of a row.
pub enum Verdict {
    Holds,
    Breaks,
}

/// The constraints of a model, over the columns that they use.
pub struct RowFilter {
    columns: Vec<(CellSource, SqlWriter)>,
    slot: *mut pg_sys::TupleTableSlot,
    context: *mut pg_sys::ExprContext,
    checks: Vec<(String, *mut pg_sys::ExprState)>,
    keys: Vec<SeenKeys>,
    /// For each constraint, how many rows violated it first: checks, then keys.
    broken: Vec<u64>,
    memory: RowMemory,
}

/// A unique key and the hashes of the returned rows.
struct SeenKeys {
    name: String,
    /// Positions among the columns, each with the hash function of its type.
    columns: Vec<(usize, pg_sys::FmgrInfo)>,
    nulls_equal: bool,
    /// A 128-bit hash of each. Among 2^40 rows, two different ones collide with a probability of 2^-49.
    seen: HashSet<u128, RandomState>,
}

impl RowFilter {
    /// The constraints for `total` rows of a model; `None` if there are none.
    ///
    /// # Errors
    /// If a constraint can no longer be parsed, or keys would take too much memory.
    pub fn new(annotation: &Annotation, total: u64, seed: u64) -> Result<Option<Self>> {
        let constraints = &annotation.constraints;
        let own: Vec<(&ColumnFacts, Option<usize>, Option<Target>)> = annotation
            .columns
            .iter()
            .zip(annotation.places())
            .filter(|(column, _)| {
                let is_in = |columns: &[String]| columns.contains(&column.name);
                constraints.checks.iter().any(|check| is_in(&check.columns))
                    || constraints.uniques.iter().any(|unique| is_in(&unique.columns))
            })
            .map(|(column, place)| (column, place, base_target(column)))
            .collect();
        let whole = |columns: &[String]| {
            let is_there =
                |name: &String| own.iter().any(|(column, _, target)| column.name == *name && target.is_some());
            columns.iter().all(is_there)
        };
        let (checks, gone): (Vec<&Check>, Vec<&Check>) =
            constraints.checks.iter().partition(|check| whole(&check.columns));
        let (uniques, gone_too): (Vec<&Unique>, Vec<&Unique>) =
            constraints.uniques.iter().partition(|unique| whole(&unique.columns));
        let gone: Vec<&str> =
            gone.iter().map(|c| c.name.as_str()).chain(gone_too.iter().map(|u| u.name.as_str())).collect();
        let (needed, limit) = (total.saturating_mul(uniques.len() as u64 * BYTES_PER_ROW), settings::memory_limit());
        check_memory(needed, limit).map_err(|_| errors::keys_need_memory(needed, limit))?;
        let mut columns = Vec::new();
        let mut targets = Vec::new();
        for (column, place, target) in own {
            let Some(target) = target else { continue };
            let gone = || errors::type_is_gone(&column.name, &column.type_name);
            let typed = SqlWriter::new(column.kind, &target).ok_or_else(gone)?;
            columns.push((CellSource::of(column, place, typed.longest(), total, seed)?, typed));
            targets.push(target);
        }
        let mut names = ColumnNames::of(&targets);
        let (mut prepared, mut gone) = (Vec::new(), gone);
        for check in checks {
            let of_column = |target: &Target| check.columns.first() == Some(&target.column);
            names.value = if check.of_domain { targets.iter().position(of_column) } else { None };
            let unusable = || errors::check_unusable(&check.name);
            match guard::attempt(|| expression::prepare(&check.expression, &names), unusable)? {
                Some(state) => prepared.push((check.name.clone(), state)),
                None => gone.push(&check.name),
            }
        }
        if !gone.is_empty() {
            errors::constraints_gone(gone).warn();
        }
        let keys: Vec<SeenKeys> = uniques.into_iter().map(|unique| SeenKeys::new(unique, &targets)).collect();
        // SAFETY: a complete descriptor; both live in the current memory context.
        let (slot, context) = unsafe {
            (
                pg_sys::MakeSingleTupleTableSlot(names.desc, &raw const pg_sys::TTSOpsVirtual),
                pg_sys::CreateStandaloneExprContext(),
            )
        };
        let broken = vec![0; prepared.len() + keys.len()];
        Ok(Some(Self { columns, slot, context, checks: prepared, keys, broken, memory: RowMemory::new() }))
    }

    /// Checks a row. A row that satisfies everything is remembered as returned.
    pub fn look(&mut self, row: &ModelRow) -> Result<Verdict> {
        self.fill(row)?;
        let broken = self.broken_by()?;
        // SAFETY: the slot is full.
        unsafe { pg_sys::ExecClearTuple(self.slot) };
        match broken {
            Some(which) => {
                self.broken[which] += 1;
                Ok(Verdict::Breaks)
            }
            None => Ok(Verdict::Holds),
        }
    }

    /// Called between blocks.
    pub fn tidy(&mut self) {
        self.columns.iter_mut().for_each(|(_, typed)| typed.tidy());
    }

    /// The error for a model that hardly ever makes a valid row. It names the constraint that most rows violate. `None`
    /// if no row violated any.
    pub fn fault(&self, model: &str, tries: u64) -> Option<errors::Fault> {
        let (which, most) = self.broken.iter().enumerate().max_by_key(|(_, count)| **count)?;
        if *most == 0 {
            return None;
        }
        Some(match self.checks.get(which) {
            Some((name, _)) => errors::too_few_rows_hold(model, name, tries),
            None => errors::too_few_rows_differ(model, &self.keys[which - self.checks.len()].name, tries),
        })
    }

    /// Puts the row's values into the slot.
    fn fill(&mut self, row: &ModelRow) -> Result<()> {
        let (columns, slot) = (&mut self.columns, self.slot);
        // SAFETY: the slot is empty, and no value of an earlier row is in use.
        unsafe { self.memory.next() }.within(|| {
            for (i, (origin, typed)) in columns.iter_mut().enumerate() {
                let value = typed.value(&origin.cell(row)?)?;
                // SAFETY: the slot has room for as many values as there are columns.
                unsafe {
                    *(*slot).tts_values.add(i) = value.unwrap_or(Datum::null());
                    *(*slot).tts_isnull.add(i) = value.is_none();
                }
            }
            // SAFETY: the slot was empty and has all its values.
            unsafe { pg_sys::ExecStoreVirtualTuple(slot) };
            Ok(())
        })
    }

    /// The first constraint that the row in the slot violates.
    fn broken_by(&mut self) -> Result<Option<usize>> {
        let (context, slot) = (self.context, self.slot);
        // SAFETY: the context is ours. What the last row left in it is freed.
        unsafe {
            (*context).ecxt_scantuple = slot;
            pg_sys::MemoryContextReset((*context).ecxt_per_tuple_memory);
        }
        for (which, (name, state)) in self.checks.iter().enumerate() {
            // SAFETY: prepared for rows of the slot's descriptor.
            let holds =
                guard::attempt(|| unsafe { pg_sys::ExecCheck(*state, context) }, || errors::check_unusable(name))?;
            if !holds {
                return Ok(Some(which));
            }
        }
        // Only a row that satisfies everything is remembered.
        let hashes: Vec<Option<u128>> = self.keys.iter_mut().map(|key| key.hash(slot)).collect();
        let repeats = |(key, hash): (&SeenKeys, &Option<u128>)| hash.is_some_and(|hash| key.seen.contains(&hash));
        if let Some(which) = self.keys.iter().zip(&hashes).position(repeats) {
            return Ok(Some(self.checks.len() + which));
        }
        self.keys.iter_mut().zip(hashes).for_each(|(key, hash)| key.seen.extend(hash));
        Ok(None)
    }
}

impl SeenKeys {
    fn new(unique: &Unique, targets: &[Target]) -> Self {
        let hashed = |(place, target): (usize, &Target)| {
            // SAFETY: an existing type that can be indexed. Every modelled type has such a function.
            let function = unsafe {
                let flags = pg_sys::TYPECACHE_HASH_EXTENDED_PROC_FINFO as i32;
                (*pg_sys::lookup_type_cache(target.type_oid, flags)).hash_extended_proc_finfo
            };
            (place, function)
        };
        let own = targets.iter().enumerate().filter(|(_, target)| unique.columns.contains(&target.column));
        Self {
            name: unique.name.clone(),
            columns: own.map(hashed).collect(),
            nulls_equal: unique.nulls_equal,
            seen: HashSet::default(),
        }
    }

    /// The hash of a row in a slot; `None` if a NULL makes it differ from all others.
    fn hash(&mut self, slot: *mut pg_sys::TupleTableSlot) -> Option<u128> {
        let mut halves = SEEDS;
        for (place, function) in &mut self.columns {
            // SAFETY: the slot is full, and the function hashes values of the column's type.
            let (value, is_null) = unsafe { (*(*slot).tts_values.add(*place), *(*slot).tts_isnull.add(*place)) };
            if is_null && !self.nulls_equal {
                return None;
            }
            for half in &mut halves {
                *half = half.rotate_left(5).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                if !is_null {
                    let collation = pg_sys::DEFAULT_COLLATION_OID;
                    // SAFETY: as above.
                    *half = unsafe { pg_sys::FunctionCall2Coll(function, collation, value, Datum::from(*half as i64)) }
                        .value() as u64;
                }
            }
        }
        Some(u128::from(halves[0]) << 64 | u128::from(halves[1]))
    }
}

/// The type of a column without its domains, if it has not changed.
fn base_target(column: &ColumnFacts) -> Option<Target> {
    let (type_oid, typmod) = types::resolve_type(&column.type_name)?;
    if Kind::of(type_oid, typmod) != Some(column.kind) {
        return None;
    }
    let (type_oid, typmod) = types::base_type(type_oid, typmod);
    Some(Target { column: column.name.clone(), type_oid, typmod })
}

//! SQL values of the columns that expressions use, row by row: those of the model, newly generated keys, and what is
//! computed from them.

use std::collections::{HashMap, HashSet};

use pgrx::pg_sys::{self, Datum};

use crate::pg::errors::{self, Result};
use crate::pg::model::cell_source::{CellSource, ModelRow};
use crate::pg::model::computed::order;
use crate::pg::model::constraints::expression::{self, ColumnNames, Purpose};
use crate::pg::model::metadata::{Annotation, ColumnFacts, Place};
use crate::pg::server::memory::RowMemory;
use crate::pg::server::tuple::Target;
use crate::pg::server::{guard, types};
use crate::pg::values::kind::Kind;
use crate::pg::values::writer::SqlWriter;

/// The values of a row, in a slot, in base types.
pub struct RowValues {
    pub names: ColumnNames,
    pub targets: Vec<Target>,
    /// Those that are not computed, each with its position in the slot.
    sources: Vec<(usize, CellSource, SqlWriter)>,
    /// In the order in which they are computed.
    computed: Vec<ComputedColumn>,
    pub slot: *mut pg_sys::TupleTableSlot,
    pub context: *mut pg_sys::ExprContext,
    memory: RowMemory,
}

/// A computed column.
pub struct ComputedColumn {
    pub name: String,
    /// Its position in the slot, and among the computed columns of the model.
    place: usize,
    number: usize,
    not_null: bool,
    state: *mut pg_sys::ExprState,
}

impl RowValues {
    /// The values of all computed columns and of the columns that are `wanted` for `total` rows. Wanted columns whose
    /// types have changed are missing.
    ///
    /// # Errors
    /// If a column can no longer be computed.
    pub fn new(annotation: &Annotation, wanted: impl Fn(&str) -> bool, total: u64, seed: u64) -> Result<Self> {
        let all = &annotation.columns;
        let used: HashSet<&String> = all.iter().flat_map(|c| &c.computed).flat_map(|c| &c.columns).collect();
        let is_used =
            |column: &ColumnFacts| column.computed.is_some() || used.contains(&column.name) || wanted(&column.name);
        let (mut sources, mut targets, mut computed) = (Vec::new(), Vec::new(), HashMap::new());
        for ((i, column), place) in all.iter().enumerate().zip(annotation.places()) {
            let Some(target) = is_used(column).then(|| base_target(column)).flatten() else { continue };
            match place {
                Place::Computed(number) => drop(computed.insert(i, (targets.len(), number))),
                Place::Modelled(_) | Place::Key(_) => {
                    let gone = || errors::type_is_gone(&column.name, &column.type_name);
                    let typed = SqlWriter::new(column.kind, &target).ok_or_else(gone)?;
                    let origin = CellSource::of(column, place, typed.longest(), total, seed)?;
                    sources.push((targets.len(), origin, typed));
                }
            }
            targets.push(target);
        }
        let names = ColumnNames::of(&targets);
        let ordered = order::of(all).ok_or_else(|| errors::derived_in_a_circle(order::circle(all)))?;
        let prepare = |i: usize| {
            let unusable = || errors::expression_unusable(&errors::expression_of(&all[i].name));
            let (place, number) = *computed.get(&i).ok_or_else(unusable)?;
            ComputedColumn::new(&all[i], &names, &targets[place], place, number)
        };
        let computed = ordered.into_iter().map(prepare).collect::<Result<Vec<_>>>()?;
        // SAFETY: a complete descriptor; both live in the current memory context.
        let (slot, context) = unsafe {
            (
                pg_sys::MakeSingleTupleTableSlot(names.desc, &raw const pg_sys::TTSOpsVirtual),
                pg_sys::CreateStandaloneExprContext(),
            )
        };
        Ok(Self { names, targets, sources, computed, slot, context, memory: RowMemory::new() })
    }

    pub fn computed(&self) -> &[ComputedColumn] {
        &self.computed
    }

    /// Called between blocks.
    pub fn tidy(&mut self) {
        self.sources.iter_mut().for_each(|(_, _, typed)| typed.tidy());
    }

    /// Puts a row's values into the slot. Computed columns are NULL.
    pub fn fill(&mut self, row: &ModelRow) -> Result<()> {
        let (sources, slot, context) = (&mut self.sources, self.slot, self.context);
        // SAFETY: no value of an earlier row is in use. The slot has room for as many values as there are columns.
        unsafe {
            pg_sys::ExecClearTuple(slot);
            (*context).ecxt_scantuple = slot;
            pg_sys::MemoryContextReset((*context).ecxt_per_tuple_memory);
            for i in 0..self.targets.len() {
                set(slot, i, None);
            }
        }
        // SAFETY: as above.
        unsafe { self.memory.next() }.within(|| {
            for (i, origin, typed) in sources.iter_mut() {
                let value = typed.value(&origin.cell(row)?)?;
                // SAFETY: as above.
                unsafe { set(slot, *i, value) };
            }
            // SAFETY: the slot was empty and has all its values.
            unsafe { pg_sys::ExecStoreVirtualTuple(slot) };
            Ok(())
        })
    }

    /// Computes a column in a row that is filled and in which the columns before are computed. False if it must not be
    /// NULL, but is. ERROR if it has no value.
    pub fn compute(&self, which: usize) -> bool {
        let column = &self.computed[which];
        let mut is_null = false;
        // SAFETY: prepared for rows of the slot. The value is of the type that the slot has there, and lives as long as
        // the row.
        unsafe {
            let value = pg_sys::ExecEvalExprSwitchContext(column.state, self.context, &mut is_null);
            set(self.slot, column.place, (!is_null).then_some(value));
        }
        !(is_null && column.not_null)
    }

    /// The values of the computed columns, in the order of the model's columns.
    pub fn collect(&self, into: &mut Vec<Option<Datum>>) {
        into.resize(self.computed.len(), None);
        for column in &self.computed {
            // SAFETY: the slot is full.
            let (value, is_null) =
                unsafe { (*(*self.slot).tts_values.add(column.place), *(*self.slot).tts_isnull.add(column.place)) };
            into[column.number] = (!is_null).then_some(value);
        }
    }
}

impl ComputedColumn {
    fn new(column: &ColumnFacts, names: &ColumnNames, target: &Target, place: usize, number: usize) -> Result<Self> {
        let unusable = || errors::expression_unusable(&errors::expression_of(&column.name));
        let written = column.computed.as_ref().map_or("", |computed| computed.expression.as_str());
        let purpose = Purpose::Value(target.type_oid, target.typmod);
        let state = guard::attempt(|| expression::prepare(written, names, purpose), unusable)?.ok_or_else(unusable)?;
        Ok(Self { name: column.name.clone(), place, number, not_null: column.not_null, state })
    }
}

/// # Safety
/// The slot has such a position, and the value is of its type.
unsafe fn set(slot: *mut pg_sys::TupleTableSlot, place: usize, value: Option<Datum>) {
    // SAFETY: as promised.
    unsafe {
        *(*slot).tts_values.add(place) = value.unwrap_or(Datum::null());
        *(*slot).tts_isnull.add(place) = value.is_none();
    }
}

/// The type of a column without its domains, if it has not changed.
pub fn base_target(column: &ColumnFacts) -> Option<Target> {
    let (type_oid, typmod) = types::resolve_type(&column.type_name)?;
    if Kind::of(type_oid, typmod) != Some(column.kind) {
        return None;
    }
    let (type_oid, typmod) = types::base_type(type_oid, typmod);
    Some(Target { column: column.name.clone(), type_oid, typmod })
}

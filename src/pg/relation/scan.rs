//! Rows of the source as blocks. They are read as the caller and through the planner, so privileges and row security
//! apply. All scans of a training use the snapshot of the calling statement.

use pgrx::{Spi, check_for_interrupts, pg_sys};

use crate::engine::table::{Block, BlockColumn};
use crate::pg::errors::{self, Result};
use crate::pg::relation::lineage::Lineage;
use crate::pg::relation::{Attribute, Relation};
use crate::pg::server::memory::Scratch;
use crate::pg::server::text::{self, c_string};
use crate::pg::server::{expr, guard, tuple};
use crate::pg::values::reader::{IdentityReader, ValueReader};

/// Rows of a block.
const BLOCK: usize = 4096;

/// The exact number of rows. It is private, and only for the engine.
pub fn count(source: &Relation, charged: &Lineage) -> Result<u64> {
    let query = format!("SELECT pg_catalog.count(*) FROM {}", source.quoted());
    connected(|| {
        let portal = open(source, Some(charged), &query)?;
        // SAFETY: the portal is open. The type of the result is checked before it is read as a number.
        let count = guard::reading(&source.name, || unsafe {
            pg_sys::SPI_cursor_fetch(portal, true, 1);
            let counted = pg_sys::SPI_tuptable
                .as_ref()
                .filter(|table| pg_sys::SPI_processed == 1 && are(table.tupdesc, [(pg_sys::INT8OID, -1)].into_iter()));
            let table = counted.ok_or_else(|| errors::internal("the rows could not be counted"))?;
            let mut is_null = false;
            Ok(pg_sys::SPI_getbinval(*table.vals, table.tupdesc, 1, &mut is_null).value() as i64)
        })?;
        close(source, portal)?;
        Ok(count.max(0) as u64)
    })
}

/// Reads all rows, block by block, and their units if these have a column. `take` may report progress but must not
/// access the table. The query may only read charged relations, and the lineage must not have changed.
pub fn scan(
    source: &Relation,
    charged: Option<&Lineage>,
    columns: &[&Attribute],
    unit: Option<&Attribute>,
    mut take: impl FnMut(&Block, Option<&BlockColumn>) -> Result<()>,
) -> Result<()> {
    let names: Vec<String> = columns.iter().copied().chain(unit).map(|column| text::quoted(&column.name)).collect();
    let query = format!("SELECT {} FROM {}", names.join(", "), source.quoted());
    connected(|| {
        let portal = open(source, charged, &query)?;
        let mut fetch = Fetch::new(source, columns, unit);
        loop {
            check_for_interrupts!();
            // SAFETY: the portal is open.
            guard::reading(&source.name, || unsafe { fetch.next(portal) })?;
            if fetch.block.rows == 0 {
                break;
            }
            take(&fetch.block, fetch.unit.as_ref().map(|(_, units)| units))?;
        }
        close(source, portal)
    })
}

/// Opens a query of the source for reading, as the caller and under the caller's snapshot. The lineage is computed
/// again before, and compared with the relations that the plan reads: a function that an earlier scan called may have
/// replaced a view.
fn open(source: &Relation, charged: Option<&Lineage>, query: &str) -> Result<pg_sys::Portal> {
    let changed = || errors::source_keeps_changing(&source.name);
    if charged.is_some_and(|charged| !charged.is_as_it_was(source)) {
        return Err(changed());
    }
    let text = c_string(query);
    let portal = guard::reading(&source.name, || {
        // SAFETY: a query without parameters. SPI is connected, and the portal lives until it is closed or SPI ends.
        Ok(unsafe {
            let options = pg_sys::CURSOR_OPT_NO_SCROLL as i32;
            let plan = pg_sys::SPI_prepare_cursor(text.as_ptr(), 0, std::ptr::null_mut(), options);
            pg_sys::SPI_cursor_open(std::ptr::null(), plan, std::ptr::null_mut(), std::ptr::null(), true)
        })
    })?;
    // SAFETY: an open portal, which owns its plans.
    let read = unsafe { relations((*portal).stmts) };
    if charged.is_none_or(|charged| charged.covers(&read)) { Ok(portal) } else { Err(changed()) }
}

/// Ends a query that was opened for reading. Extensions that observe statements report row counts when they end.
fn close(source: &Relation, portal: pg_sys::Portal) -> Result<()> {
    guard::reading(&source.name, || {
        // SAFETY: an open portal that is not used any more.
        unsafe { pg_sys::SPI_cursor_close(portal) };
        Ok(())
    })
}

/// The relations that plans read. Sequences, which expressions may name, have no rows.
///
/// # Safety
/// A valid list of plans.
unsafe fn relations(plans: *mut pg_sys::List) -> Vec<pg_sys::Oid> {
    // SAFETY: as promised; the list of a plan holds oids.
    unsafe {
        let plans = expr::members(plans).into_iter().map(|plan| (*plan.cast::<pg_sys::PlannedStmt>()).relationOids);
        let oids = |list: *mut pg_sys::List| {
            let length = if list.is_null() { 0 } else { (*list).length };
            (0..length).map(move |i| pg_sys::list_nth_oid(list, i))
        };
        let has_rows = |oid: &pg_sys::Oid| pg_sys::get_rel_relkind(*oid) as u8 != pg_sys::RELKIND_SEQUENCE;
        plans.flat_map(oids).filter(has_rows).collect()
    }
}

fn connected<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    Spi::connect(|_| work())
}

/// Whether a descriptor has exactly the columns with these types and modifiers.
///
/// # Safety
/// A valid descriptor.
unsafe fn are(desc: pg_sys::TupleDesc, mut wanted: impl Iterator<Item = (pg_sys::Oid, i32)>) -> bool {
    // SAFETY: as promised. Only existing attributes are read.
    let mut found = (0..unsafe { (*desc).natts } as usize).map(|i| unsafe { tuple::attribute(desc, i) });
    found.all(|attribute| wanted.next() == Some((attribute.atttypid, attribute.atttypmod))) && wanted.next().is_none()
}

/// Deforms fetched tuples into a block that is reused.
struct Fetch {
    /// The relation that is read, and the types and modifiers of its columns.
    relation: String,
    types: Vec<(pg_sys::Oid, i32)>,
    readers: Vec<ValueReader>,
    block: Block,
    unit: Option<(IdentityReader, BlockColumn)>,
    values: Vec<pg_sys::Datum>,
    nulls: Vec<bool>,
    scratch: Scratch,
}

impl Fetch {
    fn new(source: &Relation, columns: &[&Attribute], unit: Option<&Attribute>) -> Self {
        let types = columns.iter().copied().chain(unit).map(|column| (column.type_oid, column.typmod)).collect();
        // Columns without a kind were refused earlier.
        let readers: Vec<ValueReader> = columns.iter().filter_map(|column| column.kind).map(ValueReader::new).collect();
        let block = Block { rows: 0, columns: readers.iter().map(ValueReader::column).collect() };
        let unit = unit.and_then(|column| column.kind);
        let unit = unit.map(|kind| (IdentityReader::new(kind), BlockColumn::categories()));
        let width = readers.len() + usize::from(unit.is_some());
        let (values, nulls) = (vec![pg_sys::Datum::null(); width], vec![true; width]);
        Self { relation: source.name.clone(), types, readers, block, unit, values, nulls, scratch: Scratch::new() }
    }

    /// # Errors
    /// If the fetched types differ from those of the readers, because a view was replaced.
    ///
    /// # Safety
    /// `portal` is open.
    unsafe fn next(&mut self, portal: pg_sys::Portal) -> Result<()> {
        self.block.columns.iter_mut().for_each(|column| column.clear());
        self.unit.iter_mut().for_each(|(_, units)| units.clear());
        // SAFETY: as promised. The types are compared before a value is read. The tuples live until the table is freed,
        // and detoasted values until the reset.
        unsafe {
            pg_sys::SPI_cursor_fetch(portal, true, BLOCK as std::ffi::c_long);
            let rows = pg_sys::SPI_processed as usize;
            let table = pg_sys::SPI_tuptable;
            let as_expected =
                self.types.len() == self.values.len() && are((*table).tupdesc, self.types.iter().copied());
            if rows > 0 && !as_expected {
                return Err(errors::source_keeps_changing(&self.relation));
            }
            let Self { readers, block, unit, values, nulls, scratch, .. } = self;
            scratch.within(|| {
                for row in 0..rows {
                    let tuple = *(*table).vals.add(row);
                    pg_sys::heap_deform_tuple(tuple, (*table).tupdesc, values.as_mut_ptr(), nulls.as_mut_ptr());
                    for (i, reader) in readers.iter_mut().enumerate() {
                        reader.push(&mut block.columns[i], values[i], nulls[i]);
                    }
                    if let Some((reader, units)) = unit {
                        reader.push(units, values[readers.len()], nulls[readers.len()]);
                    }
                }
            });
            block.rows = rows;
            pg_sys::SPI_freetuptable(table);
            scratch.reset();
        }
        Ok(())
    }
}

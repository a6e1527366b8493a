//! Rows of the source as blocks. They are read as the caller and through the planner, so that privileges and row
//! security apply, and all scans of a training see the snapshot of the calling statement.

use pgrx::{Spi, check_for_interrupts, pg_sys};

use super::datum::{self, Scratch, c_string};
use super::errors::{self, Result};
use super::guard;
use super::reader::Reader;
use super::source::{Attribute, Source};
use super::unit::UnitReader;
use crate::engine::EngineError;
use crate::engine::table::{Block, BlockColumn};

/// Rows of a block.
const BLOCK: usize = 4096;

/// The exact number of rows: private, for the engine's eyes only.
pub fn count(source: &Source) -> Result<u64> {
    let query = c_string(&format!("SELECT pg_catalog.count(*) FROM {}", source.quoted()));
    connected(|| {
        // SAFETY: a query without parameters.
        let plan = unsafe { pg_sys::SPI_prepare(query.as_ptr(), 0, std::ptr::null_mut()) };
        // SAFETY: a prepared plan without parameters, run read-only and so under the caller's snapshot; its one row
        // has one bigint.
        let count = guard::reading(&source.name, || unsafe {
            let ended = pg_sys::SPI_execute_plan(plan, std::ptr::null_mut(), std::ptr::null(), true, 1);
            let counted = pg_sys::SPI_tuptable.as_ref().filter(|table| {
                ended == pg_sys::SPI_OK_SELECT as i32
                    && pg_sys::SPI_processed == 1
                    && are(table.tupdesc, [(pg_sys::INT8OID, -1)].into_iter())
            });
            let table = counted.ok_or(EngineError::Internal("the rows could not be counted"))?;
            let mut is_null = false;
            Ok(pg_sys::SPI_getbinval(*table.vals, table.tupdesc, 1, &mut is_null).value() as i64)
        })?;
        Ok(count.max(0) as u64)
    })
}

/// Reads all rows, block by block, and the units they belong to if these have a column. `take` may report progress but
/// must not touch the rows' table.
pub fn scan(
    source: &Source,
    columns: &[&Attribute],
    unit: Option<&Attribute>,
    mut take: impl FnMut(&Block, Option<&BlockColumn>) -> Result<()>,
) -> Result<()> {
    let names: Vec<String> = columns.iter().copied().chain(unit).map(|column| datum::quoted(&column.name)).collect();
    let query = c_string(&format!("SELECT {} FROM {}", names.join(", "), source.quoted()));
    connected(|| {
        // SAFETY: a query without parameters.
        let plan = unsafe {
            pg_sys::SPI_prepare_cursor(query.as_ptr(), 0, std::ptr::null_mut(), pg_sys::CURSOR_OPT_NO_SCROLL as i32)
        };
        // SAFETY: a prepared plan without parameters, read-only and so under the caller's snapshot.
        let portal = guard::reading(&source.name, || unsafe {
            Ok(pg_sys::SPI_cursor_open(std::ptr::null(), plan, std::ptr::null_mut(), std::ptr::null(), true))
        })?;
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
        // SAFETY: opened above.
        unsafe { pg_sys::SPI_cursor_close(portal) };
        Ok(())
    })
}

fn connected<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    Spi::connect(|_| work())
}

/// Whether a descriptor is that of columns of these types and modifiers, and of no others.
///
/// # Safety
/// A valid descriptor.
unsafe fn are(desc: pg_sys::TupleDesc, mut wanted: impl Iterator<Item = (pg_sys::Oid, i32)>) -> bool {
    // SAFETY: as promised; only attributes that there are are looked at.
    let mut found = (0..unsafe { (*desc).natts } as usize).map(|i| unsafe { datum::attribute(desc, i) });
    found.all(|attribute| wanted.next() == Some((attribute.atttypid, attribute.atttypmod))) && wanted.next().is_none()
}

/// Deforms fetched tuples into a block that is used again and again.
struct Fetch {
    /// The relation that is read, and the types and modifiers of what is read of it.
    relation: String,
    types: Vec<(pg_sys::Oid, i32)>,
    readers: Vec<Reader>,
    block: Block,
    unit: Option<(UnitReader, BlockColumn)>,
    values: Vec<pg_sys::Datum>,
    nulls: Vec<bool>,
    scratch: Scratch,
}

impl Fetch {
    fn new(source: &Source, columns: &[&Attribute], unit: Option<&Attribute>) -> Self {
        let types = columns.iter().copied().chain(unit).map(|column| (column.type_oid, column.typmod)).collect();
        // Columns without a kind were refused before.
        let readers: Vec<Reader> = columns.iter().filter_map(|column| column.kind).map(Reader::new).collect();
        let block = Block { rows: 0, columns: readers.iter().map(Reader::column).collect() };
        let unit = unit.and_then(|column| column.kind);
        let unit = unit.map(|kind| (UnitReader::new(kind), BlockColumn::categories()));
        let width = readers.len() + usize::from(unit.is_some());
        let (values, nulls) = (vec![pg_sys::Datum::null(); width], vec![true; width]);
        Self { relation: source.name.clone(), types, readers, block, unit, values, nulls, scratch: Scratch::new() }
    }

    /// # Errors
    /// If what is fetched is not of the types that the readers were made for: a view may have been replaced since.
    ///
    /// # Safety
    /// `portal` is open.
    unsafe fn next(&mut self, portal: pg_sys::Portal) -> Result<()> {
        self.block.columns.iter_mut().for_each(|column| column.clear());
        self.unit.iter_mut().for_each(|(_, units)| units.clear());
        // SAFETY: as promised; the types are compared before a value is looked at. The tuples live until the table is
        // freed, and what was detoasted until the reset.
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

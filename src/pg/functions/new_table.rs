//! A new table for synthetic rows.

use std::ffi::CStr;

use pgrx::pg_sys;

use crate::pg::errors::{self, Result};
use crate::pg::server::insert_batch::InsertBatch;
use crate::pg::server::text::{self, c_string};
use crate::pg::server::tuple::{self, Target};
use crate::pg::server::{spi, types};

/// The columns of the table, and which of them are NOT NULL, as in the source.
pub struct Columns {
    pub names_and_types: Vec<Target>,
    pub not_null: Vec<bool>,
}

impl Columns {
    fn iter(&self) -> impl Iterator<Item = (&Target, bool)> {
        self.names_and_types.iter().zip(self.not_null.iter().copied())
    }

    /// The column list of `CREATE TABLE`.
    fn written(&self) -> String {
        let written = |(target, not_null): (&Target, bool)| {
            let type_name = types::qualified_type_name(target.type_oid, target.typmod);
            format!("{} {type_name}{}", text::quoted(&target.column), if not_null { " NOT NULL" } else { "" })
        };
        self.iter().map(written).collect::<Vec<_>>().join(", ")
    }

    /// Whether a descriptor has exactly these columns. Values are written with their types.
    ///
    /// # Safety
    /// A valid descriptor.
    unsafe fn are(&self, desc: pg_sys::TupleDesc) -> bool {
        // SAFETY: as promised. Only existing attributes are read.
        let (width, constraints) = unsafe { ((*desc).natts as usize, (*desc).constr.as_ref()) };
        let is = |(i, (target, not_null)): (usize, (&Target, bool))| {
            // SAFETY: as above.
            let found = unsafe { tuple::attribute(desc, i) };
            !found.attisdropped
                && text::name(&found.attname, String::new).is_ok_and(|name| name == target.column)
                && (found.atttypid, found.atttypmod) == (target.type_oid, target.typmod)
                && (found.attnotnull, found.attgenerated, found.attidentity) == (not_null, 0, 0)
        };
        width == self.names_and_types.len()
            && self.iter().enumerate().all(is)
            && constraints.is_none_or(|c| c.num_defval == 0 && c.num_check == 0 && c.missing.is_null())
    }
}

/// The place of a table: a schema's oid, found with the caller's search path, and a name.
pub struct Destination {
    schema: pg_sys::Oid,
    name: String,
}

impl Destination {
    pub fn of(target: &str) -> Result<Self> {
        let text = c_string(target);
        // SAFETY: a NUL-terminated string. ERROR if it is not a name, or if the caller may not create anything there.
        // From here on the schema cannot be dropped.
        unsafe {
            let names = pg_sys::textToQualifiedNameList(pg_sys::cstring_to_text(text.as_ptr()));
            let range = pg_sys::makeRangeVarFromNameList(names);
            let lock = pg_sys::NoLock as pg_sys::LOCKMODE;
            let schema = pg_sys::RangeVarGetAndCheckCreationNamespace(range, lock, std::ptr::null_mut());
            let name = text::utf8(CStr::from_ptr((*range).relname).to_bytes(), || "argument \"target\"".to_owned())?;
            Ok(Self { schema, name })
        }
    }

    /// Creates the table as the caller, and opens it for writing.
    ///
    /// # Errors
    /// If the created table differs from what was requested, or has anything that direct writes would bypass.
    pub fn create(&self, columns: &Columns) -> Result<NewTable> {
        let (schema, name) = (text::quoted(&text::schema_name(self.schema)?), text::quoted(&self.name));
        spi::run(&format!("CREATE TABLE {schema}.{name} ({})", columns.written()), &[])?;
        let name = c_string(&self.name);
        // SAFETY: a look-up by name in one schema; null if it was dropped. It is closed by `drop`.
        let relation = unsafe {
            let table = pg_sys::get_relname_relid(name.as_ptr(), self.schema);
            pg_sys::try_relation_open(table, pg_sys::AccessExclusiveLock as pg_sys::LOCKMODE)
        };
        if relation.is_null() {
            return Err(errors::target_changed());
        }
        let table = NewTable(relation);
        // SAFETY: an open relation.
        if unsafe { table.is_as_made(columns) } { Ok(table) } else { Err(errors::target_changed()) }
    }
}

/// A table that this transaction created, open for writing.
pub struct NewTable(pg_sys::Relation);

impl NewTable {
    /// # Safety
    /// The relation is open.
    unsafe fn is_as_made(&self, columns: &Columns) -> bool {
        // SAFETY: as promised.
        unsafe {
            let (relation, class) = (&*self.0, &*(*self.0).rd_rel);
            relation.rd_createSubid == pg_sys::GetCurrentSubTransactionId()
                && class.relkind as u8 == pg_sys::RELKIND_RELATION
                && !(class.relhasindex || class.relhastriggers || class.relhasrules || class.relhassubclass)
                && !(class.relispartition || class.relrowsecurity)
                && columns.are(relation.rd_att)
        }
    }

    /// A batch of rows for the table.
    pub fn batch(&self) -> InsertBatch<'_> {
        // SAFETY: the relation is open for writing.
        unsafe { InsertBatch::new(self.0) }
    }

    /// Closes the table and returns its oid. The lock stays.
    pub fn close(self) -> pg_sys::Oid {
        // SAFETY: the relation is open.
        unsafe { (*self.0).rd_id }
    }
}

impl Drop for NewTable {
    fn drop(&mut self) {
        // After an ERROR, the end of the transaction closes it.
        if !std::thread::panicking() {
            // SAFETY: opened by `create`; the lock stays.
            unsafe { pg_sys::relation_close(self.0, pg_sys::NoLock as pg_sys::LOCKMODE) };
        }
    }
}

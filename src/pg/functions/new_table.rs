//! A new table for synthetic rows.

use std::ffi::CStr;

use pgrx::pg_sys;

use crate::pg::errors::{self, Result};
use crate::pg::server::insert_batch::InsertBatch;
use crate::pg::server::text::{self, c_string};
use crate::pg::server::tuple::{self, Target};
use crate::pg::server::{guc, spi, types};

/// The columns of the table, and which of them are NOT NULL, as in the source.
pub struct Columns {
    pub names_and_types: Vec<Target>,
    pub not_null: Vec<bool>,
    /// The expressions of generated columns, which consist of PostgreSQL's own parts.
    pub generated: Vec<Option<String>>,
}

impl Columns {
    fn iter(&self) -> impl Iterator<Item = (&Target, bool, &Option<String>)> {
        let facts = self.not_null.iter().copied().zip(&self.generated);
        self.names_and_types.iter().zip(facts).map(|(target, (not_null, generated))| (target, not_null, generated))
    }

    fn number_of_generated(&self) -> usize {
        self.generated.iter().flatten().count()
    }

    /// The column list of `CREATE TABLE`.
    fn written(&self) -> String {
        let written = |(target, not_null, generated): (&Target, bool, &Option<String>)| {
            let type_name = types::qualified_type_name(target.type_oid, target.typmod);
            let not_null = if not_null { " NOT NULL" } else { "" };
            // The line break ends any comment in an expression.
            let generated = generated.as_ref().map(|written| format!(" GENERATED ALWAYS AS ({written}\n) STORED"));
            format!("{} {type_name}{not_null}{}", text::quoted(&target.column), generated.unwrap_or_default())
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
        let is = |(i, (target, not_null, generated)): (usize, (&Target, bool, &Option<String>))| {
            let generated =
                if generated.is_some() { pg_sys::ATTRIBUTE_GENERATED_STORED as std::ffi::c_char } else { 0 };
            // SAFETY: as above.
            let found = unsafe { tuple::attribute(desc, i) };
            !found.attisdropped
                && text::name(&found.attname, String::new).is_ok_and(|name| name == target.column)
                && (found.atttypid, found.atttypmod) == (target.type_oid, target.typmod)
                && (found.attnotnull, found.attgenerated, found.attidentity) == (not_null, generated, 0)
        };
        width == self.names_and_types.len()
            && self.iter().enumerate().all(is)
            && constraints.is_none_or(|c| {
                c.num_defval as usize == self.number_of_generated() && c.num_check == 0 && c.missing.is_null()
            })
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
        let statement = format!("CREATE TABLE {schema}.{name} ({})", columns.written());
        // The names in expressions have the meaning that they had when the expressions were accepted.
        match columns.number_of_generated() {
            0 => spi::run(&statement, &[])?,
            _ => guc::with_fixed_writing(|| spi::run(&statement, &[]))?,
        }
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

//! Sources: relations and their columns, facts from the catalogs, and rows.

pub mod comparisons;
pub mod generated;
pub mod implied;
pub mod implied_domains;
pub mod keys;
pub mod lineage;
pub mod privacy_unit;
pub mod row_wise;
pub mod scan;

use pgrx::pg_sys;

use crate::pg::errors::{self, Result};
use crate::pg::server::types::{domains, type_name};
use crate::pg::server::{lookup, text, tuple};
use crate::pg::values::kind::Kind;

/// A relation whose definition is locked until the transaction ends.
pub struct Relation {
    pub oid: pg_sys::Oid,
    pub owner: pg_sys::Oid,
    pub schema: String,
    pub name: String,
    kind: u8,
    /// Whether other tables can inherit from it.
    pub has_children: bool,
    has_rules: bool,
    pub columns: Vec<Attribute>,
}

/// A live column of a relation.
pub struct Attribute {
    pub name: String,
    pub number: i16,
    pub type_oid: pg_sys::Oid,
    pub typmod: i32,
    pub not_null: bool,
    pub has_default: bool,
    pub is_identity: bool,
    /// Whether it is a generated column.
    pub is_computed: bool,
    pub collation: pg_sys::Oid,
    /// Whether equal texts are identical texts.
    pub exact_equality: bool,
    /// `None` for a type that cannot be modelled.
    pub kind: Option<Kind>,
}

impl Attribute {
    pub fn type_name(&self) -> String {
        type_name(self.type_oid, self.typmod)
    }
}

impl Relation {
    /// Locks a relation and reads its columns.
    pub fn open(oid: pg_sys::Oid) -> Result<Self> {
        // SAFETY: null if there is no such relation. The lock is kept until the transaction ends.
        let relation = unsafe { pg_sys::try_relation_open(oid, pg_sys::AccessShareLock as pg_sys::LOCKMODE) };
        if relation.is_null() {
            return Err(errors::relation_missing());
        }
        // SAFETY: the relation is open, so its descriptors are valid.
        let found = unsafe {
            let class = &*(*relation).rd_rel;
            let attributes = (0..(*(*relation).rd_att).natts as usize).map(|i| tuple::attribute((*relation).rd_att, i));
            let live = attributes.filter(|attribute| !attribute.attisdropped);
            let what = || format!("the name of relation {}", oid.to_u32());
            Self {
                oid,
                owner: class.relowner,
                schema: text::schema_name(class.relnamespace)?,
                name: text::name(&class.relname, what)?,
                kind: class.relkind as u8,
                has_children: class.relhassubclass,
                has_rules: class.relhasrules,
                columns: live.map(|attribute| look_at(attribute)).collect::<Result<_>>()?,
            }
        };
        // SAFETY: opened above.
        unsafe { pg_sys::relation_close(relation, pg_sys::NoLock as pg_sys::LOCKMODE) };
        match found.kind {
            pg_sys::RELKIND_RELATION
            | pg_sys::RELKIND_PARTITIONED_TABLE
            | pg_sys::RELKIND_VIEW
            | pg_sys::RELKIND_MATVIEW
            | pg_sys::RELKIND_FOREIGN_TABLE => Ok(found),
            _ => Err(errors::wrong_relation_kind(&found.name)),
        }
    }

    /// Checks, without a lock, that a relation is a plain table that the caller owns, in the current state of the
    /// catalogs.
    pub fn check_owner(oid: pg_sys::Oid) -> Result<()> {
        let look = |class: &pg_sys::FormData_pg_class| {
            let name = text::name(&class.relname, || format!("the name of relation {}", oid.to_u32()));
            (name, class.relkind as u8, class.relowner)
        };
        // SAFETY: the rows of this cache are those of pg_class.
        let found = unsafe { lookup::looked_up(pg_sys::SysCacheIdentifier::RELOID, oid, look) };
        let (name, kind, owner) = found.ok_or_else(errors::relation_missing)?;
        let name = name?;
        if kind != pg_sys::RELKIND_RELATION {
            return Err(errors::not_a_table(&name));
        }
        if lookup::has_role(owner) { Ok(()) } else { Err(errors::not_relation_owner(&name)) }
    }

    /// Whether the caller has the privileges of its owner.
    pub fn is_owned(&self) -> bool {
        lookup::has_role(self.owner)
    }

    /// Whether it is a plain table, which stores the rows that are written to it.
    pub fn is_table(&self) -> bool {
        self.kind == pg_sys::RELKIND_RELATION && !self.has_rules
    }

    /// The name in SQL.
    pub fn quoted(&self) -> String {
        format!("{}.{}", text::quoted(&self.schema), text::quoted(&self.name))
    }

    /// The name of a column; empty if there is none.
    pub fn name_of(&self, number: i16) -> String {
        self.columns.iter().find(|column| column.number == number).map(|c| c.name.clone()).unwrap_or_default()
    }

    /// The columns of a training: those in `columns` (all if `None`) that are not in `exclude`.
    pub fn choose(&self, columns: Option<&[String]>, exclude: Option<&[String]>) -> Result<Vec<&Attribute>> {
        for (list, argument) in [(columns, "columns"), (exclude, "exclude")] {
            for name in list.unwrap_or_default() {
                if !self.columns.iter().any(|column| column.name == *name) {
                    return Err(errors::no_such_column(&self.name, name, argument));
                }
            }
        }
        let chosen = |column: &&Attribute| {
            columns.is_none_or(|list| list.contains(&column.name))
                && !exclude.is_some_and(|list| list.contains(&column.name))
        };
        Ok(self.columns.iter().filter(chosen).collect())
    }

    /// Checks that the caller may read the columns. `otherwise` names an alternative. The query would check it too, but
    /// later and with a less helpful message.
    pub fn check_privilege(&self, columns: &[&Attribute], otherwise: &str) -> Result<()> {
        // SAFETY: plain look-ups of privileges on an existing relation.
        let denied = unsafe {
            let (user, select) = (pg_sys::GetUserId(), pg_sys::ACL_SELECT as pg_sys::AclMode);
            let ok = pg_sys::AclResult::ACLCHECK_OK;
            if pg_sys::pg_class_aclcheck(self.oid, user, select) == ok {
                return Ok(());
            }
            let denied = |c: &&&Attribute| pg_sys::pg_attribute_aclcheck(self.oid, c.number, user, select) != ok;
            columns.iter().filter(denied).map(|column| column.name.as_str()).collect::<Vec<_>>()
        };
        if denied.is_empty() { Ok(()) } else { Err(errors::no_select_privilege(&self.name, denied, otherwise)) }
    }
}

/// # Safety
/// The attribute belongs to an open relation.
unsafe fn look_at(attribute: &pg_sys::FormData_pg_attribute) -> Result<Attribute> {
    // SAFETY: collations of columns exist.
    let exact = attribute.attcollation == pg_sys::InvalidOid
        || unsafe { pg_sys::get_collation_isdeterministic(attribute.attcollation) };
    let what = || format!("the name of column {} of relation {}", attribute.attnum, attribute.attrelid.to_u32());
    Ok(Attribute {
        name: text::name(&attribute.attname, what)?,
        number: attribute.attnum,
        type_oid: attribute.atttypid,
        typmod: attribute.atttypmod,
        not_null: attribute.attnotnull || domain_is_not_null(attribute.atttypid),
        has_default: attribute.atthasdef && attribute.attgenerated == 0,
        is_identity: attribute.attidentity != 0,
        is_computed: attribute.attgenerated != 0,
        collation: attribute.attcollation,
        exact_equality: exact,
        kind: Kind::of(attribute.atttypid, attribute.atttypmod),
    })
}

fn domain_is_not_null(type_oid: pg_sys::Oid) -> bool {
    domains(type_oid).iter().any(|(_, not_null)| *not_null)
}

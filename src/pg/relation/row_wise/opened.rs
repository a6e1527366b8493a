//! Relations that stay open while the relations behind them are inspected.

use pgrx::pg_sys::{self, NodeTag};

use crate::pg::server::{expr, tuple};

/// An open relation.
pub struct OpenRelation(pub pg_sys::Relation);

impl OpenRelation {
    /// Opens a relation, if it exists, and locks its definition.
    pub fn open(oid: pg_sys::Oid) -> Option<Self> {
        // SAFETY: null if there is no such relation.
        let relation = unsafe { pg_sys::try_relation_open(oid, pg_sys::AccessShareLock as pg_sys::LOCKMODE) };
        // Constructed only if there is one, because drop closes it.
        (!relation.is_null()).then(|| Self(relation))
    }

    fn class(&self) -> &pg_sys::FormData_pg_class {
        // SAFETY: the relation is open.
        unsafe { &*(*self.0).rd_rel }
    }

    pub fn oid(&self) -> pg_sys::Oid {
        // SAFETY: the relation is open.
        unsafe { (*self.0).rd_id }
    }

    pub fn kind(&self) -> u8 {
        self.class().relkind as u8
    }

    pub fn owner(&self) -> pg_sys::Oid {
        self.class().relowner
    }

    /// Whether a column is NOT NULL.
    pub fn is_not_null(&self, column: i16) -> bool {
        // SAFETY: the relation is open, so its descriptor is valid.
        unsafe {
            let desc = (*self.0).rd_att;
            usize::try_from(column - 1)
                .is_ok_and(|i| i < (*desc).natts as usize && tuple::attribute(desc, i).attnotnull)
        }
    }

    /// The role whose privileges and policies apply to what a view reads.
    pub fn reader(&self, user: pg_sys::Oid) -> pg_sys::Oid {
        // SAFETY: the relation is open. A view may have options.
        let invoker = unsafe {
            let options: *const pg_sys::ViewOptions = (*self.0).rd_options.cast();
            self.kind() == pg_sys::RELKIND_VIEW && !options.is_null() && (*options).security_invoker
        };
        if invoker { user } else { self.owner() }
    }

    /// The query of a view or materialized view.
    pub fn query(&self) -> Option<&pg_sys::Query> {
        // SAFETY: rules live as long as the relation is open.
        unsafe {
            let rules = (*self.0).rd_rules.as_ref()?;
            let rules = (0..rules.numLocks as usize).map(|i| &**rules.rules.add(i));
            let mut selects = rules.filter(|rule| rule.event == pg_sys::CmdType::CMD_SELECT);
            let [query] = expr::members(selects.next()?.actions)[..] else { return None };
            expr::cast::<pg_sys::Query>(query, NodeTag::T_Query)
        }
    }
}

impl Drop for OpenRelation {
    fn drop(&mut self) {
        // After an ERROR, the end of the transaction closes it.
        if !std::thread::panicking() {
            // SAFETY: opened by `open`; the lock stays until the transaction ends.
            unsafe { pg_sys::relation_close(self.0, pg_sys::NoLock as pg_sys::LOCKMODE) };
        }
    }
}

//! The relations that a training is charged to: its source, everything that the source reads through views, functions
//! and inheritance, and the parents of these.
//!
//! The catalogs record what rules, row-security policies and functions with parsed bodies name. They do not record what
//! a function's text names, the origin of a copied table, or what is behind a foreign table.

use pgrx::pg_sys;
use serde::{Deserialize, Serialize};

use crate::pg::errors::{self, Result};
use crate::pg::relation::row_wise::reason::Reason;
use crate::pg::relation::{Relation, row_wise};
use crate::pg::server::access;

/// Attempts to read the catalogs before giving up because views keep changing.
const LOOKS: usize = 10;

/// A charged relation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Charged {
    pub relation: u32,
    /// The name in SQL.
    pub name: String,
    pub owner: u32,
    /// Whether it is a table.
    table: bool,
    /// Whether the protected rows are a part of it, so that its budget is spent.
    #[serde(default = "yes")]
    pub counts: bool,
    /// The planner's row count, for a relation that stores rows. Anybody who can connect can read it.
    #[serde(skip_serializing, default)]
    estimate: i64,
}

fn yes() -> bool {
    true
}

/// Ignores the statistics, which may change at any time.
impl PartialEq for Charged {
    fn eq(&self, other: &Self) -> bool {
        let Self { relation, name, owner, table, counts, estimate: _ } = other;
        (self.relation, &self.name, self.owner, self.table, self.counts) == (*relation, name, *owner, *table, *counts)
    }
}

/// The charged relations, ordered by oid.
#[derive(Debug, PartialEq)]
pub struct Lineage {
    pub charged: Vec<Charged>,
    /// The reason why the guarantee is about rows of the source but not about rows of the tables behind it, if so.
    pub source_rows_only: Option<Reason>,
    /// Number of the privacy unit's column, unless units are rows.
    unit: Option<i16>,
}

const QUERY: &str = "
    WITH RECURSIVE read (class, object) AS (
        SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, $1::pg_catalog.oid
        UNION
        SELECT next.class, next.object
        FROM read, LATERAL (
            -- What views and materialized views select from, and what row security looks at.
            SELECT d.refclassid, d.refobjid
            FROM pg_catalog.pg_depend AS d
            WHERE read.class = 'pg_catalog.pg_class'::pg_catalog.regclass
              AND ((d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid IN (
                        SELECT r.oid FROM pg_catalog.pg_rewrite AS r WHERE r.ev_class = read.object AND r.ev_type = '1'))
                OR (d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND d.objid IN (
                        SELECT p.oid FROM pg_catalog.pg_policy AS p WHERE p.polrelid = read.object)))
            UNION ALL
            -- What functions with parsed bodies, and operators, name.
            SELECT d.refclassid, d.refobjid
            FROM pg_catalog.pg_depend AS d
            WHERE read.class <> 'pg_catalog.pg_class'::pg_catalog.regclass
              AND d.classid = read.class AND d.objid = read.object
            UNION ALL
            -- Partitions and other children.
            SELECT read.class, i.inhrelid
            FROM pg_catalog.pg_inherits AS i
            WHERE read.class = 'pg_catalog.pg_class'::pg_catalog.regclass AND i.inhparent = read.object
        ) AS next (class, object)
        WHERE next.class IN ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass,
                             'pg_catalog.pg_operator'::pg_catalog.regclass)
    ), charged (relation) AS (
        SELECT object FROM read WHERE class = 'pg_catalog.pg_class'::pg_catalog.regclass
        UNION
        SELECT i.inhparent FROM charged AS h JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = h.relation
    )
    SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
               'relation', c.oid::pg_catalog.int8,
               'name', pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname),
               'owner', c.relowner::pg_catalog.int8,
               'table', c.relkind IN ('r', 'p', 'f'),
               'estimate', CASE WHEN c.relkind IN ('r', 'm', 'f') AND c.oid IN (
                   SELECT object FROM read WHERE class = 'pg_catalog.pg_class'::pg_catalog.regclass)
                   THEN greatest(c.reltuples, 0)::pg_catalog.int8 ELSE 0 END) ORDER BY c.oid), '[]')::pg_catalog.text
    FROM charged AS h JOIN pg_catalog.pg_class AS c ON c.oid = h.relation
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')";

impl Lineage {
    /// Finds the relations that a training is charged to, with a unit column or rows as units.
    pub fn of(source: &Relation, unit: Option<i16>) -> Result<Self> {
        let mut charged = locked(source)?;
        let source_rows_only = row_wise::why_not(source, unit)?;
        if source_rows_only.is_some() {
            // Then the guarantee is about a view's own rows. For a table whose policies read tables, it is about no
            // table's rows.
            let own = |charged: &Charged| charged.relation == source.oid.to_u32() && !charged.table;
            charged.iter_mut().for_each(|charged| charged.counts = own(charged));
        }
        Ok(Self { charged, source_rows_only, unit })
    }

    /// Whether a training on the source would still be charged to the same relations.
    pub fn is_as_it_was(&self, source: &Relation) -> bool {
        Self::of(source, self.unit).is_ok_and(|found| found == *self)
    }

    /// Whether a plan reads only these relations.
    pub fn covers(&self, relations: &[pg_sys::Oid]) -> bool {
        let is_charged = |oid: &pg_sys::Oid| self.charged.iter().any(|charged| charged.relation == oid.to_u32());
        relations.iter().all(is_charged)
    }

    /// Whether row security applies to the caller in any of them.
    pub fn row_security(&self) -> bool {
        self.charged.iter().any(|charged| {
            let relation = pg_sys::Oid::from(charged.relation);
            // SAFETY: a look-up for the current role that raises no error.
            let found = unsafe { pg_sys::check_enable_rls(relation, pg_sys::InvalidOid, true) };
            found as u32 == pg_sys::CheckEnableRlsResult::RLS_ENABLED
        })
    }

    /// Rows of the source by the planner's statistics, if a training would read all rows of the table and nothing else;
    /// otherwise 0. It is 0 for views, for tables with partitions or children, and under row security.
    pub fn own_estimate(&self, source: &Relation) -> f64 {
        match &self.charged[..] {
            [own] if own.table && own.relation == source.oid.to_u32() && !self.row_security() => own.estimate as f64,
            _ => 0.0,
        }
    }

    /// Rows of the source by the planner's statistics; 0 if there are none.
    pub fn estimate(&self) -> f64 {
        self.charged.iter().map(|charged| charged.estimate as f64).sum()
    }
}

/// Finds the relations and locks their definitions until the transaction ends. No other session can put another table
/// behind a view between this and the scans.
fn locked(source: &Relation) -> Result<Vec<Charged>> {
    let mut charged: Vec<Charged> = Vec::new();
    for _ in 0..LOOKS {
        let found: Vec<Charged> = access::ask(QUERY, &source.oid.to_u32().to_string())?;
        if found == charged {
            return Ok(charged);
        }
        for Charged { relation, .. } in &found {
            // SAFETY: a lock on an object that may no longer exist.
            unsafe {
                let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
                pg_sys::LockRelationOid(pg_sys::Oid::from(*relation), lock);
            }
        }
        charged = found;
    }
    Err(errors::source_keeps_changing(&source.name))
}

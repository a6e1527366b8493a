//! Views that do not combine rows: they are followed to the tables that store the rows.

use pgrx::pg_sys::{self, NodeTag};

use super::opened::OpenRelation;
use super::reason::{DEPTH, Found, STORED};
use super::{expression, query};
use crate::pg::server::expr::{self, Node};

/// What was found behind a source.
#[derive(Default)]
pub struct Behind {
    /// Tables, with their owners.
    pub tables: Vec<(pg_sys::Oid, pg_sys::Oid)>,
    /// Owners of functions and domains that are not PostgreSQL's own.
    pub makers: Vec<pg_sys::Oid>,
}

impl Behind {
    /// Follows a relation that `user` reads.
    ///
    /// # Safety
    /// The relation exists and cannot be dropped meanwhile. For the methods below, queries and expressions are also
    /// valid.
    pub unsafe fn relation(&mut self, oid: pg_sys::Oid, user: pg_sys::Oid, depth: usize) -> Found<()> {
        // SAFETY: as promised.
        unsafe {
            let relation = OpenRelation::open(oid).ok_or("a relation that was dropped")?;
            match relation.kind() {
                pg_sys::RELKIND_RELATION | pg_sys::RELKIND_PARTITIONED_TABLE | pg_sys::RELKIND_FOREIGN_TABLE => {
                    self.table(&relation, user)
                }
                pg_sys::RELKIND_VIEW if depth < DEPTH => {
                    let query = relation.query().ok_or("no definition that can be read")?;
                    self.query(query, relation.reader(user), depth + 1)
                }
                _ => Err(STORED),
            }
        }
    }

    /// Adds a table, if every policy that applies depends only on the row.
    pub unsafe fn table(&mut self, table: &OpenRelation, user: pg_sys::Oid) -> Found<()> {
        self.tables.push((table.oid(), table.owner()));
        // SAFETY: a look-up that raises no error.
        let security = unsafe { pg_sys::check_enable_rls(table.oid(), user, true) };
        if security as u32 != pg_sys::CheckEnableRlsResult::RLS_ENABLED {
            return Ok(());
        }
        // SAFETY: as promised; the policies live as long as the relation is open.
        unsafe {
            let description = (*table.0).rd_rsdesc;
            if description.is_null() {
                return Ok(());
            }
            for policy in expr::members((*description).policies) {
                let policy = &*policy.cast::<pg_sys::RowSecurityPolicy>();
                if policy.hassublinks {
                    return Err("a row security policy that reads tables");
                }
                self.expression(policy.qual.cast())?;
            }
        }
        Ok(())
    }

    unsafe fn query(&mut self, query: &pg_sys::Query, user: pg_sys::Oid, depth: usize) -> Found<()> {
        // SAFETY: as promised.
        unsafe {
            query::shape(query)?;
            if !query.setOperations.is_null() {
                return self.union_all(query, query.setOperations, user, depth);
            }
            let from = &*query.jointree;
            self.expression(from.quals)?;
            self.targets(query)?;
            // Without a table there is one row, which does not depend on rows of a table.
            let [member] = expr::members(from.fromlist)[..] else {
                return if from.fromlist.is_null() { Ok(()) } else { Err("a join") };
            };
            let member = expr::cast::<pg_sys::RangeTblRef>(member, NodeTag::T_RangeTblRef).ok_or("a join")?;
            self.entry(query::entry(query, member.rtindex)?, user, depth)
        }
    }

    pub unsafe fn targets(&mut self, query: &pg_sys::Query) -> Found<()> {
        // SAFETY: as promised.
        unsafe { expr::members(query.targetList).into_iter().try_for_each(|target| self.expression(target)) }
    }

    unsafe fn union_all(&mut self, query: &pg_sys::Query, part: Node, user: pg_sys::Oid, depth: usize) -> Found<()> {
        // SAFETY: as promised.
        unsafe {
            if let Some(leaf) = expr::cast::<pg_sys::RangeTblRef>(part, NodeTag::T_RangeTblRef) {
                return self.entry(query::entry(query, leaf.rtindex)?, user, depth);
            }
            let operation = expr::cast::<pg_sys::SetOperationStmt>(part, NodeTag::T_SetOperationStmt);
            match operation.filter(|o| o.op == pg_sys::SetOperation::SETOP_UNION && o.all) {
                Some(union) => {
                    self.union_all(query, union.larg, user, depth)?;
                    self.union_all(query, union.rarg, user, depth)
                }
                None => Err("UNION, INTERSECT or EXCEPT"),
            }
        }
    }

    unsafe fn entry(&mut self, entry: &pg_sys::RangeTblEntry, user: pg_sys::Oid, depth: usize) -> Found<()> {
        // SAFETY: as promised.
        unsafe {
            match entry.rtekind {
                pg_sys::RTEKind::RTE_RELATION if !entry.tablesample.is_null() => Err("TABLESAMPLE"),
                pg_sys::RTEKind::RTE_RELATION => self.relation(entry.relid, user, depth),
                pg_sys::RTEKind::RTE_SUBQUERY if depth < DEPTH => self.query(&*entry.subquery, user, depth + 1),
                pg_sys::RTEKind::RTE_VALUES => self.values(entry),
                _ => Err("a function or a deep query in FROM"),
            }
        }
    }

    pub unsafe fn values(&mut self, source: &pg_sys::RangeTblEntry) -> Found<()> {
        // SAFETY: as promised.
        unsafe { expr::members(source.values_lists).into_iter().try_for_each(|list| self.expression(list)) }
    }

    /// Checks an expression: it may only call functions of its arguments.
    pub unsafe fn expression(&mut self, expression: Node) -> Found<()> {
        // SAFETY: as promised.
        unsafe { expression::look_at(expression, &mut self.makers) }
    }
}

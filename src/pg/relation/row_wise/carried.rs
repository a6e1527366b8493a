//! Joins whose rows carry the column of the privacy unit: it is followed to the tables that store the rows.

use pgrx::pg_sys::{self, NodeTag};

use super::behind::Behind;
use super::opened::OpenRelation;
use super::query::{self, ColumnPlace};
use super::reason::{DEPTH, Found, STORED};
use crate::pg::server::expr::{self, Node};

impl Behind {
    /// Follows a unit column of a relation to unit columns of all tables behind it. `may_be_nobody` unless all
    /// resulting rows join on its value.
    pub unsafe fn carried(
        &mut self,
        (oid, column): (pg_sys::Oid, i16),
        user: pg_sys::Oid,
        depth: usize,
        may_be_nobody: bool,
    ) -> Found<()> {
        // SAFETY: as promised.
        unsafe {
            let relation = OpenRelation::open(oid).ok_or("a relation that was dropped")?;
            match relation.kind() {
                pg_sys::RELKIND_VIEW if depth < DEPTH => {
                    let query = relation.query().ok_or("no definition that can be read")?;
                    self.carried_by(query, column, relation.reader(user), depth + 1, may_be_nobody)
                }
                pg_sys::RELKIND_VIEW | pg_sys::RELKIND_MATVIEW => Err(STORED),
                // Rows without a unit are units by themselves in the view.
                _ if may_be_nobody && !relation.is_not_null(column) => Err("a privacy unit that can be NULL"),
                _ => self.table(&relation, user),
            }
        }
    }

    unsafe fn carried_by(
        &mut self,
        query: &pg_sys::Query,
        column: i16,
        user: pg_sys::Oid,
        depth: usize,
        may_be_nobody: bool,
    ) -> Found<()> {
        // SAFETY: as promised.
        unsafe {
            query::shape(query)?;
            if !query.setOperations.is_null() {
                return Err("UNION, INTERSECT or EXCEPT");
            }
            let targets = expr::members(query.targetList).into_iter();
            let mut targets = targets.map(|target| &*target.cast::<pg_sys::TargetEntry>());
            let target = targets.find(|target| target.resno == column).ok_or("no such column")?;
            let unit = query::merged(query, target.expr.cast()).ok_or("a computed column")?;
            let (mut sources, mut equal) = (Vec::new(), Vec::new());
            let from = &*query.jointree;
            for member in expr::members(from.fromlist) {
                self.joined(member, unit.0, &mut sources, &mut equal)?;
            }
            self.expression(from.quals)?;
            self.targets(query)?;
            query::equalities(from.quals, &mut equal);
            let known = query::all_equal(unit, &equal);
            for index in sources {
                let source = query::entry(query, index)?;
                let carrier = known.iter().find(|(of, _)| *of == index);
                match (source.rtekind, carrier) {
                    (pg_sys::RTEKind::RTE_RELATION, _) if !source.tablesample.is_null() => return Err("TABLESAMPLE"),
                    (pg_sys::RTEKind::RTE_RELATION, Some(place)) => {
                        self.carried((source.relid, place.1), user, depth, may_be_nobody && *place == unit)?;
                    }
                    (pg_sys::RTEKind::RTE_SUBQUERY, Some(place)) if depth < DEPTH => {
                        self.carried_by(&*source.subquery, place.1, user, depth + 1, may_be_nobody && *place == unit)?;
                    }
                    (pg_sys::RTEKind::RTE_FUNCTION, _) => self.functions(source)?,
                    (pg_sys::RTEKind::RTE_VALUES, _) => self.values(source)?,
                    _ => return Err("a join with rows whose unit is unknown"),
                }
            }
            Ok(())
        }
    }

    unsafe fn functions(&mut self, source: &pg_sys::RangeTblEntry) -> Found<()> {
        // SAFETY: as promised.
        unsafe {
            let functions = expr::members(source.functions).into_iter();
            functions.map(|f| &*f.cast::<pg_sys::RangeTblFunction>()).try_for_each(|f| self.expression(f.funcexpr))
        }
    }

    /// Collects the joined relations, and which columns are equal. In an outer join, the side with the unit must be the
    /// one that keeps all rows, because the join condition constrains only the rows of the other side.
    unsafe fn joined(
        &mut self,
        member: Node,
        unit: i32,
        sources: &mut Vec<i32>,
        equal: &mut Vec<(ColumnPlace, ColumnPlace)>,
    ) -> Found<()> {
        // SAFETY: as promised.
        unsafe {
            if let Some(leaf) = expr::cast::<pg_sys::RangeTblRef>(member, NodeTag::T_RangeTblRef) {
                sources.push(leaf.rtindex);
                return Ok(());
            }
            let join = expr::cast::<pg_sys::JoinExpr>(member, NodeTag::T_JoinExpr).ok_or("an unknown kind of join")?;
            let before = sources.len();
            self.joined(join.larg, unit, sources, equal)?;
            let middle = sources.len();
            self.joined(join.rarg, unit, sources, equal)?;
            self.expression(join.quals)?;
            let (mut found, left) = (Vec::new(), &sources[before..middle]);
            query::equalities(join.quals, &mut found);
            match join.jointype {
                pg_sys::JoinType::JOIN_INNER => {}
                pg_sys::JoinType::JOIN_LEFT if left.contains(&unit) => {
                    found.retain(|(_, to)| !left.contains(&to.0));
                }
                _ => return Err("an outer join"),
            }
            equal.extend(found);
            Ok(())
        }
    }
}

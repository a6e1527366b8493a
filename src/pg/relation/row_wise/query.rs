//! Parts of a query: its shape, its range table entries, and equal columns.

use pgrx::pg_sys::{self, NodeTag};

use super::reason::Found;
use crate::pg::server::builtin;
use crate::pg::server::expr::{self, Node};

/// A column of a query: its range table index, and its number there.
pub type ColumnPlace = (i32, i16);

/// Whether a query does not combine rows.
pub unsafe fn shape(query: &pg_sys::Query) -> Found<()> {
    let has = [
        (query.commandType != pg_sys::CmdType::CMD_SELECT, "something else than SELECT"),
        (query.hasAggs || !query.groupClause.is_null() || !query.groupingSets.is_null(), "an aggregate or GROUP BY"),
        (!query.havingQual.is_null(), "HAVING"),
        (query.hasWindowFuncs, "a window function"),
        (query.hasTargetSRFs, "a set-returning function"),
        (query.hasSubLinks, "a subquery in an expression"),
        (!query.distinctClause.is_null(), "DISTINCT"),
        (!query.limitCount.is_null() || !query.limitOffset.is_null(), "LIMIT or OFFSET"),
        (!query.cteList.is_null(), "WITH"),
    ];
    has.into_iter().find(|(found, _)| *found).map_or(Ok(()), |(_, reason)| Err(reason))
}

/// The range table entry with an index, from 1.
pub unsafe fn entry(query: &pg_sys::Query, place: i32) -> Found<&pg_sys::RangeTblEntry> {
    // SAFETY: a valid query, whose entries live as long as it.
    unsafe {
        let entries = expr::members(query.rtable);
        let found = usize::try_from(place - 1).ok().and_then(|i| entries.get(i).copied());
        found.map(|entry| &*entry.cast::<pg_sys::RangeTblEntry>()).ok_or("a FROM entry that reads nothing")
    }
}

/// The column that an expression consists of.
unsafe fn variable(expression: Node) -> Option<ColumnPlace> {
    // SAFETY: a valid expression.
    let variable = unsafe { expr::cast::<pg_sys::Var>(expression, NodeTag::T_Var) }?;
    (variable.varlevelsup == 0 && variable.varattno > 0).then_some((variable.varno, variable.varattno))
}

/// The column that an expression consists of. For a column that `JOIN ... USING` merged, it is the left one.
pub unsafe fn merged(query: &pg_sys::Query, expression: Node) -> Option<ColumnPlace> {
    // SAFETY: a valid query and an expression of it. There are as many merged columns as a join has.
    unsafe {
        let place = variable(expression)?;
        let source = entry(query, place.0).ok()?;
        if source.rtekind != pg_sys::RTEKind::RTE_JOIN {
            return Some(place);
        }
        let columns = expr::members(source.joinaliasvars);
        merged(query, *columns.get(usize::try_from(place.1 - 1).ok()?)?)
    }
}

/// Adds the pairs of columns that a condition makes equal, byte by byte, in all rows that satisfy it. Each pair is
/// added in both directions, from the known column to the other.
pub unsafe fn equalities(condition: Node, pairs: &mut Vec<(ColumnPlace, ColumnPlace)>) {
    // SAFETY: a valid expression. A condition can be a list of conditions that all hold.
    unsafe {
        if let Some(boolean) = expr::cast::<pg_sys::BoolExpr>(condition, NodeTag::T_BoolExpr) {
            if boolean.boolop == pg_sys::BoolExprType::AND_EXPR {
                expr::members(boolean.args).into_iter().for_each(|part| equalities(part, pairs));
            }
            return;
        }
        let Some(comparison) = expr::cast::<pg_sys::OpExpr>(condition, NodeTag::T_OpExpr) else { return };
        if builtin::builtin_operator(comparison.opno).as_deref() != Some("=") {
            return;
        }
        let collation = comparison.inputcollid;
        if collation != pg_sys::InvalidOid && !pg_sys::get_collation_isdeterministic(collation) {
            return;
        }
        let [left, right] = expr::members(comparison.args)[..] else { return };
        if pg_sys::exprType(left) == pg_sys::exprType(right)
            && let (Some(left), Some(right)) = (variable(left), variable(right))
        {
            pairs.extend([(left, right), (right, left)]);
        }
    }
}

/// All columns that equal one column.
pub fn all_equal(one: ColumnPlace, pairs: &[(ColumnPlace, ColumnPlace)]) -> Vec<ColumnPlace> {
    let mut found = vec![one];
    let mut next = 0;
    while let Some(at) = found.get(next).copied() {
        for (_, to) in pairs.iter().filter(|(from, _)| *from == at) {
            if !found.contains(to) {
                found.push(*to);
            }
        }
        next += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_equal_by_way_of_others() {
        let pairs = [((1, 1), (2, 3)), ((2, 3), (3, 2)), ((4, 1), (5, 1)), ((6, 1), (1, 1))];
        assert_eq!(all_equal((1, 1), &pairs), [(1, 1), (2, 3), (3, 2)]);
        assert_eq!(all_equal((9, 9), &pairs), [(9, 9)]);
    }
}

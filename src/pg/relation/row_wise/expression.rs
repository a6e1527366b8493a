//! Whether an expression depends only on its row.

use std::ffi::c_void;

use pgrx::pg_guard;
use pgrx::pg_sys::{self, NodeTag};

use super::reason::{Found, Reason};
use crate::pg::server::expr::{self, Node};
use crate::pg::server::{lookup, text};

/// Checks an expression, which may only call functions of its arguments, and adds the owners of functions and types
/// that are not PostgreSQL's own to `makers`.
///
/// # Safety
/// `expression` is null or a valid expression.
pub unsafe fn look_at(expression: Node, makers: &mut Vec<pg_sys::Oid>) -> Found<()> {
    let mut walk = Walk { makers, reason: None };
    // SAFETY: as promised; the walk ends before what it fills.
    unsafe { look(expression, (&raw mut walk).cast()) };
    walk.reason.map_or(Ok(()), Err)
}

/// The state of a walk through an expression.
struct Walk<'a> {
    makers: &'a mut Vec<pg_sys::Oid>,
    reason: Option<Reason>,
}

impl Walk<'_> {
    /// Adds the owner of a type whose values are made or passed to a function.
    fn take_type(&mut self, type_oid: pg_sys::Oid) {
        if type_oid.to_u32() >= pg_sys::FirstNormalObjectId {
            self.makers.extend(lookup::owner_of_type(type_oid));
        }
    }
}

/// Visits a node and those below it. True ends the walk.
#[pg_guard]
unsafe extern "C-unwind" fn look(node: Node, walk: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: called by `look_at` and by the walker that it starts, with valid nodes and its walk.
    unsafe {
        let found = &mut *walk.cast::<Walk>();
        match (*node).type_ {
            NodeTag::T_SubLink | NodeTag::T_Query => found.reason = Some("a subquery in an expression"),
            NodeTag::T_Aggref | NodeTag::T_GroupingFunc => found.reason = Some("an aggregate"),
            NodeTag::T_WindowFunc => found.reason = Some("a window function"),
            NodeTag::T_NextValueExpr | NodeTag::T_CurrentOfExpr => found.reason = Some("a sequence or cursor"),
            // The position of a row, and who wrote it, depend on other rows.
            NodeTag::T_Var if is_of_system((*node.cast::<pg_sys::Var>()).varattno) => {
                found.reason = Some("a system column");
            }
            // Input, output and casts of a type that is not PostgreSQL's own may run its checks and functions.
            NodeTag::T_CoerceToDomain
            | NodeTag::T_CoerceViaIO
            | NodeTag::T_ArrayCoerceExpr
            | NodeTag::T_ConvertRowtypeExpr
            | NodeTag::T_RowExpr
            | NodeTag::T_FuncExpr
            | NodeTag::T_OpExpr => found.take_type(pg_sys::exprType(node)),
            tag if is_plain(tag) => {}
            _ => found.reason = Some("an expression of a kind that is not known to look at its row alone"),
        }
        let arguments = match (*node).type_ {
            NodeTag::T_FuncExpr => expr::members((*node.cast::<pg_sys::FuncExpr>()).args),
            NodeTag::T_OpExpr | NodeTag::T_DistinctExpr | NodeTag::T_NullIfExpr => {
                expr::members((*node.cast::<pg_sys::OpExpr>()).args)
            }
            NodeTag::T_ScalarArrayOpExpr => expr::members((*node.cast::<pg_sys::ScalarArrayOpExpr>()).args),
            NodeTag::T_CoerceViaIO => vec![(*node.cast::<pg_sys::CoerceViaIO>()).arg.cast()],
            _ => Vec::new(),
        };
        arguments.into_iter().for_each(|argument| found.take_type(pg_sys::exprType(argument)));
        pg_sys::check_functions_in_node(node, Some(look_at_function), walk);
        found.reason.is_some() || pg_sys::expression_tree_walker(node, Some(look), walk)
    }
}

fn is_of_system(column: i16) -> bool {
    column < 0 && i32::from(column) != pg_sys::TableOidAttributeNumber
}

/// Nodes that make values from those below them, from the row, and from functions, which are checked separately.
fn is_plain(tag: NodeTag) -> bool {
    matches!(
        tag,
        NodeTag::T_Var
            | NodeTag::T_Const
            | NodeTag::T_DistinctExpr
            | NodeTag::T_NullIfExpr
            | NodeTag::T_ScalarArrayOpExpr
            | NodeTag::T_BoolExpr
            | NodeTag::T_RelabelType
            | NodeTag::T_CollateExpr
            | NodeTag::T_CaseExpr
            | NodeTag::T_CaseWhen
            | NodeTag::T_CaseTestExpr
            | NodeTag::T_ArrayExpr
            | NodeTag::T_RowCompareExpr
            | NodeTag::T_CoalesceExpr
            | NodeTag::T_MinMaxExpr
            | NodeTag::T_NullTest
            | NodeTag::T_BooleanTest
            | NodeTag::T_FieldSelect
            | NodeTag::T_SubscriptingRef
            | NodeTag::T_SQLValueFunction
            | NodeTag::T_NamedArgExpr
            | NodeTag::T_TargetEntry
            | NodeTag::T_List
    )
}

/// Checks a function that an expression calls. True ends the walk below its node.
#[pg_guard]
unsafe extern "C-unwind" fn look_at_function(function: pg_sys::Oid, walk: *mut c_void) -> bool {
    // SAFETY: called by `look` with a function that exists and its walk.
    unsafe {
        let found = &mut *walk.cast::<Walk>();
        let volatility = pg_sys::func_volatile(function) as u8;
        if volatility == pg_sys::PROVOLATILE_VOLATILE {
            found.reason = Some("a volatile function");
        } else if function.to_u32() < pg_sys::FirstNormalObjectId {
            let name = text::optional_string(pg_sys::get_func_name(function)).unwrap_or_default();
            // PostgreSQL's own functions that read tables, statistics or types by name but are not volatile.
            if name.contains("_to_xml") || (name.starts_with("pg_") && name != "pg_has_role") {
                found.reason = Some("a function that looks at more than its arguments");
            }
        } else if volatility == pg_sys::PROVOLATILE_IMMUTABLE {
            found.makers.extend(lookup::owner_of_function(function));
        } else {
            found.reason = Some("a function that is neither PostgreSQL's own nor immutable");
        }
        found.reason.is_some()
    }
}

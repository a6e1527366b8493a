//! Expressions that are evaluated on behalf of whoever samples a model. Only those that PostgreSQL evaluates by itself
//! are: nothing that they run can have been made by anybody, and nothing that they return depends on anything but the
//! row.

use std::ffi::{CStr, c_char, c_void};

use pgrx::pg_guard;
use pgrx::pg_sys::{self, NodeTag};

use crate::pg::datum::{self, c_string};
use crate::pg::guard;
use crate::pg::node::{self, Node};

/// Runs work under the settings that expressions are written and read with.
pub fn with_fixed_writing<T>(work: impl FnOnce() -> T) -> T {
    datum::with_pinned_path(|| {
        for (setting, value) in [
            (c"datestyle", c"ISO"),
            (c"intervalstyle", c"postgres"),
            (c"standard_conforming_strings", c"on"),
            (c"transform_null_equals", c"off"),
        ] {
            // SAFETY: a level of settings is open.
            unsafe { guard::set_locally(setting, value) };
        }
        work()
    })
}

/// What a walk through an expression has seen.
struct Seen {
    columns: Vec<i16>,
    safe: bool,
}

/// The columns that an expression looks at; nothing if it is not one that is evaluated. A column with a collation of its
/// own is not looked at, since it is not known here what that will be.
///
/// # Safety
/// `node` is a valid expression.
pub unsafe fn columns(node: Node) -> Option<Vec<i16>> {
    let mut seen = Seen { columns: Vec::new(), safe: true };
    // SAFETY: as promised; the walk ends before what it fills.
    unsafe { look(node, (&raw mut seen).cast()) };
    seen.columns.sort_unstable();
    seen.columns.dedup();
    seen.safe.then_some(seen.columns)
}

/// Looks at a node and those below it; true ends the walk.
#[pg_guard]
unsafe extern "C-unwind" fn look(node: Node, seen: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: called by `columns` and by the walker it starts, with valid nodes and what it has seen.
    unsafe {
        let found = &mut *seen.cast::<Seen>();
        if let Some(variable) = node::cast::<pg_sys::Var>(node, NodeTag::T_Var) {
            let plain = [pg_sys::InvalidOid, pg_sys::DEFAULT_COLLATION_OID];
            found.safe &= variable.varattno > 0 && variable.varlevelsup == 0 && plain.contains(&variable.varcollid);
            found.columns.push(variable.varattno);
        }
        found.safe &=
            is_plain((*node).type_) && !pg_sys::check_functions_in_node(node, Some(is_foreign), std::ptr::null_mut());
        !found.safe || pg_sys::expression_tree_walker(node, Some(look), seen)
    }
}

/// Nodes that do nothing but call functions that they name, and choose among values.
fn is_plain(tag: NodeTag) -> bool {
    matches!(
        tag,
        NodeTag::T_Var
            | NodeTag::T_Const
            | NodeTag::T_FuncExpr
            | NodeTag::T_OpExpr
            | NodeTag::T_DistinctExpr
            | NodeTag::T_NullIfExpr
            | NodeTag::T_ScalarArrayOpExpr
            | NodeTag::T_BoolExpr
            | NodeTag::T_RelabelType
            | NodeTag::T_CoerceViaIO
            | NodeTag::T_CaseExpr
            | NodeTag::T_CaseWhen
            | NodeTag::T_CaseTestExpr
            | NodeTag::T_ArrayExpr
            | NodeTag::T_RowCompareExpr
            | NodeTag::T_CoalesceExpr
            | NodeTag::T_MinMaxExpr
            | NodeTag::T_NullTest
            | NodeTag::T_BooleanTest
            | NodeTag::T_List
    )
}

/// Whether a function was made by somebody, or looks at more than its arguments.
#[pg_guard]
unsafe extern "C-unwind" fn is_foreign(function: pg_sys::Oid, _nothing: *mut c_void) -> bool {
    // SAFETY: a function that an expression names.
    function.to_u32() >= pg_sys::FirstNormalObjectId
        || unsafe { pg_sys::func_volatile(function) } != pg_sys::PROVOLATILE_IMMUTABLE as c_char
}

/// Makes a condition on rows of `desc`, written in SQL, ready to be evaluated. Nothing if it is not one that is.
/// ERROR if it cannot be understood.
pub fn prepare(written: &str, desc: pg_sys::TupleDesc) -> Option<*mut pg_sys::ExprState> {
    let text = c_string(written);
    with_fixed_writing(|| {
        // SAFETY: a NUL-terminated string and a valid descriptor. Reading an expression runs the input functions of base
        // types alone, which superusers make; folding constants in it runs what `columns` lets pass. What is made lives
        // in the current memory context.
        unsafe {
            let raw = only_value(pg_sys::raw_parser(text.as_ptr(), pg_sys::RawParseMode::RAW_PARSE_PLPGSQL_EXPR))?;
            let state = pg_sys::make_parsestate(std::ptr::null_mut());
            (*state).p_post_columnref_hook = Some(column_of);
            (*state).p_ref_hook_state = desc.cast();
            let node = pg_sys::transformExpr(state, raw, pg_sys::ParseExprKind::EXPR_KIND_CHECK_CONSTRAINT);
            let node = pg_sys::coerce_to_boolean(state, node, c"CHECK".as_ptr());
            pg_sys::assign_expr_collations(state, node);
            columns(node)?;
            Some(pg_sys::ExecInitExpr(pg_sys::expression_planner(node.cast()), std::ptr::null_mut()))
        }
    })
}

/// The expression that the parser made of a text that should hold nothing else.
///
/// # Safety
/// The result of the raw parser.
unsafe fn only_value(statements: *mut pg_sys::List) -> Option<Node> {
    // SAFETY: as promised.
    unsafe {
        let [statement] = node::members(statements)[..] else { return None };
        let statement = node::cast::<pg_sys::RawStmt>(statement, NodeTag::T_RawStmt)?;
        let select = node::cast::<pg_sys::SelectStmt>(statement.stmt, NodeTag::T_SelectStmt)?;
        let [target] = node::members(select.targetList)[..] else { return None };
        Some(node::cast::<pg_sys::ResTarget>(target, NodeTag::T_ResTarget)?.val)
    }
}

/// The column that a name in an expression means, for the parser.
#[pg_guard]
unsafe extern "C-unwind" fn column_of(
    state: *mut pg_sys::ParseState,
    reference: *mut pg_sys::ColumnRef,
    found: Node,
) -> Node {
    // SAFETY: called by the parser that `prepare` starts, which keeps the descriptor there.
    unsafe {
        let desc: pg_sys::TupleDesc = (*state).p_ref_hook_state.cast();
        let [name] = node::members((*reference).fields)[..] else { return found };
        let Some(name) = node::cast::<pg_sys::String>(name, NodeTag::T_String) else { return found };
        let name = CStr::from_ptr(name.sval);
        for i in 0..(*desc).natts as usize {
            let attribute = datum::attribute(desc, i);
            if CStr::from_ptr(attribute.attname.data.as_ptr()) == name {
                let number = (i + 1) as pg_sys::AttrNumber;
                let (type_oid, typmod) = (attribute.atttypid, attribute.atttypmod);
                return pg_sys::makeVar(1, number, type_oid, typmod, attribute.attcollation, 0).cast();
            }
        }
        found
    }
}

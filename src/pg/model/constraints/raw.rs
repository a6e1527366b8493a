//! Expressions in the form in which the parser reads them, before analysis. Analysis runs input functions of the named
//! types, which for a domain, or an array of one, run code of the domain's owner. So the names are checked first.

use std::ffi::CStr;

use pgrx::pg_sys::{self, NodeTag};

use crate::pg::server::builtin;
use crate::pg::server::expr::{self, Node};

/// Whether an expression names only objects of pg_catalog, PostgreSQL's own types and permitted columns. Whenever the
/// expression is read, the search path finds pg_catalog first, and functions and operators nowhere else.
///
/// # Safety
/// `node` is null or a node that the raw parser made; so for the functions below.
pub unsafe fn is_builtin(node: Node, is_column: &dyn Fn(&CStr) -> bool) -> bool {
    if node.is_null() {
        return true;
    }
    // SAFETY: a node is what its tag says, and its parts are valid.
    unsafe {
        pg_sys::check_stack_depth();
        let one = |part: Node| is_builtin(part, is_column);
        let all = |parts: *mut pg_sys::List| expr::members(parts).into_iter().all(one);
        match (*node).type_ {
            NodeTag::T_A_Const => true,
            NodeTag::T_List => all(node.cast()),
            NodeTag::T_ColumnRef => {
                let reference = &*node.cast::<pg_sys::ColumnRef>();
                matches!(expr::members(reference.fields)[..], [name] if word(name).is_some_and(is_column))
            }
            NodeTag::T_A_Expr => {
                let operation = &*node.cast::<pg_sys::A_Expr>();
                in_catalog(operation.name).is_some() && one(operation.lexpr) && one(operation.rexpr)
            }
            NodeTag::T_TypeCast => {
                let cast = &*node.cast::<pg_sys::TypeCast>();
                is_builtin_type(&*cast.typeName) && one(cast.arg)
            }
            NodeTag::T_FuncCall => {
                let call = &*node.cast::<pg_sys::FuncCall>();
                is_plain_call(call) && all(call.args)
            }
            NodeTag::T_CaseExpr => {
                let case = &*node.cast::<pg_sys::CaseExpr>();
                one(case.arg.cast()) && all(case.args) && one(case.defresult.cast())
            }
            NodeTag::T_CaseWhen => {
                let when = &*node.cast::<pg_sys::CaseWhen>();
                one(when.expr.cast()) && one(when.result.cast())
            }
            NodeTag::T_BoolExpr => all((*node.cast::<pg_sys::BoolExpr>()).args),
            NodeTag::T_NullTest => one((*node.cast::<pg_sys::NullTest>()).arg.cast()),
            NodeTag::T_BooleanTest => one((*node.cast::<pg_sys::BooleanTest>()).arg.cast()),
            NodeTag::T_A_ArrayExpr => all((*node.cast::<pg_sys::A_ArrayExpr>()).elements),
            NodeTag::T_RowExpr => all((*node.cast::<pg_sys::RowExpr>()).args),
            NodeTag::T_CoalesceExpr => all((*node.cast::<pg_sys::CoalesceExpr>()).args),
            NodeTag::T_MinMaxExpr => all((*node.cast::<pg_sys::MinMaxExpr>()).args),
            _ => false,
        }
    }
}

unsafe fn word<'a>(node: Node) -> Option<&'a CStr> {
    // SAFETY: the text of a string node is NUL-terminated.
    unsafe { expr::cast::<pg_sys::String>(node, NodeTag::T_String).map(|string| CStr::from_ptr(string.sval)) }
}

/// A name without a schema, or in pg_catalog.
///
/// # Safety
/// A list of nodes that the raw parser made.
pub unsafe fn in_catalog<'a>(name: *mut pg_sys::List) -> Option<&'a CStr> {
    // SAFETY: as promised.
    unsafe {
        match expr::members(name)[..] {
            [name] => word(name),
            [schema, name] if word(schema)? == c"pg_catalog" => word(name),
            _ => None,
        }
    }
}

/// Whether a type is PostgreSQL's own, or an array of such a type.
unsafe fn is_builtin_type(name: &pg_sys::TypeName) -> bool {
    // SAFETY: parts of a node that the raw parser made; a look-up by name, which runs nothing.
    unsafe {
        let are_numbers =
            expr::members(name.typmods).into_iter().all(|modifier| (*modifier).type_ == NodeTag::T_A_Const);
        let Some(word) = in_catalog(name.names).filter(|_| are_numbers && !name.setof && !name.pct_type) else {
            return false;
        };
        let nothing = pg_sys::Datum::null();
        let type_oid = pg_sys::GetSysCacheOid(
            pg_sys::SysCacheIdentifier::TYPENAMENSP as i32,
            pg_sys::Anum_pg_type_oid as pg_sys::AttrNumber,
            word.as_ptr().into(),
            pg_sys::Oid::from(pg_sys::PG_CATALOG_NAMESPACE).into(),
            nothing,
            nothing,
        );
        builtin::is_builtin_type(type_oid)
    }
}

/// Whether a call is of an ordinary function of pg_catalog, not of an aggregate or window function.
unsafe fn is_plain_call(call: &pg_sys::FuncCall) -> bool {
    // SAFETY: parts of a node that the raw parser made.
    let named = unsafe { in_catalog(call.funcname) }.is_some();
    named
        && call.agg_order.is_null()
        && call.agg_filter.is_null()
        && call.over.is_null()
        && !(call.agg_within_group || call.agg_star || call.agg_distinct || call.func_variadic)
}

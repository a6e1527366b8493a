//! Stored expressions: node trees of the catalogs.

use pgrx::pg_sys::{self, NodeTag};

use crate::pg::server::builtin::is_builtin;
use crate::pg::server::text::c_string;

/// A node of an expression; null if there is none.
pub type Node = *mut pg_sys::Node;

/// Reads a stored expression. It is never planned, because planning runs the immutable functions in it, whoever owns
/// them.
///
/// # Safety
/// `text` comes from a catalog column of type `pg_node_tree`.
pub unsafe fn read(text: &str) -> Node {
    let text = c_string(text);
    // SAFETY: a stored expression of this server.
    unsafe { pg_sys::stringToNode(text.as_ptr()).cast() }
}

/// The node as a struct, if its tag matches.
///
/// # Safety
/// `node` is null or a valid node, and `T` is the struct of `tag`.
pub unsafe fn cast<'a, T>(node: Node, tag: NodeTag) -> Option<&'a T> {
    // SAFETY: as promised.
    unsafe { (!node.is_null() && (*node).type_ == tag).then(|| &*node.cast::<T>()) }
}

/// The members of a list.
///
/// # Safety
/// `list` is null or a valid list of pointers.
pub unsafe fn members(list: *mut pg_sys::List) -> Vec<Node> {
    if list.is_null() {
        return Vec::new();
    }
    // SAFETY: as promised.
    unsafe { (0..(*list).length).map(|i| pg_sys::list_nth(list, i).cast()).collect() }
}

/// The expression without casts that PostgreSQL adds, or that keep order and equality: casts between binary-compatible
/// types, and casts that widen numbers, dates and timestamps.
///
/// # Safety
/// `node` is null or a valid node.
pub unsafe fn without_casts(node: Node) -> Node {
    // SAFETY: as promised, and the parts of a valid node are valid.
    unsafe {
        if let Some(relabel) = cast::<pg_sys::RelabelType>(node, NodeTag::T_RelabelType) {
            return without_casts(relabel.arg.cast());
        }
        if let Some(coerced) = cast::<pg_sys::CoerceToDomain>(node, NodeTag::T_CoerceToDomain) {
            return without_casts(coerced.arg.cast());
        }
        if let Some(function) = cast::<pg_sys::FuncExpr>(node, NodeTag::T_FuncExpr) {
            let is_cast = function.funcformat == pg_sys::CoercionForm::COERCE_IMPLICIT_CAST
                || function.funcformat == pg_sys::CoercionForm::COERCE_EXPLICIT_CAST;
            let arguments = members(function.args);
            if is_cast
                && is_builtin(function.funcid)
                && arguments.len() == 1
                && widens(pg_sys::exprType(arguments[0]), function.funcresulttype)
            {
                return without_casts(arguments[0]);
            }
        }
        node
    }
}

fn widens(from: pg_sys::Oid, to: pg_sys::Oid) -> bool {
    use pg_sys::{DATEOID, FLOAT4OID, FLOAT8OID, INT2OID, INT4OID, INT8OID, NUMERICOID, TIMESTAMPOID};
    match from {
        INT2OID => matches!(to, INT4OID | INT8OID | NUMERICOID | FLOAT4OID | FLOAT8OID),
        INT4OID => matches!(to, INT8OID | NUMERICOID | FLOAT8OID),
        INT8OID => matches!(to, NUMERICOID | FLOAT8OID),
        NUMERICOID | FLOAT4OID => to == FLOAT8OID,
        DATEOID => to == TIMESTAMPOID,
        _ => false,
    }
}

/// Whether a default is the next number of a sequence.
///
/// # Safety
/// `node` is null or a valid node.
pub unsafe fn is_nextval(node: Node) -> bool {
    // SAFETY: as promised, and the parts of a valid node are valid.
    unsafe {
        let Some(function) = cast::<pg_sys::FuncExpr>(node, NodeTag::T_FuncExpr) else { return false };
        let is_cast = function.funcformat != pg_sys::CoercionForm::COERCE_EXPLICIT_CALL;
        function.funcid.to_u32() == pg_sys::F_NEXTVAL
            || (is_cast && members(function.args).first().is_some_and(|inner| is_nextval(*inner)))
    }
}

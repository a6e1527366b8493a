//! Looking at stored expressions: node trees as the catalogs keep them.

use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;

use super::datum::{self, c_string};

/// A node of an expression; null for nothing.
pub type Node = *mut pg_sys::Node;

/// Reads a stored expression. It is never planned: planning runs the immutable functions in it, whoever made them.
///
/// # Safety
/// `text` comes from a catalog column of type `pg_node_tree`.
pub unsafe fn read(text: &str) -> Node {
    let text = c_string(text);
    // SAFETY: a stored expression of this server.
    unsafe { pg_sys::stringToNode(text.as_ptr()).cast() }
}

/// The node as a certain struct, if that is what it is.
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

/// The expression without casts that PostgreSQL put there itself, or that keep order and equality: those between
/// binary-compatible types and those that widen numbers, dates and timestamps.
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

/// Whether an object is PostgreSQL's own.
pub fn is_builtin(object: pg_sys::Oid) -> bool {
    object != pg_sys::InvalidOid && object.to_u32() < pg_sys::FirstNormalObjectId
}

/// Whether a type is PostgreSQL's own with all that it is made of, and its values name nothing that somebody could have
/// made. No domain is: what it asks for is run by its input function.
pub fn is_builtin_type(type_oid: pg_sys::Oid) -> bool {
    if !is_builtin(type_oid) || names_objects(type_oid) {
        return false;
    }
    // SAFETY: look-ups, of types that need not exist.
    let (sort, element) = unsafe { (pg_sys::get_typtype(type_oid) as u8, pg_sys::get_element_type(type_oid)) };
    matches!(sort, pg_sys::TYPTYPE_BASE | pg_sys::TYPTYPE_RANGE | pg_sys::TYPTYPE_MULTIRANGE)
        && (element == pg_sys::InvalidOid || is_builtin_type(element))
}

/// Types whose values are names of functions, text search configurations and the like.
fn names_objects(type_oid: pg_sys::Oid) -> bool {
    matches!(
        type_oid,
        pg_sys::REGPROCOID
            | pg_sys::REGPROCEDUREOID
            | pg_sys::REGOPEROID
            | pg_sys::REGOPERATOROID
            | pg_sys::REGCLASSOID
            | pg_sys::REGTYPEOID
            | pg_sys::REGROLEOID
            | pg_sys::REGNAMESPACEOID
            | pg_sys::REGCOLLATIONOID
            | pg_sys::REGCONFIGOID
            | pg_sys::REGDICTIONARYOID
    )
}

/// Whether a function is PostgreSQL's own and looks at nothing but its arguments.
pub fn is_builtin_and_immutable(function: pg_sys::Oid) -> bool {
    // SAFETY: a look-up of a function that exists.
    is_builtin(function)
        && unsafe { pg_sys::func_volatile(function) } == pg_sys::PROVOLATILE_IMMUTABLE as std::ffi::c_char
}

/// The name of an operator that PostgreSQL itself brings, and nothing for one that somebody made.
pub fn builtin_operator(operator: pg_sys::Oid) -> Option<String> {
    if !is_builtin(operator) {
        return None;
    }
    // SAFETY: null for an operator that does not exist.
    unsafe { datum::optional_string(pg_sys::get_opname(operator)) }
}

/// Whether a default takes the next number of a sequence.
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

//! Expressions that are evaluated for the role that samples a model. Only expressions of PostgreSQL's own parts are
//! accepted: they run no code of other roles, and their result depends only on the row.

use std::ffi::{CStr, c_void};

use pgrx::pg_guard;
use pgrx::pg_sys::{self, NodeTag};

use crate::pg::model::constraints::raw;
use crate::pg::server::builtin;
use crate::pg::server::expr::{self, Node};
use crate::pg::server::guc::with_fixed_writing;
use crate::pg::server::text::c_string;
use crate::pg::server::tuple::{self, Target};

/// The state of a walk through an expression.
struct Walked {
    columns: Vec<i16>,
    safe: bool,
}

/// The columns that an expression uses; `None` if the expression is not accepted. A column with a collation of its own
/// is not accepted, because the collation on the sampling server is unknown.
///
/// # Safety
/// `node` is a valid expression.
pub unsafe fn columns(node: Node) -> Option<Vec<i16>> {
    let mut seen = Walked { columns: Vec::new(), safe: true };
    // SAFETY: as promised; the walk ends before what it fills.
    unsafe { look(node, (&raw mut seen).cast()) };
    seen.columns.sort_unstable();
    seen.columns.dedup();
    seen.safe.then_some(seen.columns)
}

/// Visits a node and those below it. True ends the walk.
#[pg_guard]
unsafe extern "C-unwind" fn look(node: Node, seen: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: called by `columns` and by the walker that it starts, with valid nodes and the state of the walk.
    unsafe {
        let found = &mut *seen.cast::<Walked>();
        if let Some(variable) = expr::cast::<pg_sys::Var>(node, NodeTag::T_Var) {
            found.safe &= variable.varattno > 0 && variable.varlevelsup == 0;
            found.columns.push(variable.varattno);
        }
        found.safe &= is_plain((*node).type_)
            && is_of_builtin_type(node)
            && !pg_sys::check_functions_in_node(node, Some(is_foreign), std::ptr::null_mut());
        !found.safe || pg_sys::expression_tree_walker(node, Some(look), seen)
    }
}

/// Nodes that only call functions that they name, and choose among values.
fn is_plain(tag: NodeTag) -> bool {
    matches!(
        tag,
        NodeTag::T_Var
            | NodeTag::T_CoerceToDomainValue
            | NodeTag::T_Const
            | NodeTag::T_FuncExpr
            | NodeTag::T_OpExpr
            | NodeTag::T_DistinctExpr
            | NodeTag::T_NullIfExpr
            | NodeTag::T_ScalarArrayOpExpr
            | NodeTag::T_BoolExpr
            | NodeTag::T_RelabelType
            | NodeTag::T_CoerceViaIO
            | NodeTag::T_ArrayCoerceExpr
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

/// Whether a node yields one of PostgreSQL's own types. A column, and the value of a domain, may have a domain over
/// one: rows hold values of the base type.
unsafe fn is_of_builtin_type(node: Node) -> bool {
    // SAFETY: a valid node, of a type that exists.
    unsafe {
        let tag = (*node).type_;
        if matches!(tag, NodeTag::T_List | NodeTag::T_CaseWhen) {
            return true;
        }
        let type_oid = pg_sys::exprType(node);
        if !matches!(tag, NodeTag::T_Var | NodeTag::T_CoerceToDomainValue) {
            return builtin::is_builtin_type(type_oid);
        }
        let plain = [pg_sys::InvalidOid, pg_sys::DEFAULT_COLLATION_OID];
        builtin::is_builtin_type(pg_sys::getBaseType(type_oid)) && plain.contains(&pg_sys::exprCollation(node))
    }
}

/// Whether a function is not PostgreSQL's own, or depends on more than its arguments.
#[pg_guard]
unsafe extern "C-unwind" fn is_foreign(function: pg_sys::Oid, _nothing: *mut c_void) -> bool {
    !builtin::is_builtin_and_immutable(function)
}

/// The meaning of names in an expression.
pub struct ColumnNames {
    pub desc: pg_sys::TupleDesc,
    /// The position of the column that VALUE stands for in a domain's constraint, which contains no other name.
    pub value: Option<usize>,
}

impl ColumnNames {
    /// The names of columns of these base types, in the current memory context.
    pub fn of(targets: &[Target]) -> Self {
        Self { desc: tuple::descriptor(targets), value: None }
    }

    /// Sets the collation of the column at a position.
    pub fn collate(&mut self, place: usize, collation: pg_sys::Oid) {
        // SAFETY: a complete descriptor with such a column.
        unsafe { pg_sys::TupleDescInitEntryCollation(self.desc, (place + 1) as pg_sys::AttrNumber, collation) };
    }

    fn attributes(&self) -> impl Iterator<Item = &pg_sys::FormData_pg_attribute> {
        // SAFETY: a complete descriptor, which lives as long as `self` is used.
        (0..unsafe { (*self.desc).natts } as usize).map(|i| unsafe { tuple::attribute(self.desc, i) })
    }

    /// The position of the column with this name, if it has one of PostgreSQL's own types.
    pub fn find(&self, name: &CStr) -> Option<usize> {
        let is_meant = |(i, attribute): &(usize, &pg_sys::FormData_pg_attribute)| {
            // SAFETY: names are NUL-terminated.
            let own = unsafe { CStr::from_ptr(attribute.attname.data.as_ptr()) };
            let meant = self.value.map_or(own == name, |value| value == *i && name == VALUE);
            meant && builtin::is_builtin_type(attribute.atttypid)
        };
        self.attributes().enumerate().find(is_meant).map(|(i, _)| i)
    }
}

/// The name of the value in a domain's constraints, as the parser spells it.
const VALUE: &CStr = c"value";

/// Whether an SQL expression names only what is PostgreSQL's own, and columns of these names or, without any, the value
/// of a domain.
pub fn names_nothing_else(written: &str, columns: Option<&[String]>) -> bool {
    let text = c_string(written);
    let is_column = |name: &CStr| match columns {
        Some(columns) => columns.iter().any(|column| column.as_bytes() == name.to_bytes()),
        None => name == VALUE,
    };
    // SAFETY: a NUL-terminated string, and what the parser made of it.
    with_fixed_writing(|| unsafe {
        let statements = pg_sys::raw_parser(text.as_ptr(), pg_sys::RawParseMode::RAW_PARSE_PLPGSQL_EXPR);
        only_value(statements).is_some_and(|value| raw::is_builtin(value, &is_column))
    })
}

/// Prepares an SQL expression over rows for evaluation. `None` if it is not accepted. ERROR if it cannot be parsed.
pub fn prepare(written: &str, names: &ColumnNames, purpose: Purpose) -> Option<*mut pg_sys::ExprState> {
    let text = c_string(written);
    with_fixed_writing(|| {
        // SAFETY: a NUL-terminated string. Folding constants in an expression runs only what `columns` accepts. The
        // result lives in the current memory context.
        unsafe {
            let raw = only_value(pg_sys::raw_parser(text.as_ptr(), pg_sys::RawParseMode::RAW_PARSE_PLPGSQL_EXPR))?;
            let node = understood(raw, names, purpose)?;
            Some(pg_sys::ExecInitExpr(pg_sys::expression_planner(node.cast()), std::ptr::null_mut()))
        }
    })
}

/// What an expression is for: a condition, the key of an index, or a value for a column of this type and modifier.
#[derive(Debug, Clone, Copy)]
pub enum Purpose {
    Check,
    Predicate,
    IndexKey,
    Value(pg_sys::Oid, i32),
}

/// The analyzed form of an expression that the parser read, under the settings of [`with_fixed_writing`]. `None` if it
/// is not accepted. ERROR if it has no meaning.
///
/// # Safety
/// A node that the raw parser made, and a valid descriptor.
pub unsafe fn understood(raw: Node, names: &ColumnNames, purpose: Purpose) -> Option<Node> {
    // SAFETY: as promised. Only PostgreSQL's own parts are analyzed, because analysis runs input functions.
    unsafe {
        if !raw::is_builtin(raw, &|name| names.find(name).is_some()) {
            return None;
        }
        let state = pg_sys::make_parsestate(std::ptr::null_mut());
        (*state).p_post_columnref_hook = Some(column_of);
        (*state).p_ref_hook_state = (&raw const *names).cast_mut().cast();
        let node = transformed(state, raw, purpose)?;
        pg_sys::assign_expr_collations(state, node);
        columns(node).map(|_| node)
    }
}

/// The analyzed form of an expression, of the type that its purpose needs. `None` if it has another type.
///
/// # Safety
/// A node that the raw parser made, of PostgreSQL's own parts, and a parser that knows its columns.
unsafe fn transformed(state: *mut pg_sys::ParseState, raw: Node, purpose: Purpose) -> Option<Node> {
    use pg_sys::ParseExprKind::{
        EXPR_KIND_CHECK_CONSTRAINT, EXPR_KIND_GENERATED_COLUMN, EXPR_KIND_INDEX_EXPRESSION, EXPR_KIND_INDEX_PREDICATE,
    };
    // SAFETY: as promised. A value is only brought to types that run nothing of others.
    unsafe {
        match purpose {
            Purpose::Check => {
                let node = pg_sys::transformExpr(state, raw, EXPR_KIND_CHECK_CONSTRAINT);
                Some(pg_sys::coerce_to_boolean(state, node, c"the condition".as_ptr()))
            }
            Purpose::Predicate => {
                let node = pg_sys::transformExpr(state, raw, EXPR_KIND_INDEX_PREDICATE);
                Some(pg_sys::coerce_to_boolean(state, node, c"the condition".as_ptr()))
            }
            Purpose::IndexKey => Some(pg_sys::transformExpr(state, raw, EXPR_KIND_INDEX_EXPRESSION)),
            Purpose::Value(type_oid, typmod) => {
                if !builtin::is_builtin_type(type_oid) {
                    return None;
                }
                let node = pg_sys::transformExpr(state, raw, EXPR_KIND_GENERATED_COLUMN);
                let node = pg_sys::coerce_to_target_type(
                    state,
                    node,
                    pg_sys::exprType(node),
                    type_oid,
                    typmod,
                    pg_sys::CoercionContext::COERCION_ASSIGNMENT,
                    pg_sys::CoercionForm::COERCE_IMPLICIT_CAST,
                    -1,
                );
                (!node.is_null()).then_some(node)
            }
        }
    }
}

/// The expression of a text that contains one expression and nothing else.
///
/// # Safety
/// The result of the raw parser.
pub unsafe fn only_value(statements: *mut pg_sys::List) -> Option<Node> {
    // SAFETY: as promised.
    unsafe {
        let [statement] = expr::members(statements)[..] else { return None };
        let statement = expr::cast::<pg_sys::RawStmt>(statement, NodeTag::T_RawStmt)?;
        let select = expr::cast::<pg_sys::SelectStmt>(statement.stmt, NodeTag::T_SelectStmt)?;
        let [target] = expr::members(select.targetList)[..] else { return None };
        let target = expr::cast::<pg_sys::ResTarget>(target, NodeTag::T_ResTarget)?;
        let others = [
            select.distinctClause,
            select.fromClause,
            select.groupClause,
            select.windowClause,
            select.valuesLists,
            select.sortClause,
            select.lockingClause,
        ];
        let conditions = [select.whereClause, select.havingClause, select.limitOffset, select.limitCount];
        let is_alone = others.iter().all(|part| part.is_null()) && conditions.iter().all(|part| part.is_null());
        (is_alone && target.name.is_null()).then_some(target.val)
    }
}

/// The column for a name in an expression, for the parser.
#[pg_guard]
unsafe extern "C-unwind" fn column_of(
    state: *mut pg_sys::ParseState,
    reference: *mut pg_sys::ColumnRef,
    found: Node,
) -> Node {
    // SAFETY: called by the parser that `understood` starts, which keeps the names there.
    unsafe {
        let names = &*(*state).p_ref_hook_state.cast::<ColumnNames>();
        let [name] = expr::members((*reference).fields)[..] else { return found };
        let Some(name) = expr::cast::<pg_sys::String>(name, NodeTag::T_String) else { return found };
        let Some(i) = names.find(CStr::from_ptr(name.sval)) else { return found };
        let attribute = tuple::attribute(names.desc, i);
        let (number, type_oid) = ((i + 1) as pg_sys::AttrNumber, attribute.atttypid);
        pg_sys::makeVar(1, number, type_oid, attribute.atttypmod, attribute.attcollation, 0).cast()
    }
}

//! Statements that copy properties of the source to a table. They are checked in the form in which the parser reads
//! them, because only that form stays the same until they run. The catalogs may belong to other roles and may change.

use pgrx::pg_sys::{self, NodeTag};

use crate::pg::model::constraints::expression::{ColumnNames, Purpose, understood};
use crate::pg::model::constraints::raw::in_catalog;
use crate::pg::server::builtin;
use crate::pg::server::expr::{self, Node};
use crate::pg::server::text::c_string;

/// Whether a statement calls only what is PostgreSQL's own when it runs under the settings of
/// [`crate::pg::server::guc::with_fixed_writing`].
pub fn is_builtin(statement: &str, names: &ColumnNames) -> bool {
    let text = c_string(statement);
    // SAFETY: a NUL-terminated string, and what the parser made of it.
    unsafe {
        let statements = pg_sys::raw_parser(text.as_ptr(), pg_sys::RawParseMode::RAW_PARSE_DEFAULT);
        let [statement] = expr::members(statements)[..] else { return false };
        let Some(raw) = expr::cast::<pg_sys::RawStmt>(statement, NodeTag::T_RawStmt) else { return false };
        if let Some(change) = expr::cast::<pg_sys::AlterTableStmt>(raw.stmt, NodeTag::T_AlterTableStmt) {
            let [command] = expr::members(change.cmds)[..] else { return false };
            return expr::cast::<pg_sys::AlterTableCmd>(command, NodeTag::T_AlterTableCmd)
                .and_then(|command| expr::cast::<pg_sys::Constraint>(command.def, NodeTag::T_Constraint))
                .is_some_and(|constraint| is_builtin_constraint(constraint, names));
        }
        match expr::cast::<pg_sys::IndexStmt>(raw.stmt, NodeTag::T_IndexStmt) {
            Some(index) => is_builtin_index(index, names),
            None => expr::cast::<pg_sys::CommentStmt>(raw.stmt, NodeTag::T_CommentStmt).is_some(),
        }
    }
}

/// # Safety
/// A part of what the raw parser made. This also applies to the functions below.
unsafe fn is_builtin_constraint(constraint: &pg_sys::Constraint, names: &ColumnNames) -> bool {
    use pg_sys::ConstrType::{CONSTR_CHECK, CONSTR_PRIMARY, CONSTR_UNIQUE};
    match constraint.contype {
        // SAFETY: as promised.
        CONSTR_CHECK => unsafe { understood(constraint.raw_expr, names, Purpose::Check) }.is_some(),
        // Indexed columns with the default operator classes of their types, which only superusers can create.
        CONSTR_PRIMARY | CONSTR_UNIQUE => true,
        _ => false,
    }
}

unsafe fn is_builtin_index(index: &pg_sys::IndexStmt, names: &ColumnNames) -> bool {
    // SAFETY: as promised; a look-up by a NUL-terminated name.
    unsafe {
        let method = pg_sys::get_index_am_oid(index.accessMethod, true);
        builtin::is_builtin(method)
            && expr::members(index.indexParams).into_iter().all(|key| is_builtin_key(key, method, names))
            && (index.whereClause.is_null() || understood(index.whereClause, names, Purpose::Predicate).is_some())
    }
}

unsafe fn is_builtin_key(key: Node, method: pg_sys::Oid, names: &ColumnNames) -> bool {
    // SAFETY: as promised; look-ups by name.
    unsafe {
        let Some(key) = expr::cast::<pg_sys::IndexElem>(key, NodeTag::T_IndexElem) else { return false };
        let is_own = |name: *mut pg_sys::List, find: &dyn Fn() -> pg_sys::Oid| {
            name.is_null() || in_catalog(name).is_some() && builtin::is_builtin(find())
        };
        is_own(key.collation, &|| pg_sys::get_collation_oid(key.collation, true))
            && is_own(key.opclass, &|| pg_sys::get_opclass_oid(method, key.opclass, true))
            && (key.expr.is_null() || understood(key.expr, names, Purpose::IndexKey).is_some())
    }
}

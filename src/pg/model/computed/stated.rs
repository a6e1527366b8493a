//! Expressions that the caller of a training states. They are read under the caller's settings once, and stored in the
//! form in which PostgreSQL writes stored expressions.

use std::cell::RefCell;
use std::ffi::CStr;

use pgrx::{PgSqlErrorCode, pg_sys};

use crate::pg::errors::{self, Result};
use crate::pg::model::constraints::expression::{self, ColumnNames, Purpose};
use crate::pg::model::constraints::raw;
use crate::pg::relation::Relation;
use crate::pg::server::expr::Node;
use crate::pg::server::guc::with_fixed_writing;
use crate::pg::server::text::{self, c_string};
use crate::pg::server::tuple::Target;
use crate::pg::server::{builtin, guard, types};

/// An accepted expression: its text, and the numbers of the columns that it uses.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted {
    pub written: String,
    pub columns: Vec<i16>,
}

/// Reads expressions over the columns of a source.
pub struct Reader<'a> {
    source: &'a Relation,
    names: ColumnNames,
}

impl<'a> Reader<'a> {
    /// The positions of the names are the numbers of the columns. Dropped columns have no name there.
    pub fn new(source: &'a Relation) -> Self {
        let find = |number: i16| source.columns.iter().find(|column| column.number == number);
        let last = source.columns.iter().map(|column| column.number).max().unwrap_or(0);
        let target = |number| match find(number) {
            Some(column) => {
                let (type_oid, typmod) = types::base_type(column.type_oid, column.typmod);
                Target { column: column.name.clone(), type_oid, typmod }
            }
            None => Target { column: String::new(), type_oid: pg_sys::INT4OID, typmod: -1 },
        };
        let mut names = ColumnNames::of(&(1..=last).map(target).collect::<Vec<_>>());
        for column in &source.columns {
            names.collate(column.number as usize - 1, column.collation);
        }
        Self { source, names }
    }

    /// Reads an expression. `what` names it in errors.
    pub fn read(&self, what: &str, written: &str, purpose: Purpose) -> Result<Accepted> {
        let invalid =
            |code, reason: &str| errors::expression_invalid(what, code, &format!("PostgreSQL says: {reason}."));
        let refused = || errors::expression_refused(what);
        let several =
            || errors::expression_invalid(what, PgSqlErrorCode::ERRCODE_SYNTAX_ERROR, "It is not a single expression.");
        // What the parser made lives in the current memory context.
        let raw = guard::explained(|| parsed(written), invalid)?.ok_or_else(several)?;
        let strangers = RefCell::new(Vec::<String>::new());
        let is_column = |name: &CStr| {
            let name = name.to_string_lossy().into_owned();
            if !self.source.columns.iter().any(|column| column.name == name) && !strangers.borrow().contains(&name) {
                strangers.borrow_mut().push(name);
            }
            true
        };
        // SAFETY: the raw parser made it.
        let is_builtin = guard::explained(|| unsafe { raw::is_builtin(raw, &is_column) }, invalid)?;
        let strangers = strangers.into_inner();
        if !strangers.is_empty() {
            return Err(errors::expression_of_strangers(what, &self.source.name, strangers));
        }
        if !is_builtin {
            return Err(refused());
        }
        if let Purpose::Value(type_oid, typmod) = purpose
            && builtin::is_builtin_type(type_oid)
            && let Some(own) = guard::explained(|| self.other_type(written, type_oid, typmod), invalid)?
        {
            let reason =
                format!("It is of type {own}, and the column is of type {}.", types::type_name(type_oid, typmod));
            return Err(errors::expression_invalid(what, PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH, &reason));
        }
        // SAFETY: as above.
        let found = guard::explained(|| unsafe { self.accepted(raw, purpose) }, invalid)?;
        let found = found.ok_or_else(refused)?;
        let names: Vec<String> = found.columns.iter().map(|number| self.source.name_of(*number)).collect();
        if !expression::names_nothing_else(&found.written, Some(&names)) {
            return Err(refused());
        }
        // As in each sampling, where constants are computed.
        guard::explained(|| expression::prepare(&found.written, &self.names, purpose), invalid)?.ok_or_else(refused)?;
        Ok(found)
    }

    /// The type of an expression that cannot be assigned to a column of a type.
    fn other_type(&self, written: &str, type_oid: pg_sys::Oid, typmod: i32) -> Option<String> {
        // The analysis changes what the parser made, so each has its own.
        let value = |purpose| {
            let raw = parsed(written)?;
            // SAFETY: the raw parser made it.
            with_fixed_writing(|| unsafe { expression::understood(raw, &self.names, purpose) })
        };
        if value(Purpose::Value(type_oid, typmod)).is_some() {
            return None;
        }
        // SAFETY: an analyzed expression.
        value(Purpose::IndexKey).map(|node| types::type_name(unsafe { pg_sys::exprType(node) }, -1))
    }

    /// # Safety
    /// A node that the raw parser made, of PostgreSQL's own parts.
    unsafe fn accepted(&self, raw: Node, purpose: Purpose) -> Option<Accepted> {
        let relation = c_string(&self.source.name);
        // SAFETY: as promised. The variables of the expression are numbered like the source's columns. To write it,
        // PostgreSQL calls output functions of its own types.
        with_fixed_writing(|| unsafe {
            let node = expression::understood(raw, &self.names, purpose)?;
            let columns = expression::columns(node)?;
            let context = pg_sys::deparse_context_for(relation.as_ptr(), self.source.oid);
            let written = text::string(pg_sys::deparse_expression(node, context, false, false));
            Some(Accepted { written, columns })
        })
    }
}

/// The form in which the parser reads a text. `None` if it is not one expression. ERROR if it cannot be parsed.
fn parsed(written: &str) -> Option<Node> {
    let text = c_string(written);
    // SAFETY: a NUL-terminated string, and what the parser makes of it.
    with_fixed_writing(|| unsafe {
        expression::only_value(pg_sys::raw_parser(text.as_ptr(), pg_sys::RawParseMode::RAW_PARSE_PLPGSQL_EXPR))
    })
}

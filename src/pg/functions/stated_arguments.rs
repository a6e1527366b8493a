//! What the caller states about rows: `derived => '{"total": "net + vat"}'` and `rules => '{discharged >= admitted}'`.

use serde_json::{Map, Value};

use crate::pg::errors::{self, Result};
use crate::pg::model::computed::expressions::Expressions;
use crate::pg::model::computed::stated::{Accepted, Reader};
use crate::pg::model::constraints::expression::Purpose;
use crate::pg::relation::Relation;
use crate::pg::server::types;
use crate::pg::values::kind::MODELLED;

/// The accepted expressions.
pub struct Stated {
    pub derived: Expressions,
    /// Each with its text as the caller wrote it.
    pub rules: Vec<(String, Accepted)>,
}

/// Reads both arguments. Reads no row.
pub fn read(source: &Relation, derived: &Map<String, Value>, rules: &[String]) -> Result<Stated> {
    let reader = Reader::new(source);
    let mut expressions = Expressions::new();
    for (name, expression) in derived {
        let column = source.columns.iter().find(|column| column.name == *name);
        let column = column.ok_or_else(|| errors::no_such_column(&source.name, name, "derived"))?;
        let written = expression.as_str().ok_or_else(|| errors::derived_malformed(name))?;
        if column.kind.is_none() {
            return Err(errors::unsupported_type(name, &column.type_name(), MODELLED));
        }
        let (type_oid, typmod) = types::base_type(column.type_oid, column.typmod);
        let purpose = Purpose::Value(type_oid, typmod);
        let accepted = reader.read(&errors::expression_of(name), written, purpose)?;
        expressions.insert(column.number, (accepted, false));
    }
    let rule = |text: &String| {
        let text = text.trim();
        Ok((text.to_owned(), reader.read(&errors::rule(text), text, Purpose::Check)?))
    };
    Ok(Stated { derived: expressions, rules: rules.iter().map(rule).collect::<Result<_>>()? })
}

//! The comment on a synthetic table.

use pgrx::pg_sys;

use crate::pg::model::loaded::Model;
use crate::pg::relation::Relation;
use crate::pg::server::text::{self, c_string};

/// The start of the comment on a synthetic table.
const DESCRIBED: &str = "Synthetic rows from model ";

/// Sets the comment on the table.
pub fn describe(table: pg_sys::Oid, model: &Model) {
    let ledger = &model.artifact.ledger;
    // SAFETY: the result is a NUL-terminated string in static memory.
    let now = unsafe { text::string(pg_sys::timestamptz_to_str(pg_sys::GetCurrentTimestamp())) };
    let text = c_string(&format!(
        "{DESCRIBED}\"{}\" (method {}, epsilon {}, delta {:e}, neighbouring tables: {}), made by tablediffusion on {now}.",
        model.name,
        model.artifact.method.name(),
        ledger.epsilon,
        ledger.delta,
        ledger.neighbours.describe(),
    ));
    // SAFETY: the table exists; a NUL-terminated string.
    unsafe { pg_sys::CreateComments(table, pg_sys::RelationRelationId, 0, text.as_ptr()) };
}

/// Whether a table has such a comment.
pub fn is_described(table: &Relation) -> bool {
    // SAFETY: a look-up. The result lives in the current memory context.
    let comment = unsafe { text::optional_string(pg_sys::GetComment(table.oid, pg_sys::RelationRelationId, 0)) };
    comment.is_some_and(|comment| comment.starts_with(DESCRIBED))
}

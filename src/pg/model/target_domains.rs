//! Domains of types that values go to. Nothing of them is run: whoever owns a domain has its constraints run by whoever
//! writes values of it, for as long as a table of it lives.

use pgrx::pg_sys;

use crate::pg::errors::{self, Result};
use crate::pg::model::constraints::domains;
use crate::pg::model::metadata::{Annotation, ColumnFacts};
use crate::pg::server::tuple::Target;
use crate::pg::server::{lookup, types};

/// The columns of a table that is made for a model: of the domains of the source where these can be trusted and all that they ask for holds in
/// the rows, and of what is under them elsewhere, which is told.
pub fn chosen(annotation: &Annotation, targets: Vec<Target>) -> Result<Vec<Target>> {
    let (mut chosen, mut left) = (Vec::with_capacity(targets.len()), Vec::new());
    for (column, target) in annotation.columns.iter().zip(targets) {
        let base = types::base_type(target.type_oid, target.typmod);
        let own =
            types::resolve_type(&column.type_name).filter(|own| *own != base && types::base_type(own.0, own.1) == base);
        let (type_oid, typmod) = match own {
            Some(own) if is_trusted(own.0) && domains::holds(own.0, column, &annotation.constraints)? => own,
            Some(_) => {
                left.push(column);
                base
            }
            None => base,
        };
        chosen.push(Target { type_oid, typmod, ..target });
    }
    if !left.is_empty() {
        let domains = left.iter().map(|column: &&ColumnFacts| &column.type_name);
        errors::domains_left(left.iter().map(|column| &column.name), domains).notice();
    }
    Ok(chosen)
}

/// Whether the caller or superusers alone decide what a domain asks for tomorrow.
fn is_trusted(domain: pg_sys::Oid) -> bool {
    types::domains(domain).into_iter().all(|(domain, _)| {
        // SAFETY: plain calls.
        let trusted = |owner| unsafe { owner == pg_sys::GetUserId() || pg_sys::superuser_arg(owner) };
        lookup::owner_of_type(domain).is_some_and(trusted)
    })
}

/// Names the columns whose domains ask for more than what is kept in the rows.
pub fn tell(annotation: &Annotation, targets: &[(usize, Target)]) -> Result<()> {
    let mut unchecked = Vec::new();
    for (_, target) in targets {
        let Some(column) = annotation.columns.iter().find(|column| column.name == target.column) else { continue };
        if !domains::holds(target.type_oid, column, &annotation.constraints)? {
            unchecked.push(target.column.as_str());
        }
    }
    if !unchecked.is_empty() {
        errors::domains_unchecked(unchecked).notice();
    }
    Ok(())
}

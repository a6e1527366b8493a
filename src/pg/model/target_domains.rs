//! Domains of target columns. Their constraints are never run here: whoever writes values of a domain runs code of its
//! owner, for as long as a table with the domain exists.

use pgrx::pg_sys;

use crate::pg::errors::{self, Result};
use crate::pg::model::constraints::domains;
use crate::pg::model::metadata::{Annotation, ColumnFacts};
use crate::pg::server::tuple::Target;
use crate::pg::server::{lookup, types};

/// The column types of a table that is created for a model. A column has the source's domain if the domain is trusted
/// and the rows satisfy all its constraints. Otherwise it has the base type, and a NOTICE names it.
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

/// Whether only the caller or superusers can change the constraints of a domain.
fn is_trusted(domain: pg_sys::Oid) -> bool {
    types::domains(domain).into_iter().all(|(domain, _)| {
        // SAFETY: plain calls.
        let trusted = |owner| unsafe { owner == pg_sys::GetUserId() || pg_sys::superuser_arg(owner) };
        lookup::owner_of_type(domain).is_some_and(trusted)
    })
}

/// Names the columns whose domains have constraints that the rows were not checked against.
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

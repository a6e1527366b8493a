//! Which columns of a table that is made for a model are of the domains that they had in the source. Whoever owns a domain
//! has its constraints run by whoever writes values of it, for as long as the table lives: so most become columns of what the domain is
//! over.

use pgrx::pg_sys;

use super::annotation::{Annotation, ColumnFacts};
use super::datum;
use super::errors::{self, Result};
use super::invariants;
use super::output::Target;

/// The columns of such a table: of the domains of the source where these can be trusted and all that they ask for holds in
/// the rows, and of what is under them elsewhere, which is told.
pub fn chosen(annotation: &Annotation, targets: Vec<Target>) -> Result<Vec<Target>> {
    let (mut chosen, mut left) = (Vec::with_capacity(targets.len()), Vec::new());
    for (column, target) in annotation.columns.iter().zip(targets) {
        let base = datum::base_type(target.type_oid, target.typmod);
        let own =
            datum::resolve_type(&column.type_name).filter(|own| *own != base && datum::base_type(own.0, own.1) == base);
        let (type_oid, typmod) = match own {
            Some(own) if is_trusted(own.0) && invariants::domain_holds(own.0, column, &annotation.constraints)? => own,
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
    super::source::domains(domain).into_iter().all(|(domain, _)| {
        // SAFETY: plain calls.
        let trusted = |owner| unsafe { owner == pg_sys::GetUserId() || pg_sys::superuser_arg(owner) };
        datum::owner_of_type(domain).is_some_and(trusted)
    })
}

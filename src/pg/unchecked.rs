//! Domains of types that values go to. Nothing of them is run: see [`super::output::Typed`].

use pgrx::pg_sys;

use super::annotation::Annotation;
use super::datum;
use super::errors::{self, Result};
use super::output::Target;
use super::source;
use crate::engine::EngineError;

/// Names the columns whose domains hold constraints that the model knows nothing of.
pub fn tell(annotation: &Annotation, targets: &[(usize, Target)]) -> Result<()> {
    let mut unchecked = Vec::new();
    for (_, target) in targets {
        let Some(column) = annotation.columns.iter().find(|column| column.name == target.column) else { continue };
        let own = || datum::resolve_type(&column.type_name).map(|(type_oid, _)| type_oid);
        if has_checks(target.type_oid)? && own() != Some(target.type_oid) {
            unchecked.push(target.column.as_str());
        }
    }
    if !unchecked.is_empty() {
        errors::domains_unchecked(unchecked).notice();
    }
    Ok(())
}

/// Whether a type is a domain that has CHECK constraints, or that is over one that has.
fn has_checks(type_oid: pg_sys::Oid) -> Result<bool> {
    let domains: Vec<pg_sys::Oid> = source::domains(type_oid).into_iter().map(|(domain, _)| domain).collect();
    if domains.is_empty() {
        return Ok(false);
    }
    let query = "SELECT pg_catalog.bool_or(true) FROM pg_catalog.pg_constraint
        WHERE contype = 'c' AND contypid OPERATOR(pg_catalog.=) ANY ($1)";
    let found = datum::with_pinned_path(|| pgrx::Spi::get_one_with_args::<bool>(query, &[domains.into()]));
    let found = found.map_err(|_| EngineError::Internal("the catalogs of domains could not be read"))?;
    Ok(found.unwrap_or(false))
}

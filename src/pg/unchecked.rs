//! Domains of types that values go to. Nothing of them is run: see [`super::output::Typed`].

use super::annotation::Annotation;
use super::errors::{self, Result};
use super::invariants;
use super::output::Target;

/// Names the columns whose domains ask for more than what is kept in the rows.
pub fn tell(annotation: &Annotation, targets: &[(usize, Target)]) -> Result<()> {
    let mut unchecked = Vec::new();
    for (_, target) in targets {
        let Some(column) = annotation.columns.iter().find(|column| column.name == target.column) else { continue };
        if !invariants::domain_holds(target.type_oid, column, &annotation.constraints)? {
            unchecked.push(target.column.as_str());
        }
    }
    if !unchecked.is_empty() {
        errors::domains_unchecked(unchecked).notice();
    }
    Ok(())
}

//! What holds in every row of a source, and therefore in every synthetic row: CHECK constraints, constraints of
//! domains, rules, and unique keys. Rows of the model that violate one are not returned.

pub mod checks;
pub mod domains;
pub mod expression;
pub mod filter;
pub mod raw;
pub mod seen_keys;
pub mod uniques;

use crate::pg::errors::Result;
use crate::pg::model::metadata::{ColumnFacts, Constraints};
use crate::pg::relation::Relation;

/// The constraints of a source that can be enforced in rows of these columns, and the names of the others.
pub fn of(source: &Relation, columns: &[ColumnFacts]) -> Result<(Constraints, Vec<String>)> {
    let (mut checks, mut lost) = checks::of(source, columns)?;
    let (of_domains, lost_too) = domains::of(source, columns)?;
    checks.extend(of_domains);
    lost.extend(lost_too);
    let (uniques, lost_too) = uniques::of(source, columns)?;
    lost.extend(lost_too);
    Ok((Constraints { checks, uniques }, lost))
}

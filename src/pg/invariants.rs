//! What holds in every row of a source, and so in every synthetic row: CHECK constraints, those of domains, and unique keys. A row of the
//! model that breaks one is not handed out.

mod checks;
mod domains;
pub mod expression;
pub mod raw;
mod rows;
mod uniques;

use serde::{Deserialize, Serialize};

pub use self::domains::holds as domain_holds;
pub use self::rows::{Invariants, Verdict};
use super::annotation::ColumnFacts;
use super::errors::Result;
use super::source::Source;

/// The constraints of a source, told by their columns' names. All of it is public.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Constraints {
    pub checks: Vec<Check>,
    pub uniques: Vec<Unique>,
}

/// A CHECK constraint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    pub name: String,
    /// As SQL writes it under a search path of nothing but pg_catalog.
    pub expression: String,
    pub columns: Vec<String>,
    /// Whether it is what the domain of its one column asks for, and calls that VALUE.
    #[serde(default)]
    pub of_domain: bool,
}

/// A unique key of columns that are all modelled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Unique {
    pub name: String,
    pub columns: Vec<String>,
    /// Whether NULL is equal to NULL.
    pub nulls_equal: bool,
}

/// The constraints of a source that can be kept in rows of these columns, and the names of those that cannot.
pub fn of(source: &Source, columns: &[ColumnFacts]) -> Result<(Constraints, Vec<String>)> {
    let (mut checks, mut lost) = checks::of(source, columns)?;
    let (of_domains, lost_too) = domains::of(source, columns)?;
    checks.extend(of_domains);
    lost.extend(lost_too);
    let (uniques, lost_too) = uniques::of(source, columns)?;
    lost.extend(lost_too);
    Ok((Constraints { checks, uniques }, lost))
}

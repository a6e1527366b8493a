//! What the search for relations costs, in parts that are fixed before a row is read.

use crate::engine::Result;
use crate::engine::privacy::mechanisms::noisy_counts::noisy_counts;
use crate::engine::privacy::meter::Meter;
use crate::engine::table::discover::DiscoveryPlan;
use crate::engine::table::{Column, Declared, Measure};

/// What each part of the search costs, in units of the precision that relations share: what is known of each column, the
/// rows that break dependencies, the curves that numbers follow, combinations that stand in for no histogram, cycles that
/// moments lie in, the distances or times of day of one column, values that stand together, and the shares of values that
/// were declared.
pub const COLUMNS: u64 = 2;
pub const BREAKS: u64 = 6;
pub const CURVES: u64 = 4;
pub const COMBINATIONS: u64 = 4;
pub const CYCLES: u64 = 2;
pub const DISTANCES: u64 = 3;
pub const TIES: u64 = 4;
pub const SHARES: u64 = 1;

/// What is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    All,
    /// Values that stand together alone, which show in tables that are too small for anything else.
    Ties,
}

impl Scope {
    /// All scopes, the widest first.
    pub const ALL: [Self; 2] = [Self::All, Self::Ties];
}

/// What is looked for between columns. Public.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// Columns that others determine: in any table of two columns.
    pub dependencies: bool,
    /// Numbers that are found to follow others, at most.
    pub followers: u64,
    /// Columns of moments, whose cycles are looked at, and those of them that have a time of day.
    pub moments: u64,
    pub clocks: u64,
}

impl Plan {
    /// For a table of these columns.
    pub fn of(columns: &[Column]) -> Self {
        let numbers = numbers(columns);
        let per_day = |column: &Column| match column.measure {
            Measure::Moment { per_day } => Some(per_day),
            _ => None,
        };
        Self {
            dependencies: columns.len() > 1,
            followers: numbers.saturating_sub(1).min(2 + numbers / 6).min(6),
            moments: columns.iter().filter_map(per_day).count() as u64,
            clocks: columns.iter().filter_map(per_day).filter(|per_day| *per_day > 1).count() as u64,
        }
    }

    /// Distances and times of day whose domains are found, at most. Times of day take what followers leave.
    pub fn measured(&self) -> u64 {
        self.followers + self.clocks.min(1)
    }
}

/// How many of the columns hold numbers.
pub fn numbers(columns: &[Column]) -> u64 {
    columns.iter().filter(|column| column.measure != Measure::Category).count() as u64
}

/// Whether a column's values are known without being counted.
pub fn is_listed(column: &Column) -> bool {
    column.measure == Measure::Category && matches!(column.declared, Some(Declared::Categories(_)))
}

/// What relations between these columns cost, in units that share the budget for relations.
pub fn units(columns: &[Column], scope: Scope) -> u64 {
    let plan = Plan::of(columns);
    let shares = if columns.iter().any(is_listed) { SHARES } else { 0 };
    let ties = if plan.dependencies { TIES + shares } else { 0 };
    if scope == Scope::Ties {
        return ties;
    }
    let dependencies = if plan.dependencies { COLUMNS + BREAKS + COMBINATIONS } else { 0 };
    let followers = if plan.followers > 0 { CURVES } else { 0 };
    let cycles = if plan.moments > 0 { CYCLES } else { 0 };
    dependencies + followers + cycles + ties + DISTANCES * plan.measured()
}

/// How many histograms of relations are released above a threshold, each at the price of a share of delta: combinations
/// that stand in for no histogram of a column, distances, and times of day.
pub fn thresholds(columns: &[Column]) -> u64 {
    let plan = Plan::of(columns);
    u64::from(plan.dependencies) + plan.measured()
}

/// Noisy counts that share so many units, each of which one row changes by one at most in each of so many parts.
pub fn search(
    counts: &[u64],
    parts: usize,
    units: u64,
    plan: &DiscoveryPlan,
    meter: &mut Meter,
) -> Result<(Vec<f64>, f64)> {
    if counts.is_empty() {
        return Ok((Vec::new(), 0.0));
    }
    let plan = plan.times(units as f64);
    let sensitivity = f64::from(plan.unit_rows) * (parts as f64).sqrt() * (1.0 + 1e-15);
    let noisy = noisy_counts(counts, sensitivity, plan.noise_multiplier, meter)?;
    Ok((noisy.values, noisy.noise_sd))
}

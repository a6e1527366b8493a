//! Domains of unordered columns.
//!
//! Undeclared texts are found by one noisy histogram over all texts and NULL. A text is released if its noisy count
//! passes a threshold; NULL is a key that is known beforehand, and always released. A row counts once.
//!
//! Texts with fewer than [`MIN_COUNT`] rows are never released. That rule looks at one text's count alone, so it
//! amounts to running the thresholded histogram on `max(0, count - (MIN_COUNT - 1))`, which changes by no more than
//! the count does; what it takes off a count is a public constant and is put back afterwards.

use super::plan::{DiscoveryPlan, MIN_COUNT};
use super::significance;
use super::texts::TextCounts;
use crate::engine::Result;
use crate::engine::privacy::mechanisms::sparse_histogram::release_heavy;
use crate::engine::privacy::meter::Meter;
use crate::engine::table::{Category, Cells, Domain};

/// The heaviest released texts are kept as categories, the rest is left to `other`.
const MAX_CATEGORIES: usize = 1024;

/// The domain of a declared set of values: even weights, because nothing is measured.
pub fn declared(values: &[String], nullable: bool) -> Domain {
    let share = 1.0 / (values.len() + usize::from(nullable)) as f64;
    let categories = values.iter().map(|value| Category { value: value.clone(), weight: share });
    Domain { cells: Cells::Categories(categories.collect()), other: None, null: nullable.then_some(share) }
}

/// The domain of a column of which nothing is known.
pub fn nothing(nullable: bool) -> Domain {
    Domain { cells: Cells::Categories(Vec::new()), other: Some(1.0), null: nullable.then_some(0.0) }
}

/// Finds the domain of a text column.
pub fn discover(texts: TextCounts, nullable: bool, plan: &DiscoveryPlan, meter: &mut Meter) -> Result<Domain> {
    let nulls = if nullable { vec![texts.nulls()] } else { Vec::new() };
    let excess = texts.frequent().into_iter().map(|(text, rows)| (text, rows - (MIN_COUNT - 1)));
    let (rows, noise, share) = (plan.unit_rows, plan.noise_multiplier, plan.threshold_delta);
    let heavy = release_heavy(&nulls, excess, rows, noise, share, meter)?;
    let (mut released, nulls) =
        (heavy.keys, heavy.known.first().map_or(0.0, |nulls| significance::or_zero(*nulls, plan.noise_sd())));
    released.iter_mut().for_each(|(_, rows)| *rows += (MIN_COUNT - 1) as f64);
    // Heaviest first; of equals, the lesser text.
    released.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    released.truncate(MAX_CATEGORIES);

    let known = nulls + released.iter().map(|(_, rows)| rows).sum::<f64>();
    let others = (plan.sampled_rows - known).max(0.0);
    let total = (known + others).max(f64::MIN_POSITIVE);
    let categories = released.into_iter().map(|(text, rows)| Category { value: text, weight: rows / total });
    Ok(Domain {
        cells: Cells::Categories(categories.collect()),
        other: Some(others / total),
        null: nullable.then_some(nulls / total),
    })
}

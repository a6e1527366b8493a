//! Columns that one of them, the key, determines, and the combinations that there are.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use super::row_sample::{NULL, RowColumn, RowSample};
use crate::engine::Result;
use crate::engine::privacy::mechanisms::sparse_histogram::release_heavy;
use crate::engine::privacy::meter::Meter;
use crate::engine::table::discover::{DiscoveryPlan, MIN_COUNT, or_zero};
use crate::engine::table::features::{Combination, Scalar};
use crate::engine::table::{Category, Cells, Column, Domain, Measure};

/// Combinations of a group, at most.
const MAX_COMBINATIONS: usize = 8192;
/// A group is used if its released combinations hold at least this share of rows.
const HELD: f64 = 0.5;
/// A group that stands in for no histogram is used if it has so many combinations.
const FEW: usize = 48;

/// A key with the columns that it determines.
pub struct Group {
    /// The key first.
    members: Vec<usize>,
    /// The column that is known where a combination is not: determined by the key, but not the other way round.
    parent: Option<usize>,
    /// Columns whose own histogram the combinations stand in for.
    pooled: Vec<usize>,
    /// The texts of each member that may be released; none for numbers.
    names: Vec<HashMap<u64, String, RandomState>>,
}

/// Released combinations with their shares.
pub struct Combinations {
    all: Vec<(Vec<Scalar>, f64)>,
    /// Standard deviation of the noise of a share.
    noise_sd: f64,
}

impl Group {
    /// A group of columns, the key first. `texts` gives the texts of a column that may be released, if it is one of texts,
    /// and whether it has a histogram of its own.
    pub fn new<'a>(
        members: Vec<usize>,
        parent: Option<usize>,
        sample: &RowSample,
        texts: impl Fn(usize) -> Option<(Vec<&'a str>, bool)>,
    ) -> Self {
        let mut pooled = Vec::new();
        let mut names = |member: &usize| {
            let Some((texts, has_histogram)) = texts(*member) else { return HashMap::default() };
            if has_histogram && parent != Some(*member) {
                pooled.push(*member);
            }
            texts.into_iter().map(|text| (sample.hash_of(text), text.to_owned())).collect()
        };
        let names = members.iter().map(&mut names).collect();
        Self { members, parent, pooled, names }
    }

    /// The column that is known where a combination is not.
    pub fn parent(&self) -> Option<usize> {
        self.parent
    }

    /// Columns whose own histogram the combinations stand in for.
    pub fn pooled(&self) -> impl Iterator<Item = usize> {
        self.pooled.iter().copied()
    }

    /// The combinations that enough rows hold, in an order that tells nothing of the table's.
    ///
    /// # Errors
    /// As the mechanism.
    pub fn release(
        &self,
        sample: &RowSample,
        domains: &[Domain],
        columns: &[Column],
        plan: &DiscoveryPlan,
        meter: &mut Meter,
    ) -> Result<Combinations> {
        let hash = RandomState::default();
        let label = |member: usize, row: usize| sample.column(member).label(row);
        // By the hash of its labels, a row that holds each combination, and how many do.
        let mut counts: HashMap<u64, (usize, u64), RandomState> = HashMap::default();
        for row in 0..sample.rows() {
            let labels = self.members.iter().fold(0, |sum, member| hash.hash_one((sum, label(*member, row))));
            counts.entry(labels).or_insert((row, 0)).1 += 1;
        }
        let named = counts.into_values().filter(|(_, count)| *count >= MIN_COUNT).filter_map(|(row, count)| {
            let scalar = |(member, names): (&usize, &HashMap<u64, String, RandomState>)| {
                let value = value(label(*member, row), sample.column(*member), names)?;
                (columns[*member].declared.is_none() || may_be(&domains[*member], &value)).then_some(value)
            };
            let values: Option<Vec<Scalar>> = self.members.iter().zip(&self.names).map(scalar).collect();
            values.map(|values| (Key(values), count - (MIN_COUNT - 1)))
        });
        let heavy = release_heavy(&[], named, plan.unit_rows, plan.noise_multiplier, plan.threshold_delta, meter)?;
        let mut keys = heavy.keys;
        keys.iter_mut().for_each(|(_, rows)| *rows += (MIN_COUNT - 1) as f64);
        keys.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        keys.truncate(MAX_COMBINATIONS);
        let rows = plan.sampled_rows.max(1.0);
        let all = keys.into_iter().map(|(values, count)| (values.0, count / rows)).collect();
        Ok(Combinations { all, noise_sd: heavy.noise_sd / rows })
    }

    /// The feature of some combinations; nothing if they do not stand for the table.
    pub fn combination(&self, combinations: Combinations, columns: &[Column]) -> Option<Combination> {
        let held: f64 = combinations.all.iter().map(|(_, share)| share).sum();
        // Few combinations of columns that are known anyway are left to pairs, which lose no rare value.
        let least = if self.pooled.is_empty() { FEW } else { 2 };
        if combinations.all.len() < least || held < HELD {
            return None;
        }
        let parent = self.parent.and_then(|parent| self.members.iter().position(|member| *member == parent));
        let are_numbers = self.members.iter().map(|member| columns[*member].measure != Measure::Category).collect();
        Some(Combination::new(self.members.clone(), are_numbers, parent, combinations.all))
    }

    /// The domain of a column of texts, by the released combinations alone.
    pub fn projection(&self, combinations: &Combinations, column: usize, nullable: bool) -> Domain {
        let place = self.members.iter().position(|member| *member == column);
        let (mut shares, mut nulls) = (HashMap::<&str, f64, RandomState>::default(), 0.0);
        for (values, share) in &combinations.all {
            match place.map(|place| &values[place]) {
                Some(Scalar::Text(text)) => *shares.entry(text).or_default() += share,
                Some(Scalar::Null) => nulls += share,
                Some(Scalar::Number(_)) | None => {}
            }
        }
        let nulls = or_zero(nulls, combinations.noise_sd);
        let mut categories: Vec<Category> =
            shares.into_iter().map(|(value, weight)| Category { value: value.to_owned(), weight }).collect();
        categories.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.value.cmp(&b.value)));
        let known = nulls + categories.iter().map(|category| category.weight).sum::<f64>();
        Domain {
            cells: Cells::Categories(categories),
            other: Some((1.0 - known).max(0.0)),
            null: nullable.then_some(nulls),
        }
    }
}

/// The value that a label stands for; nothing for a text that may not be released.
fn value(label: u64, column: &RowColumn, names: &HashMap<u64, String, RandomState>) -> Option<Scalar> {
    match column {
        RowColumn::Texts(_) if label == NULL => Some(Scalar::Null),
        RowColumn::Texts(_) => names.get(&label).cloned().map(Scalar::Text),
        RowColumn::Numbers(_) => {
            let number = f64::from_bits(label);
            let present = number.is_finite().then_some(Scalar::Number(number));
            if number.is_nan() { Some(Scalar::Null) } else { present }
        }
    }
}

/// Whether a declared domain has room for a value.
fn may_be(domain: &Domain, value: &Scalar) -> bool {
    match (value, &domain.cells) {
        (Scalar::Number(number), Cells::Bins { bins, .. }) => {
            let mut parts = bins.iter().flat_map(|bin| &bin.parts);
            parts.any(|part| (part.lo..=part.hi).contains(number))
        }
        _ => true,
    }
}

/// The released share of a column's value.
pub fn share_of(domain: &Domain, value: &Scalar) -> Option<f64> {
    match (value, &domain.cells) {
        (Scalar::Null, _) => domain.null,
        (Scalar::Text(text), Cells::Categories(categories)) => {
            categories.iter().find(|category| category.value == *text).map(|category| category.weight)
        }
        (Scalar::Number(number), Cells::Bins { bins, .. }) => {
            let mut parts = bins.iter().flat_map(|bin| &bin.parts);
            parts.find(|part| part.lo == *number && part.hi == *number).map(|part| part.weight)
        }
        _ => None,
    }
}

/// The values of a row as a key, in an order of their own.
#[derive(Debug, Clone)]
struct Key(Vec<Scalar>);

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        let one = |(a, b): (&Scalar, &Scalar)| match (a, b) {
            (Scalar::Null, Scalar::Null) => Ordering::Equal,
            (Scalar::Null, _) => Ordering::Less,
            (_, Scalar::Null) => Ordering::Greater,
            (Scalar::Text(a), Scalar::Text(b)) => a.cmp(b),
            (Scalar::Number(a), Scalar::Number(b)) => a.total_cmp(b),
            (Scalar::Text(_), Scalar::Number(_)) => Ordering::Less,
            (Scalar::Number(_), Scalar::Text(_)) => Ordering::Greater,
        };
        let mut orders = self.0.iter().zip(&other.0).map(one);
        orders.find(|order| order.is_ne()).unwrap_or_else(|| self.0.len().cmp(&other.0.len()))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Key {}

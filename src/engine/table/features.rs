//! Features: the reversible representation of rows that models learn from (Truda, arXiv 2308.14784, section 3, taken from
//! columns to what holds between them).
//!
//! A feature is made from one or more columns and turned back into them, given the columns that were turned back before
//! it. Models see one column of values for each feature and know nothing of the table's own columns.

mod calendar;
mod combination;
mod curve;
mod cycle;
mod decode;
mod encode;
mod residual;
mod scalar;
#[cfg(test)]
mod tests;
mod tie;

use serde::{Deserialize, Serialize};

pub use self::calendar::{Calendar, FIRST_DAY};
pub use self::combination::{Cell, Combination};
pub use self::curve::{Curve, Quantiles};
pub use self::cycle::{Cycle, Period};
pub use self::decode::FeatureDecoder;
pub use self::encode::FeatureEncoder;
pub use self::residual::{Residual, Side};
pub use self::scalar::Scalar;
pub use self::tie::{Tie, point};
use super::{Column, Domain, Measure};

/// One feature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Feature {
    /// A column as it is.
    Plain(usize),
    /// Columns that one of them determines.
    Combination(Combination),
    /// A number that follows another.
    Residual(Residual),
    /// Where moments of a column, made before, lie in their day, week or month.
    Cycle(Cycle),
    /// A column one of whose values another column decides.
    Tie(Tie),
}

/// The features of a table, in an order in which they can be turned back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Features {
    features: Vec<Feature>,
    columns: usize,
    /// Columns that are dates written as numbers. Features are made of the numbers of their days.
    calendars: Vec<(usize, Calendar)>,
}

impl Feature {
    /// The columns that it is turned back into.
    pub fn makes(&self) -> &[usize] {
        match self {
            Self::Plain(column) => std::slice::from_ref(column),
            Self::Combination(combination) => combination.columns(),
            Self::Residual(residual) => std::slice::from_ref(&residual.column),
            Self::Cycle(_) => &[],
            Self::Tie(tie) => std::slice::from_ref(&tie.column),
        }
    }

    /// The column that must be turned back before it.
    pub fn needs(&self) -> Option<usize> {
        match self {
            Self::Plain(_) | Self::Combination(_) => None,
            Self::Residual(residual) => Some(residual.on),
            Self::Cycle(cycle) => Some(cycle.column),
            Self::Tie(tie) => Some(tie.on),
        }
    }

    /// The first column of the table that it says something of.
    pub fn first_column(&self) -> Option<usize> {
        match self {
            Self::Cycle(cycle) => Some(cycle.column),
            _ => self.makes().iter().min().copied(),
        }
    }

    fn is_cycle_of(&self, column: usize) -> bool {
        matches!(self, Self::Cycle(cycle) if cycle.column == column)
    }

    /// Whether it can be made of such columns, and its own column, if it is no column as it stands, can have this domain.
    pub fn fits(&self, domain: &Domain, columns: &[&Column]) -> bool {
        let is_number = |column: &usize| columns.get(*column).map(|column| column.measure != Measure::Category);
        match self {
            Self::Plain(column) => is_number(column) == Some(true) && domain.is_ordered(),
            Self::Combination(combination) => {
                let numbers: Vec<Option<bool>> = combination.columns().iter().map(is_number).collect();
                domain.is_ordered() && numbers == combination.are_numbers().map(Some).collect::<Vec<_>>()
            }
            Self::Residual(Residual { column, on, .. }) => {
                domain.is_ordered() && [column, on].map(is_number) == [Some(true); 2]
            }
            Self::Cycle(cycle) => domain.is_ordered() && is_number(&cycle.column) == Some(true),
            Self::Tie(Tie { column, value, on, on_value }) => {
                is_number(column) == Some(domain.is_ordered())
                    && value.fits(domain.is_ordered())
                    && is_number(on).is_some_and(|is_number| on_value.fits(is_number))
            }
        }
    }

    fn is_valid(&self) -> bool {
        match self {
            Self::Plain(_) => true,
            Self::Combination(combination) => combination.is_valid(),
            Self::Residual(residual) => residual.is_valid(),
            Self::Cycle(cycle) => cycle.is_valid(),
            Self::Tie(tie) => tie.is_valid(),
        }
    }
}

impl Features {
    /// Every one of so many columns as it is.
    pub fn plain(columns: usize) -> Self {
        Self { features: (0..columns).map(Feature::Plain).collect(), columns, calendars: Vec::new() }
    }

    /// These features, and all other columns as they are. Features stand where the first of their columns does, but after
    /// what they need.
    pub fn new(columns: usize, found: Vec<Feature>, calendars: Vec<(usize, Calendar)>) -> Self {
        let made = |column: &usize| found.iter().any(|feature| feature.makes().contains(column));
        let mut waiting: Vec<Feature> = (0..columns).filter(|column| !made(column)).map(Feature::Plain).collect();
        waiting.extend(found);
        waiting.sort_by_key(Feature::first_column);
        let (mut features, mut ready) = (Vec::with_capacity(waiting.len()), vec![false; columns]);
        // What a number follows is in its place before.
        let in_place = |waiting: &[Feature], column: usize| !waiting.iter().any(|other| other.is_cycle_of(column));
        let is_next = |feature: &Feature, waiting: &[Feature], ready: &[bool]| match feature {
            Feature::Residual(residual) => ready[residual.on] && in_place(waiting, residual.on),
            _ => feature.needs().is_none_or(|column| ready[column]),
        };
        while let Some(next) = waiting.iter().position(|feature| is_next(feature, &waiting, &ready)) {
            let feature = waiting.remove(next);
            feature.makes().iter().for_each(|column| ready[*column] = true);
            features.push(feature);
        }
        Self { features, columns, calendars }
    }

    /// The features, in order: one model column each.
    pub fn iter(&self) -> impl Iterator<Item = &Feature> {
        self.features.iter()
    }

    /// Whether every column is a feature by itself, in order.
    pub fn is_plain(&self) -> bool {
        self.calendars.is_empty()
            && self.features.iter().enumerate().all(|(place, feature)| *feature == Feature::Plain(place))
    }

    /// Whether they make each of so many columns once, from what was made before.
    pub fn is_valid(&self, columns: usize) -> bool {
        let mut ready = vec![false; columns];
        let makes = |feature: &Feature| {
            let needed = feature.needs().is_none_or(|column| ready.get(column) == Some(&true));
            let new = feature
                .makes()
                .iter()
                .all(|column| ready.get_mut(*column).is_some_and(|ready| !std::mem::replace(ready, true)));
            needed && new && feature.is_valid()
        };
        self.columns == columns
            && self.features.iter().all(makes)
            && ready.iter().all(|ready| *ready)
            && self.calendars.iter().all(|(column, _)| *column < columns)
            && self.calendars.is_sorted_by(|a, b| a.0 < b.0)
    }

    /// The place of the feature that a column is made from.
    pub fn feature_of(&self, column: usize) -> Option<usize> {
        self.features.iter().position(|feature| feature.makes().contains(&column))
    }

    /// How the dates of a column are written, if it is one of dates.
    pub fn calendar(&self, column: usize) -> Option<Calendar> {
        self.calendars.iter().find(|(of, _)| *of == column).map(|(_, calendar)| *calendar)
    }

    /// Whether a feature is a column as it stands in the table.
    pub fn is_as_it_is(&self, feature: &Feature) -> bool {
        matches!(feature, Feature::Plain(column) if self.calendar(*column).is_none())
    }

    /// The place of the feature that is a column as it stands in the table.
    pub fn alone(&self, column: usize) -> Option<usize> {
        if self.calendar(column).is_some() || self.features.iter().any(|feature| feature.is_cycle_of(column)) {
            return None;
        }
        self.features.iter().position(|feature| *feature == Feature::Plain(column))
    }

    /// The columns that models see, without declared domains.
    pub fn columns(&self, of: &[Column]) -> Vec<Column> {
        let column = |feature: &Feature| match feature {
            Feature::Plain(column) => of[*column].clone(),
            Feature::Combination(combination) => combination.column(of),
            Feature::Residual(residual) => Column { declared: None, ..of[residual.column].clone() },
            Feature::Cycle(cycle) => cycle.of_column(of),
            Feature::Tie(tie) => tie.of_column(of),
        };
        self.features.iter().map(column).collect()
    }
}

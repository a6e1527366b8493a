//! Features: the reversible representation of rows that models learn from (Truda, arXiv 2308.14784, section 3, taken from
//! columns to what holds between them).
//!
//! A feature is made from one or more columns and turned back into them, given the columns that were turned back before
//! it. Models see one column of values for each feature and know nothing of the table's own columns.

mod calendar;
mod combination;
mod curve;
mod cycle;
mod residual;
#[cfg(test)]
mod tests;

use rand::Rng;
use serde::{Deserialize, Serialize};

pub use self::calendar::Calendar;
pub use self::combination::{Cell, Combination, Scalar};
use self::combination::{CombinationDecoder, CombinationEncoder};
pub use self::curve::{Curve, Quantiles};
pub use self::cycle::{Cycle, Period};
pub use self::residual::{Residual, Side};
use super::codec::Encoder;
use super::{Block, BlockColumn, Column, Domain, EncodedTable, Measure};
use crate::engine::{EngineError, Result};

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
        }
    }

    /// The column that must be turned back before it.
    fn needs(&self) -> Option<usize> {
        match self {
            Self::Plain(_) | Self::Combination(_) => None,
            Self::Residual(residual) => Some(residual.on),
            Self::Cycle(cycle) => Some(cycle.column),
        }
    }

    /// The first column of the table that it says something of.
    fn first_column(&self) -> Option<usize> {
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
        }
    }

    fn is_valid(&self) -> bool {
        match self {
            Self::Plain(_) => true,
            Self::Combination(combination) => combination.is_valid(),
            Self::Residual(residual) => residual.is_valid(),
            Self::Cycle(cycle) => cycle.is_valid(),
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
        };
        self.features.iter().map(column).collect()
    }
}

/// Turns blocks of features back into blocks of rows.
pub struct FeatureDecoder {
    features: Features,
    combinations: Vec<Option<CombinationDecoder>>,
}

impl FeatureDecoder {
    pub fn new(features: &Features) -> Self {
        let ready = |feature: &Feature| match feature {
            Feature::Combination(combination) => Some(CombinationDecoder::new(combination)),
            _ => None,
        };
        Self { combinations: features.iter().map(ready).collect(), features: features.clone() }
    }

    /// The rows of a block of features.
    ///
    /// # Errors
    /// `Internal` if the block does not have these features.
    pub fn decode(&self, block: Block, rng: &mut impl Rng) -> Result<Block> {
        let Features { features, columns, .. } = &self.features;
        if block.columns.len() != features.len() {
            return Err(EngineError::Internal("a block has the wrong number of features"));
        }
        let mut made: Vec<Option<BlockColumn>> = vec![None; *columns];
        for ((feature, combination), values) in features.iter().zip(&self.combinations).zip(block.columns) {
            match (feature, combination) {
                (Feature::Plain(column), _) => made[*column] = Some(values),
                (Feature::Residual(residual), _) => {
                    let on = made[residual.on].as_ref().ok_or(MISSING)?;
                    made[residual.column] = Some(residual.decode(on, &values));
                }
                (Feature::Combination(combination), Some(decoder)) => {
                    for (column, values) in combination.columns().iter().zip(decoder.decode(&values, rng)) {
                        made[*column] = Some(values);
                    }
                }
                (Feature::Combination(_), None) => {}
                (Feature::Cycle(cycle), _) => {
                    let moments = made[cycle.column].take().ok_or(MISSING)?;
                    made[cycle.column] = Some(cycle.decode(&moments, &values));
                }
            }
        }
        let mut columns = made.into_iter().map(|column| column.ok_or(MISSING)).collect::<Result<Vec<_>>>()?;
        for (column, calendar) in &self.features.calendars {
            columns[*column] = calendar.write(&columns[*column]);
        }
        Ok(Block { rows: block.rows, columns })
    }
}

const MISSING: EngineError = EngineError::Internal("a feature needs a column that was not made");

/// Turns blocks of rows into a table of the features' codes, row by row.
pub struct FeatureEncoder {
    features: Features,
    combinations: Vec<Option<CombinationEncoder>>,
    codes: Encoder,
}

impl FeatureEncoder {
    /// With an encoder of the features' values.
    pub fn new(features: &Features, codes: Encoder) -> Self {
        let ready = |feature: &Feature| match feature {
            Feature::Combination(combination) => Some(CombinationEncoder::new(combination)),
            _ => None,
        };
        let combinations = features.iter().map(ready).collect();
        Self { features: features.clone(), combinations, codes }
    }

    /// Appends the rows of a block. The generator serves values without a code of their own.
    ///
    /// # Errors
    /// `Internal` if the block does not have the columns.
    pub fn push(&mut self, block: &Block, rng: &mut impl Rng) -> Result<()> {
        if self.features.is_plain() { self.codes.push(block, rng) } else { self.codes.push(&self.values(block)?, rng) }
    }

    /// The table of all rows pushed.
    pub fn finish(self) -> EncodedTable {
        self.codes.finish()
    }

    /// The features of a block of rows.
    fn values(&self, block: &Block) -> Result<Block> {
        if block.columns.len() != self.features.columns {
            return Err(EngineError::Internal("a block has the wrong number of columns"));
        }
        let read = (!self.features.calendars.is_empty()).then(|| calendar::read(&self.features.calendars, block));
        let block = read.as_ref().unwrap_or(block);
        let column = |(feature, combination): (&Feature, &Option<CombinationEncoder>)| match (feature, combination) {
            (Feature::Plain(column), _) => block.columns[*column].clone(),
            (Feature::Residual(residual), _) => residual.encode(&block.columns),
            (Feature::Combination(_), Some(encoder)) => encoder.encode(block),
            (Feature::Combination(_), None) => BlockColumn::numbers(),
            (Feature::Cycle(cycle), _) => cycle.encode(&block.columns[cycle.column]),
        };
        let columns = self.features.features.iter().zip(&self.combinations).map(column).collect();
        Ok(Block { rows: block.rows, columns })
    }
}

//! Rows to features, and these to codes.

use rand::Rng;

use super::combination::CombinationEncoder;
use super::tie::TieEncoder;
use super::{Cycle, Feature, Features, Residual, calendar};
use crate::engine::table::codec::Encoder;
use crate::engine::table::{Block, BlockColumn, Column, Domain, EncodedTable};
use crate::engine::{EngineError, Result};

/// Turns blocks of rows into a table of the features' codes, row by row.
pub struct FeatureEncoder {
    features: Features,
    prepared: Vec<Prepared>,
    codes: Encoder,
}

enum Prepared {
    Plain(usize),
    Combination(CombinationEncoder),
    Residual(Residual),
    Cycle(Cycle),
    Tie(usize, TieEncoder),
}

impl FeatureEncoder {
    /// For a table with these columns, and the domains of the features.
    pub fn new(features: &Features, columns: &[Column], domains: &[Domain]) -> Self {
        let prepared = |(feature, domain): (&Feature, &Domain)| match feature {
            Feature::Plain(column) => Prepared::Plain(*column),
            Feature::Combination(combination) => Prepared::Combination(CombinationEncoder::new(combination)),
            Feature::Residual(residual) => Prepared::Residual(residual.clone()),
            Feature::Cycle(cycle) => Prepared::Cycle(cycle.clone()),
            Feature::Tie(tie) => Prepared::Tie(tie.column, TieEncoder::new(tie, domain)),
        };
        let prepared = features.iter().zip(domains).map(prepared).collect();
        Self { features: features.clone(), prepared, codes: Encoder::new(&features.columns(columns), domains) }
    }

    /// Appends the rows of a block. The generator serves values without a code of their own.
    ///
    /// # Errors
    /// `Internal` if the block does not have the columns.
    pub fn push(&mut self, block: &Block, rng: &mut impl Rng) -> Result<()> {
        if self.features.is_plain() {
            self.codes.push(block, rng)
        } else {
            self.codes.push(&self.values(block, rng)?, rng)
        }
    }

    /// The table of all rows pushed.
    pub fn finish(self) -> EncodedTable {
        self.codes.finish()
    }

    /// The features of a block of rows.
    pub fn values(&self, block: &Block, rng: &mut impl Rng) -> Result<Block> {
        if block.columns.len() != self.features.columns {
            return Err(EngineError::Internal("a block has the wrong number of columns"));
        }
        let read = (!self.features.calendars.is_empty()).then(|| calendar::read(&self.features.calendars, block));
        let block = read.as_ref().unwrap_or(block);
        let column = |feature: &Prepared| -> BlockColumn {
            match feature {
                Prepared::Plain(column) => block.columns[*column].clone(),
                Prepared::Residual(residual) => residual.encode(&block.columns),
                Prepared::Combination(encoder) => encoder.encode(block),
                Prepared::Cycle(cycle) => cycle.encode(&block.columns[cycle.column]),
                Prepared::Tie(column, encoder) => encoder.encode(&block.columns[*column], rng),
            }
        };
        let columns = self.prepared.iter().map(column).collect();
        Ok(Block { rows: block.rows, columns })
    }
}

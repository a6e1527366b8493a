//! Features to rows.

use rand::Rng;

use super::combination::CombinationDecoder;
use super::{Cycle, Feature, Features, Residual, Tie};
use crate::engine::table::{Block, BlockColumn};
use crate::engine::{EngineError, Result};

/// Turns blocks of features back into blocks of rows.
pub struct FeatureDecoder {
    features: Features,
    prepared: Vec<Prepared>,
}

enum Prepared {
    Plain(usize),
    Combination(Vec<usize>, CombinationDecoder),
    Residual(Residual),
    Cycle(Cycle),
    Tie(Tie),
}

impl FeatureDecoder {
    pub fn new(features: &Features) -> Self {
        let prepared = |feature: &Feature| match feature.clone() {
            Feature::Plain(column) => Prepared::Plain(column),
            Feature::Combination(of) => Prepared::Combination(of.columns().to_vec(), CombinationDecoder::new(&of)),
            Feature::Residual(residual) => Prepared::Residual(residual),
            Feature::Cycle(cycle) => Prepared::Cycle(cycle),
            Feature::Tie(tie) => Prepared::Tie(tie),
        };
        Self { prepared: features.iter().map(prepared).collect(), features: features.clone() }
    }

    /// The rows of a block of features.
    ///
    /// # Errors
    /// `Internal` if the block does not have these features.
    pub fn decode(&self, block: Block, rng: &mut impl Rng) -> Result<Block> {
        if block.columns.len() != self.prepared.len() {
            return Err(EngineError::Internal("a block has the wrong number of features"));
        }
        let mut made: Vec<Option<BlockColumn>> = vec![None; self.features.columns];
        for (feature, values) in self.prepared.iter().zip(block.columns) {
            let ready = |column: usize| made[column].as_ref().ok_or(MISSING);
            match feature {
                Prepared::Plain(column) => made[*column] = Some(values),
                Prepared::Residual(residual) => {
                    made[residual.column] = Some(residual.decode(ready(residual.on)?, &values));
                }
                Prepared::Cycle(cycle) => made[cycle.column] = Some(cycle.decode(ready(cycle.column)?, &values)),
                Prepared::Tie(tie) => made[tie.column] = Some(tie.decode(ready(tie.on)?, &values)),
                Prepared::Combination(columns, decoder) => {
                    for (column, values) in columns.iter().zip(decoder.decode(&values, rng)) {
                        made[*column] = Some(values);
                    }
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

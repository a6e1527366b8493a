//! Values to codes.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use rand::Rng;

use super::draw::Choice;
use crate::engine::table::{Bin, Block, BlockColumn, Cells, Codes, Column, Domain, EncodedTable, Measure};
use crate::engine::{EngineError, Result};

/// Turns blocks of rows into a table of codes.
///
/// A number gets the nearest bin. A text that is not a released category gets `other`; where there is no such code,
/// the code of NULL; and where there is none either, a random code by released weight. The same holds for a missing
/// value where there is no code for NULL. Every row is encoded by itself, so that one row of the table is one row of
/// codes.
pub struct Encoder {
    columns: Vec<ColumnEncoder>,
    table: EncodedTable,
}

struct ColumnEncoder {
    lookup: Lookup,
    /// Code of NULL, of text that is no released category, and of NaN.
    null: Fallback,
    unknown: Fallback,
    by_weight: Choice,
}

enum Lookup {
    Texts(HashMap<Box<[u8]>, u32, RandomState>),
    /// Ascending; a value's code is the number of cuts not above it.
    Cuts(Vec<f64>),
}

#[derive(Clone, Copy)]
enum Fallback {
    Code(u32),
    ByWeight,
}

impl Encoder {
    /// An encoder for the columns and their domains, in the same order.
    pub fn new(columns: &[Column], domains: &[Domain]) -> Self {
        let sizes: Vec<usize> = domains.iter().map(Domain::size).collect();
        let encoders = columns.iter().zip(domains).map(|(column, domain)| ColumnEncoder::new(column, domain)).collect();
        Self { columns: encoders, table: EncodedTable::with_sizes(&sizes) }
    }

    /// Appends the rows of a block. The generator serves values without a code of their own.
    ///
    /// # Errors
    /// `Internal` if the block does not have the encoder's columns.
    pub fn push(&mut self, block: &Block, rng: &mut impl Rng) -> Result<()> {
        if block.columns.len() != self.columns.len() {
            return Err(EngineError::Internal("a block has the wrong number of columns"));
        }
        for ((encoder, column), codes) in self.columns.iter().zip(&block.columns).zip(&mut self.table.columns) {
            if column.rows() != block.rows {
                return Err(EngineError::Internal("a block's column has the wrong number of rows"));
            }
            match codes {
                Codes::U8(codes) => encoder.encode(column, rng, |code| codes.push(code as u8))?,
                Codes::U16(codes) => encoder.encode(column, rng, |code| codes.push(code as u16))?,
                Codes::U32(codes) => encoder.encode(column, rng, |code| codes.push(code))?,
            }
        }
        self.table.rows += block.rows;
        Ok(())
    }

    /// Bytes of memory held by the codes so far.
    pub fn bytes(&self) -> usize {
        self.table.bytes()
    }

    /// The table of all rows pushed.
    pub fn finish(self) -> EncodedTable {
        self.table
    }
}

impl Lookup {
    fn new(domain: &Domain) -> Self {
        match &domain.cells {
            Cells::Categories(categories) => {
                let mut codes = HashMap::with_capacity_and_hasher(categories.len(), RandomState::default());
                for (code, category) in categories.iter().enumerate() {
                    codes.entry(category.value.as_bytes().into()).or_insert(code as u32);
                }
                Self::Texts(codes)
            }
            Cells::Bins { bins, .. } => Self::Cuts(cuts(bins)),
        }
    }
}

impl ColumnEncoder {
    fn new(column: &Column, domain: &Domain) -> Self {
        let code = |code: Option<u32>| code.map(Fallback::Code);
        let null = code(domain.null_code()).or(code(domain.other_code())).unwrap_or(Fallback::ByWeight);
        let unknown = match column.measure {
            Measure::Category => code(domain.other_code()).unwrap_or(null),
            Measure::Lattice | Measure::Real | Measure::Moment { .. } => null,
        };
        Self { lookup: Lookup::new(domain), null, unknown, by_weight: Choice::new(domain.weights()) }
    }

    fn encode(&self, column: &BlockColumn, rng: &mut impl Rng, mut push: impl FnMut(u32)) -> Result<()> {
        match (&self.lookup, column) {
            (Lookup::Texts(codes), BlockColumn::Categories { bytes, ends, nulls }) => {
                let mut start = 0;
                for (end, null) in ends.iter().zip(nulls) {
                    let text = &bytes[start..*end as usize];
                    start = *end as usize;
                    push(match codes.get(text) {
                        _ if *null => self.fall_back(self.null, rng),
                        Some(code) => *code,
                        None => self.fall_back(self.unknown, rng),
                    });
                }
            }
            (Lookup::Cuts(cuts), BlockColumn::Numbers { values, nulls }) => {
                for (value, null) in values.iter().zip(nulls) {
                    push(if *null || value.is_nan() {
                        self.fall_back(self.null, rng)
                    } else {
                        cuts.partition_point(|cut| *cut <= *value) as u32
                    });
                }
            }
            _ => return Err(EngineError::Internal("a block's column is of the wrong kind")),
        }
        Ok(())
    }

    fn fall_back(&self, fallback: Fallback, rng: &mut impl Rng) -> u32 {
        match fallback {
            Fallback::Code(code) => code,
            Fallback::ByWeight => self.by_weight.draw(rng) as u32,
        }
    }
}

/// The codes that values have by themselves.
pub struct Known {
    lookup: Lookup,
    null: Option<u32>,
    other: Option<u32>,
}

impl Known {
    /// Those of a domain.
    pub fn new(domain: &Domain) -> Self {
        Self { lookup: Lookup::new(domain), null: domain.null_code(), other: domain.other_code() }
    }

    /// The code of a value, or none where an [`Encoder`] would draw one.
    pub fn code(&self, column: &BlockColumn, row: usize) -> Option<u32> {
        match &self.lookup {
            Lookup::Texts(codes) => match column.text(row) {
                Some(text) => codes.get(text).copied().or(self.other).or(self.null),
                None => self.null.or(self.other),
            },
            Lookup::Cuts(cuts) => match column.number(row) {
                Some(value) => Some(cuts.partition_point(|cut| *cut <= value) as u32),
                None => self.null,
            },
        }
    }
}

/// The bin that a number belongs to.
pub fn cell_of(bins: &[Bin], number: f64) -> usize {
    cuts(bins).partition_point(|cut| *cut <= number)
}

/// Where one bin ends and the next begins: half way across what neither owns.
fn cuts(bins: &[Bin]) -> Vec<f64> {
    let between = |(left, right): (&Bin, &Bin)| {
        let middle = left.hi() / 2.0 + right.lo() / 2.0;
        if middle > left.hi() && middle < right.lo() { middle } else { right.lo() }
    };
    bins.iter().zip(bins.iter().skip(1)).map(between).collect()
}

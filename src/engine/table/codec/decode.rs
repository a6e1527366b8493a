//! Codes to values.

use rand::Rng;

use super::draw::{Choice, unit};
use crate::engine::table::{Bin, Block, BlockColumn, Category, Cells, Domain, EncodedTable, Part};
use crate::engine::{EngineError, Result};

/// Turns codes into values. Within a bin, a part is drawn by its weight and a value evenly within the part, on the
/// column's lattice if it has one. `other` becomes a released category, by weight, unless the column may be NULL and most
/// of its rows that are not NULL are `other`: then it becomes NULL. A column without any released category has nothing to
/// offer but NULL.
pub struct Decoder {
    columns: Vec<(ColumnDecoder, usize)>,
}

enum ColumnDecoder {
    Texts { texts: Vec<Box<[u8]>>, stands_in: Option<u32>, by_weight: Choice },
    Numbers { bins: Vec<BinDecoder>, lattice: Option<ValueLattice> },
}

struct BinDecoder {
    /// Single values as they are; else with bounds in units of the lattice, if there is one.
    parts: Vec<Part>,
    by_weight: Choice,
}

/// Values are `units * step`, or `units / per_one` for steps below 1: a quotient by a power of ten is the very number
/// that its decimal form denotes.
#[derive(Clone, Copy)]
struct ValueLattice {
    step: f64,
    per_one: Option<f64>,
}

impl Decoder {
    /// A decoder for columns with these domains.
    pub fn new(domains: &[Domain]) -> Self {
        Self { columns: domains.iter().map(|domain| (ColumnDecoder::new(domain), domain.size())).collect() }
    }

    /// The values of a table of codes, drawn with the generator.
    ///
    /// # Errors
    /// `Internal` if the table does not have the decoder's columns, or a code lies outside its domain.
    pub fn decode(&self, table: &EncodedTable, rng: &mut impl Rng) -> Result<Block> {
        if table.columns.len() != self.columns.len() || table.columns.iter().any(|codes| codes.len() != table.rows) {
            return Err(EngineError::Internal("a table of codes has the wrong shape"));
        }
        let mut columns = Vec::with_capacity(self.columns.len());
        for ((decoder, size), codes) in self.columns.iter().zip(&table.columns) {
            if codes.iter().any(|code| code as usize >= *size) {
                return Err(EngineError::Internal("a code lies outside its domain"));
            }
            columns.push(decoder.decode(codes.iter(), table.rows, rng));
        }
        Ok(Block { rows: table.rows, columns })
    }
}

impl ColumnDecoder {
    fn new(domain: &Domain) -> Self {
        match &domain.cells {
            Cells::Categories(categories) => Self::Texts {
                texts: categories.iter().map(|category| category.value.as_bytes().into()).collect(),
                stands_in: domain.other_code().filter(|_| !other_is_null(domain, categories)),
                by_weight: Choice::new(categories.iter().map(|category: &Category| category.weight)),
            },
            Cells::Bins { bins, step } => {
                let lattice = (*step > 0.0).then(|| ValueLattice::new(*step));
                let bins = bins.iter().map(|bin| BinDecoder::new(bin, lattice)).collect();
                Self::Numbers { bins, lattice }
            }
        }
    }

    /// Decodes codes that lie inside the domain.
    fn decode(&self, codes: impl Iterator<Item = u32>, rows: usize, rng: &mut impl Rng) -> BlockColumn {
        match self {
            Self::Texts { texts, stands_in, by_weight } => {
                let mut column = BlockColumn::categories();
                for code in codes {
                    let text = match texts.get(code as usize) {
                        None if *stands_in == Some(code) => texts.get(by_weight.draw(rng)),
                        text => text,
                    };
                    column.push_text(text.map(|text| &**text));
                }
                column
            }
            Self::Numbers { bins, lattice } => {
                let mut values = Vec::with_capacity(rows);
                let mut nulls = Vec::with_capacity(rows);
                for code in codes {
                    let bin = bins.get(code as usize);
                    values.push(bin.map_or(f64::NAN, |bin| bin.draw(*lattice, rng)));
                    nulls.push(bin.is_none());
                }
                BlockColumn::Numbers { values, nulls }
            }
        }
    }
}

/// Whether `other` becomes NULL: the released categories would misrepresent a column that mostly holds other values.
fn other_is_null(domain: &Domain, categories: &[Category]) -> bool {
    let released: f64 = categories.iter().map(|category| category.weight).sum();
    domain.null.is_some() && domain.other.is_some_and(|other| other > released)
}

impl BinDecoder {
    fn new(bin: &Bin, lattice: Option<ValueLattice>) -> Self {
        let parts = bin.parts.iter().cloned();
        let parts = parts.map(|part| match lattice {
            Some(lattice) if part.lo < part.hi => {
                Part { lo: lattice.units(part.lo), hi: lattice.units(part.hi), ..part }
            }
            _ => part,
        });
        Self { parts: parts.collect(), by_weight: Choice::new(bin.parts.iter().map(|part| part.weight)) }
    }

    #[inline]
    fn draw(&self, lattice: Option<ValueLattice>, rng: &mut impl Rng) -> f64 {
        let part = &self.parts[self.by_weight.draw(rng)];
        let within = |rng| {
            let u = unit(rng);
            (part.lo * (1.0 - u) + part.hi * u).clamp(part.lo, part.hi)
        };
        match lattice {
            _ if part.lo == part.hi => part.lo,
            None => within(rng),
            Some(lattice) => {
                let values = part.hi - part.lo + 1.0;
                // Beyond 2^53 a number has no fraction, and every draw lies on the lattice by itself.
                let units = if values < MAX_EXACT && part.lo.abs() < MAX_EXACT {
                    part.lo + (unit(rng) * values).floor().min(values - 1.0)
                } else {
                    within(rng).round()
                };
                lattice.value(units)
            }
        }
    }
}

/// Whole numbers up to here are exact.
const MAX_EXACT: f64 = (1u64 << 53) as f64;

impl ValueLattice {
    fn new(step: f64) -> Self {
        let per_one = (1.0 / step).round();
        Self { step, per_one: (step < 1.0 && per_one.is_finite()).then_some(per_one) }
    }

    fn units(self, value: f64) -> f64 {
        self.per_one.map_or(value / self.step, |per_one| value * per_one).round()
    }

    fn value(self, units: f64) -> f64 {
        self.per_one.map_or(units * self.step, |per_one| units / per_one)
    }
}

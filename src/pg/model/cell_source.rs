//! Where the values of a column of synthetic rows come from: the model, newly generated keys, or other columns.

use pgrx::pg_sys::Datum;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::engine::table::{Block, BlockColumn};
use crate::pg::errors::{self, Result};
use crate::pg::model::metadata::{ColumnFacts, Place};
use crate::pg::server::types;
use crate::pg::values::cell::CellValue;
use crate::pg::values::chars;
use crate::pg::values::key::Key;

/// A row that the model generated.
#[derive(Clone, Copy)]
pub struct ModelRow<'a> {
    pub block: &'a Block,
    /// Its position in the block.
    pub index: usize,
    /// Its number among all returned rows, from 1.
    pub number: u64,
    /// The values of the computed columns in the base types of the source's columns. They are freed with the row.
    pub computed: &'a [Option<Datum>],
}

/// Where a column of the result comes from.
pub enum CellSource {
    /// A position among the modelled columns, and the replacement for NULL if the column is NOT NULL.
    Modelled {
        place: usize,
        for_null: Option<&'static [u8]>,
    },
    Generated(Box<KeyGenerator>),
    /// A position among the computed columns.
    Computed(usize),
    /// A column that is not in the model.
    LeftOut,
}

/// Generates the values of one key.
pub struct KeyGenerator {
    key: Key,
    name: String,
    longest: usize,
    random: ChaCha8Rng,
}

impl CellSource {
    /// The source of a column. The keys of a column depend only on the seed and its ordinal, not on which other columns
    /// are requested.
    pub fn of(column: &ColumnFacts, place: Place, longest: usize, rows: u64, seed: u64) -> Result<Self> {
        match place {
            Place::Key(key) => {
                if key == Key::Number && rows > column.kind.most_rows() {
                    return Err(errors::key_out_of_range(&column.name));
                }
                let mut random = ChaCha8Rng::seed_from_u64(seed);
                // The model's blocks use the streams from 0 upwards.
                random.set_stream(u64::MAX - column.ordinal.unsigned_abs() as u64);
                Ok(Self::Generated(Box::new(KeyGenerator { key, name: column.name.clone(), longest, random })))
            }
            Place::Computed(place) => Ok(Self::Computed(place)),
            Place::Modelled(place) => {
                Ok(Self::Modelled { place, for_null: column.not_null.then(|| column.kind.plainest_text()) })
            }
        }
    }

    /// The value in a row.
    pub fn cell<'a>(&mut self, row: &ModelRow<'a>) -> Result<CellValue<'a>> {
        let ModelRow { block, index, number, computed } = *row;
        Ok(match self {
            Self::LeftOut => CellValue::Null,
            Self::Computed(place) => computed[*place].map_or(CellValue::Null, CellValue::Sql),
            Self::Generated(generator) => generator.next(number)?,
            Self::Modelled { place, for_null } => match &block.columns[*place] {
                column @ BlockColumn::Categories { .. } => {
                    column.text(index).or(*for_null).map_or(CellValue::Null, CellValue::Text)
                }
                column @ BlockColumn::Numbers { .. } => column.number(index).map_or(CellValue::Null, CellValue::Number),
            },
        })
    }
}

impl KeyGenerator {
    fn next(&mut self, number: u64) -> Result<CellValue<'static>> {
        Ok(match self.key {
            Key::Number => CellValue::Key(number as i64),
            Key::Uuid => {
                let mut bytes = [0; 16];
                self.random.fill_bytes(&mut bytes);
                // Version 4, variant 1 (RFC 9562).
                bytes[6] = bytes[6] & 0x0f | 0x40;
                bytes[8] = bytes[8] & 0x3f | 0x80;
                CellValue::Uuid(bytes)
            }
            Key::Text => {
                let long = format!("{}-{number}", self.name);
                if long.chars().count() <= self.longest {
                    CellValue::Once(long)
                } else {
                    let short = number.to_string();
                    if short.len() > self.longest {
                        return Err(errors::key_out_of_range(&self.name));
                    }
                    CellValue::Once(short)
                }
            }
        })
    }
}

/// The maximum length of a text column in characters, if its type still exists.
pub fn longest(column: &ColumnFacts) -> usize {
    let found = if column.key == Some(Key::Text) { types::resolve_type(&column.type_name) } else { None };
    found.map_or(usize::MAX, |(type_oid, typmod)| chars::longest(type_oid, typmod))
}

//! Columns of which one, the key, determines the others: one feature whose values are the combinations that were released.
//! No other combination comes out.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::engine::table::codec::Choice;
use crate::engine::table::{Block, BlockColumn, Column, Measure};

/// A value of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Scalar {
    Null,
    Text(String),
    Number(f64),
}

/// The released combinations of some columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Combination {
    /// The columns, the key first, and whether each holds numbers.
    columns: Vec<usize>,
    are_numbers: Vec<bool>,
    /// The place among them of the column that is known of rows whose combination was not released.
    parent: Option<usize>,
    /// A value of each column, and the released weight.
    combinations: Vec<(Vec<Scalar>, f64)>,
    /// Values of the parent whose rows may have a combination that was not released.
    rests: Vec<Scalar>,
}

impl Combination {
    /// Combinations with a value of each of the columns.
    pub fn new(
        columns: Vec<usize>,
        are_numbers: Vec<bool>,
        parent: Option<usize>,
        mut combinations: Vec<(Vec<Scalar>, f64)>,
        mut rests: Vec<Scalar>,
    ) -> Self {
        if let Some(parent) = parent {
            // What cannot be made of any combination is none of its rests.
            rests.retain(|rest| combinations.iter().any(|(values, _)| values[parent] == *rest));
            // Neighbours share their parent, and so do groups of neighbours.
            let place = |value: &Scalar| rests.iter().position(|rest| rest == value).unwrap_or(usize::MAX);
            combinations.sort_by_key(|(values, _)| place(&values[parent]));
        } else {
            rests.clear();
        }
        Self { columns, are_numbers, parent, combinations, rests }
    }

    /// The columns, the key first.
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// Whether each column holds numbers.
    pub fn are_numbers(&self) -> impl Iterator<Item = bool> {
        self.are_numbers.iter().copied()
    }

    /// The name of each combination and of each rest, in the order of the feature's codes.
    pub fn names(&self) -> impl Iterator<Item = String> {
        (0..self.combinations.len() + self.rests.len()).map(|place| place.to_string())
    }

    /// Released weights of the combinations.
    pub fn weights(&self) -> impl Iterator<Item = f64> {
        self.combinations.iter().map(|(_, weight)| *weight)
    }

    /// For each rest, its value and the weight of its released combinations.
    pub fn rests(&self) -> impl Iterator<Item = (&Scalar, f64)> {
        self.rests.iter().map(|rest| {
            let of_rest = self.combinations.iter().filter(|(values, _)| self.parent_of(values) == Some(rest));
            (rest, of_rest.map(|(_, weight)| *weight).sum())
        })
    }

    fn parent_of<'a>(&self, values: &'a [Scalar]) -> Option<&'a Scalar> {
        self.parent.and_then(|parent| values.get(parent))
    }

    /// Whether it can be decoded with.
    pub fn is_valid(&self) -> bool {
        let width = self.columns.len();
        let weight = |weight: f64| weight.is_finite() && weight >= 0.0;
        let parent_is_known = self.parent.map_or(self.rests.is_empty(), |parent| parent < width);
        let fits = |(value, is_number): (&Scalar, &bool)| match value {
            Scalar::Null => true,
            Scalar::Text(_) => !is_number,
            Scalar::Number(number) => *is_number && number.is_finite(),
        };
        width > 0
            && self.are_numbers.len() == width
            && !self.combinations.is_empty()
            && parent_is_known
            && self.combinations.iter().all(|(values, share)| values.len() == width && weight(*share))
            && self.combinations.iter().all(|(values, _)| values.iter().zip(&self.are_numbers).all(fits))
    }

    /// The column that models see.
    pub fn column(&self, of: &[Column]) -> Column {
        let names: Vec<&str> = self.columns.iter().map(|column| of[*column].name.as_str()).collect();
        Column { name: names.join(", "), measure: Measure::Category, nullable: false, declared: None }
    }

    /// The columns of some combinations. A row of a rest gets a combination of its parent, by weight; a row without a
    /// combination gets NULL everywhere.
    pub fn decode(&self, names: &BlockColumn, rng: &mut impl Rng) -> Vec<BlockColumn> {
        let of_rest: Vec<(Vec<usize>, Choice)> = self
            .rests
            .iter()
            .map(|rest| {
                let all = 0..self.combinations.len();
                let of: Vec<usize> =
                    all.filter(|place| self.parent_of(&self.combinations[*place].0) == Some(rest)).collect();
                let choice = Choice::new(of.iter().map(|place| self.combinations[*place].1));
                (of, choice)
            })
            .collect();
        let empty = |is_number: &bool| if *is_number { BlockColumn::numbers() } else { BlockColumn::categories() };
        let mut columns: Vec<BlockColumn> = self.are_numbers.iter().map(empty).collect();
        for row in 0..names.rows() {
            let name = names.text(row).and_then(|name| std::str::from_utf8(name).ok()?.parse::<usize>().ok());
            let place = match name {
                Some(place) if place >= self.combinations.len() => {
                    of_rest.get(place - self.combinations.len()).and_then(|(of, choice)| of.get(choice.draw(rng)).copied())
                }
                place => place,
            };
            let values = place.and_then(|place| self.combinations.get(place)).map(|(values, _)| values.as_slice());
            for (place, column) in columns.iter_mut().enumerate() {
                match values.map(|values| &values[place]) {
                    Some(Scalar::Text(text)) => column.push_text(Some(text.as_bytes())),
                    Some(Scalar::Number(number)) => column.push_number(Some(*number)),
                    Some(Scalar::Null) | None => push_null(column),
                }
            }
        }
        columns
    }
}

fn push_null(column: &mut BlockColumn) {
    match column {
        BlockColumn::Numbers { .. } => column.push_number(None),
        BlockColumn::Categories { .. } => column.push_text(None),
    }
}

/// Finds the combination of each row.
pub struct CombinationEncoder {
    columns: Vec<usize>,
    parent: Option<usize>,
    combinations: HashMap<Box<[u8]>, Box<str>, RandomState>,
    rests: HashMap<Box<[u8]>, Box<str>, RandomState>,
}

impl CombinationEncoder {
    /// For the combinations of a feature.
    pub fn new(combination: &Combination) -> Self {
        let mut names = combination.names().map(String::into_boxed_str);
        let bytes = |values: &[Scalar]| {
            let mut bytes = Vec::new();
            values.iter().for_each(|value| push(&mut bytes, value.borrowed()));
            bytes.into_boxed_slice()
        };
        let combinations: Vec<_> =
            combination.combinations.iter().map(|(values, _)| bytes(values)).zip(names.by_ref()).collect();
        let rests = combination.rests.iter().map(|rest| bytes(std::slice::from_ref(rest))).zip(names);
        Self {
            columns: combination.columns.clone(),
            parent: combination.parent.map(|parent| combination.columns[parent]),
            combinations: combinations.into_iter().collect(),
            rests: rests.collect(),
        }
    }

    /// The names of the combinations of a block's rows, or else of their rests; NULL where neither was released.
    pub fn encode(&self, block: &Block) -> BlockColumn {
        let mut names = BlockColumn::categories();
        let mut bytes = Vec::new();
        for row in 0..block.rows {
            bytes.clear();
            key(&self.columns, block, row, &mut bytes);
            let mut name = self.combinations.get(bytes.as_slice());
            if let (None, Some(parent)) = (name, self.parent) {
                bytes.clear();
                key(&[parent], block, row, &mut bytes);
                name = self.rests.get(bytes.as_slice());
            }
            names.push_text(Some(name.map_or(UNKNOWN, |name| name.as_bytes())));
        }
        names
    }
}

/// The name of what has none.
const UNKNOWN: &[u8] = b"";

/// A value without owning it.
enum Borrowed<'a> {
    Null,
    Text(&'a [u8]),
    Number(f64),
}

impl Scalar {
    fn borrowed(&self) -> Borrowed<'_> {
        match self {
            Self::Null => Borrowed::Null,
            Self::Text(text) => Borrowed::Text(text.as_bytes()),
            Self::Number(number) => Borrowed::Number(*number),
        }
    }
}

/// Appends the values of some columns of a row, so that equal bytes are equal values.
fn key(columns: &[usize], block: &Block, row: usize, bytes: &mut Vec<u8>) {
    for column in columns {
        let column = &block.columns[*column];
        let text = || column.text(row).map(Borrowed::Text);
        push(bytes, column.number(row).map(Borrowed::Number).or_else(text).unwrap_or(Borrowed::Null));
    }
}

fn push(bytes: &mut Vec<u8>, value: Borrowed) {
    match value {
        Borrowed::Null => bytes.push(0),
        Borrowed::Text(text) => {
            bytes.push(1);
            bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
            bytes.extend_from_slice(text);
        }
        Borrowed::Number(number) => {
            bytes.push(2);
            // Zero has two signs.
            bytes.extend_from_slice(&(number + 0.0).to_bits().to_le_bytes());
        }
    }
}

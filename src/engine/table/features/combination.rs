//! Columns of which one, the key, determines the others: one feature whose values are the combinations that were released.
//! No other combination comes out.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::scalar::Scalar;
use crate::engine::table::codec::Choice;
use crate::engine::table::{Block as RowBlock, BlockColumn, Column, Measure};

/// One code of a combination.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Cell {
    /// A value of each column, and the released weight.
    Values(Vec<Scalar>, f64),
    /// Rows of which the parent's value alone is known.
    Rest(Scalar),
}

/// The released combinations of some columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Combination {
    /// The columns, the key first, and whether each holds numbers.
    columns: Vec<usize>,
    are_numbers: Vec<bool>,
    /// The place among them of the column that is known of rows whose combination was not released.
    parent: Option<usize>,
    /// In the order of the codes: neighbours go together, by their parent or by a number.
    cells: Vec<Cell>,
}

impl Combination {
    /// Combinations with a value of each of the columns, and their weights.
    pub fn new(
        columns: Vec<usize>,
        are_numbers: Vec<bool>,
        parent: Option<usize>,
        combinations: Vec<(Vec<Scalar>, f64)>,
    ) -> Self {
        let number = are_numbers.iter().position(|is_number| *is_number);
        let mut blocks = blocks(combinations, parent);
        let within = |values: &(Vec<Scalar>, f64)| number.map_or(0.0, |place| values.0[place].number());
        let of_block = |block: &Block| match &block.parent {
            Some(parent @ Scalar::Number(_)) => parent.number(),
            _ => -block.combinations.iter().map(|(_, weight)| weight).sum::<f64>(),
        };
        blocks.sort_by(|a, b| of_block(a).total_cmp(&of_block(b)));
        let mut cells = Vec::new();
        for Block { parent, mut combinations } in blocks {
            combinations.sort_by(|a, b| within(a).total_cmp(&within(b)));
            cells.extend(combinations.into_iter().map(|(values, weight)| Cell::Values(values, weight)));
            cells.extend(parent.map(Cell::Rest));
        }
        Self { columns, are_numbers, parent, cells }
    }

    /// The columns, the key first.
    pub fn columns(&self) -> &[usize] {
        &self.columns
    }

    /// Whether each column holds numbers.
    pub fn are_numbers(&self) -> impl Iterator<Item = bool> {
        self.are_numbers.iter().copied()
    }

    /// In the order of the codes.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// The released weight of all combinations with this value of the parent.
    pub fn weight_of(&self, parent: &Scalar) -> f64 {
        let weight = |cell: &Cell| match cell {
            Cell::Values(values, weight) if self.parent.is_some_and(|of| values.get(of) == Some(parent)) => *weight,
            Cell::Values(..) | Cell::Rest(_) => 0.0,
        };
        self.cells.iter().map(weight).sum()
    }

    /// Whether it can be decoded with.
    pub fn is_valid(&self) -> bool {
        let cell = |cell: &Cell| match cell {
            Cell::Rest(_) => self.parent.is_some(),
            Cell::Values(values, weight) => {
                values.len() == self.columns.len()
                    && weight.is_finite()
                    && *weight >= 0.0
                    && values.iter().zip(&self.are_numbers).all(|(value, is_number)| value.fits(*is_number))
            }
        };
        !self.columns.is_empty()
            && self.are_numbers.len() == self.columns.len()
            && self.parent.is_none_or(|parent| parent < self.columns.len())
            && self.cells.iter().any(|cell| matches!(cell, Cell::Values(..)))
            && self.cells.iter().all(cell)
    }

    /// The column that models see.
    pub fn column(&self, of: &[Column]) -> Column {
        let names: Vec<&str> = self.columns.iter().map(|column| of[*column].name.as_str()).collect();
        Column { name: names.join(", "), measure: Measure::Lattice, nullable: false, declared: None }
    }
}

/// Makes the columns of cells.
pub struct CombinationDecoder {
    are_numbers: Vec<bool>,
    cells: Vec<CellDecoder>,
    any: Choices,
}

enum CellDecoder {
    Values(Vec<Scalar>),
    Rest(Choices),
}

impl CombinationDecoder {
    /// For the cells of a feature.
    pub fn new(combination: &Combination) -> Self {
        let (mut of_parents, mut all) = (HashMap::<Box<[u8]>, Vec<(usize, f64)>, RandomState>::default(), Vec::new());
        for (place, cell) in combination.cells.iter().enumerate() {
            let Cell::Values(values, weight) = cell else { continue };
            all.push((place, *weight));
            if let Some(parent) = combination.parent {
                of_parents.entry(bytes(&values[parent..=parent])).or_default().push((place, *weight));
            }
        }
        let cell = |cell: &Cell| match cell {
            Cell::Values(values, _) => CellDecoder::Values(values.clone()),
            Cell::Rest(parent) => {
                let of_parent = of_parents.get(&bytes(std::slice::from_ref(parent)));
                CellDecoder::Rest(Choices::new(of_parent.unwrap_or(&all)))
            }
        };
        let cells = combination.cells.iter().map(cell).collect();
        Self { are_numbers: combination.are_numbers.clone(), cells, any: Choices::new(&all) }
    }

    /// The columns of some cells, by number. A row of a rest gets a combination of its parent, by weight, and a row
    /// without a cell any combination.
    pub fn decode(&self, places: &BlockColumn, rng: &mut impl Rng) -> Vec<BlockColumn> {
        let empty = |is_number: &bool| if *is_number { BlockColumn::numbers() } else { BlockColumn::categories() };
        let mut columns: Vec<BlockColumn> = self.are_numbers.iter().map(empty).collect();
        for row in 0..places.rows() {
            let cell = places.number(row).and_then(|place| self.cells.get(place as usize));
            let drawn = match cell {
                Some(CellDecoder::Values(_)) => None,
                Some(CellDecoder::Rest(choices)) => choices.draw(rng),
                None => self.any.draw(rng),
            };
            let values = match drawn.and_then(|place| self.cells.get(place)).or(cell) {
                Some(CellDecoder::Values(values)) => values.as_slice(),
                Some(CellDecoder::Rest(_)) | None => &[],
            };
            for (place, column) in columns.iter_mut().enumerate() {
                values.get(place).unwrap_or(&Scalar::Null).push(column);
            }
        }
        columns
    }
}

/// Combinations with one value of the parent, if there is one.
struct Block {
    parent: Option<Scalar>,
    combinations: Vec<(Vec<Scalar>, f64)>,
}

fn blocks(combinations: Vec<(Vec<Scalar>, f64)>, parent: Option<usize>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for combination in combinations {
        let value = parent.map(|parent| combination.0[parent].clone());
        match blocks.iter_mut().find(|block| block.parent == value) {
            Some(block) => block.combinations.push(combination),
            None => blocks.push(Block { parent: value, combinations: vec![combination] }),
        }
    }
    blocks
}

/// Some cells, one of which is drawn by weight.
struct Choices(Vec<usize>, Choice);

impl Choices {
    fn new(cells: &[(usize, f64)]) -> Self {
        let (places, weights): (Vec<usize>, Vec<f64>) = cells.iter().copied().unzip();
        Self(places, Choice::new(weights))
    }

    fn draw(&self, rng: &mut impl Rng) -> Option<usize> {
        self.0.get(self.1.draw(rng)).copied()
    }
}

/// Finds the cell of each row.
pub struct CombinationEncoder {
    columns: Vec<usize>,
    parent: Option<usize>,
    values: HashMap<Box<[u8]>, f64, RandomState>,
    rests: HashMap<Box<[u8]>, f64, RandomState>,
}

impl CombinationEncoder {
    /// For the cells of a feature.
    pub fn new(combination: &Combination) -> Self {
        let (mut values, mut rests) = (HashMap::default(), HashMap::default());
        for (place, cell) in combination.cells.iter().enumerate() {
            match cell {
                Cell::Values(of, _) => values.insert(bytes(of), place as f64),
                Cell::Rest(of) => rests.insert(bytes(std::slice::from_ref(of)), place as f64),
            };
        }
        let parent = combination.parent.map(|parent| combination.columns[parent]);
        Self { columns: combination.columns.clone(), parent, values, rests }
    }

    /// The cells of a block's rows, by number: of their combination, or else of their rest; NULL where neither was
    /// released.
    pub fn encode(&self, block: &RowBlock) -> BlockColumn {
        let mut places = BlockColumn::numbers();
        let mut bytes = Vec::new();
        for row in 0..block.rows {
            bytes.clear();
            key(&self.columns, block, row, &mut bytes);
            let mut place = self.values.get(bytes.as_slice());
            if let (None, Some(parent)) = (place, self.parent) {
                bytes.clear();
                key(&[parent], block, row, &mut bytes);
                place = self.rests.get(bytes.as_slice());
            }
            places.push_number(place.copied());
        }
        places
    }
}

fn bytes(values: &[Scalar]) -> Box<[u8]> {
    let mut bytes = Vec::new();
    values.iter().for_each(|value| push(&mut bytes, value.borrowed()));
    bytes.into_boxed_slice()
}

/// A value without owning it.
enum Borrowed<'a> {
    Null,
    Text(&'a [u8]),
    Number(f64),
}

impl Scalar {
    /// The number, or what stands before all others.
    fn number(&self) -> f64 {
        match self {
            Self::Number(number) => *number,
            Self::Null | Self::Text(_) => f64::NEG_INFINITY,
        }
    }

    fn borrowed(&self) -> Borrowed<'_> {
        match self {
            Self::Null => Borrowed::Null,
            Self::Text(text) => Borrowed::Text(text.as_bytes()),
            Self::Number(number) => Borrowed::Number(*number),
        }
    }
}

/// Appends the values of some columns of a row, so that equal bytes are equal values.
fn key(columns: &[usize], block: &RowBlock, row: usize, bytes: &mut Vec<u8>) {
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

//! A value that stands exactly where another column has a certain value: "no internet service" of a television service
//! where there is no internet, a date of delivery that is missing where nothing was delivered.

use rand::Rng;
use serde::{Deserialize, Serialize};

use super::scalar::Scalar;
use crate::engine::table::codec::Choice;
use crate::engine::table::{Bin, BlockColumn, Cells, Column, Domain};

/// A column without the value that another one determines. What it says of a row that has the value is never seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tie {
    pub column: usize,
    pub value: Scalar,
    /// The column, and its value, that decide.
    pub on: usize,
    pub on_value: Scalar,
}

impl Tie {
    /// Whether it can be decoded with.
    pub fn is_valid(&self) -> bool {
        let is_finite = |value: &Scalar| !matches!(value, Scalar::Number(number) if !number.is_finite());
        self.column != self.on && is_finite(&self.value) && is_finite(&self.on_value)
    }

    /// The column that models see.
    pub fn of_column(&self, of: &[Column]) -> Column {
        let column = &of[self.column];
        Column { nullable: column.nullable && self.value != Scalar::Null, declared: None, ..column.clone() }
    }

    /// The domain of the column that models see, if anything is left in it.
    pub fn domain(&self, of: &Domain) -> Option<Domain> {
        let mut domain = of.clone();
        match (&mut domain.cells, &self.value) {
            (_, Scalar::Null) => domain.null = None,
            (Cells::Categories(categories), Scalar::Text(text)) => categories.retain(|known| known.value != *text),
            (Cells::Bins { bins, .. }, value) => bins.retain(|bin| point(bin).as_ref() != Some(value)),
            (Cells::Categories(_), Scalar::Number(_)) => {}
        }
        (domain.cell_count() > 0 && !domain.released_nothing()).then_some(domain)
    }

    /// The values, or what is decided by the other column.
    pub fn decode(&self, on: &BlockColumn, values: &BlockColumn) -> BlockColumn {
        let mut decoded = values.clone();
        decoded.clear();
        for row in 0..values.rows() {
            if self.on_value.is(on, row) { self.value.push(&mut decoded) } else { copy(values, row, &mut decoded) }
        }
        decoded
    }
}

/// The only value of a bin.
pub fn point(bin: &Bin) -> Option<Scalar> {
    match &bin.parts[..] {
        [part] if part.lo == part.hi => Some(Scalar::Number(part.lo)),
        _ => None,
    }
}

fn copy(from: &BlockColumn, row: usize, to: &mut BlockColumn) {
    match from {
        BlockColumn::Categories { .. } => to.push_text(from.text(row)),
        BlockColumn::Numbers { .. } => to.push_number(from.number(row)),
    }
}

/// Takes the value out of a column. In its place there are others, by released weight, so that there is nothing to learn.
pub struct TieEncoder {
    tie: Tie,
    others: Vec<Scalar>,
    by_weight: Choice,
}

impl TieEncoder {
    /// With the domain of the column that models see.
    pub fn new(tie: &Tie, domain: &Domain) -> Self {
        let others = match &domain.cells {
            Cells::Categories(categories) => {
                categories.iter().map(|category| Scalar::Text(category.value.clone())).collect()
            }
            Cells::Bins { bins, .. } => bins.iter().map(|bin| Scalar::Number(bin.lo())).collect(),
        };
        let weights = domain.weights();
        let by_weight = Choice::new(weights[..domain.cell_count()].iter().copied());
        Self { tie: tie.clone(), others, by_weight }
    }

    /// The column that models see.
    pub fn encode(&self, column: &BlockColumn, rng: &mut impl Rng) -> BlockColumn {
        let mut encoded = column.clone();
        encoded.clear();
        for row in 0..column.rows() {
            if self.tie.value.is(column, row) {
                let other = self.others.get(self.by_weight.draw(rng)).unwrap_or(&Scalar::Null);
                other.push(&mut encoded);
            } else {
                copy(column, row, &mut encoded);
            }
        }
        encoded
    }
}

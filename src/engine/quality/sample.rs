//! A bounded sample of a table's rows.

use rand::{Rng, RngExt};

use crate::engine::table::Block;

/// Maximum number of rows.
const MAX_ROWS: usize = 100_000;

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Number(f64),
    Text(Box<[u8]>),
}

/// Values by column. Every row of the table is in the sample with the same probability. When there are too many, each
/// is kept with probability one half, and further rows enter half as often.
pub struct Sample {
    pub columns: Vec<Vec<Value>>,
    rate: f64,
}

impl Sample {
    /// For a table with this many columns, at least one.
    pub fn new(columns: usize) -> Self {
        Self { columns: vec![Vec::new(); columns], rate: 1.0 }
    }

    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }

    /// Adds rows of the table.
    pub fn add(&mut self, block: &Block, rng: &mut impl Rng) {
        for row in 0..block.rows {
            if self.rate < 1.0 && !rng.random_bool(self.rate) {
                continue;
            }
            for (values, column) in self.columns.iter_mut().zip(&block.columns) {
                let text = || column.text(row).map(|text| Value::Text(text.into()));
                values.push(column.number(row).map(Value::Number).or_else(text).unwrap_or(Value::Null));
            }
            if self.rows() > MAX_ROWS {
                self.halve(rng);
            }
        }
    }

    fn halve(&mut self, rng: &mut impl Rng) {
        let kept: Vec<bool> = (0..self.rows()).map(|_| rng.random()).collect();
        for values in &mut self.columns {
            let mut kept = kept.iter();
            values.retain(|_| kept.next().is_some_and(|kept| *kept));
        }
        self.rate /= 2.0;
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::engine::table::BlockColumn;

    #[test]
    fn rows_of_long_tables_are_in_with_one_probability() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut sample = Sample::new(1);
        let mut column = BlockColumn::numbers();
        for i in 0..700_000 {
            column.push_number(Some(f64::from(i)));
        }
        sample.add(&Block { rows: 700_000, columns: vec![column] }, &mut rng);
        let rows = sample.rows() as f64;
        assert!(rows <= 1e5 && rows > 4e4 && sample.rate == 0.125, "{rows}");
        let early = sample.columns[0].iter().filter(|value| matches!(value, Value::Number(x) if *x < 350e3)).count();
        // Standard deviation 209. Six of them give a false alarm of 2e-9.
        assert!((early as f64 - rows / 2.0).abs() < 6.0 * 209.0, "{early} of {rows}");
    }
}

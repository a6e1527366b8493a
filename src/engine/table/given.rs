//! Values that rows are given, as codes see them.

use rand::{Rng, RngExt};

use super::codec::cell_of;
use super::{BlockColumn, Cells, Domain, EncodedTable};

/// A value of a column, in the column's measure.
#[derive(Debug, Clone, PartialEq)]
pub enum Wanted {
    Null,
    Text(String),
    Number(f64),
}

impl Wanted {
    /// How likely the value is under each code of a domain, as codes are decoded: a number belongs to its cell and to no
    /// other. `None` if no code becomes the value.
    pub fn likelihoods(&self, domain: &Domain) -> Option<Vec<f64>> {
        let mut likelihoods = vec![0.0; domain.size()];
        // Other values are shown as NULL where there are NULLs, or else as a released category.
        let other = domain.other_code().map(|code| code as usize);
        match (self, &domain.cells) {
            (Self::Null, _) => {
                likelihoods[domain.null_code()? as usize] = 1.0;
                if let Some(other) = other {
                    likelihoods[other] = 1.0;
                }
            }
            (Self::Text(text), Cells::Categories(categories)) => {
                let code = categories.iter().position(|category| category.value == *text)?;
                likelihoods[code] = 1.0;
                if let (Some(other), None) = (other, domain.null) {
                    let total: f64 = categories.iter().map(|category| category.weight).sum();
                    let even = 1.0 / categories.len() as f64;
                    likelihoods[other] = if total > 0.0 { categories[code].weight / total } else { even };
                }
            }
            (Self::Number(number), Cells::Bins { bins, .. }) => {
                let (first, last) = (bins.first()?, bins.last()?);
                if !(first.lo()..=last.hi()).contains(number) {
                    return None;
                }
                likelihoods[cell_of(bins, *number)] = 1.0;
            }
            _ => return None,
        }
        Some(likelihoods)
    }

    /// The numbers of rows whose value is this one: for a number, those of its cell.
    pub fn rows(&self, domain: &Domain, column: &BlockColumn) -> Vec<u32> {
        let fits = |row: usize| match (self, &domain.cells) {
            (Self::Null, _) => column.number(row).is_none() && column.text(row).is_none(),
            (Self::Text(text), _) => column.text(row) == Some(text.as_bytes()),
            (Self::Number(number), Cells::Bins { bins, .. }) => {
                column.number(row).is_some_and(|value| cell_of(bins, value) == cell_of(bins, *number))
            }
            (Self::Number(_), Cells::Categories(_)) => false,
        };
        (0..column.rows()).filter(|row| fits(*row)).map(|row| row as u32).collect()
    }

    /// A column of nothing else.
    pub fn column(&self, domain: &Domain, rows: usize) -> BlockColumn {
        let numbers = domain.is_ordered();
        let mut column = if numbers { BlockColumn::numbers() } else { BlockColumn::categories() };
        for _ in 0..rows {
            match self {
                Self::Text(text) => column.push_text(Some(text.as_bytes())),
                Self::Number(number) => column.push_number(Some(*number)),
                Self::Null if numbers => column.push_number(None),
                Self::Null => column.push_text(None),
            }
        }
        column
    }
}

/// The numbers of rows that go with what is given: each with a probability in proportion to how likely that is under
/// its codes. `likelihoods` holds, for each column of which something is given, one entry a code.
pub fn fitting(table: &EncodedTable, likelihoods: &[Option<Vec<f64>>], rng: &mut impl Rng) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..table.rows).collect();
    for (codes, likelihoods) in table.columns.iter().zip(likelihoods) {
        let Some(likelihoods) = likelihoods else { continue };
        let most = likelihoods.iter().copied().fold(0.0, f64::max);
        rows.retain(|row| {
            let likelihood = likelihoods.get(codes.get(*row) as usize).copied().unwrap_or(0.0);
            likelihood > 0.0 && (likelihood >= most || rng.random::<f64>() * most < likelihood)
        });
    }
    rows
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::engine::table::{Bin, Category, Codes, Part};

    #[test]
    fn rows_fit_as_often_as_their_codes_say() {
        let column = |modulus: u32| Codes::U8((0..30_000u32).map(|i| (i % modulus) as u8).collect());
        let table = EncodedTable { rows: 30_000, columns: vec![column(3), column(2)] };
        let likelihoods = [Some(vec![0.1, 0.0, 0.2]), None];
        let rows = fitting(&table, &likelihoods, &mut ChaCha8Rng::seed_from_u64(1));
        let count = |code| rows.iter().filter(|row| **row % 3 == code).count();
        assert_eq!((count(1), count(2)), (0, 10_000));
        // Standard deviation 50; six of them leave a false alarm of 2e-9.
        assert!(count(0).abs_diff(5_000) < 300);
    }

    fn text(value: &str) -> Wanted {
        Wanted::Text(value.to_owned())
    }

    #[test]
    fn texts_also_come_from_the_code_of_others() {
        let category = |value: &str, weight| Category { value: value.to_owned(), weight };
        let cells = Cells::Categories(vec![category("a", 0.6), category("b", 0.2)]);
        let domain = |null| Domain { cells: cells.clone(), other: Some(0.2), null };
        assert_eq!(text("b").likelihoods(&domain(None)), Some(vec![0.0, 1.0, 0.25]));
        assert_eq!(text("b").likelihoods(&domain(Some(0.1))), Some(vec![0.0, 1.0, 0.0, 0.0]));
        assert_eq!(Wanted::Null.likelihoods(&domain(Some(0.1))), Some(vec![0.0, 0.0, 1.0, 1.0]));
        assert_eq!(Wanted::Null.likelihoods(&domain(None)), None);
        assert_eq!(text("c").likelihoods(&domain(None)), None);
        assert_eq!(Wanted::Number(1.0).likelihoods(&domain(None)), None);
    }

    #[test]
    fn numbers_belong_to_the_nearest_cell_within_the_range() {
        let bin = |lo, hi| Bin { parts: vec![Part { lo, hi, weight: 1.0 }] };
        let cells = Cells::Bins { bins: vec![bin(0.0, 0.0), bin(2.0, 5.0)], step: 1.0 };
        let domain = Domain { cells, other: None, null: Some(0.0) };
        let cell = |number| Wanted::Number(number).likelihoods(&domain);
        assert_eq!(cell(0.0), Some(vec![1.0, 0.0, 0.0]));
        assert_eq!(cell(0.5), Some(vec![1.0, 0.0, 0.0]));
        assert_eq!(cell(5.0), Some(vec![0.0, 1.0, 0.0]));
        assert_eq!((cell(-1.0), cell(5.5), cell(f64::NAN)), (None, None, None));
        assert_eq!(Wanted::Null.likelihoods(&domain), Some(vec![0.0, 0.0, 1.0]));
    }

    #[test]
    fn columns_hold_nothing_else() {
        let texts = Domain { cells: Cells::Categories(vec![]), other: Some(1.0), null: None };
        let bins = vec![0.0, 2.0].into_iter().map(|lo| Bin { parts: vec![Part { lo, hi: lo + 1.0, weight: 1.0 }] });
        let numbers = Domain { cells: Cells::Bins { bins: bins.collect(), step: 1.0 }, other: None, null: None };
        let column = text("b").column(&texts, 2);
        assert_eq!((column.rows(), column.text(1)), (2, Some(&b"b"[..])));
        assert_eq!(Wanted::Number(3.0).column(&numbers, 2).number(0), Some(3.0));
        assert_eq!(Wanted::Null.column(&numbers, 1).number(0), None);
        assert_eq!(Wanted::Null.column(&texts, 1).text(0), None);
        let mut column = BlockColumn::numbers();
        [Some(0.0), Some(3.0), None, Some(2.0)].into_iter().for_each(|value| column.push_number(value));
        assert_eq!(Wanted::Number(2.0).rows(&numbers, &column), [1, 3]);
        assert_eq!(Wanted::Null.rows(&numbers, &column), [2]);
        assert_eq!(text("a").rows(&texts, &Wanted::Null.column(&texts, 2)), [0u32; 0]);
    }
}

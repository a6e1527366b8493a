//! The encoded row of the paper (arXiv 2308.14784, section 4; table_diffusion.py, `fit`), from codes: first numeric
//! columns, as numbers in [0, 1] by the quantile transform of the released weights, then one-hot blocks.
//!
//! Two refinements, each of which a setting turns off: a numeric column may be encoded as a one-hot block over quantile
//! bins, and rare categories may share one state of a block. Everything here is a function of released domains.

use crate::engine::nn::normals::Normals;
use crate::engine::table::{Codes, Domain, EncodedTable, Units};
use crate::engine::{EngineError, Result};

/// Smallest share of rows that is used for a released weight. It keeps logarithms finite.
const MIN_WEIGHT: f64 = 1e-5;

/// Maximum entries of blocks over all columns together. It limits the width of rows of very wide tables.
const MAX_STATES: usize = 2048;
const MAX_STATES_OF_A_COLUMN: usize = 64;

/// Maximum entries of a row with this many columns, whatever the domains.
pub fn widest(columns: usize) -> usize {
    (MAX_STATES_OF_A_COLUMN * columns).min(MAX_STATES.max(2 * columns))
}

/// How columns are encoded in a row.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct EncodingSettings {
    /// Bins of a numeric column's block; 0 for the paper's single number.
    pub numeric_bins: u32,
    /// Categories with a smaller share of rows share a state.
    pub least_share: f64,
    /// Maximum states of a block.
    pub most_states: u32,
}

/// A one-hot block.
#[derive(Debug, Clone, PartialEq)]
pub struct OneHotBlock {
    /// First entry in the row, and number of states.
    pub at: usize,
    pub states: usize,
    /// Released share of each state; they add up to 1.
    pub weights: Vec<f32>,
    /// Their logarithms.
    pub logs: Vec<f32>,
}

/// A column's pieces.
#[derive(Debug, Clone, PartialEq)]
struct Piece {
    codes: usize,
    /// Entry of the row that holds the number, and the released cumulative shares of the codes it covers.
    scalar: Option<(usize, Vec<f64>)>,
    /// Index among the layout's blocks, and the state of each code.
    block: Option<(usize, Vec<u32>)>,
    /// For each state, its codes with cumulative shares up to 1; empty for a state whose code follows from the number.
    members: Vec<Vec<(u32, f32)>>,
}

/// The layout of encoded rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// Entries of a row, and how many of them are numbers.
    pub width: usize,
    pub scalars: usize,
    pub blocks: Vec<OneHotBlock>,
    pieces: Vec<Piece>,
}

/// A row without noise: its numbers, then the state of each block.
#[derive(Debug, Clone, Default)]
pub struct Clean {
    pub numbers: Vec<f32>,
    pub states: Vec<u32>,
}

impl Layout {
    /// The layout for the options of a method; see [`EncodingSettings`].
    pub fn of(domains: &[Domain], numeric_bins: u32, least_share: f64) -> Self {
        let most_states = (MAX_STATES / domains.len().max(1)).clamp(2, MAX_STATES_OF_A_COLUMN) as u32;
        Self::new(domains, &EncodingSettings { numeric_bins, least_share, most_states })
    }

    /// The layout for columns with these released domains.
    pub fn new(domains: &[Domain], settings: &EncodingSettings) -> Self {
        let mut blocks: Vec<Vec<f64>> = Vec::new();
        let mut scalars = 0;
        let mut pieces = Vec::with_capacity(domains.len());
        for domain in domains {
            let weights = shares(domain);
            let cells = domain.cell_count();
            let ordered = domain.is_ordered() && cells > 0;
            let mut piece = Piece { codes: weights.len(), scalar: None, block: None, members: Vec::new() };
            let state_of = if ordered && settings.numeric_bins == 0 {
                piece.scalar = Some((scalars, cumulative(&weights[..cells])));
                scalars += 1;
                // State 0 means that there is a number. `other` and NULL have separate states.
                (0..weights.len()).map(|code| (code + 1).saturating_sub(cells) as u32).collect()
            } else if ordered {
                bin_states(&weights, cells, settings.numeric_bins.clamp(2, settings.most_states.max(2)) as usize)
            } else {
                category_states(&weights, settings)
            };
            let states = state_of.iter().max().map_or(1, |s| *s as usize + 1);
            if states > 1 || piece.scalar.is_none() {
                let mut state_weights = vec![0.0; states];
                state_of.iter().zip(&weights).for_each(|(s, w)| state_weights[*s as usize] += w);
                piece.members = (0..states).map(|state| members(&state_of, &weights, state as u32)).collect();
                if piece.scalar.is_some() {
                    piece.members[0].clear();
                }
                piece.block = Some((blocks.len(), state_of));
                blocks.push(state_weights);
            }
            pieces.push(piece);
        }
        let mut width = scalars;
        let blocks = blocks.into_iter().map(|weights| {
            let (at, states) = (width, weights.len());
            width += states;
            let logs = weights.iter().map(|w| w.max(MIN_WEIGHT).ln() as f32).collect();
            OneHotBlock { at, states, weights: weights.iter().map(|w| *w as f32).collect(), logs }
        });
        let blocks = blocks.collect();
        Self { width, scalars, blocks, pieces }
    }

    /// Encodes row `row` of a table. Numbers are uniform in the interval of their code.
    pub fn encode(&self, table: &EncodedTable, row: usize, random: &mut Normals, clean: &mut Clean) {
        clean.numbers.clear();
        clean.states.clear();
        for (piece, codes) in self.pieces.iter().zip(&table.columns) {
            let code = (codes.get(row) as usize).min(piece.codes.saturating_sub(1));
            if let Some((_, shares)) = &piece.scalar {
                let number = match (shares.get(code), shares.get(code + 1)) {
                    (Some(lo), Some(hi)) => lo + (hi - lo) * f64::from(random.uniform()),
                    _ => f64::from(random.uniform()),
                };
                clean.numbers.push(number as f32);
            }
            if let Some((_, state_of)) = &piece.block {
                clean.states.push(state_of.get(code).copied().unwrap_or(0));
            }
        }
    }

    /// Writes a row `[width]`: its numbers, and 1 in each block at its state, else 0.
    pub fn write(&self, clean: &Clean, row: &mut [f32]) {
        row.fill(0.0);
        row.iter_mut().zip(&clean.numbers).for_each(|(x, number)| *x = *number);
        for (block, state) in self.blocks.iter().zip(&clean.states) {
            row[block.at + *state as usize] = 1.0;
        }
    }

    /// Writes the expected row `[width]` under the released shares: numbers, uniform in 0..1 after the transform, and
    /// state probabilities, as if columns were independent.
    pub fn write_shares(&self, random: &mut Normals, row: &mut [f32]) {
        row[..self.scalars].iter_mut().for_each(|x| *x = random.uniform());
        for block in &self.blocks {
            row[block.at..][..block.states].copy_from_slice(&block.weights);
        }
    }

    /// Samples a row from numbers and state probabilities `[width]`; see [`draw`].
    pub fn choose(&self, row: &[f32], random: &mut Normals) -> Clean {
        Clean {
            numbers: row[..self.scalars].iter().map(|x| x.clamp(0.0, 1.0)).collect(),
            states: self.blocks.iter().map(|b| draw(&row[b.at..b.at + b.states], random.uniform())).collect(),
        }
    }

    /// The codes of a row, one per column, from its numbers and states.
    pub fn decode(&self, numbers: &[f32], states: &[u32], random: &mut Normals, codes: &mut [u32]) {
        for (piece, code) in self.pieces.iter().zip(codes) {
            let members = piece.block.as_ref().and_then(|(block, _)| piece.members.get(states[*block] as usize));
            *code = match (members.filter(|m| !m.is_empty()), &piece.scalar) {
                (Some(members), _) => {
                    let u = if members.len() > 1 { random.uniform() } else { 0.0 };
                    let at = members.partition_point(|(_, share)| *share <= u).min(members.len() - 1);
                    members[at].0
                }
                (None, Some((at, shares))) => {
                    let x = f64::from(numbers[*at]);
                    let bins = shares.len() - 1;
                    shares[1..bins].partition_point(|share| *share <= x) as u32
                }
                (None, None) => 0,
            };
        }
    }

    /// Columns of the table.
    pub fn columns(&self) -> usize {
        self.pieces.len()
    }

    /// Columns of codes as a table, each with the smallest integer type for its domain.
    ///
    /// # Errors
    /// `Internal` for a wrong number of columns.
    pub fn table(&self, rows: usize, columns: Vec<Vec<u32>>) -> Result<EncodedTable> {
        if columns.len() != self.pieces.len() {
            return Err(EngineError::Internal("a sample with the wrong number of columns"));
        }
        let columns = self.pieces.iter().zip(columns).map(|(piece, codes)| {
            let mut narrow = Codes::with_width(piece.codes);
            codes.into_iter().for_each(|code| narrow.push(code));
            narrow
        });
        Ok(EncodedTable { rows, columns: columns.collect() })
    }
}

/// A state sampled from probabilities, for `u` uniform in 0..1.
pub fn draw(probabilities: &[f32], u: f32) -> u32 {
    let mut left = u;
    let state = probabilities.iter().position(|p| {
        left -= p;
        left < 0.0
    });
    state.unwrap_or(probabilities.len() - 1) as u32
}

/// The row of an example: the row itself, or one drawn from the rows of a unit.
pub fn row_of(units: Option<&Units>, example: usize, random: &mut Normals) -> usize {
    match units.map(|units| units.rows(example)) {
        None => example,
        Some([only]) => *only as usize,
        Some(rows) => rows[random.below(rows.len())] as usize,
    }
}

/// Released shares of a domain's codes, none below [`MIN_WEIGHT`], adding up to 1.
fn shares(domain: &Domain) -> Vec<f64> {
    let mut weights = domain.weights();
    let believed = |w: f64| if w.is_finite() { w.clamp(MIN_WEIGHT, 1.0) } else { MIN_WEIGHT };
    weights.iter_mut().for_each(|w| *w = believed(*w));
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= total);
    weights
}

/// 0, then the cumulative sums of the weights, scaled to end at 1.
fn cumulative(weights: &[f64]) -> Vec<f64> {
    let total: f64 = weights.iter().sum();
    let mut sum = 0.0;
    let mut sums = vec![0.0];
    sums.extend(weights.iter().map(|w| {
        sum += w / total;
        sum
    }));
    sums
}

/// States of an ordered column: runs of codes with about equal weight, heavy codes by themselves, then `other` and
/// NULL.
fn bin_states(weights: &[f64], cells: usize, bins: usize) -> Vec<u32> {
    let share = weights[..cells].iter().sum::<f64>() / bins as f64;
    let (mut state, mut filled) = (0u32, 0.0);
    let mut states = Vec::with_capacity(weights.len());
    for (code, w) in weights.iter().enumerate() {
        // A run ends before a code that would overfill it by more than what is missing, and before each special code.
        let overfull = filled + w - share > share - filled;
        if filled > 0.0 && (overfull || code >= cells) {
            state += 1;
            filled = 0.0;
        }
        filled += w;
        states.push(state);
    }
    states
}

/// States of categories: one each. Rare ones, and the rarest beyond the maximum number of states, share the last.
fn category_states(weights: &[f64], settings: &EncodingSettings) -> Vec<u32> {
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by(|a, b| weights[*b].total_cmp(&weights[*a]));
    let frequent = order.iter().filter(|code| weights[**code] >= settings.least_share).count();
    let own = frequent.min(settings.most_states.max(2) as usize - 1);
    // A single rare category does not share a state.
    let own = if own + 1 == weights.len() { own + 1 } else { own };
    let mut alone = vec![false; weights.len()];
    order[..own].iter().for_each(|code| alone[*code] = true);
    let mut next = 0;
    let states = alone.iter().map(|alone| {
        let state = if *alone { next } else { own as u32 };
        next += u32::from(*alone);
        state
    });
    states.collect()
}

fn members(state_of: &[u32], weights: &[f64], state: u32) -> Vec<(u32, f32)> {
    let codes: Vec<u32> = (0..weights.len() as u32).filter(|code| state_of[*code as usize] == state).collect();
    let shares = cumulative(&codes.iter().map(|code| weights[*code as usize]).collect::<Vec<_>>());
    codes.into_iter().zip(shares.into_iter().skip(1)).map(|(code, share)| (code, share as f32)).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::engine::table::{Bin, Category, Cells, Part};

    pub fn categories(weights: &[f64], null: Option<f64>) -> Domain {
        let category = |(i, weight): (usize, &f64)| Category { value: format!("v{i}"), weight: *weight };
        Domain { cells: Cells::Categories(weights.iter().enumerate().map(category).collect()), other: None, null }
    }

    pub fn bins(weights: &[f64], null: Option<f64>) -> Domain {
        let bin = |(i, weight): (usize, &f64)| Bin {
            parts: vec![Part { lo: i as f64, hi: i as f64 + 0.5, weight: *weight }],
        };
        let cells = Cells::Bins { bins: weights.iter().enumerate().map(bin).collect(), step: 0.0 };
        Domain { cells, other: None, null }
    }

    fn settings(numeric_bins: u32) -> EncodingSettings {
        EncodingSettings { numeric_bins, least_share: 0.05, most_states: 64 }
    }

    fn domains() -> Vec<Domain> {
        vec![
            categories(&[0.5, 0.02, 0.45, 0.01, 0.02], None),
            bins(&[0.1, 0.6, 0.1, 0.1], Some(0.1)),
            bins(&[0.25; 4], None),
            categories(&[], Some(1.0)),
        ]
    }

    #[test]
    fn rows_survive_the_round_trip() {
        // Decoding draws among the codes of a shared state, so only codes with a separate state must return.
        for numeric_bins in [0, 16] {
            let layout = Layout::new(&domains(), &settings(numeric_bins));
            let table = EncodedTable {
                rows: 5,
                columns: vec![
                    Codes::U8(vec![0, 2, 0, 2, 0]),
                    Codes::U8(vec![0, 1, 2, 3, 4]),
                    Codes::U8(vec![3, 2, 1, 0, 0]),
                    Codes::U8(vec![0; 5]),
                ],
            };
            let mut random = Normals::from_seed([2; 32]);
            let mut clean = Clean::default();
            for row in 0..table.rows {
                layout.encode(&table, row, &mut random, &mut clean);
                assert_eq!(clean.numbers.len(), layout.scalars);
                assert!(clean.numbers.iter().all(|x| (0.0..1.0).contains(x)));
                let mut codes = [0; 4];
                layout.decode(&clean.numbers, &clean.states, &mut random, &mut codes);
                let wanted: Vec<u32> = table.columns.iter().map(|c| c.get(row)).collect();
                assert_eq!(codes[..], wanted[..]);
            }
        }
    }

    #[test]
    fn written_rows_are_drawn_as_they_were() {
        let layout = Layout::new(&domains(), &settings(0));
        let clean = Clean { numbers: vec![0.25, 0.75], states: vec![2, 1, 0] };
        let mut row = vec![7.0; layout.width];
        layout.write(&clean, &mut row);
        assert_eq!(row, [0.25, 0.75, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0]);
        let drawn = layout.choose(&row, &mut Normals::from_seed([3; 32]));
        assert_eq!((drawn.numbers, drawn.states), (clean.numbers, clean.states));
    }

    /// 5,000 rows of a state of share 0.5: 0.07 is ten standard deviations.
    #[test]
    fn released_shares_make_rows_of_independent_columns() {
        let layout = Layout::new(&domains(), &settings(0));
        let mut random = Normals::from_seed([4; 32]);
        let (mut row, mut first) = (vec![7.0; layout.width], 0);
        for _ in 0..5_000 {
            layout.write_shares(&mut random, &mut row);
            assert!(row.iter().all(|x| (0.0..=1.0).contains(x)));
            first += u32::from(layout.choose(&row, &mut random).states[0] == 0);
        }
        assert!((f64::from(first) / 5_000.0 - f64::from(layout.blocks[0].weights[0])).abs() < 0.07);
    }

    #[test]
    fn numbers_come_first_and_rare_categories_share() {
        let layout = Layout::new(&domains(), &settings(0));
        assert_eq!(layout.scalars, 2);
        // 0.5, 0.45 and the rest; a number or NULL; the column of NULLs.
        assert_eq!(layout.blocks.iter().map(|b| b.states).collect::<Vec<_>>(), [3, 2, 1]);
        assert_eq!(layout.width, 2 + 3 + 2 + 1);
        assert!((layout.blocks[0].weights[2] - 0.05).abs() < 1e-3);
        let binned = Layout::new(&domains(), &settings(4));
        assert_eq!((binned.scalars, binned.blocks.len()), (0, 4));
        assert!(binned.blocks.iter().all(|b| (b.weights.iter().sum::<f32>() - 1.0).abs() < 1e-5));
    }

    #[test]
    fn empty_and_hostile_domains_are_laid_out() {
        for domain in
            [categories(&[], None), bins(&[], None), bins(&[0.0, 0.0], None), categories(&[f64::NAN, -1.0], None)]
        {
            let layout = Layout::new(&[domain], &settings(0));
            assert!(layout.blocks.iter().all(|b| b.logs.iter().all(|l| l.is_finite())));
        }
    }
}

//! Which columns determine which others: how many rows break the rule.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::group::Group;
use super::plan::{BREAKS, COLUMNS, search};
use super::row_sample::{RowColumn, RowSample};
use crate::engine::Result;
use crate::engine::privacy::meter::Meter;
use crate::engine::table::discover::{DiscoveryPlan, DiscoverySample};

/// Dependencies that are counted, at most.
const MAX_PAIRS: usize = 400;
/// A key is worth a look if at least this share of rows would be left if so many rows were taken off each of its values.
const HELD: f64 = 0.25;
const TAKEN_OFF_DEVIATIONS: f64 = 4.0;
/// A column that is not always the same: the share of its commonest value is below this.
const COMMONEST: f64 = 0.97;
/// By how much of all rows the commonest value of a key may be commoner than that of what it determines.
const COMMONER: f64 = 0.02;
/// A dependency holds if it is broken by at most this share of the rows, and of those without the commonest value ...
const BROKEN: f64 = 0.05;
const BROKEN_OF_OTHERS: f64 = 0.1;
/// ... and noise is known to be no larger than so many standard deviations.
const DEVIATIONS: f64 = 2.0;
/// Below so many rows, relative to the noise, not even a dependency without a breach is told from others.
pub const LEAST_SIGNAL: f64 = DEVIATIONS / BROKEN;
/// It may hold the other way round if it is broken by at most this share of the rows without the commonest value.
const NEARLY: f64 = 0.25;

/// The search for columns that determine others, one bounded step after another.
pub struct Dependencies {
    sample: RowSample,
    /// The values of the columns so far, numbered.
    numbered: Vec<Numbered>,
    /// The noise of one unit, and how many rows a value needs to be released.
    plan: DiscoveryPlan,
    taken_off: u64,
    meter: Meter,
    stage: Stage,
    noise_draws: u64,
}

enum Stage {
    /// Counts of each column so far: the rows left, and those of the commonest value.
    Columns(Vec<u64>),
    /// Pairs with the noisy shares of the second column's commonest value, and how many rows break each so far.
    Pairs(Vec<(Pair, f64)>, Vec<u64>),
    Done {
        holding: Vec<Pair>,
        nearly: Vec<Pair>,
    },
}

/// A column whose values are numbered, with the rows of each.
struct Numbered {
    numbers: Vec<u32>,
    counts: Vec<u64>,
}

impl Numbered {
    fn new(column: &RowColumn, rows: usize) -> Self {
        let (mut known, mut counts) = (HashMap::<u64, u32, RandomState>::default(), Vec::new());
        let number = |row: usize| {
            let number = *known.entry(column.label(row)).or_insert(counts.len() as u32);
            if number as usize == counts.len() {
                counts.push(0);
            }
            counts[number as usize] += 1;
            number
        };
        let numbers = (0..rows).map(number).collect();
        Self { numbers, counts }
    }
}

/// That one column may determine another.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pair {
    key: usize,
    determined: usize,
}

impl Dependencies {
    /// Starts from a sample. `texts` is the noise of a histogram of texts.
    pub fn new(sample: RowSample, plan: DiscoveryPlan, texts: DiscoveryPlan, meter: Meter) -> Self {
        let taken_off = (TAKEN_OFF_DEVIATIONS * texts.noise_sd()).min(plan.sampled_rows.max(1.0)).ceil() as u64;
        Self { sample, numbered: Vec::new(), plan, taken_off, meter, stage: Stage::Columns(Vec::new()), noise_draws: 0 }
    }

    /// Does some work, well under 100 ms; false once all is found.
    ///
    /// # Errors
    /// `InvalidParameter` or `Internal` from the noise mechanisms.
    pub fn step(&mut self) -> Result<bool> {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Done { holding: Vec::new(), nearly: Vec::new() }) {
            Stage::Columns(mut counts) => {
                if counts.len() < 2 * self.sample.columns() {
                    counts.extend(self.column(counts.len() / 2));
                    Stage::Columns(counts)
                } else {
                    Stage::Pairs(self.pairs(&counts)?, Vec::new())
                }
            }
            Stage::Pairs(pairs, mut breaks) => match pairs.get(breaks.len()) {
                Some((next, _)) => {
                    breaks.push(next.breaks(&self.numbered));
                    Stage::Pairs(pairs, breaks)
                }
                None => self.judged(&pairs, &breaks)?,
            },
            done @ Stage::Done { .. } => done,
        };
        Ok(!matches!(self.stage, Stage::Done { .. }))
    }

    /// Rows of a column that are left if some are taken off each of its values, and rows of the commonest value. One row
    /// more changes both by one at most.
    fn column(&mut self, column: usize) -> [u64; 2] {
        let numbered = Numbered::new(self.sample.column(column), self.sample.rows());
        let left = numbered.counts.iter().map(|count| count.saturating_sub(self.taken_off)).sum();
        let commonest = numbered.counts.iter().copied().max().unwrap_or(0);
        self.numbered.push(numbered);
        [left, commonest]
    }

    fn search(&mut self, counts: &[u64], units: u64) -> Result<(Vec<f64>, f64)> {
        self.noise_draws += counts.len() as u64 * u64::from(self.plan.unit_rows);
        search(counts, counts.len(), units, &self.plan, &mut self.meter)
    }

    /// The dependencies worth a look.
    fn pairs(&mut self, counts: &[u64]) -> Result<Vec<(Pair, f64)>> {
        let (counts, _) = self.search(counts, COLUMNS)?;
        let rows = self.plan.sampled_rows.max(1.0);
        let columns: Vec<(f64, f64)> = counts.chunks(2).map(|counts| (counts[0] / rows, counts[1] / rows)).collect();
        let mut pairs = Vec::new();
        for (key, (left, key_commonest)) in columns.iter().enumerate().filter(|(_, (left, _))| *left >= HELD) {
            for (determined, (_, commonest)) in columns.iter().enumerate() {
                let coarser = *commonest + COMMONER >= *key_commonest && *commonest < COMMONEST;
                if key != determined && coarser && *left > 0.0 {
                    pairs.push((Pair { key, determined }, *commonest));
                }
            }
        }
        // Much is gained by determining what varies much.
        pairs.sort_by(|a, b| a.1.total_cmp(&b.1));
        pairs.truncate(MAX_PAIRS);
        Ok(pairs)
    }

    /// Which dependencies hold, and which nearly do.
    fn judged(&mut self, pairs: &[(Pair, f64)], breaks: &[u64]) -> Result<Stage> {
        let (breaks, noise_sd) = self.search(breaks, BREAKS)?;
        let rows = self.plan.sampled_rows;
        let (mut holding, mut nearly) = (Vec::new(), Vec::new());
        for ((pair, commonest), breaks) in pairs.iter().zip(breaks) {
            let others = rows * (1.0 - commonest);
            if breaks.max(0.0) + DEVIATIONS * noise_sd <= (BROKEN * rows).min(BROKEN_OF_OTHERS * others) {
                holding.push(*pair);
            }
            if breaks <= NEARLY * others {
                nearly.push(*pair);
            }
        }
        Ok(Stage::Done { holding, nearly })
    }

    /// Draws of noise that one unit can bear on.
    pub fn noise_draws(&self) -> u64 {
        self.noise_draws
    }

    /// Groups of columns, no column in two of them, the sample, and the meter of what ran on it.
    pub fn finish(self, discovery: &DiscoverySample) -> (Vec<Group>, RowSample, Meter) {
        let Stage::Done { holding, nearly } = self.stage else { return (Vec::new(), self.sample, self.meter) };
        let groups = groups(&holding, &nearly, self.sample.columns());
        let group = |(members, parent)| Group::new(members, parent, &self.sample, |column| discovery.texts(column));
        let mut groups: Vec<Group> = groups.into_iter().map(group).collect();
        // The combinations of one group that stands in for no histogram are paid for.
        let mut paid = true;
        groups.retain(|group| group.pooled().next().is_some() || std::mem::take(&mut paid));
        (groups, self.sample, self.meter)
    }
}

impl Pair {
    /// Rows whose value is not the commonest one of their key. One row more changes it by one at most.
    fn breaks(&self, columns: &[Numbered]) -> u64 {
        let (key, determined) = (&columns[self.key], &columns[self.determined]);
        let mut counts: HashMap<u64, u64, RandomState> = HashMap::default();
        for (key, determined) in key.numbers.iter().zip(&determined.numbers) {
            *counts.entry(u64::from(*key) << 32 | u64::from(*determined)).or_default() += 1;
        }
        let mut commonest = vec![0; key.counts.len()];
        for (pair, count) in counts {
            let most: &mut u64 = &mut commonest[(pair >> 32) as usize];
            *most = (*most).max(count);
        }
        key.counts.iter().zip(commonest).map(|(all, most)| all - most).sum()
    }

    fn reversed(self) -> Self {
        Self { key: self.determined, determined: self.key }
    }
}

/// Keys with what they determine, and the parent: those that determine most first. The parent is the column that
/// determines most of the others without determining the key.
fn groups(holding: &[Pair], nearly: &[Pair], columns: usize) -> Vec<(Vec<usize>, Option<usize>)> {
    let mut free = vec![true; columns];
    let determined_by = |key: usize, free: &[bool]| -> Vec<usize> {
        let of_key = holding.iter().filter(|pair| pair.key == key).map(|pair| pair.determined);
        of_key.filter(|column| free[*column]).collect()
    };
    let mut groups = Vec::new();
    loop {
        let keys = (0..columns).filter(|key| free[*key]).map(|key| (key, determined_by(key, &free)));
        let Some((key, determined)) = keys.max_by_key(|(key, determined)| (determined.len(), usize::MAX - key)) else {
            break;
        };
        if determined.is_empty() {
            break;
        }
        let coarser =
            determined.iter().filter(|column| !nearly.contains(&Pair { key, determined: **column }.reversed()));
        let parent =
            coarser.max_by_key(|column| (determined_by(**column, &free).len(), usize::MAX - **column)).copied();
        let members: Vec<usize> = std::iter::once(key).chain(determined).collect();
        members.iter().for_each(|column| free[*column] = false);
        groups.push((members, parent));
    }
    groups
}

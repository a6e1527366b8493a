//! Which columns determine which others: how many rows break the rule.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::group::Group;
use super::plan::{BREAKS, COLUMNS, search};
use super::row_sample::{RowColumn, RowSample};
use crate::engine::Result;
use crate::engine::privacy::meter::Meter;
use crate::engine::table::discover::{DiscoveryPlan, DiscoverySample};
use crate::engine::table::features::Calendar;

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
    /// How the dates of each column are written, if it is one of dates.
    calendars: Vec<Option<Calendar>>,
    /// The noise of one unit, and how many rows a value needs to be released.
    plan: DiscoveryPlan,
    taken_off: u64,
    meter: Meter,
    stage: Stage,
    noise_draws: u64,
}

enum Stage {
    /// Counts of each column so far: the rows left, those of the commonest value, and those with a day, a month and any
    /// other number.
    Columns(Vec<u64>),
    /// Pairs with the noisy shares of the second column's commonest value, and how many rows break each so far.
    Pairs(Vec<(Pair, f64)>, Vec<u64>),
    Done {
        holding: Vec<Pair>,
        nearly: Vec<Pair>,
    },
}

/// Counts of a column, and into how many parts they fall, each of which one row changes by one at most.
const OF_COLUMN: usize = 5;
const PARTS_OF_COLUMN: usize = 3;
/// A column is one of dates if at least this share of rows are dates of one kind, and at most this share other numbers, as
/// far as noise tells.
const DATES: f64 = 0.5;
const NO_DATES: f64 = 0.01;
const DATE_DEVIATIONS: f64 = 4.0;

/// How the dates of a column are written, by the noisy numbers of days, months and other numbers.
fn calendar(counts: &[f64], noise_sd: f64, rows: f64) -> Option<Calendar> {
    let noise = DATE_DEVIATIONS * noise_sd;
    let is =
        |dates: f64, others: f64| dates >= DATES * rows + noise && others.max(0.0) <= NO_DATES * rows + 0.75 * noise;
    match counts {
        [days, months, others] if is(*days, months + others) => Some(Calendar::Days),
        [days, months, others] if is(*months, days + others) => Some(Calendar::Months),
        _ => None,
    }
}

/// What was found on a sample before domains.
pub struct Compared {
    pub sample: RowSample,
    /// Groups of columns, no column in two of them.
    pub groups: Vec<Group>,
    /// Columns of dates that are written as numbers, and were read.
    pub calendars: Vec<(usize, Calendar)>,
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
        Self {
            sample,
            numbered: Vec::new(),
            calendars: Vec::new(),
            plan,
            taken_off,
            meter,
            stage: Stage::Columns(Vec::new()),
            noise_draws: 0,
        }
    }

    /// Does some work, well under 100 ms; false once all is found.
    ///
    /// # Errors
    /// `InvalidParameter` or `Internal` from the noise mechanisms.
    pub fn step(&mut self) -> Result<bool> {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Done { holding: Vec::new(), nearly: Vec::new() }) {
            Stage::Columns(mut counts) => {
                if counts.len() < OF_COLUMN * self.sample.columns() {
                    counts.extend(self.column(counts.len() / OF_COLUMN));
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
    /// more changes both by one at most. Then rows by how their number is written.
    fn column(&mut self, column: usize) -> [u64; OF_COLUMN] {
        let numbered = Numbered::new(self.sample.column(column), self.sample.rows());
        let left = numbered.counts.iter().map(|count| count.saturating_sub(self.taken_off)).sum();
        let commonest = numbered.counts.iter().copied().max().unwrap_or(0);
        self.numbered.push(numbered);
        let [days, months, others] = self.sample.written(column);
        [left, commonest, days, months, others]
    }

    fn search(&mut self, counts: &[u64], parts: usize, units: u64) -> Result<(Vec<f64>, f64)> {
        self.noise_draws += parts as u64 * u64::from(self.plan.unit_rows);
        search(counts, parts, units, &self.plan, &mut self.meter)
    }

    /// The dependencies worth a look.
    fn pairs(&mut self, counts: &[u64]) -> Result<Vec<(Pair, f64)>> {
        let (counts, noise_sd) = self.search(counts, PARTS_OF_COLUMN * counts.len() / OF_COLUMN, COLUMNS)?;
        let rows = self.plan.sampled_rows.max(1.0);
        let columns = counts.chunks(OF_COLUMN);
        self.calendars = columns.clone().map(|counts| calendar(&counts[2..], noise_sd, rows)).collect();
        let columns: Vec<(f64, f64)> = columns.map(|counts| (counts[0] / rows, counts[1] / rows)).collect();
        let mut pairs = Vec::new();
        for (key, (_, key_commonest)) in columns.iter().enumerate().filter(|(_, (left, _))| *left >= HELD) {
            for (determined, (_, commonest)) in columns.iter().enumerate() {
                let coarser = *commonest + COMMONER >= *key_commonest && *commonest < COMMONEST;
                if key != determined && coarser {
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
        let (breaks, noise_sd) = self.search(breaks, breaks.len(), BREAKS)?;
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

    /// What was found, and the meter of what ran on the sample. Reads the dates in the sample of domains too.
    pub fn finish(self, discovery: &mut DiscoverySample) -> (Compared, Meter) {
        let Self { mut sample, calendars, stage, meter, .. } = self;
        let mut groups = Vec::new();
        if let Stage::Done { holding, nearly } = stage {
            let found = groups_of(&holding, &nearly, sample.columns());
            let group = |(members, parent)| Group::new(members, parent, &sample, |column| discovery.texts(column));
            groups = found.into_iter().map(group).collect();
        }
        // The combinations of one group that stands in for no histogram are paid for.
        let mut paid = true;
        groups.retain(|group| group.pooled().next().is_some() || std::mem::take(&mut paid));
        let calendars = calendars.into_iter().enumerate().filter_map(|(column, calendar)| Some((column, calendar?)));
        let calendars: Vec<(usize, Calendar)> =
            calendars.filter(|(column, _)| discovery.is_undeclared_number(*column)).collect();
        for (column, calendar) in &calendars {
            sample.read(*column, *calendar);
            discovery.change_numbers(*column, |written| calendar.number(written));
        }
        (Compared { sample, groups, calendars }, meter)
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
fn groups_of(holding: &[Pair], nearly: &[Pair], columns: usize) -> Vec<(Vec<usize>, Option<usize>)> {
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

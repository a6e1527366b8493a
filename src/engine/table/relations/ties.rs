//! Values that stand together: one of one column exactly where one of another does.

use super::plan::{SHARES, TIES, is_listed, search};
use super::row_sample::{NULL, RowColumn, RowSample};
use crate::engine::Result;
use crate::engine::privacy::meter::Meter;
use crate::engine::table::discover::DiscoveryPlan;
use crate::engine::table::features::{Scalar, Tie, point};
use crate::engine::table::{Cells, Column, Domain};

/// Rows of a table, relative to the noise of the first count of one of most candidates, below which it tells nothing.
pub const LEAST_SIGNAL: f64 = 12.0;
/// Candidates for each column: that are counted first, and that are counted again.
pub const FIRST: usize = 6;
const AGAIN: usize = 2;
/// Values that are compared, at most, so that it takes well under 100 ms.
const MAX_VALUES: usize = 3_000;
/// Values with a smaller share, or a larger one of all others, are left alone.
const LEAST_SHARE: f64 = 0.03;
/// How far the released shares of two values that stand together may lie apart, besides noise.
const APART: f64 = 0.01;
const APART_DEVIATIONS: f64 = 3.0;
/// Candidates are counted again if at most this share of the rows that would break them by chance do.
const SEEMS: f64 = 0.5;
/// Values stand together if at most this share of rows break it, as far as noise tells ...
const BREAKS: f64 = 0.005;
const DEVIATIONS: f64 = 2.0;
/// ... and independent columns would break it far more often.
const TELLING: f64 = 4.0;

/// The search for ties, one bounded step after another.
pub struct Ties {
    /// The domains with released weights, also where only the values were known.
    known: Vec<Domain>,
    /// Columns that are no part of another feature, and the columns that others follow.
    is_free: Vec<bool>,
    follows: Vec<Option<usize>>,
    rows: f64,
    /// The noise of a released share.
    noise: f64,
    stage: Stage,
    noise_draws: u64,
}

enum Stage {
    /// Columns whose values are to be counted, and the counts so far.
    Shares {
        next: usize,
        counts: Vec<u64>,
    },
    Breaks {
        again: bool,
        pairs: Vec<Pair>,
        counts: Vec<u64>,
    },
    Done(Vec<Tie>),
}

impl Ties {
    /// For columns with these domains, of a sample of about so many rows. `noise` is that of released shares.
    pub fn new(domains: Vec<Domain>, is_free: Vec<bool>, follows: Vec<Option<usize>>, rows: f64, noise: f64) -> Self {
        Self {
            known: domains,
            is_free,
            follows,
            rows: rows.max(1.0),
            noise,
            stage: Stage::Shares { next: 0, counts: Vec::new() },
            noise_draws: 0,
        }
    }

    /// Does some work, well under 100 ms; the ties once all are found.
    ///
    /// # Errors
    /// `InvalidParameter` or `Internal` from the noise mechanisms.
    pub fn step(
        &mut self,
        columns: &[Column],
        sample: &RowSample,
        plan: &DiscoveryPlan,
        meter: &mut Meter,
    ) -> Result<Option<Vec<Tie>>> {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Done(Vec::new())) {
            Stage::Shares { next, mut counts } => match columns.get(next) {
                Some(column) => {
                    if is_listed(column) {
                        counts.extend(rows_of_values(next, &self.known[next], sample));
                    }
                    Stage::Shares { next: next + 1, counts }
                }
                None => {
                    self.learn_shares(columns, &counts, plan, meter)?;
                    let pairs = candidates(&self.known, self.noise, &self.is_free);
                    Stage::Breaks { again: false, pairs, counts: Vec::new() }
                }
            },
            Stage::Breaks { again, pairs, mut counts } => match pairs.get(counts.len()) {
                Some(next) => {
                    counts.push(next.breaks(sample));
                    Stage::Breaks { again, pairs, counts }
                }
                None if again => {
                    let (counts, noise_sd) = self.count(&counts, pairs.len(), TIES - TIES / 2, plan, meter)?;
                    let pairs = holding(pairs, &counts, noise_sd, self.rows);
                    Stage::Done(choose(&pairs, &self.known, &self.is_free, &self.follows))
                }
                None => {
                    let (counts, _) = self.count(&counts, pairs.len(), TIES / 2, plan, meter)?;
                    let mut pairs = likely(&pairs, &counts, self.rows);
                    pairs.truncate(AGAIN * columns.len());
                    Stage::Breaks { again: true, pairs, counts: Vec::new() }
                }
            },
            Stage::Done(ties) => Stage::Done(ties),
        };
        Ok(if let Stage::Done(ties) = &mut self.stage { Some(std::mem::take(ties)) } else { None })
    }

    /// Draws of noise that one unit can bear on.
    pub fn noise_draws(&self) -> u64 {
        self.noise_draws
    }

    fn count(
        &mut self,
        counts: &[u64],
        parts: usize,
        units: u64,
        plan: &DiscoveryPlan,
        meter: &mut Meter,
    ) -> Result<(Vec<f64>, f64)> {
        self.noise_draws += parts as u64 * u64::from(plan.unit_rows);
        search(counts, parts, units, plan, meter)
    }

    /// The shares of columns whose values were declared, by the counts of each of them.
    fn learn_shares(
        &mut self,
        columns: &[Column],
        counts: &[u64],
        plan: &DiscoveryPlan,
        meter: &mut Meter,
    ) -> Result<()> {
        let of: Vec<usize> = (0..columns.len()).filter(|column| is_listed(&columns[*column])).collect();
        let (counts, noise_sd) = self.count(counts, of.len(), SHARES, plan, meter)?;
        let mut shares = counts.into_iter().map(|count| count.max(0.0) / self.rows);
        of.iter().for_each(|column| set_weights(&mut self.known[*column], &mut shares));
        self.noise = self.noise.max(noise_sd / self.rows);
        Ok(())
    }
}

/// The values of a domain with their released weights: categories or single numbers, and NULL if it has a code.
fn values(domain: &Domain) -> Vec<(Scalar, f64)> {
    let mut values: Vec<(Scalar, f64)> = match &domain.cells {
        Cells::Categories(categories) => {
            categories.iter().map(|category| (Scalar::Text(category.value.clone()), category.weight)).collect()
        }
        Cells::Bins { bins, .. } => bins.iter().filter_map(|bin| Some((point(bin)?, bin.weight()))).collect(),
    };
    values.extend(domain.null.map(|weight| (Scalar::Null, weight)));
    values
}

/// Sampled rows with each value of a column: no row in two of them, even if a value was declared twice.
pub fn rows_of_values(column: usize, domain: &Domain, sample: &RowSample) -> Vec<u64> {
    let values = values(domain);
    let rows = |(place, (value, _)): (usize, &(Scalar, f64))| {
        let is_known = values[..place].iter().any(|(other, _)| other == value);
        if is_known { 0 } else { rows_with(column, value, sample).filter(|is| *is).count() as u64 }
    };
    values.iter().enumerate().map(rows).collect()
}

/// Sets the weights of a domain's values, in the order of [`values`].
fn set_weights(domain: &mut Domain, weights: &mut impl Iterator<Item = f64>) {
    if let Cells::Categories(categories) = &mut domain.cells {
        categories.iter_mut().zip(&mut *weights).for_each(|(category, weight)| category.weight = weight);
        domain.null = domain.null.map(|known| weights.next().unwrap_or(known));
    }
}

/// A value of a column, with its released share.
#[derive(Debug, Clone, PartialEq)]
struct Held {
    column: usize,
    value: Scalar,
    share: f64,
}

/// Two values that may stand together.
#[derive(Debug, Clone)]
struct Pair {
    held: [Held; 2],
    /// See [`by_chance`].
    by_chance: f64,
}

/// The values of a column that are not rare.
fn held(column: usize, domain: &Domain) -> Vec<Held> {
    let total: f64 = domain.released_weight();
    let one = |(value, weight)| Held { column, value, share: weight / total.max(f64::MIN_POSITIVE) };
    let mut all: Vec<Held> = values(domain).into_iter().map(one).collect();
    all.retain(|held| (LEAST_SHARE..=1.0 - LEAST_SHARE).contains(&held.share));
    all
}

/// The pairs whose released shares are alike, most alike first. `noise` is that of a share; one column of each is free.
fn candidates(domains: &[Domain], noise: f64, is_free: &[bool]) -> Vec<Pair> {
    let mut all: Vec<Held> = (0..domains.len()).flat_map(|column| held(column, &domains[column])).collect();
    if all.len() > MAX_VALUES {
        // Those that would break most by chance tell most.
        all.sort_by(|a, b| (a.share - 0.5).abs().total_cmp(&(b.share - 0.5).abs()));
        all.truncate(MAX_VALUES);
    }
    let most = FIRST * domains.len();
    let mut best: Vec<(f64, usize, usize)> = Vec::new();
    let nearest =
        |a: &(f64, usize, usize), b: &(f64, usize, usize)| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2)));
    for (first, a) in all.iter().enumerate() {
        for (second, b) in all.iter().enumerate().skip(first + 1) {
            let apart = (a.share - b.share).abs();
            let fits = a.column != b.column && (is_free[a.column] || is_free[b.column]);
            if fits && apart <= APART + APART_DEVIATIONS * noise {
                best.push((apart / by_chance(a, b), first, second));
            }
        }
        if best.len() > 4 * most {
            best.select_nth_unstable_by(most, nearest);
            best.truncate(most);
        }
    }
    best.sort_by(nearest);
    best.truncate(most);
    let pair = |(_, a, b): (f64, usize, usize)| Pair {
        by_chance: by_chance(&all[a], &all[b]),
        held: [all[a].clone(), all[b].clone()],
    };
    best.into_iter().map(pair).collect()
}

/// Share of rows that have only one of two values if the columns are independent.
fn by_chance(a: &Held, b: &Held) -> f64 {
    a.share * (1.0 - b.share) + b.share * (1.0 - a.share)
}

impl Pair {
    /// Sampled rows that have only one of the values.
    fn breaks(&self, sample: &RowSample) -> u64 {
        let [a, b] = self.held.each_ref().map(|held| rows_with(held.column, &held.value, sample));
        a.zip(b).filter(|(a, b)| a != b).count() as u64
    }
}

/// Of each sampled row, whether it has the value.
fn rows_with<'a>(column: usize, value: &'a Scalar, sample: &'a RowSample) -> Box<dyn Iterator<Item = bool> + 'a> {
    match (sample.column(column), value) {
        (RowColumn::Texts(hashes), Scalar::Text(text)) => {
            let wanted = sample.hash_of(text);
            Box::new(hashes.iter().map(move |hash| *hash == wanted))
        }
        (RowColumn::Texts(hashes), _) => Box::new(hashes.iter().map(|hash| *hash == NULL)),
        (RowColumn::Numbers(numbers), Scalar::Number(wanted)) => {
            Box::new(numbers.iter().map(move |number| number == wanted))
        }
        (RowColumn::Numbers(numbers), _) => Box::new(numbers.iter().map(|number| number.is_nan())),
    }
}

/// The pairs worth a second count, by a first one. If one value stands with two others, so do these.
fn likely(pairs: &[Pair], counts: &[f64], rows: f64) -> Vec<Pair> {
    let share = |(pair, count): &(&Pair, &f64)| *count / (pair.by_chance * rows);
    let mut likely: Vec<(&Pair, &f64)> = pairs.iter().zip(counts).filter(|counted| share(counted) <= SEEMS).collect();
    likely.sort_by(|a, b| share(a).total_cmp(&share(b)));
    let (mut joining, mut groups): (Vec<Pair>, _) = (Vec::new(), Vec::new());
    for (pair, _) in likely {
        if join(&mut groups, pair) {
            joining.push(pair.clone());
        }
    }
    joining
}

/// The pairs that hold, by a second count.
fn holding(pairs: Vec<Pair>, counts: &[f64], noise_sd: f64, rows: f64) -> Vec<Pair> {
    let most = BREAKS * rows + DEVIATIONS * noise_sd;
    let holds = |(pair, count): &(Pair, &f64)| **count <= most && pair.by_chance * rows >= most + TELLING * noise_sd;
    pairs.into_iter().zip(counts).filter(holds).map(|(pair, _)| pair).collect()
}

/// Ties for pairs that hold: of all values that stand together, those of free columns follow that of the column which
/// tells most other values apart. Each column follows one other at most, and none itself.
fn choose(pairs: &[Pair], domains: &[Domain], is_free: &[bool], follows: &[Option<usize>]) -> Vec<Tie> {
    let (mut ties, mut follows): (Vec<Tie>, _) = (Vec::new(), follows.to_vec());
    let mut groups = Vec::new();
    for pair in pairs {
        join(&mut groups, pair);
    }
    for mut together in groups {
        together
            .sort_by_key(|held| (is_free[held.column], usize::MAX - domains[held.column].cell_count(), held.column));
        let Some((on, others)) = together.split_first() else { continue };
        for held in others.iter().filter(|held| is_free[held.column]) {
            let follows_itself = std::iter::successors(Some(on.column), |of| follows[*of]).any(|of| of == held.column);
            if follows[held.column].is_none() && !follows_itself {
                let (value, on_value) = (held.value.clone(), on.value.clone());
                ties.push(Tie { column: held.column, value, on: on.column, on_value });
                follows[held.column] = Some(on.column);
            }
        }
    }
    ties
}

/// Joins the groups of a pair's values, of which there is one of each column in a group; false if they are in one already.
fn join(groups: &mut Vec<Vec<Held>>, Pair { held: [a, b], .. }: &Pair) -> bool {
    if groups.iter().any(|group| group.contains(a) && group.contains(b)) {
        return false;
    }
    let touched = groups.extract_if(.., |group| group.contains(a) || group.contains(b));
    let mut joined: Vec<Held> = Vec::new();
    for held in touched.flatten().chain([a.clone(), b.clone()]) {
        if joined.iter().all(|other| other.column != held.column) {
            joined.push(held);
        }
    }
    groups.push(joined);
    true
}

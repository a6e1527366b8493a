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
    First {
        pairs: Vec<Pair>,
        counts: Vec<u64>,
    },
    Again {
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
        let columns_searched = self.known.len();
        self.stage = match std::mem::replace(&mut self.stage, Stage::Done(Vec::new())) {
            Stage::Shares { next, mut counts } => match columns.get(next) {
                Some(column) => {
                    if is_listed(column) {
                        let rows = |value| rows_with(next, value, sample).filter(|is| *is).count() as u64;
                        counts.extend(values(&self.known[next]).iter().map(rows));
                    }
                    Stage::Shares { next: next + 1, counts }
                }
                None => {
                    self.learn_shares(columns, &counts, plan, meter)?;
                    let pairs = candidates(&self.known, self.noise, |column| self.is_free[column]);
                    Stage::First { pairs, counts: Vec::new() }
                }
            },
            Stage::First { pairs, mut counts } => match pairs.get(counts.len()) {
                Some(next) => {
                    counts.push(next.breaks(sample));
                    Stage::First { pairs, counts }
                }
                None => {
                    let (counts, _) = self.count(&counts, pairs.len(), TIES / 2, plan, meter)?;
                    let mut pairs = likely(&pairs, &counts, self.rows);
                    pairs.truncate(AGAIN * columns_searched);
                    Stage::Again { pairs, counts: Vec::new() }
                }
            },
            Stage::Again { pairs, mut counts } => match pairs.get(counts.len()) {
                Some(next) => {
                    counts.push(next.breaks(sample));
                    Stage::Again { pairs, counts }
                }
                None => {
                    let (counts, noise_sd) = self.count(&counts, pairs.len(), TIES - TIES / 2, plan, meter)?;
                    let pairs = holding(pairs, &counts, noise_sd, self.rows);
                    Stage::Done(choose(&pairs, &self.known, &self.is_free, &self.follows))
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

/// The categories of a domain, and NULL if it has a code.
fn values(domain: &Domain) -> Vec<Scalar> {
    let Cells::Categories(categories) = &domain.cells else { return Vec::new() };
    let categories = categories.iter().map(|category| Scalar::Text(category.value.clone()));
    categories.chain(domain.null.map(|_| Scalar::Null)).collect()
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
    /// Share of rows that have only one of them if the columns are independent.
    by_chance: f64,
}

/// The values of a column that are not rare.
fn held(column: usize, domain: &Domain) -> Vec<Held> {
    let total: f64 = domain.released_weight();
    let one = |value: Scalar, weight: f64| Held { column, value, share: weight / total.max(f64::MIN_POSITIVE) };
    let mut all: Vec<Held> = match &domain.cells {
        Cells::Categories(categories) => {
            categories.iter().map(|category| one(Scalar::Text(category.value.clone()), category.weight)).collect()
        }
        Cells::Bins { bins, .. } => bins.iter().filter_map(|bin| Some(one(point(bin)?, bin.weight()))).collect(),
    };
    all.extend(domain.null.map(|share| one(Scalar::Null, share)));
    all.retain(|held| (LEAST_SHARE..=1.0 - LEAST_SHARE).contains(&held.share));
    all
}

/// The pairs whose released shares are alike, most alike first. `noise` is that of a share; one column of each is free.
fn candidates(domains: &[Domain], noise: f64, is_free: impl Fn(usize) -> bool) -> Vec<Pair> {
    let all: Vec<Held> = (0..domains.len()).flat_map(|column| held(column, &domains[column])).collect();
    let mut pairs: Vec<(f64, Pair)> = Vec::new();
    for (place, a) in all.iter().enumerate() {
        for b in &all[place + 1..] {
            let apart = (a.share - b.share).abs();
            let fits = a.column != b.column && (is_free(a.column) || is_free(b.column));
            if fits && apart <= APART + APART_DEVIATIONS * noise {
                let by_chance = a.share * (1.0 - b.share) + b.share * (1.0 - a.share);
                pairs.push((apart / by_chance, Pair { held: [a.clone(), b.clone()], by_chance }));
            }
        }
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    pairs.into_iter().map(|(_, pair)| pair).take(FIRST * domains.len()).collect()
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
    let mut joining: Vec<Pair> = Vec::new();
    for (pair, _) in likely {
        let [a, b] = &pair.held;
        if !groups(&joining).iter().any(|group| group.contains(a) && group.contains(b)) {
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
    for mut together in groups(pairs) {
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

/// Values that stand together with each other, one of each column.
fn groups(pairs: &[Pair]) -> Vec<Vec<Held>> {
    let mut groups: Vec<Vec<Held>> = Vec::new();
    for Pair { held: [a, b], .. } in pairs {
        let place = |groups: &[Vec<Held>], held: &Held| groups.iter().position(|group| group.contains(held));
        let mut joined = match (place(&groups, a), place(&groups, b)) {
            (None, None) => vec![a.clone(), b.clone()],
            (Some(of_a), None) => [groups.swap_remove(of_a), vec![b.clone()]].concat(),
            (None, Some(of_b)) => [groups.swap_remove(of_b), vec![a.clone()]].concat(),
            (Some(of_a), Some(of_b)) if of_a == of_b => groups.swap_remove(of_a),
            (Some(of_a), Some(of_b)) => {
                let (first, second) = (of_a.min(of_b), of_a.max(of_b));
                let second = groups.swap_remove(second);
                [groups.swap_remove(first), second].concat()
            }
        };
        let mut columns = Vec::new();
        joined.retain(|held| {
            !columns.contains(&held.column) && {
                columns.push(held.column);
                true
            }
        });
        groups.push(joined);
    }
    groups
}

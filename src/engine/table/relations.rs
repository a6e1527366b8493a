//! Private search for what holds between columns, on the sample that domains are found on.
//!
//! 1. Which columns determine which: [`Dependencies`], before any domain is known. Of each pair of columns that may be so,
//!    a noisy count of the rows that break the rule.
//! 2. The combinations of columns that one of them determines: one histogram, with the precision that the histograms
//!    of these columns would have had, which it stands in for.
//! 3. Which numbers follow others: of each released curve that they may follow, a noisy histogram of the distances.
//! 4. Which cycles moments lie in: of each column, how many rows there are in each hour, weekday and day of the month.
//! 5. Which values stand together: of each pair of values with the same share, a noisy count of the rows that have only one
//!    of them, and once more of those that seem to.
//! 6. The domain of the distances, for the best of the curves, and of the times of day.
//!
//! Adding or removing a row changes each count by one at most, and each histogram in one cell. How precise all of it is,
//! taken together, follows from the number and kinds of columns alone ([`units`]); only how the parts that belong to the
//! columns of a combination are put together depends on what was found before. Gaussian mechanisms whose precisions add up
//! to no more than a fixed sum cost no more than one of that precision, however adaptively they are chosen (Koskela,
//! Tobaben and Honkela, "Individual Privacy Accounting with Gaussian Differential Privacy", ICLR 2023, theorem 8).

mod cycles;
mod dependencies;
mod followers;
mod group;
mod plan;
mod row_sample;
#[cfg(test)]
mod tests;
mod ties;

use self::cycles::Moments;
pub use self::dependencies::{Compared, Dependencies};
use self::followers::Follower;
pub use self::group::Group;
use self::plan::{BREAKS, COMBINATIONS, CURVES, CYCLES, DISTANCES, Plan, TIES, numbers, search};
pub use self::plan::{Scope, thresholds, units};
pub use self::row_sample::RowSample;
use self::ties::Ties;
use super::discover::{DiscoveryPlan, Distances, TEXT_PRECISION};
use super::features::{Calendar, Cell, Combination, Cycle, Feature, Features, Tie};
use super::{Bin, Cells, Column, Domain, Measure, Part};
use crate::engine::Result;
use crate::engine::privacy::meter::Meter;

/// The number of units, relative to the noise of one part of the search, below which nothing can be found between these
/// columns: noise alone is as large as what would be told from it.
pub fn least_signal(columns: &[Column], scope: Scope) -> f64 {
    let plan = Plan::of(columns);
    let noise = |pairs: u64, units: u64| (pairs as f64 / units as f64).sqrt();
    let all = columns.len() as u64;
    if scope == Scope::Ties {
        return ties::LEAST_SIGNAL * noise(ties::FIRST as u64 * all, TIES / 2);
    }
    let pairs = |columns: u64| columns * columns.saturating_sub(1) / 2;
    let curves = followers::CURVES_PER_PAIR * pairs(numbers(columns));
    let cycles = 2 * plan.moments + plan.clocks;
    let searches = [
        (plan.dependencies, dependencies::LEAST_SIGNAL * noise(pairs(all), BREAKS)),
        (plan.followers > 0, followers::LEAST_SIGNAL * noise(curves, CURVES)),
        (plan.moments > 0, cycles::LEAST_SIGNAL * noise(cycles, CYCLES)),
    ];
    searches.into_iter().filter(|(is_made, _)| *is_made).map(|(_, signal)| signal).fold(f64::INFINITY, f64::min)
}

/// Bytes that a [`RowSample`] takes for every sampled row.
pub fn bytes_per_row(columns: &[Column]) -> u64 {
    if units(columns, Scope::All) > 0 { row_sample::BYTES_PER_VALUE * columns.len() as u64 } else { 0 }
}

/// What was found: the features, and the domains of their columns.
pub struct Found {
    pub features: Features,
    pub domains: Vec<Domain>,
}

impl Found {
    /// Nothing: every column, with its domain, is a feature by itself.
    pub fn plain(domains: &[&Domain]) -> Self {
        let features = Features::plain(domains.len());
        Self { features, domains: domains.iter().map(|domain| (*domain).clone()).collect() }
    }

    /// Features of these columns with these domains, with the domains of those that are no columns as they stand. Nothing if
    /// they do not belong together.
    pub fn with(features: Features, columns: &[&Column], domains: &[&Domain], own: Vec<Domain>) -> Option<Self> {
        let mut own = own.into_iter();
        let domain = |feature: &Feature| match feature {
            Feature::Plain(column) if features.is_as_it_is(feature) => {
                domains.get(*column).map(|domain| (*domain).clone())
            }
            _ => own.next().filter(|domain| domain.is_valid() && feature.fits(domain, columns)),
        };
        let all: Option<Vec<Domain>> = features.iter().map(domain).collect();
        (own.next().is_none() && features.is_valid(columns.len())).then_some(())?;
        Some(Self { domains: all?, features })
    }

    /// The domains of features that are no columns as they stand, in order.
    pub fn own_domains(&self) -> Vec<Domain> {
        let all = self.features.iter().zip(&self.domains);
        all.filter(|(feature, _)| !self.features.is_as_it_is(feature)).map(|(_, domain)| domain.clone()).collect()
    }
}

/// The plans of histograms of domains, and of one unit of relations.
#[derive(Debug, Clone, Copy)]
pub struct Plans {
    pub histograms: DiscoveryPlan,
    pub relations: DiscoveryPlan,
    pub scope: Scope,
}

/// The search for all that needs domains, one bounded step after another.
pub struct Relations {
    sample: RowSample,
    calendars: Vec<(usize, Calendar)>,
    columns: Vec<Column>,
    domains: Vec<Domain>,
    plans: Plans,
    meter: Meter,
    stage: Stage,
    found: Vec<(Feature, Domain)>,
    noise_draws: u64,
}

enum Stage {
    Combinations { groups: Vec<Group> },
    Curves { candidates: Vec<Follower>, counts: Vec<u64> },
    Cycles { chosen: Vec<Measured>, next: Vec<usize>, moments: Vec<Moments> },
    Ties { chosen: Vec<Measured>, search: Box<Ties> },
    Distances { chosen: Vec<Measured>, current: Option<Box<Distances>> },
    Done,
}

/// A feature whose domain is to be found.
enum Measured {
    Follower(Follower),
    Clock(Cycle),
}

impl Relations {
    /// Starts from what was found on a sample, and the released domains of its columns.
    pub fn new(compared: Compared, columns: Vec<Column>, domains: Vec<Domain>, plans: Plans, meter: Meter) -> Self {
        let Compared { sample, groups, calendars } = compared;
        let stage = Stage::Combinations { groups };
        let mut relations =
            Self { sample, calendars, columns, domains, plans, meter, stage, found: Vec::new(), noise_draws: 0 };
        if plans.scope == Scope::Ties {
            relations.stage = relations.ties(Vec::new());
        }
        relations
    }

    /// Does some work, well under 100 ms; false once all is found.
    ///
    /// # Errors
    /// `InvalidParameter` or `Internal` from the noise mechanisms.
    pub fn step(&mut self) -> Result<bool> {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Combinations { mut groups } => match groups.pop() {
                Some(group) => {
                    self.combine(&group)?;
                    Stage::Combinations { groups }
                }
                None => Stage::Curves { candidates: self.curves(), counts: Vec::new() },
            },
            Stage::Curves { candidates, mut counts } => match candidates.get(counts.len() / followers::CELLS) {
                Some(next) => {
                    counts.extend(next.histogram(&self.sample));
                    Stage::Curves { candidates, counts }
                }
                None => {
                    let chosen = self.follow(candidates, &counts)?;
                    let next = self.cyclic(&chosen);
                    Stage::Cycles { chosen, next, moments: Vec::new() }
                }
            },
            Stage::Cycles { mut chosen, mut next, mut moments } => match next.pop() {
                Some(column) => {
                    let (measure, domain) = (self.columns[column].measure, &self.domains[column]);
                    moments.extend(Moments::new(column, measure, domain, &self.sample));
                    Stage::Cycles { chosen, next, moments }
                }
                None => {
                    chosen.extend(self.cycles(&moments, chosen.len())?);
                    self.ties(chosen)
                }
            },
            Stage::Ties { chosen, mut search } => {
                match search.step(&self.columns, &self.sample, &self.plans.relations, &mut self.meter)? {
                    None => Stage::Ties { chosen, search },
                    Some(ties) => {
                        self.noise_draws += search.noise_draws();
                        let domain = |tie: &Tie| tie.domain(&self.domains[tie.column]);
                        let ties = ties.into_iter().filter_map(|tie| Some((domain(&tie)?, tie)));
                        self.found.extend(ties.map(|(domain, tie)| (Feature::Tie(tie), domain)).collect::<Vec<_>>());
                        Stage::Distances { chosen, current: None }
                    }
                }
            }
            Stage::Distances { chosen, current: None } => match chosen.last() {
                Some(next) => {
                    let current = next.distances(&self.sample, &self.columns);
                    Stage::Distances { chosen, current: Some(Box::new(current)) }
                }
                None => Stage::Done,
            },
            Stage::Distances { mut chosen, current: Some(mut current) } => {
                let plan = self.plans.relations.times(DISTANCES as f64 / Distances::HISTOGRAMS as f64);
                let domain = current.step(&plan, &mut self.meter)?;
                let next = if domain.is_none() { Some(current) } else { None };
                if let Some(domain) = domain {
                    self.noise_draws += Distances::HISTOGRAMS * u64::from(plan.unit_rows);
                    self.found.extend(chosen.pop().map(|measured| (measured.feature(), domain)));
                }
                Stage::Distances { chosen, current: next }
            }
            Stage::Done => Stage::Done,
        };
        Ok(!matches!(self.stage, Stage::Done))
    }

    /// Releases the combinations of a group, with the precision of the histograms that they stand in for.
    fn combine(&mut self, group: &Group) -> Result<()> {
        let stands_in_for = group.pooled().count() as u64 * TEXT_PRECISION;
        let plan = match stands_in_for {
            0 => self.plans.relations.times(COMBINATIONS as f64),
            histograms => self.plans.histograms.times(histograms as f64),
        };
        let combinations = group.release(&self.sample, &self.domains, &self.columns, &plan, &mut self.meter)?;
        self.noise_draws += u64::from(plan.unit_rows);
        for column in group.pooled() {
            self.domains[column] = group.projection(&combinations, column, self.columns[column].nullable);
        }
        if let Some(combination) = group.combination(combinations, &self.columns) {
            let domain = domain_of(&combination, group.parent().map(|parent| &self.domains[parent]));
            self.found.push((Feature::Combination(combination), domain));
        }
        Ok(())
    }

    /// Whether no feature makes a column yet.
    fn is_free(&self, column: usize) -> bool {
        !self.found.iter().any(|(feature, _)| feature.makes().contains(&column))
    }

    /// The curves worth a look.
    fn curves(&self) -> Vec<Follower> {
        if Plan::of(&self.columns).followers == 0 {
            return Vec::new();
        }
        followers::candidates(&self.columns, &self.domains, &self.calendars, |column| self.is_free(column))
    }

    fn follow(&mut self, candidates: Vec<Follower>, counts: &[u64]) -> Result<Vec<Measured>> {
        let (plan, parts) = (&self.plans.relations, candidates.len());
        let (counts, noise_sd) = search(counts, parts, CURVES, plan, &mut self.meter)?;
        self.noise_draws += parts as u64 * u64::from(plan.unit_rows);
        let chosen = followers::choose(candidates, &counts, noise_sd, Plan::of(&self.columns).followers as usize);
        Ok(chosen.into_iter().map(Measured::Follower).collect())
    }

    /// The columns that may lie in cycles: moments that follow no others.
    fn cyclic(&self, chosen: &[Measured]) -> Vec<usize> {
        let follows = |column: &usize| chosen.iter().any(|measured| measured.feature().makes().contains(column));
        let is_moment = |column: &usize| matches!(self.columns[*column].measure, Measure::Moment { .. });
        let columns = (0..self.columns.len()).rev().filter(is_moment);
        columns.filter(|column| self.is_free(*column) && !follows(column)).collect()
    }

    fn cycles(&mut self, moments: &[Moments], measured: usize) -> Result<Vec<Measured>> {
        let counts: Vec<u64> = moments.iter().flat_map(|moments| moments.counts).collect();
        let (plan, parts) = (&self.plans.relations, moments.iter().map(Moments::parts).sum());
        let (counts, noise_sd) = search(&counts, parts, CYCLES, plan, &mut self.meter)?;
        self.noise_draws += parts as u64 * u64::from(plan.unit_rows);
        let chosen = cycles::choose(moments, &counts, noise_sd, Plan::of(&self.columns).measured() as usize - measured);
        self.found.extend(chosen.days.into_iter().map(|(cycle, domain)| (Feature::Cycle(cycle), domain)));
        Ok(chosen.clocks.into_iter().map(Measured::Clock).collect())
    }

    /// Starts to look for values that stand together, in columns that no other feature makes or moves.
    fn ties(&self, chosen: Vec<Measured>) -> Stage {
        let chosen_features = chosen.iter().map(Measured::feature);
        let features: Vec<Feature> =
            self.found.iter().map(|(feature, _)| feature.clone()).chain(chosen_features).collect();
        let columns = 0..self.columns.len();
        let is_of =
            |feature: &Feature, column| feature.first_column() == Some(column) || feature.makes().contains(&column);
        let is_free = |column| !features.iter().any(|feature| is_of(feature, column));
        let follows =
            |column: usize| features.iter().find(|feature| feature.makes().contains(&column)).and_then(Feature::needs);
        let histograms = &self.plans.histograms;
        // Without histograms no share is released yet.
        let noise_sd = Some(histograms.noise_sd()).filter(|sd| sd.is_finite()).unwrap_or(0.0);
        let (rows, noise) = (histograms.sampled_rows, noise_sd / histograms.sampled_rows.max(1.0));
        let (is_free, follows) = (columns.clone().map(is_free).collect(), columns.map(follows).collect());
        Stage::Ties { chosen, search: Box::new(Ties::new(self.domains.clone(), is_free, follows, rows, noise)) }
    }

    /// Draws of noise that one unit can bear on.
    pub fn noise_draws(&self) -> u64 {
        self.noise_draws
    }

    /// The domains of the columns, and the features that models see.
    pub fn finish(self) -> (Vec<Domain>, Found) {
        let features = Features::new(
            self.columns.len(),
            self.found.iter().map(|(feature, _)| feature.clone()).collect(),
            self.calendars,
        );
        let domain = |feature: &Feature| {
            let found = self.found.iter().find(|(found, _)| found == feature).map(|(_, domain)| domain);
            match feature {
                Feature::Plain(column) => self.domains.get(*column),
                Feature::Combination(_) | Feature::Residual(_) | Feature::Cycle(_) | Feature::Tie(_) => found,
            }
        };
        let domains = features.iter().filter_map(domain).cloned().collect();
        let written = |(column, domain): (usize, &Domain)| match features.calendar(column) {
            Some(calendar) => calendar.write_domain(domain),
            None => domain.clone(),
        };
        (self.domains.iter().enumerate().map(written).collect(), Found { features, domains })
    }
}

impl Measured {
    fn feature(&self) -> Feature {
        match self {
            Self::Follower(follower) => Feature::Residual(follower.residual.clone()),
            Self::Clock(cycle) => Feature::Cycle(cycle.clone()),
        }
    }

    /// The search for its domain in a sample.
    fn distances(&self, sample: &RowSample, columns: &[Column]) -> Distances {
        match self {
            Self::Follower(follower) => {
                let (distances, nulls) = follower.distances(sample);
                Distances::new(&columns[follower.residual.column], follower.bounds(), distances, nulls)
            }
            Self::Clock(cycle) => {
                let times = sample.numbers(cycle.column).iter().filter_map(|moment| cycle.place(*moment)).collect();
                Distances::new(&cycle.of_column(columns), [Some(0.0), Some(cycle.per_day - 1.0)], times, 0)
            }
        }
    }
}

/// The domain of a combination's column: what was released, and of each of the parent's values what was not.
fn domain_of(combination: &Combination, parent: Option<&Domain>) -> Domain {
    let weight = |cell: &Cell| match cell {
        Cell::Values(_, weight) => *weight,
        Cell::Rest(of) => {
            let share = parent.and_then(|parent| group::share_of(parent, of)).unwrap_or(0.0);
            (share - combination.weight_of(of)).max(0.0)
        }
    };
    let weights: Vec<f64> = combination.cells().iter().map(weight).collect();
    let known: f64 = weights.iter().sum();
    let bin = |(place, weight): (usize, &f64)| Bin { parts: vec![Part::point(place as f64, weight / known.max(1.0))] };
    let bins = weights.iter().enumerate().map(bin).collect();
    Domain { cells: Cells::Bins { bins, step: 1.0 }, other: Some((1.0 - known).max(0.0)), null: None }
}

//! Private discovery of domains from a Poisson sample of units (rows, or groups of rows that are sampled together).
//!
//! Everything that touches the sample is a noisy histogram: each of a column's histograms sorts every sampled row
//! into at most one of its cells, so that adding or removing a unit of at most `m` rows changes its counts by `m` in all
//! (sensitivity `m`, in L1 and L2 alike). Cells are public, or computed from what earlier histograms released; keys that are not known in advance
//! (texts, exact numbers) are released only above a threshold. All else is post-processing.
//!
//! [`histograms`] and [`thresholds`] say beforehand how many of them a column needs.

mod binning;
mod category;
mod declared;
mod domain_source;
mod histograms;
mod leaf;
mod number_line;
mod numeric;
mod plan;
mod refine;
mod sample;
mod significance;
mod spacing;
mod tail;
#[cfg(test)]
mod tests;
mod texts;
mod tree;

pub use self::domain_source::Goal;
pub use self::plan::{DiscoveryPlan, MIN_COUNT, TEXT_PRECISION};
pub use self::sample::DiscoverySample;
pub use self::significance::or_zero;

use self::domain_source::DomainSource;
use self::numeric::Numeric;
use self::plan::EXACT_PRECISION;
use self::sample::Sampled;
use super::{Column, Domain};
use crate::engine::Result;
use crate::engine::privacy::meter::Meter;

/// Noisy histograms that discovery of a column's domain uses, in each of which a row counts once at most: none for a
/// declared set of values, or one for its shares; one for text; four or five for numbers (the steps that they are multiples of, exact values,
/// two rounds of bins, and octaves unless both bounds are declared). Those of texts and exact values count as
/// [`TEXT_PRECISION`] and [`EXACT_PRECISION`] of the others.
pub fn histograms(column: &Column, goal: Goal) -> u64 {
    match DomainSource::of(column, goal) {
        DomainSource::Public(_) => 0,
        DomainSource::Counted(_) => 1,
        DomainSource::Texts => TEXT_PRECISION,
        DomainSource::Numbers { lo, hi } => {
            let octaves = u64::from(lo.is_none() || hi.is_none());
            EXACT_PRECISION + 3 + octaves
        }
    }
}

/// How many of a column's [`histograms`] are released above a threshold, each at the price of a share of delta.
pub fn thresholds(column: &Column) -> u64 {
    u64::from(!matches!(DomainSource::of(column, Goal::Domains), DomainSource::Public(_)))
}

/// Bytes that a [`DiscoverySample`] takes for every sampled row, roughly and at most.
pub fn bytes_per_row(columns: &[Column]) -> u64 {
    let bytes = |column: &Column| match DomainSource::of(column, Goal::Domains) {
        DomainSource::Public(_) | DomainSource::Counted(_) => 0,
        DomainSource::Texts => texts::BYTES_PER_ROW,
        DomainSource::Numbers { .. } => size_of::<f64>() as u64,
    };
    columns.iter().map(bytes).sum()
}

/// The discovery of the domain of distances from a curve, one bounded step after another.
pub struct Distances(Numeric);

impl Distances {
    /// Its noisy histograms, as [`histograms`] counts them.
    pub const HISTOGRAMS: u64 = EXACT_PRECISION + 4;

    /// From the distances of a column's values, with the bounds that they are known to have, and the number of NULLs.
    pub fn new(column: &Column, bounds: [Option<f64>; 2], distances: Vec<f64>, nulls: u64) -> Self {
        let [lo, hi] = bounds;
        Self(Numeric::new(column, lo, hi, distances, nulls))
    }

    /// See [`Discovery::step`]; the domain once it is found. The noise is that of one of the histograms.
    ///
    /// # Errors
    /// As [`Discovery::step`].
    pub fn step(&mut self, plan: &DiscoveryPlan, meter: &mut Meter) -> Result<Option<Domain>> {
        self.0.step(plan, meter)
    }
}

/// The discovery of all columns' domains, one bounded step after another.
pub struct Discovery {
    plan: DiscoveryPlan,
    meter: Meter,
    columns: Vec<DiscoveryState>,
    noise_draws: u64,
}

enum DiscoveryState {
    Found(Domain),
    Declared(declared::Counts),
    Texts { texts: texts::TextCounts, nullable: bool },
    Numbers(Box<Numeric>),
}

impl Discovery {
    /// Starts from a sample that was drawn unit by unit with a public probability. The domains of `others` are found
    /// otherwise.
    pub fn new(sample: DiscoverySample, others: &[usize], plan: DiscoveryPlan, meter: Meter) -> Self {
        let goal = sample.goal;
        let histograms: u64 = sample.columns.iter().map(|(column, _)| histograms(column, goal)).sum();
        let state = |(column, sampled): (Column, Sampled)| match (sampled, DomainSource::of(&column, goal)) {
            (Sampled::Declared(counts), _) => DiscoveryState::Declared(counts),
            (Sampled::Texts(texts), _) => DiscoveryState::Texts { texts, nullable: column.nullable },
            (Sampled::Numbers { values, nulls }, DomainSource::Numbers { lo, hi }) => {
                DiscoveryState::Numbers(Box::new(Numeric::new(&column, lo, hi, values, nulls)))
            }
            (_, DomainSource::Public(domain)) => DiscoveryState::Found(domain),
            (_, _) => DiscoveryState::Found(category::nothing(column.nullable)),
        };
        let mut columns: Vec<DiscoveryState> = sample.columns.into_iter().map(state).collect();
        for column in others {
            let nothing = std::mem::replace(&mut columns[*column], DiscoveryState::Found(category::nothing(false)));
            columns[*column] = DiscoveryState::Found(nothing.nothing());
        }
        Self { plan, meter, columns, noise_draws: histograms * u64::from(plan.unit_rows) }
    }

    /// Works on one column for well under 100 ms (at 500,000 sampled rows); false once all domains are found.
    ///
    /// # Errors
    /// `InvalidParameter` or `Internal` from the noise mechanisms.
    pub fn step(&mut self) -> Result<bool> {
        let Some(state) = self.columns.iter_mut().find(|state| !matches!(state, DiscoveryState::Found(_))) else {
            return Ok(false);
        };
        let found = match state {
            DiscoveryState::Found(_) => None,
            DiscoveryState::Declared(counts) => Some(counts.release(&self.plan, &mut self.meter)?),
            DiscoveryState::Texts { texts, nullable } => Some(category::discover(
                std::mem::take(texts),
                *nullable,
                &self.plan.times(TEXT_PRECISION as f64),
                &mut self.meter,
            )?),
            DiscoveryState::Numbers(numeric) => numeric.step(&self.plan, &mut self.meter)?,
        };
        if let Some(domain) = found {
            *state = DiscoveryState::Found(domain);
        }
        Ok(true)
    }

    /// Draws of noise that one unit can bear on: one a histogram and row. All others come out alike on neighbouring
    /// tables, whatever the sampler's slack.
    pub fn noise_draws(&self) -> u64 {
        self.noise_draws
    }

    /// The domains, in the order of the columns. A column that has not had its steps yet gets what is public.
    pub fn finish(self) -> Vec<Domain> {
        self.finish_with_meter().0
    }

    /// The same, and the meter of what ran on the sample.
    pub fn finish_with_meter(self) -> (Vec<Domain>, Meter) {
        (self.columns.into_iter().map(DiscoveryState::nothing).collect(), self.meter)
    }
}

impl DiscoveryState {
    /// The domain, or what is public of it.
    fn nothing(self) -> Domain {
        match self {
            Self::Found(domain) => domain,
            Self::Declared(counts) => counts.nothing(),
            Self::Texts { nullable, .. } => category::nothing(nullable),
            Self::Numbers(numeric) => numeric.nothing(),
        }
    }
}

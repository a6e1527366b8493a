//! Domains of numeric columns.
//!
//! One histogram after another, in each of which a row counts once at most:
//! 1. real numbers only: decimal places, to find a decimal lattice;
//! 2. exact values, released above a threshold: the atoms, such as a spike at 0;
//! 3. atoms, NULL and the public octaves of all other values: the range and rough masses. Left out where both bounds
//!    are declared;
//! 4. atoms, NULL and cells cut out of the retained octaves by their masses;
//! 5. atoms, NULL and cells cut out of these by theirs, so that values crowded far from zero (a week in microseconds)
//!    are told apart too.
//!
//! The measurements are then made consistent ([`tree`]) and grouped into bins ([`grouping`]).

use std::cmp::Ordering;

use super::grouping::{self, Atom, Leaf, Masses};
use super::layout;
use super::line::{Interval, Line};
use super::significance::standing_out;
use super::survey::Survey;
use super::tree::{Estimate, consistent};
use super::{Plan, decimals};
use crate::engine::Result;
use crate::engine::privacy::mutant::{self, Mutant};
use crate::engine::privacy::random::SecretRng;
use crate::engine::privacy::threshold::release_heavy;
use crate::engine::table::{Bin, Cells, Column, Domain, Measure, Part};

/// Values that fewer rows hold are no atoms. As for texts, see [`super::category`].
const MIN_COUNT: u64 = 8;

/// The heaviest atoms are kept, the rest is left to the cells around them.
const MAX_ATOMS: usize = 256;

/// The cells of the first round of bins, and what is known of them together; octave by octave.
type Rough = (Vec<Vec<Interval>>, Vec<Option<Estimate>>);

/// The discovery of one numeric column's domain, in steps.
pub struct Numeric {
    stage: Stage,
    values: Vec<f64>,
    nulls: u64,
    nullable: bool,
    measure: Measure,
    lo: Option<f64>,
    hi: Option<f64>,
    /// Decimal places of the lattice found in real numbers.
    places: Option<usize>,
    atoms: Vec<f64>,
}

enum Stage {
    Lattice,
    Atoms,
    Bins,
}

impl Numeric {
    /// Starts from finite values and the number of NULLs.
    pub fn new(column: &Column, lo: Option<f64>, hi: Option<f64>, values: Vec<f64>, nulls: u64) -> Self {
        let Column { nullable, measure, .. } = *column;
        Self { stage: Stage::Lattice, values, nulls, nullable, measure, lo, hi, places: None, atoms: Vec::new() }
    }

    /// A bounded piece of work; the domain once it is found.
    pub fn step(&mut self, plan: &Plan, rng: &mut SecretRng) -> Result<Option<Domain>> {
        match self.stage {
            Stage::Lattice => {
                self.find_lattice(plan, rng)?;
                self.stage = Stage::Atoms;
                Ok(None)
            }
            Stage::Atoms => {
                self.find_atoms(plan, rng)?;
                self.stage = Stage::Bins;
                Ok(None)
            }
            Stage::Bins => self.find_bins(plan, rng).map(Some),
        }
    }

    /// The domain if nothing can be learned: the declared range, or a single value.
    pub fn nothing(&self) -> Domain {
        self.fallback(0.0)
    }

    fn per_one(&self) -> f64 {
        self.places.map_or(1.0, |places| decimals::POWERS[places])
    }

    fn line(&self) -> Line {
        let scaled = |bound: Option<f64>| bound.map(|bound| bound * self.per_one());
        let lattice = self.measure == Measure::Lattice || self.places.is_some();
        Line::new(lattice, scaled(self.lo), scaled(self.hi))
    }

    fn find_lattice(&mut self, plan: &Plan, rng: &mut SecretRng) -> Result<()> {
        if self.measure == Measure::Real {
            let noisy = plan.noisy(&decimals::counts(&self.values), rng)?;
            self.places = decimals::lattice(&noisy.values, noisy.noise_sd);
        }
        Ok(())
    }

    fn find_atoms(&mut self, plan: &Plan, rng: &mut SecretRng) -> Result<()> {
        let (line, per_one) = (self.line(), self.per_one());
        self.values.iter_mut().for_each(|value| *value = line.clip(*value * per_one));
        self.values.sort_unstable_by(f64::total_cmp);
        let runs = self.values.chunk_by(|a, b| a == b).filter(|run| run.len() as u64 >= MIN_COUNT);
        let excess = runs.map(|run| (Ordered(run[0]), run.len() as u64 - (MIN_COUNT - 1)));
        let mut released =
            release_heavy(excess, plan.unit_rows, plan.noise_multiplier, plan.threshold_delta, rng)?.keys;
        released.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        self.atoms = released.iter().take(MAX_ATOMS).map(|(atom, _)| atom.0).collect();
        self.atoms.sort_unstable_by(f64::total_cmp);
        Ok(())
    }

    fn find_bins(&self, plan: &Plan, rng: &mut SecretRng) -> Result<Domain> {
        let line = self.line();
        let mut survey = Survey::new(&self.values, &self.atoms, self.nullable.then_some(self.nulls), plan, rng);
        let (rough, octaves) = if self.lo.is_some() && self.hi.is_some() {
            (vec![layout::within_bounds(line, plan.sampled_rows, plan.noise_sd())], vec![None])
        } else {
            self.retained_octaves(line, &mut survey)?
        };
        let cells = rough.concat();
        let first = survey.measure(cells.clone())?;
        let rows: Vec<f64> = first.iter().map(|mass| mass.value).collect();
        let fine = layout::split(line, &cells, &rows, survey.noise_sd);
        let second = survey.measure(fine.concat())?;

        let (mut first, mut second) = (first.into_iter(), second.into_iter());
        let mut fine = fine.iter();
        let mut segments = Vec::with_capacity(rough.len());
        for (cells, octave) in rough.iter().zip(octaves) {
            let pieces: Vec<&Vec<Interval>> = fine.by_ref().take(cells.len()).collect();
            let level = first.by_ref().take(cells.len());
            let level: Vec<(Estimate, Vec<Estimate>)> =
                level.zip(&pieces).map(|(mass, pieces)| (mass, second.by_ref().take(pieces.len()).collect())).collect();
            let masses = consistent(octave, &level);
            let intervals = pieces.into_iter().flatten();
            segments.push(intervals.zip(masses).map(|(interval, mass)| Leaf { interval: *interval, mass }).collect());
        }
        let atoms = self.atoms.iter().zip(survey.points()).map(|(value, rows)| Atom { value: *value, rows });
        let masses = Masses { segments, atoms: atoms.collect(), noise_sd: survey.noise_sd };
        let mut bins = grouping::bins(line, masses);
        if mutant::is(Mutant::ExactRange) {
            bins = exact_range(&self.values);
        }
        Ok(self.domain(line, bins, survey.nulls(), plan))
    }

    /// The octaves that stand out from the noise or hold atoms: their rows, and the cells to cut them into.
    fn retained_octaves(&self, line: Line, survey: &mut Survey) -> Result<Rough> {
        let octaves = line.octaves();
        let masses = survey.measure(octaves.clone())?;
        let holds_atom = |i: usize| self.atoms.iter().any(|atom| octaves[i].start <= *atom && *atom < octaves[i].end);
        let scores: Vec<f64> = masses.iter().map(|mass| mass.value / survey.noise_sd).collect();
        let standing = standing_out(&scores, holds_atom);
        let kept = || (0..octaves.len()).filter(|i| standing[*i]);
        let intervals: Vec<Interval> = kept().map(|i| octaves[i]).collect();
        let rows: Vec<f64> = kept().map(|i| masses[i].value).collect();
        Ok((layout::split(line, &intervals, &rows, survey.noise_sd), kept().map(|i| Some(masses[i])).collect()))
    }

    /// Bins in units of the lattice and numbers of rows become a domain in the column's measure and shares.
    fn domain(&self, line: Line, mut bins: Vec<Bin>, nulls: f64, plan: &Plan) -> Domain {
        let present: f64 = bins.iter().map(Bin::weight).sum();
        if bins.is_empty() || present <= 0.0 {
            return self.fallback((nulls / plan.sampled_rows.max(1.0)).min(1.0));
        }
        let total = present + nulls;
        for part in bins.iter_mut().flat_map(|bin| &mut bin.parts) {
            let Part { lo, hi, weight } = *part;
            *part = Part { lo: lo / self.per_one(), hi: hi / self.per_one(), weight: weight / total };
        }
        Domain {
            cells: Cells::Bins { bins, step: if line.lattice { 1.0 / self.per_one() } else { 0.0 } },
            other: None,
            null: self.nullable.then_some(nulls / total),
        }
    }

    fn fallback(&self, nulls: f64) -> Domain {
        let line = self.line();
        let lo = if self.lo.is_some() { line.range.start } else { line.clip(0.0) };
        let hi = if self.lo.is_some() && self.hi.is_some() { line.before(line.range.end) } else { lo };
        let bins = vec![Bin { parts: vec![Part { lo: lo / self.per_one(), hi: hi / self.per_one(), weight: 0.0 }] }];
        let step = if line.lattice { 1.0 / self.per_one() } else { 0.0 };
        Domain { cells: Cells::Bins { bins, step }, other: None, null: self.nullable.then_some(nulls) }
    }
}

/// [`Mutant::ExactRange`]: even bins from the least to the greatest of ascending values.
fn exact_range(values: &[f64]) -> Vec<Bin> {
    let (Some(lo), Some(hi)) = (values.first(), values.last()) else { return Vec::new() };
    let edge = |i: usize| lo + (hi - lo) * i as f64 / 8.0;
    (0..8).map(|i| Bin { parts: vec![Part { lo: edge(i), hi: edge(i + 1), weight: 1.0 }] }).collect()
}

/// A number as a key.
#[derive(Debug, Clone, Copy)]
struct Ordered(f64);

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ordered {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ordered {}

/// The domain of a declared set of numbers: even weights, because nothing is measured. None if one is no number.
pub fn declared(values: &[String], column: &Column) -> Option<Domain> {
    let parse = |value: &String| value.trim().parse::<f64>().ok().filter(|value| value.is_finite());
    let mut numbers = values.iter().map(parse).collect::<Option<Vec<f64>>>()?;
    numbers.sort_unstable_by(f64::total_cmp);
    numbers.dedup();
    let share = 1.0 / (numbers.len() + usize::from(column.nullable)) as f64;
    let bins: Vec<Bin> = numbers.iter().map(|number| Bin { parts: vec![Part::point(*number, share)] }).collect();
    let step = if column.measure == Measure::Lattice { 1.0 } else { 0.0 };
    let domain = Domain { cells: Cells::Bins { bins, step }, other: None, null: column.nullable.then_some(share) };
    (!numbers.is_empty()).then_some(domain)
}

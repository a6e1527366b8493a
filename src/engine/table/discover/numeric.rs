//! Domains of numeric columns.
//!
//! One histogram after another, in each of which a row counts once at most:
//! 1. the steps that values are multiples of, to find their lattice;
//! 2. exact values, released above a threshold: the atoms, such as a spike at 0;
//! 3. atoms, NULL and the public octaves of all other values: the range and rough masses. Left out where both bounds
//!    are declared;
//! 4. atoms, NULL and cells that the octaves are cut into, or joined to, by their masses;
//! 5. atoms, NULL and cells that these are cut into by theirs, so that values crowded far from zero (a week in microseconds)
//!    are told apart too.
//!
//! The measurements are then made consistent ([`tree`]) and grouped into bins ([`binning`]).

use std::cmp::Ordering;

use super::binning::{self, Atom, Masses};
use super::histograms::Survey;
use super::leaf::Leaf;
use super::number_line::{Interval, NumberLine};
use super::plan::{DiscoveryPlan, MIN_COUNT, Shares};
use super::refine::{self, Block};
use super::spacing::{self, Scale};
use super::tree::{Estimate, consistent};
use crate::engine::Result;
use crate::engine::privacy::mechanisms::sparse_histogram::release_heavy;
use crate::engine::privacy::meter::Meter;
use crate::engine::privacy::mutant::{self, Mutant};
use crate::engine::table::{Bin, Cells, Column, Domain, Measure, Part};

/// The heaviest atoms are kept, the rest is left to the cells around them.
const MAX_ATOMS: usize = 256;

/// What is known of some cells together, and the cells of the first round of bins that they are cut into.
type Rough = (Vec<Option<Estimate>>, Vec<Vec<Interval>>);

/// The discovery of one numeric column's domain, in steps.
pub struct Numeric {
    stage: NumericStage,
    values: Vec<f64>,
    nulls: u64,
    nullable: bool,
    measure: Measure,
    lo: Option<f64>,
    hi: Option<f64>,
    /// Spacing of the lattice that was found.
    scale: Scale,
    lattice: bool,
    /// Ascending, in units of the lattice.
    atoms: Vec<f64>,
    /// The atoms as they stand in the table, which may be a rounding off the lattice.
    exact: Vec<f64>,
}

enum NumericStage {
    Lattice,
    Atoms,
    Bins,
}

impl Numeric {
    /// Starts from finite values and the number of NULLs.
    pub fn new(column: &Column, lo: Option<f64>, hi: Option<f64>, values: Vec<f64>, nulls: u64) -> Self {
        let Column { nullable, measure, .. } = *column;
        Self {
            stage: NumericStage::Lattice,
            values,
            nulls,
            nullable,
            measure,
            lo,
            hi,
            scale: Scale::new(1.0),
            lattice: measure.is_whole(),
            atoms: Vec::new(),
            exact: Vec::new(),
        }
    }

    /// A bounded piece of work; the domain once it is found.
    pub fn step(&mut self, plan: &DiscoveryPlan, meter: &mut Meter) -> Result<Option<Domain>> {
        match self.stage {
            NumericStage::Lattice => {
                self.find_lattice(plan, meter)?;
                self.stage = NumericStage::Atoms;
                Ok(None)
            }
            NumericStage::Atoms => {
                self.find_atoms(plan, meter)?;
                self.stage = NumericStage::Bins;
                Ok(None)
            }
            NumericStage::Bins => self.find_bins(plan, meter).map(Some),
        }
    }

    /// The domain if nothing can be learned: the declared range, or a single value.
    pub fn nothing(&self) -> Domain {
        self.fallback(0.0)
    }

    fn line(&self) -> NumberLine {
        let scaled = |bound: Option<f64>| bound.map(|bound| self.scale.units(bound));
        NumberLine::new(self.lattice, scaled(self.lo), scaled(self.hi))
    }

    /// Spacing of the values; 0 where there is none.
    fn spacing(&self) -> f64 {
        if self.lattice { self.scale.step() } else { 0.0 }
    }

    /// Whether both bounds are public.
    fn is_bounded(&self) -> bool {
        self.lo.is_some() && self.hi.is_some()
    }

    /// How its histograms share what the column pays for.
    fn shares(&self, plan: &DiscoveryPlan) -> Shares {
        plan.of_numbers(if self.is_bounded() { 2 } else { 3 })
    }

    fn find_lattice(&mut self, plan: &DiscoveryPlan, meter: &mut Meter) -> Result<()> {
        let candidates = spacing::candidates(self.measure);
        let line = self.line();
        self.values.iter_mut().for_each(|value| *value = line.clip(*value));
        let plan = plan.times(self.shares(plan).steps);
        let noisy = plan.noisy(&spacing::counts(candidates, &self.values), meter)?;
        let step = spacing::lattice(candidates, &noisy.values, noisy.noise_sd).map(Scale::new);
        // Public bounds may leave room for no multiple of the step.
        if let Some(scale) = step.filter(|scale| scale.has_values(self.lo, self.hi)) {
            (self.scale, self.lattice) = (scale, true);
        }
        Ok(())
    }

    fn find_atoms(&mut self, plan: &DiscoveryPlan, meter: &mut Meter) -> Result<()> {
        let (line, scale, plan) = (self.line(), self.scale, plan.times(self.shares(plan).exact));
        self.values.sort_unstable_by(f64::total_cmp);
        let runs = self.values.chunk_by(|a, b| a == b).filter(|run| run.len() as u64 >= MIN_COUNT);
        let excess = runs.map(|run| (Ordered(run[0]), run.len() as u64 - (MIN_COUNT - 1)));
        let mut released =
            release_heavy(&[], excess, plan.unit_rows, plan.noise_multiplier, plan.threshold_delta, meter)?.keys;
        released.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let atoms = released.iter().take(MAX_ATOMS).map(|(atom, _)| (line.clip(scale.units(atom.0)), atom.0));
        let mut atoms: Vec<(f64, f64)> = atoms.collect();
        // A stable sort: of atoms that are one on the lattice, the heaviest stands for all.
        atoms.sort_by(|a, b| a.0.total_cmp(&b.0));
        atoms.dedup_by_key(|atom| atom.0);
        (self.atoms, self.exact) = atoms.into_iter().unzip();
        self.values.iter_mut().for_each(|value| *value = line.clip(scale.units(*value)));
        Ok(())
    }

    fn find_bins(&self, plan: &DiscoveryPlan, meter: &mut Meter) -> Result<Domain> {
        let (line, plan) = (self.line(), &plan.times(self.shares(plan).round));
        let mut survey = Survey::new(&self.values, &self.atoms, self.nullable.then_some(self.nulls), plan, meter);
        let (wholes, rough) = if self.is_bounded() {
            (vec![None], vec![refine::within_bounds(line, plan.sampled_rows, plan.noise_sd())])
        } else {
            self.octaves(line, &mut survey)?
        };
        let cells = rough.concat();
        let first = survey.measure(cells.clone())?;
        let fine = self.next(line, rough.iter().map(Vec::len), &cells, &first);
        let intervals: Vec<Interval> = fine.iter().flatten().flat_map(|block| &block.pieces).copied().collect();
        let mut second = survey.measure(intervals.clone())?.into_iter();

        let mut masses = Vec::with_capacity(intervals.len());
        for (whole, blocks) in wholes.into_iter().zip(&fine) {
            let level = blocks.iter().map(|block| {
                let cells = Estimate::sum(&first[block.cells.clone()]);
                (cells, second.by_ref().take(block.pieces.len()).collect())
            });
            masses.extend(consistent(whole, &level.collect::<Vec<_>>()));
        }
        let leaves = intervals
            .iter()
            .zip(masses)
            .map(|(interval, mass)| Leaf::new(*interval, mass, self.is_full(line, interval)));
        let atoms = self.atoms.iter().zip(survey.points()).map(|(value, rows)| Atom { value: *value, rows });
        let masses = Masses { leaves: leaves.collect(), atoms: atoms.collect(), noise_sd: survey.noise_sd };
        let mut bins = binning::bins(line, masses);
        if mutant::is(Mutant::ExactRange) {
            bins = exact_range(&self.values);
        }
        Ok(self.domain(bins, survey.nulls(), plan))
    }

    /// The octaves, joined where nothing stands out: their rows, and the cells to cut them into.
    fn octaves(&self, line: NumberLine, survey: &mut Survey) -> Result<Rough> {
        let octaves = line.octaves();
        let masses = survey.measure(octaves.clone())?;
        let blocks = self.next(line, [octaves.len()], &octaves, &masses).concat();
        let wholes = blocks.iter().map(|block| Some(Estimate::sum(&masses[block.cells.clone()]))).collect();
        Ok((wholes, blocks.into_iter().map(|block| block.pieces).collect()))
    }

    /// See [`refine::next`].
    fn next(
        &self,
        line: NumberLine,
        parents: impl IntoIterator<Item = usize>,
        cells: &[Interval],
        masses: &[Estimate],
    ) -> Vec<Vec<Block>> {
        let anchored = |cell: &Interval| self.atoms_in(cell) > 0;
        refine::next(line, parents, cells, masses, anchored, |cell| self.is_full(line, cell))
    }

    fn atoms_in(&self, cell: &Interval) -> usize {
        let below = |x: f64| self.atoms.partition_point(|atom| *atom < x);
        below(cell.end) - below(cell.start)
    }

    /// Whether every value of a cell is an atom, so that the cell holds no other rows.
    fn is_full(&self, line: NumberLine, cell: &Interval) -> bool {
        line.lattice && self.atoms_in(cell) as f64 >= cell.width()
    }

    /// Bins in units of the lattice and numbers of rows become a domain in the column's measure and shares.
    fn domain(&self, mut bins: Vec<Bin>, nulls: f64, plan: &DiscoveryPlan) -> Domain {
        let present: f64 = bins.iter().map(Bin::weight).sum();
        if bins.is_empty() || present <= 0.0 {
            return self.fallback((nulls / plan.sampled_rows.max(1.0)).min(1.0));
        }
        let total = present + nulls;
        for part in bins.iter_mut().flat_map(|bin| &mut bin.parts) {
            let Part { lo, hi, weight } = *part;
            let atom = if lo == hi { self.atoms.binary_search_by(|atom| atom.total_cmp(&lo)).ok() } else { None };
            let value = |units| atom.map_or(self.scale.value(units), |place| self.exact[place]);
            *part = Part { lo: value(lo), hi: value(hi), weight: weight / total };
        }
        Domain {
            cells: Cells::Bins { bins, step: self.spacing() },
            other: None,
            null: self.nullable.then_some(nulls / total),
        }
    }

    fn fallback(&self, nulls: f64) -> Domain {
        let line = self.line();
        let lo = if self.lo.is_some() { line.range.start } else { line.clip(0.0) };
        let hi = if self.lo.is_some() && self.hi.is_some() { line.before(line.range.end) } else { lo };
        let bins = vec![Bin { parts: vec![Part { lo: self.scale.value(lo), hi: self.scale.value(hi), weight: 0.0 }] }];
        let cells = Cells::Bins { bins, step: self.spacing() };
        Domain { cells, other: None, null: self.nullable.then_some(nulls) }
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
    let step = if column.measure.is_whole() { 1.0 } else { 0.0 };
    let domain = Domain { cells: Cells::Bins { bins, step }, other: None, null: column.nullable.then_some(share) };
    (!numbers.is_empty()).then_some(domain)
}

//! The denoiser of the masked diffusion: the distribution of one hidden column given all the others, as a log-linear
//! model over the measured cliques. Its logits are sums of table rows, one for each clique that holds the column.

use std::collections::BTreeMap;
use std::ops::Range;

use rand::{Rng, RngExt};

use super::classes::Classes;
use super::coarsening::{Coarsening, Level};
use super::potential::Potential;

/// Potentials laid out for drawing: for each column a base row and the factors that look at other columns, all as
/// weights to be multiplied rather than logits to be added, so that a draw takes no exponential. What is drawn are
/// classes of codes; see [`Classes`].
#[derive(Debug, Clone)]
pub struct Denoiser {
    columns: Vec<Conditional>,
    classes: Vec<Classes>,
}

const LANES: usize = 8;
/// Weights of eight classes.
type Lanes = [f32; LANES];
/// Rows whose places in tables are looked up at once.
const ROWS_AT_ONCE: usize = 128;
/// Groups of a coarse step, at most, and what it costs to go on from one to the next, relative to the lanes of a factor.
const MOST_GROUPS: usize = 128;
const STEP_COST: usize = 2;
/// Products whose sum is below this may have lost codes to underflow and are taken again as logarithms.
const MIN_TOTAL: f32 = 1e-24;

#[derive(Debug, Clone)]
struct Conditional {
    /// Weights before any other column is looked at, padded with zeros to as many classes as [`padded`] says.
    base: Vec<Lanes>,
    /// Factors that see groups of classes, coarsest first, where that is faster than to see classes.
    coarse: Vec<Step>,
    /// The group of each class in the last of these, padded like `base`.
    group_of: Vec<u8>,
    factors: Vec<Factor>,
}

/// Factors that see the same groups of a column's classes.
#[derive(Debug, Clone)]
struct Step {
    lanes: usize,
    /// The group of each group in the step before, padded to whole lanes.
    above: Vec<u8>,
    /// The group of each class.
    group_of: Vec<u8>,
    factors: Vec<Factor>,
}

/// What one marginal makes of a column's weights.
#[derive(Debug, Clone)]
struct Factor {
    /// The marginal's other columns, each with what each of its classes adds to the place in `table`.
    others: Vec<(usize, Vec<u32>)>,
    /// One row of weights, 1 being the largest, for each combination of the other columns' groups.
    table: Vec<Lanes>,
}

impl Denoiser {
    /// Lays out the potentials of a table whose columns have the coarsening's codes.
    pub fn new(coarsening: &Coarsening, potentials: &[Potential]) -> Self {
        let alone = |column, size| {
            let mut logits = vec![0.0; size];
            for Potential { marginal, weights } in potentials {
                if marginal.clique.columns() != [column] {
                    continue;
                }
                for level in marginal.levels(coarsening).map(|(_, level)| level) {
                    let by_code = level.group_of.iter().map(|group| weights[usize::from(*group)]);
                    logits.iter_mut().zip(by_code).for_each(|(logit, weight)| *logit += weight);
                }
            }
            weights_of(&logits)
        };
        let weights: Vec<Vec<f32>> =
            coarsening.sizes().into_iter().enumerate().map(|(c, size)| alone(c, size)).collect();
        let classes = weights.iter().enumerate().map(|(c, weights)| Classes::new(coarsening, potentials, c, weights));
        let classes: Vec<Classes> = classes.collect();
        let columns = weights.iter().enumerate().map(|(column, weights)| {
            let own = |potential: &&Potential| {
                potential.marginal.clique.columns().len() > 1 && potential.marginal.clique.contains(column)
            };
            let sum = |members: &Vec<u8>| members.iter().map(|code| weights[usize::from(*code)]).sum();
            let base: Vec<f32> = classes[column].members.iter().map(sum).collect();
            let own: Vec<&Potential> = potentials.iter().filter(own).collect();
            Conditional::new(coarsening, &classes, &own, column, in_lanes(&base))
        });
        Self { columns: columns.collect(), classes }
    }

    /// Bytes of memory that [`Denoiser::new`] needs for them, at most. A marginal that is stored in a few bytes may have a
    /// row of as many weights as a column has codes for each of its cells.
    pub fn memory(coarsening: &Coarsening, potentials: &[Potential]) -> u64 {
        let codes = coarsening.sizes();
        let of = |potential: &Potential| -> usize {
            let marginal = &potential.marginal;
            let others: usize = marginal.clique.columns().iter().map(|column| size_of::<u32>() * codes[*column]).sum();
            let factor = |(column, level): (usize, &Level)| {
                let rows = potential.weights.len() / level.size;
                size_of::<Factor>() + others + rows * (size_of::<usize>() + padded(codes[column]) * size_of::<Lanes>())
            };
            marginal.levels(coarsening).map(factor).sum()
        };
        potentials.iter().map(|potential| of(potential) as u64).sum()
    }

    /// Turns the codes of `chunk` (one slice a column) into classes, which is what is drawn.
    pub fn enter(&self, chunk: &mut [&mut [u8]]) {
        self.classes.iter().zip(chunk).for_each(|(classes, column)| classes.enter(column));
    }

    /// Turns classes into codes. Each column must have been drawn since the codes were turned into classes.
    pub fn leave(&self, chunk: &mut [&mut [u8]], rng: &mut impl Rng) {
        self.classes.iter().zip(chunk).for_each(|(classes, column)| classes.leave(column, rng));
    }

    /// Draws the class of `column` afresh in every row of `chunk` (one slice a column), given those of other columns.
    pub fn resample(&self, chunk: &mut [&mut [u8]], column: usize, rng: &mut impl Rng) {
        let uniforms: Vec<f32> = (0..chunk[column].len()).map(|_| rng.random()).collect();
        let conditional = &self.columns[column];
        pulp::Arch::new().dispatch(Resample { conditional, chunk, column, uniforms: &uniforms });
    }

    /// Draws the class of every column once, in random order, in every row of `chunk`.
    pub fn sweep(&self, chunk: &mut [&mut [u8]], rng: &mut impl Rng) {
        let mut order: Vec<usize> = (0..self.columns.len()).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, rng.random_range(0..=i));
        }
        for column in order {
            self.resample(chunk, column, rng);
        }
    }
}

impl Step {
    /// Of potentials that see the level's groups or coarser ones, with the group of each in the step before.
    fn new(
        coarsening: &Coarsening,
        classes: &[Classes],
        with: &[&Potential],
        column: usize,
        (level, above): (&Level, Vec<u8>),
    ) -> Self {
        let first = |group: usize| level.group_of.iter().position(|of| usize::from(*of) == group).unwrap_or(0) as u8;
        let codes: Vec<u8> = (0..level.size).map(first).collect();
        let group_of = classes[column].members.iter().map(|class| level.group_of[usize::from(class[0])]);
        let lanes = padded(level.size);
        let factor = |potential: &&Potential| Factor::new(coarsening, classes, potential, column, &codes);
        Self {
            lanes,
            above: in_whole_lanes(&above, lanes),
            group_of: group_of.collect(),
            factors: with.iter().map(factor).collect(),
        }
    }
}

/// The level at which a potential sees a column.
fn level_of(potential: &Potential, column: usize) -> usize {
    let place = potential.marginal.clique.columns().iter().position(|member| *member == column);
    place.map_or(0, |place| potential.marginal.levels[place].into())
}

impl Factor {
    /// `own` is a code of each of the groups of `column` that it sees.
    fn new(
        coarsening: &Coarsening,
        classes: &[Classes],
        potential: &Potential,
        column: usize,
        own_codes: &[u8],
    ) -> Self {
        let lanes = padded(own_codes.len());
        // All codes of a class lie in the same group.
        let groups = |column: usize, level: &Level| -> Vec<usize> {
            classes[column].members.iter().map(|class| usize::from(level.group_of[usize::from(class[0])])).collect()
        };
        // Distances between groups in the potential's own numbering, last column fastest, and between the table's rows.
        let (mut step, mut rows) = (1, 1);
        let (mut own, mut others, mut starts) = (None, Vec::new(), vec![0]);
        for (member, level) in potential.marginal.levels(coarsening).rev() {
            if member == column {
                own = Some((level, step));
            } else {
                let place = |group: usize| (group * rows * lanes) as u32;
                others.push((member, groups(member, level).into_iter().map(place).collect()));
                starts =
                    (0..level.size).flat_map(|group| starts.iter().map(move |start| start + group * step)).collect();
                rows *= level.size;
            }
            step *= level.size;
        }
        let row = |start: usize| {
            let logit = |(level, step): (&Level, usize)| {
                let group = |code: &u8| usize::from(level.group_of[usize::from(*code)]);
                own_codes.iter().map(|code| potential.weights[start + group(code) * step]).collect()
            };
            in_lanes(&weights_of(&own.map_or_else(Vec::new, logit)))
        };
        Self { others, table: starts.into_iter().flat_map(row).collect() }
    }

    /// Where rows of `chunk` find their weights in the table.
    #[inline(always)]
    fn find(&self, chunk: &[&mut [u8]], rows: Range<usize>, places: &mut [u32]) {
        let mut others = self.others.iter();
        if let Some((other, place)) = others.next() {
            for (at, class) in places.iter_mut().zip(&chunk[*other][rows.clone()]) {
                *at = place.get(usize::from(*class)).copied().unwrap_or(0);
            }
        }
        for (other, place) in others {
            for (at, class) in places.iter_mut().zip(&chunk[*other][rows.clone()]) {
                *at += place.get(usize::from(*class)).copied().unwrap_or(0);
            }
        }
    }
}

/// Lanes that so many classes take up: whole, and of a number that [`Conditional::resample`] is compiled for.
fn padded(classes: usize) -> usize {
    let lanes = classes.div_ceil(LANES);
    [1, 2, 3, 4, 6, 8, 12, 16, 24].into_iter().find(|n| *n >= lanes).unwrap_or(32)
}

/// The exponentials of logits, relative to the largest.
fn weights_of(logits: &[f32]) -> Vec<f32> {
    let peak = logits.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
    logits.iter().map(|logit| (logit - peak).exp()).collect()
}

/// Numbers of groups, padded with zeros to whole lanes.
fn in_whole_lanes(groups: &[u8], lanes: usize) -> Vec<u8> {
    let mut padded = groups.to_vec();
    padded.resize(lanes * LANES, 0);
    padded
}

fn in_lanes(weights: &[f32]) -> Vec<Lanes> {
    let mut row = vec![[0.0; LANES]; padded(weights.len())];
    row.as_flattened_mut()[..weights.len()].copy_from_slice(weights);
    row
}

/// A call of [`Conditional::resample`] for `pulp`. A closure would be compiled by itself, without the vector instructions
/// that are there at run time.
struct Resample<'a, 'b> {
    conditional: &'a Conditional,
    chunk: &'a mut [&'b mut [u8]],
    column: usize,
    uniforms: &'a [f32],
}

impl pulp::NullaryFnOnce for Resample<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.conditional.resample(self.chunk, self.column, self.uniforms);
    }
}

impl Conditional {
    fn new(coarsening: &Coarsening, classes: &[Classes], own: &[&Potential], column: usize, base: Vec<Lanes>) -> Self {
        // By the lanes that they take, with the finest level that takes so many.
        let mut by_lanes: BTreeMap<usize, (usize, Vec<&Potential>)> = BTreeMap::new();
        for potential in own {
            let level = level_of(potential, column);
            let lanes = padded(coarsening.levels(column)[level].size).min(base.len());
            let (finest, with) = by_lanes.entry(lanes).or_insert_with(|| (level, Vec::new()));
            *finest = level.min(*finest);
            with.push(potential);
        }
        let stepped: usize = by_lanes.iter().map(|(lanes, (_, with))| lanes * (with.len() + STEP_COST)).sum();
        let is_faster = stepped < own.len() * base.len();
        let mut fine = by_lanes.remove(&base.len()).map_or(Vec::new(), |(_, with)| with);
        if !is_faster {
            fine = own.to_vec();
            by_lanes.clear();
        }
        let codes: Vec<u8> = classes[column].members.iter().map(|class| class[0]).collect();
        let factor = |potential: &&Potential| Factor::new(coarsening, classes, potential, column, &codes);
        let factors = fine.iter().map(factor).collect();
        let mut steps: Vec<Step> = Vec::new();
        let mut before: Option<&Level> = None;
        for (level, with) in by_lanes.values() {
            let level = &coarsening.levels(column)[*level];
            let above = before.map_or(Vec::new(), |before| before.above(level));
            steps.push(Step::new(coarsening, classes, with, column, (level, above)));
            before = Some(level);
        }
        let group_of = steps.last().map_or(Vec::new(), |step| in_whole_lanes(&step.group_of, base.len()));
        Self { base, coarse: steps, group_of, factors }
    }

    /// The weights of the groups of the last coarse step in a row, whose places in tables are these.
    #[inline(always)]
    fn coarse_weights(&self, places: &[u32], row: usize) -> Option<[f32; MOST_GROUPS]> {
        let (mut weights, mut places) = ([[1.0; LANES]; MOST_GROUPS / LANES], places.chunks(ROWS_AT_ONCE));
        for (number, step) in self.coarse.iter().enumerate() {
            if number > 0 {
                let before = weights;
                let before = before.as_flattened();
                for (weight, above) in weights.as_flattened_mut().iter_mut().zip(&step.above) {
                    *weight = before[usize::from(*above) % MOST_GROUPS];
                }
            }
            for factor in &step.factors {
                let by = factor.table.get(places.next()?[row] as usize..)?.get(..step.lanes)?;
                for (weights, by) in weights.iter_mut().zip(by) {
                    *weights = product(*weights, *by);
                }
            }
        }
        weights.as_flattened().first_chunk().copied()
    }

    fn all_factors(&self) -> impl Iterator<Item = &Factor> {
        self.coarse.iter().flat_map(|step| &step.factors).chain(&self.factors)
    }

    #[inline(always)]
    fn resample(&self, chunk: &mut [&mut [u8]], column: usize, uniforms: &[f32]) {
        match self.base.len() {
            1 => self.resample_lanes::<1>(chunk, column, uniforms),
            2 => self.resample_lanes::<2>(chunk, column, uniforms),
            3 => self.resample_lanes::<3>(chunk, column, uniforms),
            4 => self.resample_lanes::<4>(chunk, column, uniforms),
            6 => self.resample_lanes::<6>(chunk, column, uniforms),
            8 => self.resample_lanes::<8>(chunk, column, uniforms),
            12 => self.resample_lanes::<12>(chunk, column, uniforms),
            16 => self.resample_lanes::<16>(chunk, column, uniforms),
            24 => self.resample_lanes::<24>(chunk, column, uniforms),
            _ => self.resample_lanes::<32>(chunk, column, uniforms),
        }
    }

    #[inline(always)]
    fn resample_lanes<const N: usize>(&self, chunk: &mut [&mut [u8]], column: usize, uniforms: &[f32]) {
        let Some(base) = self.base.first_chunk::<N>() else { return };
        // A few rows at a time, so that what is found for them stays in the nearest cache.
        let coarse: usize = self.coarse.iter().map(|step| step.factors.len()).sum();
        let mut places = vec![0u32; (coarse + self.factors.len()) * ROWS_AT_ONCE];
        for (run, uniforms) in uniforms.chunks(ROWS_AT_ONCE).enumerate() {
            let from = run * ROWS_AT_ONCE;
            for (factor, places) in self.all_factors().zip(places.chunks_mut(ROWS_AT_ONCE)) {
                factor.find(chunk, from..from + uniforms.len(), places);
            }
            let (coarse, fine) = places.split_at(coarse * ROWS_AT_ONCE);
            for (row, uniform) in uniforms.iter().enumerate() {
                let mut weights = *base;
                if !coarse.is_empty() {
                    let Some(groups) = self.coarse_weights(coarse, row) else { return };
                    for (weight, group) in weights.as_flattened_mut().iter_mut().zip(&self.group_of) {
                        *weight *= groups[usize::from(*group) % MOST_GROUPS];
                    }
                }
                for (factor, places) in self.factors.iter().zip(fine.chunks(ROWS_AT_ONCE)) {
                    let rest = factor.table.get(places[row] as usize..);
                    let Some(by) = rest.and_then(|rest| rest.first_chunk::<N>()) else { return };
                    for i in 0..N {
                        weights[i] = product(weights[i], by[i]);
                    }
                }
                let class = draw(&weights, *uniform);
                chunk[column][from + row] =
                    class.unwrap_or_else(|| self.draw_in_logarithms(chunk, from + row, *uniform));
            }
        }
    }

    /// What [`draw`] does, slowly, without underflow.
    #[cold]
    fn draw_in_logarithms(&self, chunk: &[&mut [u8]], row: usize, uniform: f32) -> u8 {
        let mut logits: Vec<f32> = self.base.as_flattened().iter().map(|weight| weight.ln()).collect();
        for factor in &self.factors {
            let mut at = [0];
            factor.find(chunk, row..row + 1, &mut at);
            let by = &factor.table[at[0] as usize..][..self.base.len()];
            logits.iter_mut().zip(by.as_flattened()).for_each(|(logit, by)| *logit += by.ln());
        }
        for (step, factor) in self.coarse.iter().flat_map(|step| step.factors.iter().map(move |factor| (step, factor)))
        {
            let mut at = [0];
            factor.find(chunk, row..row + 1, &mut at);
            let by = factor.table[at[0] as usize..][..step.lanes].as_flattened();
            logits.iter_mut().zip(&step.group_of).for_each(|(logit, group)| *logit += by[usize::from(*group)].ln());
        }
        let weights = weights_of(&logits);
        let mut left = uniform * weights.iter().sum::<f32>();
        let mut last = 0;
        for (code, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
            last = code;
            left -= weight;
            if left < 0.0 {
                break;
            }
        }
        last as u8
    }
}

/// Taken and given by value, so that all lanes are read before any is written, as one vector.
#[inline(always)]
fn product(mut a: Lanes, b: Lanes) -> Lanes {
    for i in 0..LANES {
        a[i] *= b[i];
    }
    a
}

/// A class with probability proportional to its weight; `uniform` lies in [0, 1). `None` where weights are too small.
#[inline(always)]
fn draw<const N: usize>(weights: &[Lanes; N], uniform: f32) -> Option<u8> {
    // Classes are taken lane by lane: any fixed order will do, and this one sums with whole vectors.
    let mut sums = [0.0f32; LANES];
    for weights in weights {
        sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight);
    }
    let (lane, total, left) = first_above(&sums, |total| uniform * total);
    if total.is_nan() || total < MIN_TOTAL {
        return None;
    }
    if N == 1 {
        return Some(lane as u8);
    }
    let mut within = [0.0; N];
    within.iter_mut().zip(weights).for_each(|(weight, weights)| *weight = weights[lane]);
    let (place, ..) = first_above(&within, |_| left);
    Some((place * LANES + lane) as u8)
}

/// The first place whose running sum of weights exceeds a level, which may depend on their total; the total; and by how
/// much the level exceeds the sum before that place. If rounding puts the level above the total, the last place that has
/// any weight. Without a branch that depends on the level otherwise.
#[inline(always)]
fn first_above<const N: usize>(weights: &[f32; N], level: impl FnOnce(f32) -> f32) -> (usize, f32, f32) {
    let mut sums = *weights;
    for i in 1..N {
        sums[i] += sums[i - 1];
    }
    let level = level(sums[N - 1]);
    // A place without weight has the running sum of the one before it, and so is never the first above.
    let mut place = sums.iter().map(|sum| usize::from(*sum <= level)).sum::<usize>();
    if place == N {
        place = weights.iter().rposition(|weight| *weight > 0.0).unwrap_or(0);
    }
    let before = if place > 0 { sums[place - 1] } else { 0.0 };
    (place, sums[N - 1], level - before)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::engine::marginals::Clique;
    use crate::engine::marginals::marginal::Marginal;

    fn factor(coarsening: &Coarsening, potential: &Potential, column: usize) -> Factor {
        let alone = std::slice::from_ref(potential);
        let classes =
            |column: usize| Classes::new(coarsening, alone, column, &vec![1.0; coarsening.levels(column)[0].size]);
        let classes: Vec<Classes> = (0..coarsening.sizes().len()).map(classes).collect();
        let codes: Vec<u8> = classes[column].members.iter().map(|class| class[0]).collect();
        Factor::new(coarsening, &classes, potential, column, &codes)
    }

    #[test]
    fn a_factor_keeps_every_weight_whichever_column_is_drawn() {
        let coarsening = Coarsening::of_codes(&[2, 3, 4]);
        let marginal = Marginal::of_codes(Clique::new(vec![0, 1, 2]));
        let potential = Potential { marginal, weights: (0..24).map(|i| (i % 7) as f32).collect() };
        for column in 0..3 {
            let factor = factor(&coarsening, &potential, column);
            for cell in 0..24usize {
                let codes = [cell / 12, cell / 4 % 3, cell % 4];
                let at: u32 = factor.others.iter().map(|(other, place)| place[codes[*other]]).sum();
                let row = factor.table[at as usize];
                // Relative to the largest of its row, which the first code's weight shows.
                let first = cell - codes[column] * [12, 4, 1][column];
                let wanted = (cell % 7) as f32 - (first % 7) as f32;
                assert!(((row[codes[column]] / row[0]).ln() - wanted).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn memory_is_known_beforehand() {
        let coarsening =
            Coarsening::new(&[vec![1.0; 90], vec![1.0; 17], vec![9.0, 1.0]], &[90, 17, 2], &vec![vec![]; 3]);
        let potential = |columns: &[usize], levels: &[u8]| {
            let marginal = Marginal { clique: Clique::new(columns.to_vec()), levels: levels.to_vec() };
            Potential { weights: vec![0.0; marginal.cells(&coarsening)], marginal }
        };
        let potentials = [potential(&[0, 1], &[0, 0]), potential(&[0, 1, 2], &[1, 1, 0]), potential(&[1, 2], &[0, 0])];
        let denoiser = Denoiser::new(&coarsening, &potentials);
        let tables = denoiser.columns.iter().flat_map(Conditional::all_factors).map(|factor| {
            let others: usize = factor.others.iter().map(|(_, places)| size_of_val(&places[..])).sum();
            size_of_val(&factor.table[..]) + others
        });
        let (held, told) = (tables.sum::<usize>() as u64, Denoiser::memory(&coarsening, &potentials));
        assert!(held <= told && told < 2 * held, "{held} {told}");
    }

    #[test]
    fn a_factor_over_groups_treats_their_codes_alike() {
        let coarsening = Coarsening::new(&[vec![9.0, 1.0, 1.0], vec![1.0, 9.0, 1.0]], &[0, 0], &vec![vec![]; 2]);
        let marginal = Marginal { clique: Clique::new(vec![0, 1]), levels: vec![1, 1] };
        let potential = Potential { marginal, weights: vec![0.0, 1.0, 3.0, 6.0] };
        for column in 0..2 {
            let factor = factor(&coarsening, &potential, column);
            let (_, place) = &factor.others[0];
            assert_eq!(place.len(), 2);
            for (other, at) in place.iter().enumerate() {
                for (class, drawn) in factor.table[*at as usize][..2].iter().enumerate() {
                    // The heaviest code, which is `column`, is group 0.
                    let first = |column: usize| usize::from(column != 0);
                    let (own, seen) = (class ^ first(column), other ^ first(1 - column));
                    let cell = |own: usize| if column == 0 { 2 * own + seen } else { 2 * seen + own };
                    let weight = |own: usize| potential.weights[cell(own)];
                    let wanted = weight(own) - weight(0).max(weight(1));
                    assert!((drawn.ln() - wanted).abs() < 1e-5);
                }
            }
        }
    }

    /// Draws column 0 of a pair, given code 1 of the other, and compares with the weights' own probabilities.
    fn agrees(size: usize, base: impl Fn(usize) -> f32, pair: impl Fn(usize) -> f32) {
        let potential =
            |columns: Vec<usize>, weights| Potential { marginal: Marginal::of_codes(Clique::new(columns)), weights };
        let potentials = [
            potential(vec![0], (0..size).map(&base).collect()),
            potential(vec![0, 1], (0..2 * size).map(|i| pair(i / 2)).collect()),
        ];
        let denoiser = Denoiser::new(&Coarsening::of_codes(&[size, 2]), &potentials);
        let rows = 200_000;
        let (mut first, mut second) = (vec![0u8; rows], vec![1u8; rows]);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut chunk = [first.as_mut_slice(), second.as_mut_slice()];
        denoiser.enter(&mut chunk);
        denoiser.resample(&mut chunk, 0, &mut rng);
        denoiser.leave(&mut chunk, &mut rng);
        let weights: Vec<f64> = (0..size).map(|code| f64::from(base(code) + pair(code)).exp()).collect();
        let total: f64 = weights.iter().sum();
        for (code, weight) in weights.iter().enumerate() {
            let p = weight / total;
            let share = first.iter().filter(|c| usize::from(**c) == code).count() as f64 / rows as f64;
            // Six standard deviations, and one row: a false alarm in 5e8 a code.
            let slack = 6.0 * (p * (1.0 - p) / rows as f64).sqrt() + 1.0 / rows as f64;
            assert!((share - p).abs() < slack, "{size} codes, {code}: {share} for {p}");
        }
    }

    #[test]
    fn draws_follow_the_weights_at_every_width() {
        for size in [1, 2, 8, 9, 17, 25, 33, 49, 65, 97, 128, 129, 193, 256] {
            agrees(size, |code| (code % 5) as f32 * 0.3, |code| (code % 3) as f32 * -0.7);
        }
    }

    /// One column of 90 codes beside twelve of two, seen through all of its levels.
    #[test]
    fn factors_that_see_groups_weigh_their_classes() {
        let (codes, others) = (90usize, 12usize);
        let mut weights = vec![vec![1.0; codes]];
        weights.resize(1 + others, vec![1.0; 2]);
        let mut ordered = vec![2; 1 + others];
        ordered[0] = codes;
        let coarsening = Coarsening::new(&weights, &ordered, &vec![vec![]; 1 + others]);
        let levels = coarsening.levels(0);
        let seen: Vec<usize> = (0..others).map(|other| other % levels.len()).collect();
        let weight = |other: usize, group: usize| ((group * (3 + other) + other) % 7) as f32 * 0.1;
        let pair = |other: usize| {
            let marginal = Marginal { clique: Clique::new(vec![0, 1 + other]), levels: vec![seen[other] as u8, 0] };
            // The weight of code 1 of the other column.
            let cell = |cell: usize| if cell % 2 == 1 { weight(other, cell / 2) } else { 0.0 };
            Potential { weights: (0..2 * levels[seen[other]].size).map(cell).collect(), marginal }
        };
        let potentials: Vec<Potential> = (0..others).map(pair).collect();
        let denoiser = Denoiser::new(&coarsening, &potentials);
        let conditional = &denoiser.columns[0];
        assert!(conditional.coarse.len() > 1 && conditional.all_factors().count() == others);
        let rows = 200_000;
        let mut columns = vec![vec![1u8; rows]; 1 + others];
        let mut chunk: Vec<&mut [u8]> = columns.iter_mut().map(Vec::as_mut_slice).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        denoiser.resample(&mut chunk, 0, &mut rng);
        let of_code = |code: usize| -> f32 {
            (0..others).map(|other| weight(other, levels[seen[other]].group_of[code].into())).sum()
        };
        let wanted: Vec<f64> = (0..codes).map(|code| f64::from(of_code(code)).exp()).collect();
        let total: f64 = wanted.iter().sum();
        let counted = |drawn: &[u8], code: usize| drawn.iter().filter(|c| usize::from(**c) == code).count() as f64;
        let slowly: Vec<u8> =
            (0..rows).map(|row| conditional.draw_in_logarithms(&chunk, 0, (row as f32 + 0.5) / rows as f32)).collect();
        for (code, wanted) in wanted.iter().enumerate() {
            let p = wanted / total;
            let (share, exact) = (counted(chunk[0], code) / rows as f64, counted(&slowly, code) / rows as f64);
            // Six standard deviations: a false alarm in 5e8 a code.
            assert!((share - p).abs() < 6.0 * (p * (1.0 - p) / rows as f64).sqrt(), "{code}: {share} for {p}");
            assert!((exact - p).abs() < 1e-4, "{code}: {exact} for {p}");
        }
    }

    #[test]
    fn codes_that_no_pair_tells_apart_keep_their_shares() {
        // The pair sees column 0 as its heaviest code and all others, so that the latter are one class.
        let coarsening = Coarsening::new(&[vec![9.0, 1.0, 1.0], vec![1.0, 1.0]], &[0, 0], &vec![vec![]; 2]);
        let marginal = Marginal { clique: Clique::new(vec![0, 1]), levels: vec![1, 0] };
        let shares = Marginal::of_codes(Clique::new(vec![0]));
        let potentials = [
            Potential { marginal: shares, weights: vec![0.5, 0.0, 1.0] },
            Potential { marginal, weights: vec![0.3, -0.9, 0.7, 0.2] },
        ];
        let denoiser = Denoiser::new(&coarsening, &potentials);
        let rows = 200_000;
        let (mut first, mut second) = (vec![2u8; rows], vec![1u8; rows]);
        let (mut chunk, mut rng) = ([first.as_mut_slice(), second.as_mut_slice()], ChaCha8Rng::seed_from_u64(2));
        denoiser.enter(&mut chunk);
        denoiser.resample(&mut chunk, 0, &mut rng);
        denoiser.leave(&mut chunk, &mut rng);
        let weights = [0.5f64 - 0.9, 0.2, 1.0 + 0.2].map(f64::exp);
        for (code, weight) in weights.iter().enumerate() {
            let p = weight / weights.iter().sum::<f64>();
            let share = first.iter().filter(|c| usize::from(**c) == code).count() as f64 / rows as f64;
            // Six standard deviations: a false alarm in 5e8 a code.
            assert!((share - p).abs() < 6.0 * (p * (1.0 - p) / rows as f64).sqrt(), "{code}: {share} for {p}");
        }
        assert!(second.iter().all(|code| *code == 1));
    }

    #[test]
    fn weights_too_small_to_multiply_are_drawn_all_the_same() {
        // Neither row of weights has a code above e^-60 where the other is at its largest.
        agrees(10, |code| if code < 5 { 0.0 } else { -60.0 }, |code| if code < 5 { -60.5 } else { 0.0 });
    }
}

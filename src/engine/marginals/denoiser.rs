//! The denoiser of the masked diffusion: the distribution of one hidden column given all the others, as a log-linear
//! model over the measured cliques. Its logits are sums of table rows, one for each clique that holds the column.

use rand::{Rng, RngExt};

use super::ladder::{Ladder, Rung};
use super::marginal::Marginal;

/// Log-linear weights of a marginal, one a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Potential {
    pub marginal: Marginal,
    pub weights: Vec<f32>,
}

/// Potentials laid out for drawing: for each column a base row and the factors that look at other columns, all as
/// weights to be multiplied rather than logits to be added, so that a draw takes no exponential.
#[derive(Debug, Clone)]
pub struct Denoiser {
    columns: Vec<Conditional>,
}

const LANES: usize = 8;
/// Weights of eight codes.
type Lanes = [f32; LANES];
/// Products whose sum is below this may have lost codes to underflow and are taken again as logarithms.
const LEAST_TOTAL: f32 = 1e-24;

#[derive(Debug, Clone)]
struct Conditional {
    /// Weights before any other column is looked at, padded with zeros to as many codes as [`padded`] says.
    base: Vec<Lanes>,
    factors: Vec<Factor>,
}

/// What one marginal makes of a column's weights.
#[derive(Debug, Clone)]
struct Factor {
    /// The marginal's other columns, each with what each of its codes adds to the place in `table`.
    others: Vec<(usize, Vec<u32>)>,
    /// One row of weights, 1 being the largest, for each combination of the other columns' groups.
    table: Vec<Lanes>,
}

impl Denoiser {
    /// Lays out the potentials of a table whose columns have the ladder's codes.
    pub fn new(ladder: &Ladder, potentials: &[Potential]) -> Self {
        let columns = ladder.sizes().into_iter().enumerate().map(|(column, size)| {
            let mut logits = vec![0.0; size];
            let mut factors = Vec::new();
            for potential in potentials.iter().filter(|potential| potential.marginal.clique.contains(column)) {
                let Potential { marginal, weights } = potential;
                if marginal.clique.columns().len() > 1 {
                    factors.push(Factor::new(ladder, potential, column));
                    continue;
                }
                for rung in marginal.rungs(ladder).map(|(_, rung)| rung) {
                    let by_code = rung.group_of.iter().map(|group| weights[usize::from(*group)]);
                    logits.iter_mut().zip(by_code).for_each(|(logit, weight)| *logit += weight);
                }
            }
            Conditional { base: row_of_weights(&logits), factors }
        });
        Self { columns: columns.collect() }
    }

    /// Draws `column` afresh in every row of `chunk` (one slice a column), given the other columns.
    pub fn resample(&self, chunk: &mut [&mut [u8]], column: usize, rng: &mut impl Rng) {
        let uniforms: Vec<f32> = (0..chunk[column].len()).map(|_| rng.random()).collect();
        pulp::Arch::new().dispatch(|| self.columns[column].resample(chunk, column, &uniforms));
    }

    /// Draws every column once, in random order, in every row of `chunk`.
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

impl Factor {
    fn new(ladder: &Ladder, potential: &Potential, column: usize) -> Self {
        let lanes = padded(ladder.rungs(column)[0].size);
        // Distances between groups in the potential's own numbering, last column fastest, and between the table's rows.
        let (mut step, mut rows) = (1, 1);
        let (mut own, mut others, mut starts) = (None, Vec::new(), vec![0]);
        for (member, rung) in potential.marginal.rungs(ladder).rev() {
            if member == column {
                own = Some((rung, step));
            } else {
                let place = |group: &u8| (usize::from(*group) * rows * lanes) as u32;
                others.push((member, rung.group_of.iter().map(place).collect()));
                let groups = 0..rung.size;
                starts = groups.flat_map(|group| starts.iter().map(move |start| start + group * step)).collect();
                rows *= rung.size;
            }
            step *= rung.size;
        }
        let row = |start: usize| {
            let logit = |(rung, step): (&Rung, usize)| {
                rung.group_of.iter().map(|group| potential.weights[start + usize::from(*group) * step]).collect()
            };
            row_of_weights(&own.map_or_else(Vec::new, logit))
        };
        Self { others, table: starts.into_iter().flat_map(row).collect() }
    }
}

/// Lanes that so many codes take up: whole, and of a number that [`Conditional::resample`] is compiled for.
fn padded(codes: usize) -> usize {
    let lanes = codes.div_ceil(LANES);
    [1, 2, 3, 4, 6, 8, 12, 16, 24].into_iter().find(|n| *n >= lanes).unwrap_or(32)
}

/// The exponentials of logits, relative to the largest.
fn row_of_weights(logits: &[f32]) -> Vec<Lanes> {
    let peak = logits.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
    let mut row = vec![[0.0; LANES]; padded(logits.len())];
    for (weight, logit) in row.as_flattened_mut().iter_mut().zip(logits) {
        *weight = (logit - peak).exp();
    }
    row
}

impl Conditional {
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
        let places = self.places(chunk, uniforms.len());
        let width = self.factors.len();
        for (row, uniform) in uniforms.iter().enumerate() {
            let places = &places[row * width..(row + 1) * width];
            let mut weights = *base;
            for (factor, at) in self.factors.iter().zip(places) {
                let Some(by) = factor.table[*at as usize..].first_chunk::<N>() else { return };
                for (weights, by) in weights.iter_mut().zip(by) {
                    weights.iter_mut().zip(by).for_each(|(weight, by)| *weight *= by);
                }
            }
            chunk[column][row] = draw(&weights, *uniform).unwrap_or_else(|| self.draw_in_logarithms(places, *uniform));
        }
    }

    /// Where each row finds its weights in the tables of the factors, row by row.
    #[inline(always)]
    fn places(&self, chunk: &[&mut [u8]], rows: usize) -> Vec<u32> {
        let width = self.factors.len();
        let mut places = vec![0u32; rows * width];
        for (f, factor) in self.factors.iter().enumerate() {
            for (other, place) in &factor.others {
                for (row, code) in chunk[*other].iter().enumerate() {
                    places[row * width + f] += place.get(usize::from(*code)).copied().unwrap_or(0);
                }
            }
        }
        places
    }

    /// What [`draw`] does, slowly, without underflow.
    #[cold]
    fn draw_in_logarithms(&self, places: &[u32], uniform: f32) -> u8 {
        let mut logits: Vec<f32> = self.base.as_flattened().iter().map(|weight| weight.ln()).collect();
        for (factor, at) in self.factors.iter().zip(places) {
            let by = &factor.table[*at as usize..][..self.base.len()];
            logits.iter_mut().zip(by.as_flattened()).for_each(|(logit, by)| *logit += by.ln());
        }
        let weights = row_of_weights(&logits);
        let mut left = uniform * weights.as_flattened().iter().sum::<f32>();
        let mut last = 0;
        for (code, weight) in weights.as_flattened().iter().enumerate().filter(|(_, weight)| **weight > 0.0) {
            last = code;
            left -= weight;
            if left < 0.0 {
                break;
            }
        }
        last as u8
    }
}

/// A code with probability proportional to its weight; `uniform` lies in [0, 1). Nothing where weights are too small.
#[inline(always)]
fn draw<const N: usize>(weights: &[Lanes; N], uniform: f32) -> Option<u8> {
    // Codes are taken lane by lane: any fixed order will do, and this one sums with whole vectors.
    let mut sums = [0.0f32; LANES];
    for weights in weights {
        sums.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight);
    }
    let total = sums.iter().sum::<f32>();
    if total.is_nan() || total < LEAST_TOTAL {
        return None;
    }
    let mut left = uniform * total;
    let lane = first_above(sums.iter(), &mut left);
    let place = first_above(weights.iter().map(|weights| &weights[lane]), &mut left);
    Some((place * LANES + lane) as u8)
}

/// The first place whose weight exceeds what is left of `left` once the weights before it are taken off; the last
/// with any weight if rounding leaves too much.
#[inline(always)]
fn first_above<'a>(weights: impl Iterator<Item = &'a f32>, left: &mut f32) -> usize {
    let mut last = 0;
    for (place, weight) in weights.enumerate().filter(|(_, weight)| **weight > 0.0) {
        last = place;
        if *left < *weight {
            break;
        }
        *left -= weight;
    }
    last
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::engine::marginals::Clique;

    #[test]
    fn a_factor_keeps_every_weight_whichever_column_is_drawn() {
        let ladder = Ladder::of_codes(&[2, 3, 4]);
        let marginal = Marginal::of_codes(Clique::new(vec![0, 1, 2]));
        let potential = Potential { marginal, weights: (0..24).map(|i| (i % 7) as f32).collect() };
        for column in 0..3 {
            let factor = Factor::new(&ladder, &potential, column);
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
    fn a_factor_over_groups_treats_their_codes_alike() {
        let ladder = Ladder::new(&[vec![9.0, 1.0, 1.0], vec![1.0, 9.0, 1.0]], &[0, 0]);
        let marginal = Marginal { clique: Clique::new(vec![0, 1]), rungs: vec![1, 1] };
        let potential = Potential { marginal, weights: vec![0.0, 1.0, 3.0, 6.0] };
        for column in 0..2 {
            let factor = Factor::new(&ladder, &potential, column);
            let (_, place) = &factor.others[0];
            for (other, at) in place.iter().enumerate() {
                for (code, drawn) in factor.table[*at as usize][..3].iter().enumerate() {
                    let group = |column: usize, code: usize| usize::from(code != column);
                    let (own, seen) = (group(column, code), group(1 - column, other));
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
        let denoiser = Denoiser::new(&Ladder::of_codes(&[size, 2]), &potentials);
        let rows = 200_000;
        let (mut first, mut second) = (vec![0u8; rows], vec![1u8; rows]);
        denoiser.resample(&mut [&mut first, &mut second], 0, &mut ChaCha8Rng::seed_from_u64(1));
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

    #[test]
    fn weights_too_small_to_multiply_are_drawn_all_the_same() {
        // Neither row of weights has a code above e^-60 where the other is at its largest.
        agrees(10, |code| if code < 5 { 0.0 } else { -60.0 }, |code| if code < 5 { -60.5 } else { 0.0 });
    }
}

//! The denoiser of the masked diffusion: the distribution of one hidden column given all the others, as a log-linear
//! model over the measured cliques. Its logits are sums of table rows, one for each clique that holds the column.

use rand::{Rng, RngExt};

use super::clique::Clique;

/// Log-linear weights of a clique, one a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Potential {
    pub clique: Clique,
    pub weights: Vec<f32>,
}

/// Potentials laid out for drawing: for each column a base row and the factors that look at other columns.
#[derive(Debug, Clone)]
pub struct Denoiser {
    columns: Vec<Conditional>,
}

#[derive(Debug, Clone)]
struct Conditional {
    /// Logits before any other column is looked at, padded to a whole number of lanes with minus infinity.
    base: Vec<f32>,
    factors: Vec<Factor>,
}

/// What one clique adds to a column's logits.
#[derive(Debug, Clone)]
struct Factor {
    /// The clique's other columns, each with the distance between its codes in `table`.
    others: Vec<(usize, usize)>,
    /// One row of logits for each combination of the other columns' codes.
    table: Vec<f32>,
}

const LANES: usize = 8;

impl Denoiser {
    /// Lays out the potentials of a table whose columns have `sizes` codes.
    pub fn new(sizes: &[usize], potentials: &[Potential]) -> Self {
        let columns = (0..sizes.len()).map(|column| {
            let width = sizes[column].next_multiple_of(LANES);
            let mut base = vec![f32::NEG_INFINITY; width];
            base[..sizes[column]].fill(0.0);
            let mut factors = Vec::new();
            for potential in potentials.iter().filter(|potential| potential.clique.contains(column)) {
                if potential.clique.columns().len() == 1 {
                    base.iter_mut().zip(&potential.weights).for_each(|(base, weight)| *base += weight);
                } else {
                    factors.push(Factor::new(sizes, potential, column, width));
                }
            }
            Conditional { base, factors }
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
    fn new(sizes: &[usize], potential: &Potential, column: usize, width: usize) -> Self {
        let members = potential.clique.columns();
        // Distances in the potential's own numbering, last column fastest, and in the table, `column` fastest.
        let mut from = vec![0; members.len()];
        let (mut step, mut to_step) = (1, width);
        let mut others = Vec::new();
        for (i, &member) in members.iter().enumerate().rev() {
            from[i] = step;
            step *= sizes[member];
            if member != column {
                others.push((member, to_step));
                to_step *= sizes[member];
            }
        }
        let mut table = vec![0.0; to_step];
        for (cell, weight) in potential.weights.iter().enumerate() {
            let mut to = 0;
            for (i, &member) in members.iter().enumerate() {
                let code = cell / from[i] % sizes[member];
                to += code * others.iter().find(|(other, _)| *other == member).map_or(1, |(_, step)| *step);
            }
            table[to] = *weight;
        }
        Self { others, table }
    }
}

impl Conditional {
    #[inline(always)]
    fn resample(&self, chunk: &mut [&mut [u8]], column: usize, uniforms: &[f32]) {
        let width = self.base.len();
        let mut logits = vec![0.0f32; width];
        for (row, uniform) in uniforms.iter().enumerate() {
            logits.copy_from_slice(&self.base);
            for factor in &self.factors {
                let at: usize = factor.others.iter().map(|(other, step)| usize::from(chunk[*other][row]) * step).sum();
                let addend = &factor.table[at..at + width];
                logits.iter_mut().zip(addend).for_each(|(logit, addend)| *logit += addend);
            }
            chunk[column][row] = draw(&mut logits, *uniform);
        }
    }
}

/// A code with probability proportional to the exponential of its logit; `uniform` lies in [0, 1).
#[inline(always)]
fn draw(logits: &mut [f32], uniform: f32) -> u8 {
    let mut peaks = [f32::NEG_INFINITY; LANES];
    for lanes in logits.chunks_exact(LANES) {
        peaks.iter_mut().zip(lanes).for_each(|(peak, logit)| *peak = peak.max(*logit));
    }
    let peak = peaks.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
    let mut sums = [0.0f32; LANES];
    for lanes in logits.chunks_exact_mut(LANES) {
        for (sum, logit) in sums.iter_mut().zip(lanes) {
            *logit = exp(*logit - peak);
            *sum += *logit;
        }
    }
    let mut left = uniform * sums.iter().sum::<f32>();
    let mut last = 0;
    for (code, weight) in logits.iter().enumerate() {
        if *weight > 0.0 {
            last = code;
            left -= weight;
            if left < 0.0 {
                break;
            }
        }
    }
    last as u8
}

/// exp(x) for x <= 0 to about 1e-5 relative; 0 below -87. A polynomial on the fraction of x / ln 2.
#[inline(always)]
fn exp(x: f32) -> f32 {
    let scaled = x.max(-87.0) * std::f32::consts::LOG2_E;
    let whole = scaled.floor();
    let r = (scaled - whole) * std::f32::consts::LN_2;
    let fraction = 1.0 + r * (1.0 + r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r / 720.0)))));
    let power = f32::from_bits(((whole as i32 + 127) << 23) as u32);
    if x < -87.0 { 0.0 } else { power * fraction }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_close() {
        for i in 0..8700 {
            let x = -f64::from(i) / 100.0;
            assert!((f64::from(exp(x as f32)) / x.exp() - 1.0).abs() < 2e-5, "{x}");
        }
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
    }

    #[test]
    fn a_factor_keeps_every_weight_whichever_column_is_drawn() {
        let sizes = [2, 3, 4];
        let clique = Clique::new(vec![0, 1, 2]);
        let potential = Potential { clique, weights: (0..24).map(|i| i as f32).collect() };
        for column in 0..3 {
            let factor = Factor::new(&sizes, &potential, column, 8);
            for cell in 0..24 {
                let codes = [cell / 12, cell / 4 % 3, cell % 4];
                let at: usize = factor.others.iter().map(|(other, step)| codes[*other] * step).sum();
                assert_eq!(factor.table[at + codes[column]], cell as f32);
            }
        }
    }
}

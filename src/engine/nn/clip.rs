//! Clipping without per-example gradients. The gradient of a row with K copies in a dense layer is the sum over its
//! copies of (activations, with their constant 1) x (delta). So its squared norm is the sum of the entrywise product of
//! two K x K Gram matrices. Here the factors are integers, and so is the squared norm. See the proof in [`super`].

use super::exact::{Deltas, Trace};
use super::mlp::{Architecture, Layer};
use super::simd::{BLOCK_LIMIT, WIDE_LIMIT, dot, dot_exact, dot_wide, greater, largest, whole};
use crate::engine::privacy::mutant::{self, Mutant};

/// Largest sum of integer products over a group of rows that `f32` adds up exactly.
const EXACT_SUM: f64 = 16_777_215.0;
/// Attempts to scale a row below the bound before it is left out.
pub(super) const ATTEMPTS: usize = 3;

/// How a row's gradient with norm s is scaled to at most C.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// By min(1, C / s), as in the paper.
    Flat,
    /// By C / (s + stability * C), so that every row has about the same weight (Bu et al., arXiv 2206.07136).
    Normalised { stability: f64 },
}

/// The clipping of rows: gradients are rounded to integer multiples of a unit, and their norm is at most `limit` units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clip {
    pub rule: Rule,
    /// C, in the loss's units.
    pub norm: f64,
    /// Bound on the norm of a row's gradient, in integer units.
    pub limit: u32,
    /// Value of an activation step, in the loss's units.
    pub activation_step: f64,
}

impl Clip {
    /// Value of one unit of the rounded gradients.
    pub fn unit(&self) -> f64 {
        self.norm / f64::from(self.limit)
    }

    /// The factor that scales a gradient with this norm to integer units. It is slightly below the limit, to leave room
    /// for rounding.
    pub(super) fn scale(&self, size: f64) -> f64 {
        self.factor(size).min(self.norm / size * (1.0 - 1e-3)) / self.unit()
    }

    fn factor(&self, size: f64) -> f64 {
        match self.rule {
            Rule::Flat => (self.norm / size).min(1.0),
            Rule::Normalised { stability } => self.norm / (size + stability * self.norm),
        }
    }
}

/// Clipped rows: integers, ready for multiplication and summation.
pub struct Clipped {
    /// Per layer `[n, fan_out]`.
    pub dense: Vec<Vec<f32>>,
    /// Per hidden layer, the rows' integer gradients of gamma and beta `[rows, 2 * fan_out]`.
    pub affine: Vec<Vec<f32>>,
    /// Ends of groups of rows within which all products add up exactly in `f32`.
    pub groups: Vec<usize>,
}

/// Clips and rounds the gradients of rows of `copies` copies each.
pub fn clip_rows(shape: &Architecture, trace: &Trace, deltas: &Deltas, copies: usize, clip: &Clip) -> Clipped {
    let width = shape.width();
    let rows = trace.lost.len() / copies;
    let mut dense: Vec<Vec<f32>> = deltas.dense.iter().map(|d| vec![0.0; d.len()]).collect();
    let mut affine: Vec<Vec<f32>> = deltas.affine.iter().map(|a| vec![0.0; a.len()]).collect();
    let (mut groups, mut load) = (Vec::new(), 0.0f64);
    let mut work = Workspace::new(shape, copies);
    for r in 0..rows {
        let row = Row::new(shape, trace, deltas, copies, r);
        let lost = trace.lost[r * copies..(r + 1) * copies].iter().any(|lost| *lost);
        let mut to: Vec<&mut [f32]> = dense.iter_mut().map(|d| part_mut(d, rows, r)).collect();
        let bound = if lost { None } else { work.clip(&row, width, clip, &mut to) };
        match bound {
            Some(bound) => {
                for (to, from) in affine.iter_mut().zip(&work.affine) {
                    part_mut(to, rows, r).copy_from_slice(from);
                }
                if load + bound > EXACT_SUM {
                    groups.push(r);
                    load = 0.0;
                }
                load += bound;
            }
            None => to.iter_mut().for_each(|to| to.fill(0.0)),
        }
    }
    groups.push(rows);
    Clipped { dense, affine, groups }
}

/// Norms of rows' gradients before clipping and rounding, in the loss's units.
#[cfg(test)]
pub(super) fn sizes(shape: &Architecture, trace: &Trace, deltas: &Deltas, copies: usize, clip: &Clip) -> Vec<f64> {
    let mut work = Workspace::new(shape, copies);
    let rows = (0..trace.lost.len() / copies).map(|r| {
        let row = Row::new(shape, trace, deltas, copies, r);
        work.multiply_activations(&row, shape.width());
        work.squared_size(&row, clip.activation_step).sqrt()
    });
    rows.collect()
}

/// The `r`-th of `rows` equal parts.
fn part<T>(all: &[T], rows: usize, r: usize) -> &[T] {
    let span = all.len() / rows;
    &all[r * span..(r + 1) * span]
}

fn part_mut<T>(all: &mut [T], rows: usize, r: usize) -> &mut [T] {
    let span = all.len() / rows;
    &mut all[r * span..(r + 1) * span]
}

/// The data of one row.
struct Row<'a> {
    /// `[copies, width]`, in steps.
    activations: &'a [f32],
    /// Per layer `[copies, fan_out]`, and for hidden layers `[2 * fan_out]`.
    deltas: Vec<&'a [f32]>,
    affine: Vec<&'a [f32]>,
}

impl<'a> Row<'a> {
    fn new(shape: &Architecture, trace: &'a Trace, deltas: &'a Deltas, copies: usize, r: usize) -> Self {
        let (rows, span) = (trace.lost.len() / copies, copies * shape.width());
        Self {
            activations: &trace.activations[r * span..(r + 1) * span],
            deltas: deltas.dense.iter().map(|d| part(d, rows, r)).collect(),
            affine: deltas.affine.iter().map(|a| part(a, rows, r)).collect(),
        }
    }
}

/// Work space, reused for each row.
struct Workspace {
    copies: usize,
    layers: Vec<Layer>,
    /// Whether a layer sees the inputs of the one before it in addition to its results.
    nested: bool,
    /// Gram matrices of activations per layer, upper triangles in units of squared steps.
    grams: Vec<Vec<i64>>,
    /// Rounded gradients of gamma and beta.
    affine: Vec<Vec<f32>>,
}

impl Workspace {
    fn new(shape: &Architecture, copies: usize) -> Self {
        let layers = shape.layers();
        let grams = vec![vec![0; copies * (copies + 1) / 2]; layers.len()];
        Self {
            copies,
            layers,
            nested: shape.concatenate,
            grams,
            affine: shape.hidden.iter().map(|h| vec![0.0; 2 * h]).collect(),
        }
    }

    /// The columns that layer `l` sees in addition to those of the layer before it.
    fn fresh(&self, l: usize) -> std::ops::Range<usize> {
        let layer = &self.layers[l];
        match l.checked_sub(1).filter(|_| self.nested) {
            Some(before) => layer.column..self.layers[before].column,
            None => layer.seen(),
        }
    }

    /// Fills the Gram matrices. Nested ones add the new columns.
    fn multiply_activations(&mut self, row: &Row, width: usize) {
        for l in 0..self.layers.len() {
            let fresh = self.fresh(l);
            let columns = |k: usize| &row.activations[k * width..][fresh.clone()];
            let (before, now) = self.grams.split_at_mut(l);
            let before = before.last().filter(|_| self.nested);
            for (at, (i, j)) in pairs(self.copies).enumerate() {
                now[0][at] = before.map_or(0, |gram| gram[at]) + dot_exact(columns(i), columns(j));
            }
        }
    }

    /// Squared norm of the gradient before rounding, in the loss's units.
    fn squared_size(&self, row: &Row, activation_step: f64) -> f64 {
        let float_dot = |a: &[f32], b: &[f32]| f64::from(dot(a, b));
        let grams = row.deltas.iter().zip(&self.grams);
        let dense: f64 =
            grams.map(|(deltas, gram)| against_gram(deltas, gram, self.copies, 0.0, float_dot, |g| g as f64)).sum();
        let affine: f64 = row.affine.iter().map(|a| float_dot(a, a)).sum();
        dense * activation_step * activation_step + affine
    }

    /// Scales and rounds a row into `to`. Returns its largest possible partial sum of products, or `None` if it cannot
    /// be scaled below the limit.
    fn clip(&mut self, row: &Row, width: usize, clip: &Clip, to: &mut [&mut [f32]]) -> Option<f64> {
        self.multiply_activations(row, width);
        let size = self.squared_size(row, clip.activation_step).sqrt();
        if !size.is_finite() || size == 0.0 {
            return None;
        }
        if mutant::is(Mutant::ClipByBatch) {
            self.round(row, clip.unit().recip(), clip.activation_step, to)?;
            return self.bound(row, width, to);
        }
        let limit = i128::from(clip.limit) * i128::from(clip.limit);
        let mut factor = clip.scale(size);
        for _ in 0..ATTEMPTS {
            let square = self.round(row, factor, clip.activation_step, to)?;
            if square <= limit {
                return self.bound(row, width, to);
            }
            factor *= (limit as f64 / square as f64).sqrt() * (1.0 - 1e-3);
        }
        None
    }

    /// Rounds `factor` times the gradient to integer units and returns its exact squared norm.
    fn round(&mut self, row: &Row, factor: f64, activation_step: f64, to: &mut [&mut [f32]]) -> Option<i128> {
        let (dense_scale, affine_scale) = ((factor * activation_step) as f32, factor as f32);
        if !(dense_scale.is_finite() && affine_scale.is_finite()) {
            return None;
        }
        let mut total = 0i128;
        for (to, from) in self.affine.iter_mut().zip(&row.affine) {
            to.iter_mut().zip(*from).for_each(|(t, x)| *t = whole(*x, affine_scale, WIDE_LIMIT));
            total += i128::from(dot_wide(to, to));
        }
        for ((to, from), gram) in to.iter_mut().zip(&row.deltas).zip(&self.grams) {
            to.iter_mut().zip(*from).for_each(|(t, x)| *t = whole(*x, dense_scale, WIDE_LIMIT));
            let exact = if largest(to) <= BLOCK_LIMIT { dot_exact } else { dot_wide };
            total += against_gram(to, gram, self.copies, 0, |a, b| i128::from(exact(a, b)), i128::from);
        }
        Some(total)
    }

    /// Bound on any partial sum of a rounded row's products in any layer; `None` if it is too large even by itself.
    fn bound(&self, row: &Row, width: usize, rounded: &[&mut [f32]]) -> Option<f64> {
        let mut most = 0.0f64;
        let mut tops = vec![0.0f32; self.copies];
        for (l, deltas) in rounded.iter().enumerate() {
            let fresh = self.fresh(l);
            let mut total = 0.0;
            for (k, (top, deltas)) in tops.iter_mut().zip(deltas.chunks_exact(self.layers[l].fan_out)).enumerate() {
                let older = if self.nested { *top } else { 0.0 };
                *top = greater(largest(&row.activations[k * width..][fresh.clone()]), older);
                total += f64::from(*top) * f64::from(largest(deltas));
            }
            most = most.max(total);
        }
        (most <= EXACT_SUM).then_some(most)
    }
}

/// Sum over pairs of copies of activations' product (from the Gram matrix) times deltas' product.
fn against_gram<T>(
    deltas: &[f32],
    gram: &[i64],
    copies: usize,
    zero: T,
    dot: impl Fn(&[f32], &[f32]) -> T,
    of: impl Fn(i64) -> T,
) -> T
where
    T: std::ops::Mul<Output = T> + std::ops::Add<Output = T> + Copy,
{
    pairs(copies).zip(gram).fold(zero, |total, ((i, j), g)| {
        let product = of(*g) * dot(part(deltas, copies, i), part(deltas, copies, j));
        total + if i == j { product } else { product + product }
    })
}

/// Pairs of copies, each once, in the order of a Gram matrix's upper triangle.
fn pairs(copies: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..copies).flat_map(move |i| (i..copies).map(move |j| (i, j)))
}

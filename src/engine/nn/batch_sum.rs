//! The exact sum of clipped gradients over a batch.

use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::clip::{Clip, Clipped, clip_rows};
use super::device::{matrix, values};
use super::exact::{Rounded, RoundingGrid};
use super::mlp::{Architecture, Mlp};
use super::normals::Normals;
use super::simd::integer;
use crate::engine::Result;

/// Examples (rows times copies) that one thread processes at a time: few enough for its caches, and for the backend to
/// leave each product on that thread.
const EXAMPLES: usize = 320;
/// Approximate number of multiplications of one call.
const CALL_COST: usize = 2_000_000_000;

/// A training objective: K copies of each row, such as noise levels, and their loss. The loss of a row must depend only
/// on that row, the given randomness and public values. If privacy units have several rows, a unit takes the place of a
/// row, here and below.
pub trait Objective: Sync {
    /// K, at least 1.
    fn copies(&self) -> usize;
    /// Size of a copy's memo, which [`Objective::prepare`] writes for [`Objective::delta`], at least 1.
    fn memo(&self) -> usize;
    /// Writes the inputs `[K, inputs]` and the memo `[K, memo]` of a row.
    fn prepare(&self, row: usize, random: &mut Normals, inputs: &mut [f32], memo: &mut [f32]);
    /// Replaces the outputs `[K, outputs]` of a row by the gradient of its loss with respect to them.
    fn delta(&self, memo: &[f32], outputs: &mut [f32]);
}

/// A parametric model whose clipped per-row gradients can be summed exactly over a batch, so that
/// [`super::private_gradient`] can add noise to the sum. The implementation must satisfy claims 1 to 3 of [`super`].
pub trait Gradients {
    /// A partial sum.
    type Sum;

    /// Size of a gradient.
    fn parameters(&self) -> usize;

    /// The number of parameters, at the start, of the layer that sees a row first. One of the flaws for tests/audit
    /// treats these differently.
    fn encoder(&self) -> usize;

    /// The sum over these rows, not yet started. The rows' randomness is a function of the key.
    fn begin(&self, rows: Vec<u32>, key: [u8; 32]) -> Self::Sum;

    /// Adds more rows: well under 100 ms of work. False once all are added.
    ///
    /// # Errors
    /// `Internal` if the backend fails.
    fn advance(&self, sum: &mut Self::Sum, clip: &Clip) -> Result<bool>;

    /// The sum of the added rows, in integer units of [`Clip::unit`].
    fn finish(sum: Self::Sum) -> Vec<i64>;
}

/// The gradients of an objective in a network of dense layers, which are clipped without being formed.
pub struct Ghost<'a, O> {
    pub net: &'a Mlp,
    pub objective: &'a O,
}

impl<O: Objective> Gradients for Ghost<'_, O> {
    type Sum = BatchSum;

    fn parameters(&self) -> usize {
        self.net.parameters.len()
    }

    fn encoder(&self) -> usize {
        self.net.architecture.layers().get(1).map_or(0, |layer| layer.first)
    }

    fn begin(&self, rows: Vec<u32>, key: [u8; 32]) -> BatchSum {
        BatchSum::new(self.net, rows, self.objective.copies(), key)
    }

    fn advance(&self, sum: &mut BatchSum, clip: &Clip) -> Result<bool> {
        sum.advance(self.objective, clip)
    }

    fn finish(sum: BatchSum) -> Vec<i64> {
        sum.finish()
    }
}

/// The sum of the clipped gradients of a batch's rows, in integer units of [`Clip::unit`], in the layout of the
/// parameters. It is computed in bounded pieces.
pub struct BatchSum {
    network: Rounded,
    rows: Vec<u32>,
    /// Rows of a block, and the number of blocks per call of [`BatchSum::advance`].
    block_rows: usize,
    call_blocks: usize,
    next: usize,
    key: [u8; 32],
    parameters: usize,
    /// One per thread.
    sums: Vec<Vec<i64>>,
}

impl BatchSum {
    /// The sum over `rows`, not yet started. Each block of rows has a separate stream of the generator with this key.
    /// Equal keys give equal sums on any number of threads.
    pub fn new(net: &Mlp, rows: Vec<u32>, copies: usize, key: [u8; 32]) -> Self {
        keep_memory();
        let parameters = net.parameters.len();
        // Forward, backward and gradient take up to three multiplications per parameter and example. The other work on
        // each activation takes the time of about a hundred.
        let row_cost = 3 * (parameters + 100 * net.architecture.width()) * copies.max(1);
        let block_rows = (EXAMPLES / copies.max(1)).min(CALL_COST / row_cost).max(1);
        let call_blocks = (CALL_COST / (row_cost * block_rows)).max(1);
        let network = Rounded::new(net, RoundingGrid::TRAINING);
        Self { network, rows, block_rows, call_blocks, next: 0, key, parameters, sums: Vec::new() }
    }

    /// Adds more rows: well under 100 ms of work. False once all are added.
    pub fn advance<O: Objective>(&mut self, objective: &O, clip: &Clip) -> Result<bool> {
        let first = self.next / self.block_rows;
        let end = (self.next + self.call_blocks * self.block_rows).min(self.rows.len());
        let blocks: Vec<&[u32]> = self.rows[self.next..end].chunks(self.block_rows).collect();
        let workers = rayon::current_num_threads().min(blocks.len());
        while self.sums.len() < workers {
            self.sums.push(vec![0; self.parameters]);
        }
        let taken = AtomicUsize::new(0);
        let (network, key) = (&self.network, self.key);
        self.sums[..workers].par_iter_mut().try_for_each(|sum| {
            loop {
                let block = taken.fetch_add(1, Ordering::Relaxed);
                let Some(rows) = blocks.get(block) else { return Ok(()) };
                let mut stream = ChaCha8Rng::from_seed(key);
                stream.set_stream((first + block) as u64);
                add_block(network, objective, rows, clip, Normals::new(stream), sum)?;
            }
        })?;
        self.next = end;
        Ok(end < self.rows.len())
    }

    /// The sum of the added rows.
    pub fn finish(self) -> Vec<i64> {
        total(self.sums, self.parameters)
    }
}

/// The sum of the threads' sums.
pub(super) fn total(sums: Vec<Vec<i64>>, numbers: usize) -> Vec<i64> {
    let mut sums = sums.into_iter();
    let mut total = sums.next().unwrap_or_else(|| vec![0; numbers]);
    for sum in sums {
        total.iter_mut().zip(sum).for_each(|(total, x)| *total += x);
    }
    total
}

/// Makes the C library's allocator keep freed memory for the next block instead of returning it page by page: it adapts
/// to large allocations that are freed. Harmless with other allocators.
fn keep_memory() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(std::hint::black_box(Vec::<u8>::with_capacity(31 << 20))));
}

fn add_block<O: Objective>(
    network: &Rounded,
    objective: &O,
    rows: &[u32],
    clip: &Clip,
    mut random: Normals,
    sum: &mut [i64],
) -> Result<()> {
    let shape = network.architecture();
    let (copies, memo_width) = (objective.copies(), objective.memo());
    let n = rows.len() * copies;
    let mut inputs = vec![0.0; n * shape.inputs];
    let mut memo = vec![0.0; n * memo_width];
    let spans = inputs.chunks_exact_mut(copies * shape.inputs).zip(memo.chunks_exact_mut(copies * memo_width));
    for (row, (inputs, memo)) in rows.iter().zip(spans) {
        objective.prepare(*row as usize, &mut random, inputs, memo);
    }
    let mut trace = network.forward(&inputs, n)?;
    drop(inputs);
    let mut outputs = std::mem::take(&mut trace.outputs);
    let spans = outputs.chunks_exact_mut(copies * shape.outputs).zip(memo.chunks_exact(copies * memo_width));
    spans.for_each(|(outputs, memo)| objective.delta(memo, outputs));
    let deltas = network.backward(&mut trace, outputs, copies)?;
    let clipped = clip_rows(shape, &trace, &deltas, copies, clip);
    add_products(shape, trace.activations, clipped, copies, sum)
}

/// Adds activations^T x deltas of every group of rows, each product exact in `f32`.
pub(super) fn add_products(
    shape: &Architecture,
    activations: Vec<f32>,
    clipped: Clipped,
    copies: usize,
    sum: &mut [i64],
) -> Result<()> {
    let (layers, width) = (shape.layers(), shape.width());
    let n = activations.len() / width;
    let seen = matrix(activations, n, width);
    for (l, deltas) in clipped.dense.into_iter().enumerate() {
        let layer = layers[l];
        let deltas = matrix(deltas, n, layer.fan_out);
        let mut start = 0;
        for &end in &clipped.groups {
            if end == start {
                continue;
            }
            let group = start * copies..end * copies;
            let left = seen.clone().slice([group.clone(), layer.seen()]).transpose();
            let product = values(left.matmul(deltas.clone().slice([group, 0..layer.fan_out])))?;
            let to = &mut sum[layer.first..layer.affine()];
            to.iter_mut().zip(&product).for_each(|(t, x)| *t += integer(*x));
            start = end;
        }
        if let Some(affine) = clipped.affine.get(l) {
            let to = &mut sum[layer.affine()..][..2 * layer.fan_out];
            for row in affine.chunks_exact(2 * layer.fan_out) {
                to.iter_mut().zip(row).for_each(|(t, x)| *t += integer(*x));
            }
        }
    }
    Ok(())
}

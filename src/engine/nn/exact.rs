//! Forward and backward passes whose matrix products have integer factors and are therefore exact. The result of a row
//! is a function of that row and the network alone, for any batch, order and thread. See the proof in [`super`].

use burn_tensor::Tensor;

use super::device::{matrix, values};
use super::mlp::{Architecture, Layer, Mlp, normalise};
use super::simd::{dot, dot_exact, greater, largest, sum, whole};
use crate::engine::Result;

/// The grids for rounding. Public constants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RoundingGrid {
    /// Spacing of activations.
    pub activation_step: f32,
    /// Largest activation, in steps.
    pub activation_limit: f32,
    /// Largest root mean square of a layer's inputs. A row beyond it is left out.
    pub activation_rms: f64,
    /// Sums of integer products stay below this.
    pub product_limit: f64,
    /// Largest norm of a backward gradient, in its own steps.
    pub delta_limit: f64,
}

impl RoundingGrid {
    /// The grid of training: sums stay below 2^24, where `f32` represents every integer.
    pub const TRAINING: Self = Self {
        activation_step: 1.0 / 32.0,
        activation_limit: super::simd::BLOCK_LIMIT,
        activation_rms: 2.0,
        product_limit: 16_777_215.0,
        delta_limit: 2048.0,
    };
}

/// A layer with its weights on a grid.
struct RoundedLayer {
    layer: Layer,
    /// `[fan_in + 1, fan_out]`, in integer multiples of `step`.
    weights: Tensor<2>,
    /// Weights of the hidden inputs, transposed `[fan_out, hidden inputs]`; empty for the first layer.
    back: Option<Tensor<2>>,
    step: f32,
    /// Largest squared norm of a row of activations, in steps.
    activation_square: i64,
    /// Largest norm of a delta that may be multiplied by `back`, in its steps.
    delta_limit: f64,
    gamma: Vec<f32>,
    beta: Vec<f32>,
}

/// A network that is prepared for exact passes.
pub struct Rounded {
    layers: Vec<RoundedLayer>,
    architecture: Architecture,
    grid: RoundingGrid,
}

/// The result of a forward pass for `n` rows of inputs.
pub struct Trace {
    /// `[n, width]` activations in steps, the constant last.
    pub activations: Vec<f32>,
    /// `[n, outputs]`.
    pub outputs: Vec<f32>,
    /// Rows that exceeded the grid's limits. They must contribute nothing.
    pub lost: Vec<bool>,
    /// For each hidden layer, the normalised values `[n, fan_out]` and their scales `[n]`.
    hats: Vec<(Vec<f32>, Vec<f32>)>,
}

/// Gradients of the loss of `n` rows of inputs, by layer.
pub struct Deltas {
    /// With respect to each layer's sums, `[n, fan_out]`.
    pub dense: Vec<Vec<f32>>,
    /// With respect to each hidden layer's gamma and beta, over all copies of a row, `[rows, 2 * fan_out]`.
    pub affine: Vec<Vec<f32>>,
}

impl Rounded {
    /// Rounds the weights of a network. Each layer's step is the smallest power of two for which products are exact. It
    /// depends only on the network.
    pub fn new(net: &Mlp, grid: RoundingGrid) -> Self {
        let layers = net.architecture.layers().into_iter().map(|layer| round_layer(net, layer, grid)).collect();
        Self { layers, architecture: net.architecture.clone(), grid }
    }

    /// The network's shape.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// Runs `n` rows of inputs `[n, inputs]`.
    pub fn forward(&self, inputs: &[f32], n: usize) -> Result<Trace> {
        let (grid, width) = (self.grid, self.architecture.inputs);
        let scale = grid.activation_step.recip();
        let one = scale.round();
        let mut lost = vec![false; n];
        let mut squares = vec![0i64; n];
        let mut current = vec![0.0; n * (width + 1)];
        for (i, (row, to)) in inputs.chunks_exact(width).zip(current.chunks_exact_mut(width + 1)).enumerate() {
            let mut finite = 0.0f32;
            for (x, y) in row.iter().zip(to.iter_mut()) {
                finite += x * 0.0;
                *y = whole(*x, scale, grid.activation_limit);
            }
            to[width] = one;
            lost[i] = finite.is_nan();
            squares[i] = dot_exact(to, to);
        }
        let mut hats = Vec::new();
        for rounded in &self.layers {
            let layer = rounded.layer;
            for (lost, square) in lost.iter_mut().zip(&squares) {
                *lost |= *square > rounded.activation_square;
            }
            let old = current.len() / n.max(1);
            let before = matrix(current, n, old);
            let seen = before.clone().slice([0..n, 0..layer.fan_in + 1]);
            let mut z = values(seen.matmul(rounded.weights.clone()))?;
            current = values(before)?;
            let unit = rounded.step * grid.activation_step;
            z.iter_mut().for_each(|x| *x *= unit);
            if !layer.hidden {
                return Ok(Trace { activations: current, outputs: z, lost, hats });
            }
            // A row grows at the front: the new results, without concatenation a constant, then the previous content.
            let new = layer.fan_out + usize::from(!self.architecture.concatenate);
            let mut next = vec![0.0; n * (new + old)];
            let mut scales = Vec::with_capacity(n);
            let rows = z.chunks_exact_mut(layer.fan_out).zip(current.chunks_exact(old));
            for (((z, before), to), square) in rows.zip(next.chunks_exact_mut(new + old)).zip(&mut squares) {
                scales.push(normalise(z));
                let (new, rest) = to.split_at_mut(new);
                rest.copy_from_slice(before);
                for (((y, z), gamma), beta) in new.iter_mut().zip(&*z).zip(&rounded.gamma).zip(&rounded.beta) {
                    *y = whole(greater(z * gamma + beta, 0.0), scale, grid.activation_limit);
                }
                if self.architecture.concatenate {
                    *square += dot_exact(new, new);
                } else {
                    new[layer.fan_out] = one;
                    *square = dot_exact(new, new);
                }
            }
            hats.push((z, scales));
            current = next;
        }
        Err(crate::engine::EngineError::Internal("a network without a last layer"))
    }

    /// Propagates the loss's gradients with respect to the outputs `[n, outputs]` back through the network, for rows of
    /// `copies` copies. The rounding of activations counts as the identity.
    pub fn backward(&self, trace: &mut Trace, outputs: Vec<f32>, copies: usize) -> Result<Deltas> {
        let n = trace.lost.len();
        let mut dense = vec![Vec::new(); self.layers.len()];
        let mut affine = vec![Vec::new(); self.architecture.hidden.len()];
        // Gradients with respect to the hidden activations that a layer sees, last layer first: `[n, stride]`.
        let mut pending: Option<Vec<f32>> = None;
        let mut stride = 0;
        let mut delta = outputs;
        for (l, rounded) in self.layers.iter().enumerate().rev() {
            let fan_out = rounded.layer.fan_out;
            let Some(back) = &rounded.back else {
                dense[l] = delta;
                break;
            };
            let mut steps = vec![0.0; n];
            let mut small = vec![0.0; n * fan_out];
            for (i, (d, q)) in delta.chunks_exact(fan_out).zip(small.chunks_exact_mut(fan_out)).enumerate() {
                match round_delta(d, q, rounded.delta_limit) {
                    Some(step) => steps[i] = step * rounded.step,
                    None => trace.lost[i] = true,
                }
            }
            // Columns: the hidden layers below this one, which are the last columns of `pending`.
            let mut towards = values(matrix(small, n, fan_out).matmul(back.clone()))?;
            dense[l] = std::mem::take(&mut delta);
            let reach = rounded.layer.reach;
            if !self.architecture.concatenate {
                pending = None;
            }
            let pending = match &mut pending {
                None => {
                    towards.chunks_exact_mut(reach).zip(&steps).for_each(|(t, s)| t.iter_mut().for_each(|t| *t *= s));
                    stride = reach;
                    pending.insert(towards)
                }
                Some(pending) => {
                    let rows = pending.chunks_exact_mut(stride).zip(towards.chunks_exact(reach)).zip(&steps);
                    rows.for_each(|((to, from), step)| {
                        to[stride - reach..].iter_mut().zip(from).for_each(|(t, f)| *t += f * step);
                    });
                    pending
                }
            };
            let below = &self.layers[l - 1];
            let (d, a) = below.through_norm(&trace.hats[l - 1], pending, stride, stride - reach, copies);
            (delta, affine[l - 1]) = (d, a);
        }
        Ok(Deltas { dense, affine })
    }
}

impl RoundedLayer {
    /// From gradients with respect to this layer's activations, at `offset` in rows of `stride`, to those with respect
    /// to its sums and, summed over each row's copies, to gamma and beta.
    fn through_norm(
        &self,
        (hats, scales): &(Vec<f32>, Vec<f32>),
        pending: &[f32],
        stride: usize,
        offset: usize,
        copies: usize,
    ) -> (Vec<f32>, Vec<f32>) {
        let width = self.layer.fan_out;
        let mut sums = vec![0.0; hats.len()];
        let mut affine = vec![0.0; 2 * hats.len() / copies];
        let (gamma, beta) = (&self.gamma[..width], &self.beta[..width]);
        let rows = hats.chunks_exact(width).zip(pending.chunks_exact(stride)).zip(scales);
        for (i, (((hat, row), scale), dz)) in rows.zip(sums.chunks_exact_mut(width)).enumerate() {
            let dy = &row[offset..offset + width];
            let (d_gamma, d_beta) = affine[i / copies * 2 * width..][..2 * width].split_at_mut(width);
            through_relu(hat, gamma, beta, dy, dz, d_gamma, d_beta);
            let (mean, slope) = (sum(dz) / width as f32, dot(dz, hat) / width as f32);
            dz.iter_mut().zip(hat).for_each(|(d, h)| *d = scale * (*d - mean - h * slope));
        }
        (sums, affine)
    }
}

/// Backward through y = relu(gamma * hat + beta): adds to the gradients of gamma and beta and writes that of hat. It
/// has no branches and uses slices that cannot overlap, so that it becomes vector code.
fn through_relu(
    hat: &[f32],
    gamma: &[f32],
    beta: &[f32],
    dy: &[f32],
    d_hat: &mut [f32],
    d_gamma: &mut [f32],
    d_beta: &mut [f32],
) {
    let width = hat.len();
    let (gamma, beta, dy) = (&gamma[..width], &beta[..width], &dy[..width]);
    let (d_hat, d_gamma, d_beta) = (&mut d_hat[..width], &mut d_gamma[..width], &mut d_beta[..width]);
    for j in 0..width {
        let open = u32::from(hat[j] * gamma[j] + beta[j] > 0.0).wrapping_neg();
        let on = f32::from_bits(dy[j].to_bits() & open);
        d_beta[j] += on;
        d_gamma[j] += on * hat[j];
        d_hat[j] = on * gamma[j];
    }
}

fn round_layer(net: &Mlp, layer: Layer, grid: RoundingGrid) -> RoundedLayer {
    let (rows, columns) = (layer.fan_in + 1, layer.fan_out);
    let weights = &net.parameters[layer.first..layer.affine()];
    let activation_size = grid.activation_rms * (rows as f64).sqrt() / f64::from(grid.activation_step);
    let most = grid.product_limit / activation_size;
    // Every column's norm must be at most `most` steps. Rounding adds at most half a step per entry.
    let mut squares = vec![0.0f64; columns];
    for row in weights.chunks_exact(columns) {
        squares.iter_mut().zip(row).for_each(|(s, w)| *s += f64::from(*w).powi(2));
    }
    let size = squares.iter().fold(0.0f64, |top, s| top.max(*s)).sqrt();
    let room = (most - 0.5 * (rows as f64).sqrt() - 1.0).max(1.0);
    let step = (size / room).max(2f64.powi(-20)).log2().ceil().exp2() as f32;
    let steps: Vec<f32> = weights.iter().map(|w| whole(*w, step.recip(), 4_194_000.0)).collect();
    let reach = layer.reach;
    let back = (reach > 0).then(|| {
        let mut back = vec![0.0; columns * reach];
        for (i, row) in steps.chunks_exact(columns).take(reach).enumerate() {
            row.iter().enumerate().for_each(|(o, w)| back[o * reach + i] = *w);
        }
        matrix(back, columns, reach)
    });
    let row_size = |row: &[f32]| row.iter().map(|w| f64::from(*w).powi(2)).sum::<f64>();
    let widest = steps.chunks_exact(columns).take(reach).map(row_size).fold(0.0f64, f64::max).sqrt();
    let affine = |part: usize| {
        let first = layer.affine() + part * columns;
        if layer.hidden { net.parameters[first..first + columns].to_vec() } else { Vec::new() }
    };
    RoundedLayer {
        layer,
        weights: matrix(steps, rows, columns),
        back,
        step,
        activation_square: (activation_size * activation_size) as i64,
        delta_limit: (grid.product_limit / widest.max(1.0)).min(grid.delta_limit),
        gamma: affine(0),
        beta: affine(1),
    }
}

/// Rounds `d` to integers of a step such that its norm is at most `limit` steps. Returns the step, or `None` if there
/// is none.
fn round_delta(d: &[f32], q: &mut [f32], limit: f64) -> Option<f32> {
    // Scaled by its largest entry first, so that no square exceeds the range of f32.
    let top = largest(d);
    if top == 0.0 {
        return Some(0.0);
    }
    if !top.is_normal() {
        return None;
    }
    let shrink = top.recip();
    q.iter_mut().zip(d).for_each(|(q, d)| *q = d * shrink);
    let size = f64::from(top) * f64::from(dot(q, q)).sqrt();
    let room = limit - 0.5 * (d.len() as f64).sqrt() - 1.0;
    let scale = (room / size) as f32;
    if room < 1.0 || !scale.is_normal() {
        q.fill(0.0);
        return None;
    }
    q.iter_mut().zip(d).for_each(|(q, d)| *q = whole(*d, scale, 4_194_000.0));
    // A sum of integer squares is exact while it is below 2^24, and otherwise detectably exceeds it.
    if f64::from(dot(q, q)) > limit * limit {
        q.fill(0.0);
        return None;
    }
    Some(scale.recip())
}

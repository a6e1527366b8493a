//! The network of the paper (arXiv 2308.14784; table_diffusion.py, `Generator`): for each width, h <-
//! concat(relu(group_norm_1(linear(h))), h); then a linear layer. For very wide rows the concatenation can be omitted
//! (ours), because its products grow with the square of the width.

use burn_tensor::Tensor;

use super::device::{matrix, values};
use super::normals::Normals;
use super::simd::{dot, sum};
use crate::engine::{EngineError, Result};

/// Added to a variance before its root, as group norms do.
pub const EPSILON: f32 = 1e-5;
/// Maximum number of parameters.
const MAX_PARAMETERS: usize = 1 << 28;

/// Widths of a network.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Architecture {
    pub inputs: usize,
    pub hidden: Vec<usize>,
    pub outputs: usize,
    /// Whether a layer sees all earlier results and the inputs, or only the layer before.
    pub concatenate: bool,
}

/// The position of one layer in the parameter vector and in the activations of a row.
///
/// Parameters of a layer, in this order: weights `[fan_in + 1, fan_out]`, row-major, with the bias as last row; then,
/// for all but the last layer, the group norm's `gamma` and `beta`, `[fan_out]` each. Activations of a row: the hidden
/// layers' results, last first, then the inputs, then a constant 1. Without concatenation, each layer's result is
/// followed by a separate constant 1. A layer sees, bias included, `fan_in + 1` entries from `column` on; with
/// concatenation, this is the whole tail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layer {
    pub fan_in: usize,
    pub fan_out: usize,
    /// First parameter.
    pub first: usize,
    /// First column of the activations.
    pub column: usize,
    /// How many of its inputs, at the start, are results of hidden layers.
    pub reach: usize,
    /// Whether a group norm follows.
    pub hidden: bool,
}

impl Layer {
    /// The columns of the activations that it sees.
    pub fn seen(&self) -> std::ops::Range<usize> {
        self.column..self.column + self.fan_in + 1
    }

    /// Parameters from `gamma` on.
    pub fn affine(&self) -> usize {
        self.first + (self.fan_in + 1) * self.fan_out
    }
}

impl Architecture {
    /// The layers, first to last.
    pub fn layers(&self) -> Vec<Layer> {
        let (mut first, mut fan_in, mut reach) = (0, self.inputs, 0);
        let mut column = self.width() - 1 - self.inputs;
        let mut layers = Vec::with_capacity(self.hidden.len() + 1);
        for (i, &fan_out) in self.hidden.iter().chain([&self.outputs]).enumerate() {
            let hidden = i < self.hidden.len();
            layers.push(Layer { fan_in, fan_out, first, column, reach, hidden });
            first += (fan_in + 1) * fan_out + if hidden { 2 * fan_out } else { 0 };
            if hidden {
                column -= fan_out + usize::from(!self.concatenate);
                (fan_in, reach) =
                    if self.concatenate { (fan_in + fan_out, reach + fan_out) } else { (fan_out, fan_out) };
            }
        }
        layers
    }

    /// Number of activations of a row, including the constants.
    pub fn width(&self) -> usize {
        let constants = if self.concatenate { 1 } else { 1 + self.hidden.len() };
        self.inputs + self.hidden.iter().sum::<usize>() + constants
    }

    /// Number of parameters, or `None` if it is too large.
    pub fn parameters(&self) -> Option<usize> {
        let (mut total, mut fan_in) = (0usize, self.inputs);
        for (i, &fan_out) in self.hidden.iter().chain([&self.outputs]).enumerate() {
            let affine = if i < self.hidden.len() { 2 } else { 0 };
            total = total.checked_add(fan_in.checked_add(1 + affine)?.checked_mul(fan_out)?)?;
            fan_in = if self.concatenate { fan_in.checked_add(fan_out)? } else { fan_out };
        }
        let positive = self.inputs > 0 && self.outputs > 0 && self.hidden.iter().all(|h| *h > 0);
        (positive && total <= MAX_PARAMETERS).then_some(total)
    }
}

/// A network: its shape and its parameters, in the layout of [`Layer`].
#[derive(Debug, Clone, PartialEq)]
pub struct Mlp {
    pub architecture: Architecture,
    pub parameters: Vec<f32>,
}

impl Mlp {
    /// A network with PyTorch's initialisation: weights and biases uniform in +-1 / sqrt(fan-in), gamma 1, beta 0. If
    /// `silent`, the last layer is zero.
    ///
    /// # Errors
    /// `InvalidParameter` for a shape that is too large.
    pub fn new(architecture: Architecture, silent: bool, random: &mut Normals) -> Result<Self> {
        let count = architecture.parameters().ok_or_else(|| {
            EngineError::invalid(
                "the network is too large",
                "It has too many parameters.",
                "Use fewer columns, or smaller widths in the option hidden.",
            )
        })?;
        let mut parameters = vec![0.0; count];
        for layer in architecture.layers() {
            if layer.hidden || !silent {
                let bound = (layer.fan_in as f32).sqrt().recip();
                let weights = &mut parameters[layer.first..layer.affine()];
                weights.iter_mut().for_each(|w| *w = bound * (2.0 * random.uniform() - 1.0));
            }
            if layer.hidden {
                parameters[layer.affine()..][..layer.fan_out].fill(1.0);
            }
        }
        Ok(Self { architecture, parameters })
    }

    /// The network with its weights as tensors, for repeated use.
    pub fn prepared(&self) -> Prepared {
        let layers = self.architecture.layers();
        let tensors = layers.iter().map(|layer| {
            let weights = self.parameters[layer.first..layer.affine()].to_vec();
            let affine =
                if layer.hidden { self.parameters[layer.affine()..][..2 * layer.fan_out].to_vec() } else { vec![] };
            (*layer, matrix(weights, layer.fan_in + 1, layer.fan_out), affine)
        });
        Prepared { layers: tensors.collect(), concatenate: self.architecture.concatenate }
    }
}

/// See [`Mlp::prepared`].
pub struct Prepared {
    layers: Vec<(Layer, Tensor<2>, Vec<f32>)>,
    concatenate: bool,
}

impl Prepared {
    /// Outputs `[rows, outputs]` for inputs `[rows, inputs]`, in plain floating point, for sampling.
    ///
    /// # Errors
    /// `Internal` if the inputs do not have that shape.
    pub fn forward(&self, inputs: &[f32], rows: usize) -> Result<Vec<f32>> {
        let Some((first, ..)) = self.layers.first() else {
            return Err(EngineError::Internal("a network without layers"));
        };
        if inputs.len() != rows * first.fan_in {
            return Err(EngineError::Internal("inputs of the wrong width"));
        }
        let mut current = Vec::with_capacity(rows * (first.fan_in + 1));
        for row in inputs.chunks_exact(first.fan_in) {
            current.extend_from_slice(row);
            current.push(1.0);
        }
        for (layer, weights, affine) in &self.layers {
            let seen = matrix(current, rows, layer.fan_in + 1);
            let mut out = values(seen.clone().matmul(weights.clone()))?;
            if !layer.hidden {
                return Ok(out);
            }
            let seen = values(seen)?;
            let (gamma, beta) = affine.split_at(layer.fan_out);
            current = Vec::with_capacity(rows * (layer.fan_out + layer.fan_in + 1));
            for (z, old) in out.chunks_exact_mut(layer.fan_out).zip(seen.chunks_exact(layer.fan_in + 1)) {
                normalise(z);
                z.iter_mut().zip(gamma).zip(beta).for_each(|((z, g), b)| *z = (*z * g + b).max(0.0));
                current.extend_from_slice(z);
                current.extend_from_slice(if self.concatenate { old } else { &[1.0] });
            }
        }
        Err(EngineError::Internal("a network without a last layer"))
    }
}

/// Subtracts the mean and divides by the standard deviation. Returns the factor.
pub fn normalise(z: &mut [f32]) -> f32 {
    let ones = z.len() as f32;
    let mean = sum(z) / ones;
    z.iter_mut().for_each(|x| *x -= mean);
    let scale = (dot(z, z) / ones + EPSILON).sqrt().recip();
    z.iter_mut().for_each(|x| *x *= scale);
    scale
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(concatenate: bool) -> Architecture {
        Architecture { inputs: 5, hidden: vec![4, 3], outputs: 2, concatenate }
    }

    #[test]
    fn layers_tile_parameters_and_activations() {
        let layers = shape(true).layers();
        assert_eq!(layers[0], Layer { fan_in: 5, fan_out: 4, first: 0, column: 7, reach: 0, hidden: true });
        assert_eq!(layers[1], Layer { fan_in: 9, fan_out: 3, first: 24 + 8, column: 3, reach: 4, hidden: true });
        assert_eq!(layers[2], Layer { fan_in: 12, fan_out: 2, first: 32 + 30 + 6, column: 0, reach: 7, hidden: false });
        let plain = shape(false).layers();
        assert_eq!(plain[1], Layer { fan_in: 4, fan_out: 3, first: 32, column: 4, reach: 4, hidden: true });
        assert_eq!(plain[2], Layer { fan_in: 3, fan_out: 2, first: 32 + 21, column: 0, reach: 3, hidden: false });
        assert_eq!((shape(false).width(), shape(false).parameters()), (15, Some(53 + 8)));
        assert_eq!(shape(true).parameters(), Some(68 + 26));
        assert_eq!(
            Architecture { inputs: usize::MAX, hidden: vec![2], outputs: 1, concatenate: true }.parameters(),
            None
        );
    }

    #[test]
    fn forward_is_the_formula() {
        [true, false].into_iter().for_each(forward_agrees);
    }

    fn forward_agrees(concatenate: bool) {
        let mut random = Normals::from_seed([3; 32]);
        let net = Mlp::new(shape(concatenate), false, &mut random).unwrap();
        let x = [0.3f64, -1.0, 0.7, 2.0, -0.4];
        let mut h: Vec<f64> = x.to_vec();
        for layer in shape(concatenate).layers() {
            let w = |i: usize, o: usize| f64::from(net.parameters[layer.first + i * layer.fan_out + o]);
            let z: Vec<f64> = (0..layer.fan_out)
                .map(|o| h.iter().enumerate().map(|(i, a)| a * w(i, o)).sum::<f64>() + w(layer.fan_in, o))
                .collect();
            if !layer.hidden {
                h = z;
                break;
            }
            let mean = z.iter().sum::<f64>() / z.len() as f64;
            let variance = z.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / z.len() as f64;
            let mut next: Vec<f64> = z.iter().map(|v| ((v - mean) / (variance + 1e-5).sqrt()).max(0.0)).collect();
            if concatenate {
                next.extend(&h);
            }
            h = next;
        }
        let inputs: Vec<f32> = x.iter().map(|v| *v as f32).collect();
        let out = net.prepared().forward(&[&inputs[..], &inputs[..]].concat(), 2).unwrap();
        for (got, wanted) in out.iter().zip(h.iter().chain(&h)) {
            assert!((f64::from(*got) - wanted).abs() < 1e-5);
        }
    }
}

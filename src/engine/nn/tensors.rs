//! Networks of any kind on burn's tensors: a flat parameter vector that is split into matrices, layers, and gradients
//! by automatic differentiation. Everything treats the rows of its inputs separately, except [`attention`], which mixes
//! the given rows: the parts of one row of a table.

use burn_tensor::activation::{relu, softmax};
use burn_tensor::{Tensor, TensorData};

use super::device::{device, matrix, values};
use super::mlp::{Architecture, EPSILON, Mlp};
use super::normals::Normals;
use crate::engine::{EngineError, Result};

/// Maximum number of parameters.
const MAX_PARAMETERS: usize = 1 << 28;

/// One matrix of parameters, row-major.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ParameterMatrix {
    rows: usize,
    columns: usize,
    start: Start,
}

/// Initial values of parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Start {
    /// Uniform between minus and plus this.
    Even(f32),
    Fixed(f32),
}

impl ParameterMatrix {
    /// A dense layer `[fan_in + 1, fan_out]`, with the bias as last row. It has PyTorch's initialisation.
    pub fn dense(fan_in: usize, fan_out: usize) -> Self {
        let bound = (fan_in.max(1) as f32).sqrt().recip();
        Self { rows: fan_in.saturating_add(1), columns: fan_out, start: Start::Even(bound) }
    }

    /// A table of vectors of variance 1 / 3.
    pub fn table(rows: usize, columns: usize) -> Self {
        Self { rows, columns, start: Start::Even(1.0) }
    }

    /// The scales, or the shifts, of a normalisation.
    pub fn row(columns: usize, value: f32) -> Self {
        Self { rows: 1, columns, start: Start::Fixed(value) }
    }

    fn numbers(&self) -> Option<usize> {
        self.rows.checked_mul(self.columns)
    }
}

/// The layout of a flat parameter vector.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterLayout(Vec<ParameterMatrix>);

impl ParameterLayout {
    pub fn new(parts: Vec<ParameterMatrix>) -> Self {
        Self(parts)
    }

    /// The parts of a network of dense layers.
    pub fn of_mlp(shape: &Architecture) -> Self {
        let mut parts = Vec::new();
        for layer in shape.layers() {
            parts.push(ParameterMatrix::dense(layer.fan_in, layer.fan_out));
            if layer.hidden {
                parts.extend([ParameterMatrix::row(layer.fan_out, 1.0), ParameterMatrix::row(layer.fan_out, 0.0)]);
            }
        }
        Self(parts)
    }

    /// Number of parameters, or `None` if it is too large.
    pub fn parameters(&self) -> Option<usize> {
        let total = self.0.iter().try_fold(0usize, |total, part| total.checked_add(part.numbers()?))?;
        (total <= MAX_PARAMETERS).then_some(total)
    }

    /// Parameters of the first part.
    pub fn first(&self) -> usize {
        self.0.first().and_then(ParameterMatrix::numbers).unwrap_or(0)
    }

    /// The initial parameters.
    ///
    /// # Errors
    /// `InvalidParameter` for too many.
    pub fn start(&self, random: &mut Normals) -> Result<Vec<f32>> {
        let count = self.parameters().ok_or_else(|| {
            EngineError::invalid(
                "the network is too large",
                "It has too many parameters.",
                "Use fewer columns, or smaller widths in the option hidden.",
            )
        })?;
        let mut parameters = Vec::with_capacity(count);
        for part in &self.0 {
            let numbers = part.rows * part.columns;
            match part.start {
                Start::Fixed(value) => parameters.extend(std::iter::repeat_n(value, numbers)),
                Start::Even(bound) => parameters.extend((0..numbers).map(|_| bound * (2.0 * random.uniform() - 1.0))),
            }
        }
        Ok(parameters)
    }

    /// Parameters as matrices.
    ///
    /// # Panics
    /// If there are too few.
    pub fn cut(&self, parameters: &[f32]) -> Vec<Tensor<2>> {
        let mut at = 0;
        let tensors = self.0.iter().map(|part| {
            let numbers = part.rows * part.columns;
            at += numbers;
            matrix(parameters[at - numbers..at].to_vec(), part.rows, part.columns)
        });
        tensors.collect()
    }
}

/// The same parameters, ready for [`gradient`]. They share memory but not computed results.
pub fn leaves(parameters: &[Tensor<2>]) -> Vec<Tensor<2>> {
    parameters.iter().map(|tensor| tensor.clone().autodiff().require_grad()).collect()
}

/// The gradient of a loss `[1]` with respect to leaves, flat; 0 if it does not depend on them.
///
/// # Errors
/// `Internal` if the backend cannot return it.
pub fn gradient(loss: Tensor<1>, leaves: &[Tensor<2>]) -> Result<Vec<f32>> {
    let mut gradients = loss.backward();
    let numbers = |leaf: &Tensor<2>| leaf.dims().iter().product::<usize>();
    let mut flat = Vec::with_capacity(leaves.iter().map(numbers).sum());
    for leaf in leaves {
        match leaf.grad_remove(&mut gradients) {
            Some(gradient) => flat.extend(values(gradient)?),
            None => flat.extend(std::iter::repeat_n(0.0, numbers(leaf))),
        }
    }
    Ok(flat)
}

/// A constant `[rows, columns]` for computations that are differentiated.
pub fn constant(values: Vec<f32>, rows: usize, columns: usize) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values, [rows, columns]), &device().autodiff())
}

/// A constant that is differentiated if `like` is.
pub fn beside(like: &Tensor<2>, values: Vec<f32>, rows: usize, columns: usize) -> Tensor<2> {
    if like.is_autodiff() { constant(values, rows, columns) } else { matrix(values, rows, columns) }
}

/// Applies a dense layer to x `[n, fan_in]`.
pub fn dense(x: Tensor<2>, layer: &Tensor<2>) -> Tensor<2> {
    with_ones(x).matmul(layer.clone())
}

/// x with a column of ones appended.
fn with_ones(x: Tensor<2>) -> Tensor<2> {
    let rows = x.dims()[0];
    let ones = beside(&x, vec![1.0; rows], rows, 1);
    Tensor::cat(vec![x, ones], 1)
}

/// Normalises each row of x `[n, d]` to mean 0 and variance 1, then multiplies by `gamma` and adds `beta` `[1, d]`.
pub fn layer_norm(x: Tensor<2>, gamma: &Tensor<2>, beta: &Tensor<2>) -> Tensor<2> {
    let centred = x.clone() - x.mean_dim(1);
    let variance = (centred.clone() * centred.clone()).mean_dim(1);
    centred / (variance + EPSILON).sqrt() * gamma.clone() + beta.clone()
}

/// Scaled dot-product attention of queries `[m, d]` over keys and values `[n, d]`, in `heads` equal parts of d.
pub fn attention(queries: Tensor<2>, keys: Tensor<2>, values: Tensor<2>, heads: usize) -> Tensor<2> {
    let [m, d] = queries.dims();
    let part = d / heads;
    let split = |x: Tensor<2>| -> Tensor<3> {
        let n = x.dims()[0];
        x.reshape([n, heads, part]).swap_dims(0, 1)
    };
    let scale = (part as f32).sqrt().recip();
    let scores = split(queries).matmul(split(keys).swap_dims(1, 2)).mul_scalar(scale);
    softmax(scores, 2).matmul(split(values)).swap_dims(0, 1).reshape([m, d])
}

/// The outputs of a network of dense layers for x `[n, inputs]`, like [`super::mlp::Prepared`], but differentiable.
pub fn mlp(shape: &Architecture, parameters: &[Tensor<2>], x: Tensor<2>) -> Tensor<2> {
    let mut parameters = parameters.iter();
    let mut seen = with_ones(x);
    for _ in &shape.hidden {
        let (Some(layer), Some(gamma), Some(beta)) = (parameters.next(), parameters.next(), parameters.next()) else {
            return seen;
        };
        let result = relu(layer_norm(seen.clone().matmul(layer.clone()), gamma, beta));
        seen = if shape.concatenate { Tensor::cat(vec![result, seen], 1) } else { with_ones(result) };
    }
    parameters.next().map_or(seen.clone(), |layer| seen.matmul(layer.clone()))
}

/// The parameters of a network of dense layers, as matrices.
pub fn of_mlp(net: &Mlp) -> Vec<Tensor<2>> {
    ParameterLayout::of_mlp(&net.architecture).cut(&net.parameters)
}

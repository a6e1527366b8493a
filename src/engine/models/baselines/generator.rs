//! The generator of the paper's GANs (architectures.py, `Generator`): normal numbers to a row, with the layers of the
//! diffusion's network. It sees no row of the table, and learns only from charged results.

use burn_tensor::Tensor;

use super::blocks::Blocks;
use super::model::Maker;
use super::options::BaselineOptions;
use crate::engine::Result;
use crate::engine::models::row_encoding::{Clean, Layout};
use crate::engine::models::sampling::BLOCK_ROWS;
use crate::engine::nn::adam::{Adam, MovingAverage};
use crate::engine::nn::device::{matrix, values};
use crate::engine::nn::mlp::{Architecture, Mlp};
use crate::engine::nn::normals::Normals;
use crate::engine::nn::tensors::{constant, gradient, leaves, mlp, of_mlp};

/// Decay rates of Adam's moments (dp_wgan.py, `b1`, `b2`).
pub const BETAS: (f64, f64) = (0.5, 0.999);
/// Bounds on the rows of a step, and the approximate number of multiplications of a call.
const MIN_ROWS: usize = 8;
const MAX_ROWS: usize = 256;
const CALL_COST: usize = 500_000_000;

/// Turns a generator's outputs `[n, outputs]` into rows `[n, width]`, without trainable parameters.
pub trait Last: Send + Sync {
    /// Approximate number of multiplications per row.
    fn cost(&self) -> usize;

    /// # Errors
    /// `Internal` if the backend fails.
    fn rows(&self, outputs: Tensor<2>) -> Result<Tensor<2>>;
}

impl Last for Blocks {
    fn cost(&self) -> usize {
        Blocks::cost(self)
    }

    fn rows(&self, outputs: Tensor<2>) -> Result<Tensor<2>> {
        self.activate(outputs)
    }
}

/// The generator's shape.
pub fn shape(options: &BaselineOptions, outputs: usize) -> Architecture {
    Architecture { inputs: options.latent as usize, hidden: options.widths(), outputs, concatenate: true }
}

/// A generator in training.
pub struct Generator<L> {
    pub net: Mlp,
    pub last: L,
    adam: Adam,
    average: MovingAverage,
    random: Normals,
}

impl<L: Last> Generator<L> {
    /// An untrained generator.
    ///
    /// # Errors
    /// `InvalidParameter` if it is too large.
    pub fn new(options: &BaselineOptions, outputs: usize, last: L, mut random: Normals) -> Result<Self> {
        let net = Mlp::new(shape(options, outputs), false, &mut random)?;
        let adam = Adam::new(net.parameters.len(), options.generator_learning_rate, BETAS);
        let average = MovingAverage::new(net.parameters.len(), options.ema);
        Ok(Self { net, last, adam, average, random })
    }

    /// New rows `[rows, width]`: this many, or as many as a call may make.
    ///
    /// # Errors
    /// `Internal` if the backend fails.
    pub fn fakes(&mut self, rows: usize) -> Result<Vec<f32>> {
        let rows = rows.min((CALL_COST / self.cost()).max(MIN_ROWS));
        let (shape, parameters) = (&self.net.architecture, of_mlp(&self.net));
        let mut z = vec![0.0; rows * shape.inputs];
        self.random.fill(&mut z);
        let outputs = mlp(shape, &parameters, matrix(z, rows, shape.inputs));
        values(self.last.rows(outputs)?)
    }

    /// One step that lowers a loss `[1]` of its rows. `cost` is the number of multiplications for the loss of one row.
    ///
    /// # Errors
    /// `Internal` if the backend fails.
    pub fn step(&mut self, cost: usize, loss: impl FnOnce(Tensor<2>) -> Tensor<1>) -> Result<()> {
        let shape = &self.net.architecture;
        let rows = (CALL_COST / (3 * (cost + self.cost()))).clamp(MIN_ROWS, MAX_ROWS);
        let mut z = vec![0.0; rows * shape.inputs];
        self.random.fill(&mut z);
        let leaves = leaves(&of_mlp(&self.net));
        let outputs = mlp(shape, &leaves, constant(z, rows, shape.inputs));
        let gradient = gradient(loss(self.last.rows(outputs)?), &leaves)?;
        self.adam.step(&mut self.net.parameters, &gradient);
        self.average.push(&self.net.parameters);
        Ok(())
    }

    /// Approximate number of multiplications per row.
    fn cost(&self) -> usize {
        self.net.parameters.len() + self.last.cost()
    }

    /// The average of its parameters.
    pub fn average(&self) -> Vec<f32> {
        self.average.value().unwrap_or_else(|| self.net.parameters.clone())
    }
}

/// Normal numbers for a block of rows.
pub fn block_of_normals(width: usize, random: &mut Normals) -> Tensor<2> {
    let mut z = vec![0.0; BLOCK_ROWS * width];
    random.fill(&mut z);
    matrix(z, BLOCK_ROWS, width)
}

/// Samples rows from a model's outputs `[n, width]`.
///
/// # Errors
/// `Internal` if the backend fails.
pub fn choose(layout: &Layout, rows: Tensor<2>, random: &mut Normals) -> Result<Vec<Clean>> {
    let rows = values(rows)?;
    Ok(rows.chunks_exact(layout.width.max(1)).map(|row| layout.choose(row, random)).collect())
}

/// A generator of whole rows, ready to sample.
pub struct GeneratorRows {
    shape: Architecture,
    parameters: Vec<Tensor<2>>,
    blocks: Blocks,
}

impl Maker for GeneratorRows {
    fn new(options: &BaselineOptions, layout: &Layout, parameters: &[Vec<f32>]) -> Option<Self> {
        let [parameters] = parameters else { return None };
        let architecture = shape(options, layout.width);
        if architecture.parameters() != Some(parameters.len()) {
            return None;
        }
        let net = Mlp { architecture, parameters: parameters.clone() };
        Some(Self { parameters: of_mlp(&net), shape: net.architecture, blocks: Blocks::new(layout) })
    }

    fn block(&self, layout: &Layout, random: &mut Normals) -> Result<Vec<Clean>> {
        let z = block_of_normals(self.shape.inputs, random);
        choose(layout, self.blocks.activate(mlp(&self.shape, &self.parameters, z))?, random)
    }
}

//! The critic of a GAN: the only network that sees real rows. It is trained under DP-SGD.

use super::generator::{Generator, Last};
use super::options::BaselineOptions;
use crate::engine::Result;
use crate::engine::models::dpsgd::DpSgd;
use crate::engine::models::row_encoding::{Clean, Layout, row_of};
use crate::engine::nn::batch_sum::{BatchSum, Ghost, Objective};
use crate::engine::nn::mlp::{Architecture, Mlp};
use crate::engine::nn::normals::Normals;
use crate::engine::nn::tensors::{mlp, of_mlp};
use crate::engine::table::UnitTable;

/// Number of fakes for each of its steps.
const POOL: usize = 512;
/// Bound on scales and shifts of normalisations.
const AFFINE_BOUND: f32 = 1.0;

/// The critic's shape (architectures.py, `Discriminator`, except for its activations).
pub fn shape(options: &BaselineOptions, width: usize) -> Architecture {
    Architecture { inputs: width, hidden: options.widths(), outputs: 1, concatenate: false }
}

/// Clips the weights to a public bound, which limits the critic's slope, as in Arjovsky et al. (arXiv 1701.07875).
pub fn bound(shape: &Architecture, parameters: &mut [f32], bound: f32) {
    for layer in shape.layers() {
        parameters[layer.first..layer.affine()].iter_mut().for_each(|w| *w = w.clamp(-bound, bound));
        if layer.hidden {
            let affine = &mut parameters[layer.affine()..][..2 * layer.fan_out];
            affine.iter_mut().for_each(|w| *w = w.clamp(-AFFINE_BOUND, AFFINE_BOUND));
        }
    }
}

/// The critic's loss: its value of a fake from a pool, which is drawn for the row, minus its value of the row.
pub struct Wasserstein<'a> {
    pub table: &'a UnitTable,
    pub layout: &'a Layout,
    /// `[fakes, width]`, at least one.
    pub fakes: &'a [f32],
}

impl Objective for Wasserstein<'_> {
    fn copies(&self) -> usize {
        2
    }

    fn memo(&self) -> usize {
        1
    }

    fn prepare(&self, example: usize, random: &mut Normals, inputs: &mut [f32], signs: &mut [f32]) {
        let (real, fake) = inputs.split_at_mut(self.layout.width);
        let row = row_of(self.table.units.as_ref(), example, random);
        let mut clean = Clean::default();
        self.layout.encode(&self.table.table, row, random, &mut clean);
        self.layout.write(&clean, real);
        let place = random.below(self.fakes.len() / fake.len());
        fake.copy_from_slice(&self.fakes[place * fake.len()..][..fake.len()]);
        signs.copy_from_slice(&[-1.0, 1.0]);
    }

    fn delta(&self, signs: &[f32], outputs: &mut [f32]) {
        outputs.copy_from_slice(signs);
    }
}

/// The next part of a round.
enum GameTurn {
    Pool,
    Critic(Vec<f32>),
    Generator(u32),
}

/// A critic and a generator in training.
pub struct Game<L> {
    pub generator: Generator<L>,
    pub critic: Mlp,
    pub sgd: DpSgd<BatchSum>,
    turn: GameTurn,
    weight_bound: f32,
    generator_steps: u32,
}

impl<L: Last> Game<L> {
    pub fn new(options: &BaselineOptions, generator: Generator<L>, mut critic: Mlp, sgd: DpSgd<BatchSum>) -> Self {
        let weight_bound = options.weight_bound as f32;
        bound(&critic.architecture, &mut critic.parameters, weight_bound);
        let generator_steps = options.generator_steps;
        Self { generator, critic, sgd, turn: GameTurn::Pool, weight_bound, generator_steps }
    }

    /// Works on a round: a private step of the critic, then free ones of the generator. True when it is complete.
    ///
    /// # Errors
    /// `Internal` if the backend fails.
    pub fn work(&mut self, table: &UnitTable, layout: &Layout) -> Result<bool> {
        self.turn = match std::mem::replace(&mut self.turn, GameTurn::Pool) {
            GameTurn::Pool => GameTurn::Critic(self.generator.fakes(POOL)?),
            GameTurn::Critic(fakes) => {
                let objective = Wasserstein { table, layout, fakes: &fakes };
                match self.sgd.advance(&Ghost { net: &self.critic, objective: &objective }, table.examples())? {
                    None => GameTurn::Critic(fakes),
                    Some(gradient) => {
                        let (shape, within) = (&self.critic.architecture, self.weight_bound);
                        self.sgd.update(&mut self.critic.parameters, &gradient, |w| bound(shape, w, within));
                        GameTurn::Generator(0)
                    }
                }
            }
            GameTurn::Generator(taken) if taken < self.generator_steps => {
                let critic: Vec<_> = of_mlp(&self.critic).into_iter().map(|tensor| tensor.autodiff()).collect();
                let shape = &self.critic.architecture;
                self.generator.step(self.critic.parameters.len(), |rows| mlp(shape, &critic, rows).mean().neg())?;
                GameTurn::Generator(taken + 1)
            }
            GameTurn::Generator(_) => return Ok(true),
        };
        Ok(false)
    }
}

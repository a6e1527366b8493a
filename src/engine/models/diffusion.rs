//! The paper's models (arXiv 2308.14784): a diffusion over the encoded row, trained under DP-SGD, that predicts the
//! added noise or the clean row.

mod architecture;
mod denoising;
mod model;
mod options;
mod sampler;
mod schedule;
#[cfg(test)]
mod tests;
mod training;

pub use self::denoising::Prediction;
pub use self::model::DiffusionModel;
pub use self::options::DiffusionOptions;
pub use self::training::{Diffusion, least_draws, memory_estimate, stages};

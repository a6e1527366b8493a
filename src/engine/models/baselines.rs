//! The networks that the paper (arXiv 2308.14784) compares its diffusion with: attention models over reversible tabular
//! representations, and GANs. Every part that sees a real row is trained under DP-SGD or queried through noisy votes.
//! Generators learn only from the results.

mod attention_gan;
mod attention_vae;
mod blocks;
mod critic;
mod generator;
mod model;
mod options;
mod pate_gan;
#[cfg(test)]
mod tests;
mod wgan;

use self::attention_gan::AttentionGan;
use self::attention_vae::AttentionVae;
use self::model::BaselineModel;
pub use self::options::{Baseline, BaselineOptions};
use self::pate_gan::PateGan;
use self::wgan::Wgan;
use super::contract::{Allow, Synthesizer, Trainer, TrainingBudget, TrainingInput};
use super::training::Training;
use crate::engine::Result;
use crate::engine::privacy::mechanisms::Stage;
use crate::engine::table::Domain;

/// See [`super::Method::memory_estimate`].
pub fn memory_estimate(options: &BaselineOptions, columns: usize) -> u64 {
    match options.kind {
        Baseline::Wgan => wgan::memory_estimate(options, columns),
        Baseline::AttentionGan => attention_gan::memory_estimate(options, columns),
        Baseline::AttentionVae => attention_vae::memory_estimate(options, columns),
        Baseline::PateGan => pate_gan::memory_estimate(options, columns),
    }
}

/// See [`super::Method::least_draws`].
pub fn least_draws(noisy_units: f64, options: &BaselineOptions, columns: usize) -> u64 {
    match options.kind {
        Baseline::Wgan => wgan::least_draws(noisy_units, options, columns),
        Baseline::AttentionGan => attention_gan::least_draws(noisy_units, options, columns),
        Baseline::AttentionVae => attention_vae::least_draws(noisy_units, options, columns),
        Baseline::PateGan => pate_gan::queries(options),
    }
}

/// See [`super::Method::stages`].
pub fn stages(noisy_units: f64, budget: &TrainingBudget, options: &BaselineOptions) -> Result<Vec<Stage>> {
    match options.kind {
        Baseline::Wgan => wgan::stages(noisy_units, budget, options),
        Baseline::AttentionGan => attention_gan::stages(noisy_units, budget, options),
        Baseline::AttentionVae => attention_vae::stages(noisy_units, budget, options),
        Baseline::PateGan => pate_gan::stages(budget, options),
    }
}

/// See [`super::Method::trainer`].
pub fn trainer(input: TrainingInput, options: BaselineOptions) -> Result<Box<dyn Trainer>> {
    Ok(match options.kind {
        Baseline::Wgan => Box::new(Training::new(Wgan::new(input, options)?)),
        Baseline::AttentionGan => Box::new(Training::new(AttentionGan::new(input, options)?)),
        Baseline::AttentionVae => Box::new(Training::new(AttentionVae::new(input, options)?)),
        Baseline::PateGan => Box::new(Training::new(PateGan::new(input, options)?)),
    })
}

/// See [`super::Method::load`].
pub fn load(kind: Baseline, bytes: &[u8], domains: &[Domain], allow: Allow) -> Result<Box<dyn Synthesizer>> {
    Ok(match kind {
        Baseline::Wgan | Baseline::PateGan => {
            Box::new(BaselineModel::<generator::GeneratorRows>::load(kind, bytes, domains, allow)?)
        }
        Baseline::AttentionGan => {
            Box::new(BaselineModel::<attention_gan::AttentionGanRows>::load(kind, bytes, domains, allow)?)
        }
        Baseline::AttentionVae => Box::new(BaselineModel::<attention_vae::VaeRows>::load(kind, bytes, domains, allow)?),
    })
}

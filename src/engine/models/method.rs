//! The methods by name.

use serde_json::{Map, Value};

use super::baselines::{self, Baseline};
use super::contract::{Allow, Synthesizer, Trainer, TrainingBudget, TrainingInput};
use super::diffusion::{self, Prediction};
use super::guided;
use super::training::Training;
use crate::engine::privacy::mechanisms::Stage;
use crate::engine::table::discover::Goal;
use crate::engine::table::{Column, Domain};
use crate::engine::{EngineError, Result};

/// The checked options of a method.
#[derive(Debug, Clone, PartialEq)]
pub enum MethodOptions {
    Guided(guided::GuidedOptions),
    Diffusion(diffusion::DiffusionOptions),
    Network(baselines::BaselineOptions),
}

impl MethodOptions {
    /// The options as they are for features: `feature_of` gives the feature that a column is made from.
    pub fn for_features(&self, feature_of: impl Fn(usize) -> Option<usize>) -> Self {
        match self {
            Self::Guided(options) => Self::Guided(options.for_features(feature_of)),
            Self::Diffusion(_) | Self::Network(_) => self.clone(),
        }
    }
}

/// A kind of model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Ours: private marginals and a masked diffusion fitted to them.
    Guided,
    /// The paper's: predicts the added noise.
    TableDiffusion,
    /// The paper's ablation: predicts the clean row.
    TableDiffusionDenoiser,
    /// The paper's other systems: a variational autoencoder and a GAN with attention over columns.
    AttentionVae,
    AttentionGan,
    /// The GANs that the paper compares with.
    Wgan,
    PateGan,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 7] = [
        Self::Guided,
        Self::TableDiffusion,
        Self::TableDiffusionDenoiser,
        Self::AttentionVae,
        Self::AttentionGan,
        Self::Wgan,
        Self::PateGan,
    ];

    /// The method with this name.
    ///
    /// # Errors
    /// `InvalidParameter` with a list of the names, for any other name.
    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name).ok_or_else(|| {
            EngineError::invalid(
                format!("unknown method \"{name}\""),
                "The method determines the kind of model to train.",
                format!("Known methods are: {}.", Self::ALL.map(Self::name).join(", ")),
            )
        })
    }

    /// Its name in SQL and in stored models.
    pub fn name(self) -> &'static str {
        match self {
            Self::Guided => "guided",
            Self::TableDiffusion => "tablediffusion",
            Self::TableDiffusionDenoiser => "tablediffusion_denoiser",
            Self::AttentionVae => Baseline::AttentionVae.name(),
            Self::AttentionGan => Baseline::AttentionGan.name(),
            Self::Wgan => Baseline::Wgan.name(),
            Self::PateGan => Baseline::PateGan.name(),
        }
    }

    /// The information about columns that it needs before training.
    pub fn goal(self) -> Goal {
        match self.family() {
            Family::Guided => Goal::Domains,
            // Networks start from shares, and their samples are fitted to shares.
            Family::Diffusion(_) | Family::Network(_) => Goal::Shares,
        }
    }

    /// Reads its options from JSON, for a table with these columns.
    ///
    /// # Errors
    /// `InvalidParameter` for an unknown name or a value that cannot be used.
    pub fn options(self, given: &Map<String, Value>, columns: &[Column]) -> Result<MethodOptions> {
        match self.family() {
            Family::Guided => guided::GuidedOptions::parse(given, columns).map(MethodOptions::Guided),
            Family::Diffusion(_) => {
                diffusion::DiffusionOptions::parse(self.name(), given).map(MethodOptions::Diffusion)
            }
            Family::Network(kind) => baselines::BaselineOptions::parse(kind, given).map(MethodOptions::Network),
        }
    }

    /// Maximum memory of training, beyond the encoded table, for a table with this many columns.
    pub fn memory_estimate(self, options: &MethodOptions, columns: usize) -> u64 {
        match options {
            MethodOptions::Guided(_) => guided::memory_estimate(columns),
            MethodOptions::Diffusion(options) => diffusion::memory_estimate(options, columns),
            MethodOptions::Network(options) => baselines::memory_estimate(options, columns),
        }
    }

    /// Minimum number of draws of noise of a training for this many columns, for any domains.
    pub fn least_draws(self, options: &MethodOptions, columns: usize, noisy_units: f64) -> u64 {
        match options {
            // It makes few counts.
            MethodOptions::Guided(_) => 0,
            MethodOptions::Diffusion(options) => diffusion::least_draws(noisy_units, options, columns),
            MethodOptions::Network(options) => baselines::least_draws(noisy_units, options, columns),
        }
    }

    /// The cost of a training for this many columns, by stage: everything that [`Method::trainer`] charges. May take a
    /// second.
    ///
    /// # Errors
    /// As [`Method::trainer`].
    pub fn stages(
        self,
        columns: usize,
        noisy_units: f64,
        budget: &TrainingBudget,
        options: &MethodOptions,
    ) -> Result<Vec<Stage>> {
        match options {
            MethodOptions::Guided(options) => guided::stages(columns, noisy_units, budget, options),
            MethodOptions::Diffusion(options) => diffusion::stages(noisy_units, budget, options),
            MethodOptions::Network(options) => baselines::stages(noisy_units, budget, options),
        }
    }

    /// Starts a training: derives sampling rate and steps from the noisy counts of rows and units, then calibrates the
    /// noise. May take a second.
    ///
    /// # Errors
    /// `InvalidParameter` if the options or the budget cannot be used for such a table.
    pub fn trainer(self, input: TrainingInput, options: MethodOptions) -> Result<Box<dyn Trainer>> {
        match options {
            MethodOptions::Guided(options) => Ok(Box::new(guided::GuidedTraining::new(input, &options)?)),
            MethodOptions::Diffusion(options) => {
                let Family::Diffusion(prediction) = self.family() else {
                    return Err(EngineError::Internal("options are those of another method"));
                };
                Ok(Box::new(Training::new(diffusion::Diffusion::new(prediction, input, options)?)))
            }
            MethodOptions::Network(options) => baselines::trainer(input, options),
        }
    }

    /// Reads a model that [`Synthesizer::save`] wrote, for columns with these domains. `allow` checks memory that
    /// cannot be derived from the bytes and domains.
    ///
    /// # Errors
    /// `CorruptModel` for any other bytes, and any error of `allow`.
    pub fn load(self, bytes: &[u8], domains: &[Domain], allow: Allow) -> Result<Box<dyn Synthesizer>> {
        match self.family() {
            Family::Guided => Ok(Box::new(guided::Guided::load(bytes, domains, allow)?)),
            Family::Diffusion(prediction) => Ok(Box::new(diffusion::DiffusionModel::load(prediction, bytes, domains)?)),
            Family::Network(kind) => baselines::load(kind, bytes, domains, allow),
        }
    }

    /// The implementation, and its variant.
    pub(super) fn family(self) -> Family {
        match self {
            Self::Guided => Family::Guided,
            Self::TableDiffusion => Family::Diffusion(Prediction::Noise),
            Self::TableDiffusionDenoiser => Family::Diffusion(Prediction::Row),
            Self::AttentionVae => Family::Network(Baseline::AttentionVae),
            Self::AttentionGan => Family::Network(Baseline::AttentionGan),
            Self::Wgan => Family::Network(Baseline::Wgan),
            Self::PateGan => Family::Network(Baseline::PateGan),
        }
    }
}

/// The implementation of a method, and its variant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Family {
    Guided,
    Diffusion(Prediction),
    Network(Baseline),
}

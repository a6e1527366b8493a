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

/// The options of a method, read and checked.
#[derive(Debug, Clone, PartialEq)]
pub enum MethodOptions {
    Guided(guided::GuidedOptions),
    Diffusion(diffusion::DiffusionOptions),
    Network(baselines::BaselineOptions),
}

/// A kind of model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Ours: private marginals and a masked diffusion fitted to them.
    Guided,
    /// The paper's: predicts the added noise.
    TableDiffusion,
    /// Its ablation: predicts the clean row.
    TableDiffusionDenoiser,
    /// The paper's other systems: a variational autoencoder and a GAN that attend over columns.
    AttentionVae,
    AttentionGan,
    /// The GANs that it compares with.
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

    /// The method of that name.
    ///
    /// # Errors
    /// `InvalidParameter` that lists the names, for any other.
    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name).ok_or_else(|| {
            EngineError::invalid(
                format!("unknown method \"{name}\""),
                "A method names the kind of model to be trained.",
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

    /// What it needs to know of columns before it is trained.
    pub fn goal(self) -> Goal {
        match self.family() {
            Family::Guided => Goal::Domains,
            // What a network starts from, and what its samples are fitted to, are shares.
            Family::Diffusion(_) | Family::Network(_) => Goal::Shares,
        }
    }

    /// Reads its options from JSON, for a table of these columns.
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

    /// Bytes that training needs at most beyond the encoded table, for a table of so many columns.
    pub fn memory_estimate(self, options: &MethodOptions, columns: usize) -> u64 {
        match options {
            MethodOptions::Guided(_) => guided::memory_estimate(columns),
            MethodOptions::Diffusion(options) => diffusion::memory_estimate(options, columns),
            MethodOptions::Network(options) => baselines::memory_estimate(options, columns),
        }
    }

    /// Draws of noise that training takes at least, whatever the domains of so many columns.
    pub fn least_draws(self, options: &MethodOptions, columns: usize, noisy_units: f64) -> u64 {
        match options {
            // Its counts are few.
            MethodOptions::Guided(_) => 0,
            MethodOptions::Diffusion(options) => diffusion::least_draws(noisy_units, options, columns),
            MethodOptions::Network(options) => baselines::least_draws(noisy_units, options, columns),
        }
    }

    /// What a training for so many columns would spend on what: all that [`Method::trainer`] charges.
    /// May take a second.
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

    /// Starts a training: decides sampling rate and steps from the noisy counts of rows and units, then calibrates the
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

    /// Reads a model from what [`Synthesizer::save`] wrote, for columns with these domains. `allow` is asked about
    /// memory that bytes and domains do not tell.
    ///
    /// # Errors
    /// `CorruptModel` for any other bytes, and whatever `allow` says.
    pub fn load(self, bytes: &[u8], domains: &[Domain], allow: Allow) -> Result<Box<dyn Synthesizer>> {
        match self.family() {
            Family::Guided => Ok(Box::new(guided::Guided::load(bytes, domains, allow)?)),
            Family::Diffusion(prediction) => Ok(Box::new(diffusion::DiffusionModel::load(prediction, bytes, domains)?)),
            Family::Network(kind) => baselines::load(kind, bytes, domains, allow),
        }
    }

    /// What it is made of.
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

/// Methods of one implementation, and which of them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Family {
    Guided,
    Diffusion(Prediction),
    Network(Baseline),
}

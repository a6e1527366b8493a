//! The synthesizers, one file each, behind one pair of traits: [`Trainer`] (fit in steps) and [`Synthesizer`]
//! (sample, save); [`Method`] names them.

mod baselines;
#[cfg(test)]
mod contract_tests;
mod diffusion;
mod dpsgd;
mod guided;
mod options_json;
mod row_encoding;
mod sampling;
mod training;

use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};

use self::baselines::Baseline;
use self::diffusion::Prediction;
use self::training::Training;
use super::privacy::mechanisms::{Mechanism, Stage};
use super::privacy::samplers::random::SecretRng;
use super::table::discover::Goal;
use super::table::{Column, Domain, EncodedTable, UnitTable};
use super::{EngineError, Result};

/// A model in training. The caller owns the loop, so that it can be interrupted between steps.
pub trait Trainer: Send {
    /// Steps in all: public, known before training starts.
    fn steps_total(&self) -> u64;
    /// Steps taken so far.
    fn steps_done(&self) -> u64;
    /// Takes one bounded step (well under 100 ms of work); false once nothing is left to do.
    fn step(&mut self) -> Result<bool>;
    /// What training costs, for the ledger.
    fn mechanisms(&self) -> Vec<Stage>;
    /// Draws of noise that training takes in all, at most.
    fn noise_draws(&self) -> u64;
    /// The trained model. Everything in it is a function of released values only.
    fn finish(self: Box<Self>) -> Result<Box<dyn Synthesizer>>;
}

/// A trained model.
pub trait Synthesizer: Send + Sync {
    /// `rows` fresh rows of codes. The generator is the user's: equal generators give equal rows.
    fn sample(&self, rows: usize, rng: &mut ChaCha8Rng) -> Result<EncodedTable>;
    /// The model as bytes, for [`Method::load`].
    fn save(&self) -> Result<Vec<u8>>;
}

/// Whether so many bytes of memory may be taken.
pub type Allow<'a> = &'a dyn Fn(u64) -> Result<()>;

/// What training may spend: `epsilon` at `delta`, for `prior` (mechanisms already used, with their numbers of uses)
/// and training together.
#[derive(Debug, Clone)]
pub struct TrainingBudget {
    pub epsilon: f64,
    pub delta: f64,
    pub prior: Vec<(Mechanism, u64)>,
}

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
        match self {
            Self::Guided => Goal::Domains,
            // What a network starts from, and what its samples are fitted to, are shares.
            _ => Goal::Shares,
        }
    }

    /// Reads its options from JSON, for a table of these columns.
    ///
    /// # Errors
    /// `InvalidParameter` for an unknown name or a value that cannot be used.
    pub fn options(self, given: &Map<String, Value>, columns: &[Column]) -> Result<MethodOptions> {
        match (self, self.network()) {
            (_, Some(kind)) => baselines::BaselineOptions::parse(kind, given).map(MethodOptions::Network),
            (Self::Guided, _) => guided::GuidedOptions::parse(given, columns).map(MethodOptions::Guided),
            _ => diffusion::DiffusionOptions::parse(self.name(), given).map(MethodOptions::Diffusion),
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
    pub fn trainer(
        self,
        table: impl Into<UnitTable>,
        domains: &[Domain],
        noisy_rows: f64,
        budget: TrainingBudget,
        options: MethodOptions,
        rng: SecretRng,
    ) -> Result<Box<dyn Trainer>> {
        let table = table.into();
        match options {
            MethodOptions::Guided(options) => {
                Ok(Box::new(guided::GuidedTraining::new(table, domains, noisy_rows, budget, &options, rng)?))
            }
            MethodOptions::Diffusion(options) => {
                let prediction = self.prediction();
                let learner = diffusion::Diffusion::new(prediction, table, domains, noisy_rows, &budget, options, rng)?;
                Ok(Box::new(Training::new(learner)))
            }
            MethodOptions::Network(options) => baselines::trainer(table, domains, noisy_rows, &budget, options, rng),
        }
    }

    /// Reads a model from what [`Synthesizer::save`] wrote, for columns with these domains. `allow` is asked about
    /// memory that bytes and domains do not tell.
    ///
    /// # Errors
    /// `CorruptModel` for any other bytes, and whatever `allow` says.
    pub fn load(self, bytes: &[u8], domains: &[Domain], allow: Allow) -> Result<Box<dyn Synthesizer>> {
        match (self, self.network()) {
            (_, Some(kind)) => baselines::load(kind, bytes, domains, allow),
            (Self::Guided, _) => Ok(Box::new(guided::Guided::load(bytes, domains, allow)?)),
            _ => Ok(Box::new(diffusion::DiffusionModel::load(self.prediction(), bytes, domains)?)),
        }
    }

    /// Which network model it is, if it is one.
    fn network(self) -> Option<Baseline> {
        match self {
            Self::Guided | Self::TableDiffusion | Self::TableDiffusionDenoiser => None,
            Self::AttentionVae => Some(Baseline::AttentionVae),
            Self::AttentionGan => Some(Baseline::AttentionGan),
            Self::Wgan => Some(Baseline::Wgan),
            Self::PateGan => Some(Baseline::PateGan),
        }
    }

    fn prediction(self) -> Prediction {
        match self {
            Self::TableDiffusionDenoiser => Prediction::Row,
            _ => Prediction::Noise,
        }
    }
}

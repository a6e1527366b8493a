//! The options of the network methods: names, ranges, defaults.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::engine::Result;
use crate::engine::models::options_json::{
    check_names, check_ranges, check_widths, flag, number, whole, whole_numbers, wrong,
};

/// Which of the methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Baseline {
    Wgan,
    AttentionGan,
    AttentionVae,
    PateGan,
}

/// All settings of a network model and its training. Public. Settings that a method does not have keep their default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BaselineOptions {
    pub kind: Baseline,
    /// Expected passes over the table of each network that sees it.
    pub epochs: f64,
    /// Expected rows of a step; for `pate_gan`, real rows of a teacher's step.
    pub batch_size: f64,
    /// Learning rate of everything that sees the table.
    pub learning_rate: f64,
    /// Bound C on the size of a row's gradient.
    pub clipping_norm: f64,
    /// Whether every row's gradient is scaled to C, instead of only larger ones.
    pub normalise: bool,
    /// Bins of a numeric column's one-hot block; 0 for a single number.
    pub numeric_bins: u32,
    /// Categories with a smaller share of rows share a state.
    pub least_share: f64,
    /// Widths of the hidden layers of generators, critics, encoders and decoders.
    pub hidden: Vec<u32>,
    /// Number of inputs of the generator or decoder.
    pub latent: u32,
    /// Weight of the past in the moving average of released parameters.
    pub ema: f64,
    pub generator_learning_rate: f64,
    /// Steps of the generator after each step of the critic, or in each round.
    pub generator_steps: u32,
    /// Bound on a critic's weights.
    pub weight_bound: f64,
    /// Number of values that a row is compressed to, and the share of the budget for this.
    pub compression: u32,
    pub autoencoder_share: f64,
    /// Width of a column's embedding, heads of the attention, normal distributions per number.
    pub dimension: u32,
    pub heads: u32,
    pub mixture: u32,
    /// Weight of the divergence from a standard normal distribution.
    pub divergence_weight: f64,
    /// Number of teachers, or 0 for one per 200 units, and widths of their hidden layers.
    pub teachers: u32,
    pub teacher_hidden: Vec<u32>,
    /// Steps of each teacher, and number of rows to vote on, per round.
    pub teacher_steps: u32,
    pub queries: u32,
    pub rounds: u32,
}

/// Options of all methods; of methods with DP-SGD; of GANs.
const COMMON: [&str; 8] =
    ["batch_size", "learning_rate", "numeric_bins", "least_share", "hidden", "latent", "ema", "epochs"];
const PRIVATE: [&str; 2] = ["clipping_norm", "normalise"];
const ADVERSARIAL: [&str; 2] = ["generator_learning_rate", "generator_steps"];

impl Baseline {
    /// The method's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wgan => "wgan",
            Self::AttentionGan => "attention_gan",
            Self::AttentionVae => "attention_vae",
            Self::PateGan => "pate_gan",
        }
    }

    /// Names of its options.
    fn names(self) -> Vec<&'static str> {
        let own: &[&str] = match self {
            Self::Wgan => &["weight_bound"],
            Self::AttentionGan => &["weight_bound", "compression", "autoencoder_share"],
            Self::AttentionVae => &["dimension", "heads", "mixture", "divergence_weight"],
            Self::PateGan => &["teachers", "teacher_hidden", "teacher_steps", "queries", "rounds"],
        };
        let (private, adversarial): (&[&str], &[&str]) = match self {
            Self::Wgan | Self::AttentionGan => (&PRIVATE, &ADVERSARIAL),
            Self::AttentionVae => (&PRIVATE, &[]),
            Self::PateGan => (&[], &ADVERSARIAL),
        };
        // The number of rounds determines how long teachers learn.
        let common = COMMON.iter().filter(|name| self != Self::PateGan || **name != "epochs");
        common.chain(private).chain(adversarial).chain(own).copied().collect()
    }
}

impl BaselineOptions {
    /// The defaults of a method (docs/methods.md).
    pub fn new(kind: Baseline) -> Self {
        let gan = Self {
            kind,
            epochs: 5.0,
            batch_size: 512.0,
            learning_rate: 0.005,
            clipping_norm: 1.0,
            normalise: true,
            numeric_bins: 16,
            least_share: 0.002,
            hidden: vec![256, 256],
            latent: 100,
            ema: 0.9,
            generator_learning_rate: 0.001,
            generator_steps: 1,
            weight_bound: 0.01,
            compression: 15,
            autoencoder_share: 0.5,
            dimension: 64,
            heads: 4,
            mixture: 7,
            divergence_weight: 0.05,
            teachers: 0,
            teacher_hidden: vec![64],
            teacher_steps: 5,
            queries: 32,
            rounds: 40,
        };
        match kind {
            Baseline::Wgan | Baseline::AttentionGan => gan,
            Baseline::AttentionVae => Self { epochs: 3.0, numeric_bins: 0, ema: 0.5, ..gan },
            Baseline::PateGan => Self { batch_size: 64.0, learning_rate: 0.001, ..gan },
        }
    }

    /// Reads options from JSON over the defaults.
    ///
    /// # Errors
    /// `InvalidParameter` for an unknown name or a value of the wrong kind or out of range.
    pub fn parse(kind: Baseline, given: &Map<String, Value>) -> Result<Self> {
        check_names(kind.name(), given, &kind.names())?;
        let d = Self::new(kind);
        let options = Self {
            kind,
            epochs: number(given, "epochs", d.epochs)?,
            batch_size: number(given, "batch_size", d.batch_size)?,
            learning_rate: number(given, "learning_rate", d.learning_rate)?,
            clipping_norm: number(given, "clipping_norm", d.clipping_norm)?,
            normalise: flag(given, "normalise", d.normalise)?,
            numeric_bins: whole(given, "numeric_bins", d.numeric_bins)?,
            least_share: number(given, "least_share", d.least_share)?,
            hidden: whole_numbers(given, "hidden", &d.hidden)?,
            latent: whole(given, "latent", d.latent)?,
            ema: number(given, "ema", d.ema)?,
            generator_learning_rate: number(given, "generator_learning_rate", d.generator_learning_rate)?,
            generator_steps: whole(given, "generator_steps", d.generator_steps)?,
            weight_bound: number(given, "weight_bound", d.weight_bound)?,
            compression: whole(given, "compression", d.compression)?,
            autoencoder_share: number(given, "autoencoder_share", d.autoencoder_share)?,
            dimension: whole(given, "dimension", d.dimension)?,
            heads: whole(given, "heads", d.heads)?,
            mixture: whole(given, "mixture", d.mixture)?,
            divergence_weight: number(given, "divergence_weight", d.divergence_weight)?,
            teachers: whole(given, "teachers", d.teachers)?,
            teacher_hidden: whole_numbers(given, "teacher_hidden", &d.teacher_hidden)?,
            teacher_steps: whole(given, "teacher_steps", d.teacher_steps)?,
            queries: whole(given, "queries", d.queries)?,
            rounds: whole(given, "rounds", d.rounds)?,
        };
        options.check()?;
        Ok(options)
    }

    /// Whether every value is in range.
    ///
    /// # Errors
    /// `InvalidParameter` that names the first one that is not.
    pub fn check(&self) -> Result<()> {
        let most_batch = if self.kind == Baseline::PateGan { 1e4 } else { 1e7 };
        let ranges = [
            ("epochs", self.epochs, 1e-3, 1e6),
            ("batch_size", self.batch_size, 1.0, most_batch),
            ("learning_rate", self.learning_rate, 1e-8, 10.0),
            ("clipping_norm", self.clipping_norm, 1e-8, 1e8),
            ("numeric_bins", f64::from(self.numeric_bins), 0.0, 256.0),
            ("least_share", self.least_share, 0.0, 0.5),
            ("latent", f64::from(self.latent), 1.0, 1024.0),
            ("ema", self.ema, 0.0, 0.999_999),
            ("generator_learning_rate", self.generator_learning_rate, 1e-8, 10.0),
            ("generator_steps", f64::from(self.generator_steps), 0.0, 1000.0),
            ("weight_bound", self.weight_bound, 1e-6, 1e6),
            ("compression", f64::from(self.compression), 1.0, 256.0),
            ("autoencoder_share", self.autoencoder_share, 0.01, 0.99),
            ("dimension", f64::from(self.dimension), 1.0, 512.0),
            ("heads", f64::from(self.heads), 1.0, 64.0),
            ("mixture", f64::from(self.mixture), 1.0, 32.0),
            ("divergence_weight", self.divergence_weight, 0.0, 100.0),
            ("teachers", f64::from(self.teachers), 0.0, 1000.0),
            ("teacher_steps", f64::from(self.teacher_steps), 1.0, 1000.0),
            ("queries", f64::from(self.queries), 1.0, 1000.0),
            ("rounds", f64::from(self.rounds), 1.0, 1000.0),
        ];
        check_ranges(&ranges)?;
        check_widths("hidden", &self.hidden)?;
        check_widths("teacher_hidden", &self.teacher_hidden)?;
        if !self.dimension.is_multiple_of(self.heads) {
            return Err(wrong("heads", "a whole number that divides the option dimension".to_owned()));
        }
        Ok(())
    }

    /// Widths of hidden layers.
    pub fn widths(&self) -> Vec<usize> {
        self.hidden.iter().map(|width| *width as usize).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineError;

    const KINDS: [Baseline; 4] = [Baseline::Wgan, Baseline::AttentionGan, Baseline::AttentionVae, Baseline::PateGan];

    fn parse(kind: Baseline, json: &str) -> Result<BaselineOptions> {
        BaselineOptions::parse(kind, serde_json::from_str::<Value>(json).unwrap().as_object().unwrap())
    }

    #[test]
    fn every_name_is_read() {
        for kind in KINDS {
            for name in kind.names() {
                assert!(parse(kind, &format!("{{\"{name}\": \"nonsense\"}}")).is_err(), "{name}");
                let Err(EngineError::InvalidParameter { message, .. }) = parse(kind, &format!("{{\"{name}\": -1}}"))
                else {
                    panic!("{name}");
                };
                assert!(message.contains(name));
            }
            assert_eq!(parse(kind, "{}").unwrap(), BaselineOptions::new(kind));
        }
    }

    #[test]
    fn what_a_method_does_not_know_is_refused() {
        let Err(EngineError::InvalidParameter { message, hint, .. }) = parse(Baseline::Wgan, "{\"teachers\": 7}")
        else {
            panic!()
        };
        assert!(message.contains("\"teachers\"") && hint.unwrap().contains("weight_bound"));
        assert!(parse(Baseline::PateGan, "{\"epochs\": 7}").is_err());
        assert!(parse(Baseline::AttentionVae, "{\"heads\": 7}").is_err());
    }
}

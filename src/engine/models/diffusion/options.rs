//! The options of the diffusion methods: names, ranges, defaults.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::engine::Result;
use crate::engine::models::options_json::{
    check_names, check_ranges, check_widths, flag, number, whole, whole_numbers, wrong,
};

/// All settings of a diffusion model and its training. Public.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiffusionOptions {
    /// Expected passes over the table: steps = epochs * rows / batch_size.
    pub epochs: f64,
    /// Expected rows of a step.
    pub batch_size: f64,
    pub learning_rate: f64,
    /// Bound C on the size of a row's gradient.
    pub clipping_norm: f64,
    /// Whether every row's gradient is scaled to C, instead of only larger ones.
    pub normalise: bool,
    /// T, and the number of noise levels that each row contributes to a gradient.
    pub diffusion_steps: u32,
    /// Largest variance of the noise; 0 for the paper's cosine schedule.
    pub noise_max: f64,
    /// Smallest variance of the noise, if not the paper's schedule.
    pub noise_min: f64,
    /// Widths of the hidden layers.
    pub hidden: Vec<u32>,
    /// Whether the noise level is an input of the network.
    pub time_conditioning: bool,
    /// Whether the network starts from what the released shares imply, and sees blocks as probabilities.
    pub prior: bool,
    /// Bins of a numeric column's one-hot block; 0 for the paper's single number.
    pub numeric_bins: u32,
    /// Categories with a smaller share of rows share a state.
    pub least_share: f64,
    /// Weight of the past in the moving average of parameters; 0 for none.
    pub ema: f64,
    /// Steps of the reverse process.
    pub sampling_steps: u32,
    /// Rounds that fit the sampler to the released shares of each column; 0 for none.
    pub calibration_rounds: u32,
}

/// Names of the options.
const NAMES: [&str; 17] = [
    "paper",
    "epochs",
    "batch_size",
    "learning_rate",
    "clipping_norm",
    "normalise",
    "diffusion_steps",
    "noise_max",
    "noise_min",
    "hidden",
    "time_conditioning",
    "prior",
    "numeric_bins",
    "least_share",
    "ema",
    "sampling_steps",
    "calibration_rounds",
];

impl DiffusionOptions {
    /// The settings of the paper and its published code.
    pub fn paper() -> Self {
        Self {
            epochs: 5.0,
            batch_size: 1024.0,
            learning_rate: 0.005,
            clipping_norm: 1.0,
            normalise: false,
            diffusion_steps: 5,
            noise_max: 0.0,
            noise_min: 0.1,
            hidden: vec![128, 128],
            time_conditioning: false,
            prior: false,
            numeric_bins: 0,
            least_share: 0.0,
            ema: 0.0,
            sampling_steps: 5,
            calibration_rounds: 0,
        }
    }

    /// The best settings in measurements, for both methods (docs/methods.md).
    pub fn measured() -> Self {
        Self {
            learning_rate: 0.01,
            normalise: true,
            diffusion_steps: 3,
            noise_max: 2.0,
            hidden: vec![128],
            time_conditioning: true,
            prior: true,
            numeric_bins: 16,
            least_share: 0.002,
            ema: 0.95,
            sampling_steps: 8,
            calibration_rounds: 8,
            ..Self::paper()
        }
    }

    /// Reads options from JSON over the defaults, for the method with that name.
    ///
    /// # Errors
    /// `InvalidParameter` for an unknown name or a value of the wrong kind or out of range.
    pub fn parse(method: &str, given: &Map<String, Value>) -> Result<Self> {
        check_names(method, given, &NAMES)?;
        let paper = flag(given, "paper", false)?;
        let d = if paper { Self::paper() } else { Self::measured() };
        let options = Self {
            epochs: number(given, "epochs", d.epochs)?,
            batch_size: number(given, "batch_size", d.batch_size)?,
            learning_rate: number(given, "learning_rate", d.learning_rate)?,
            clipping_norm: number(given, "clipping_norm", d.clipping_norm)?,
            normalise: flag(given, "normalise", d.normalise)?,
            diffusion_steps: whole(given, "diffusion_steps", d.diffusion_steps)?,
            noise_max: number(given, "noise_max", d.noise_max)?,
            noise_min: number(given, "noise_min", d.noise_min)?,
            hidden: whole_numbers(given, "hidden", &d.hidden)?,
            time_conditioning: flag(given, "time_conditioning", d.time_conditioning)?,
            prior: flag(given, "prior", d.prior)?,
            numeric_bins: whole(given, "numeric_bins", d.numeric_bins)?,
            least_share: number(given, "least_share", d.least_share)?,
            ema: number(given, "ema", d.ema)?,
            sampling_steps: whole(given, "sampling_steps", d.sampling_steps)?,
            calibration_rounds: whole(given, "calibration_rounds", d.calibration_rounds)?,
        };
        options.check()?;
        Ok(options)
    }

    /// Whether every value is in range.
    ///
    /// # Errors
    /// `InvalidParameter` that names the first one that is not.
    pub fn check(&self) -> Result<()> {
        let ranges = [
            ("epochs", self.epochs, 1e-3, 1e6),
            ("batch_size", self.batch_size, 1.0, 1e7),
            ("learning_rate", self.learning_rate, 1e-8, 10.0),
            ("clipping_norm", self.clipping_norm, 1e-8, 1e8),
            ("diffusion_steps", f64::from(self.diffusion_steps), 1.0, 64.0),
            ("noise_max", self.noise_max, 0.0, 1e4),
            ("noise_min", self.noise_min, 1e-3, 1e4),
            ("numeric_bins", f64::from(self.numeric_bins), 0.0, 256.0),
            ("least_share", self.least_share, 0.0, 0.5),
            ("ema", self.ema, 0.0, 0.999_999),
            ("sampling_steps", f64::from(self.sampling_steps), 1.0, 256.0),
            ("calibration_rounds", f64::from(self.calibration_rounds), 0.0, 100.0),
        ];
        check_ranges(&ranges)?;
        check_widths("hidden", &self.hidden)?;
        if self.noise_max > 0.0 && self.noise_max < self.noise_min {
            return Err(wrong("noise_max", "a number above noise_min, or 0 for the paper's schedule".to_owned()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EngineError;

    fn parse(json: &str) -> Result<DiffusionOptions> {
        DiffusionOptions::parse("tablediffusion", serde_json::from_str::<Value>(json).unwrap().as_object().unwrap())
    }

    #[test]
    fn every_name_is_read() {
        let defaults = parse("{}").unwrap();
        for name in NAMES {
            assert!(parse(&format!("{{\"{name}\": \"nonsense\"}}")).is_err(), "{name}");
        }
        assert_eq!(parse("{\"epochs\": 7}").unwrap(), DiffusionOptions { epochs: 7.0, ..defaults });
        assert_eq!(parse("{\"paper\": true}").unwrap(), DiffusionOptions::paper());
        assert_eq!(
            parse("{\"paper\": true, \"hidden\": []}").unwrap(),
            DiffusionOptions { hidden: vec![], ..DiffusionOptions::paper() }
        );
    }

    #[test]
    fn unknown_names_are_refused_with_the_known_ones() {
        let Err(EngineError::InvalidParameter { message, hint, .. }) = parse("{\"epoch\": 7}") else { panic!() };
        assert!(message.contains("\"epoch\"") && hint.unwrap().contains("batch_size"));
    }

    #[test]
    fn ranges_are_kept() {
        for json in [
            "{\"epochs\": 0}",
            "{\"ema\": 1}",
            "{\"hidden\": [0]}",
            "{\"diffusion_steps\": 2.5}",
            "{\"noise_max\": 0.01}",
        ] {
            assert!(parse(json).is_err(), "{json}");
        }
    }
}

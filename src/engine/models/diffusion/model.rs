//! A trained diffusion model: sampling, and its stored form.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::architecture::{architecture, layout};
use super::denoising::{Denoising, Prediction};
use super::options::DiffusionOptions;
use super::sampler::{Calibration, DiffusionSampler, Tilt};
use crate::engine::models::contract::Synthesizer;
use crate::engine::models::sampling::{self, bytes, numbers, whole};
use crate::engine::nn::mlp::{Mlp, Prepared};
use crate::engine::table::{Domain, EncodedTable};
use crate::engine::{EngineError, Result};

/// A trained model.
pub struct DiffusionModel {
    options: DiffusionOptions,
    denoising: Denoising,
    net: Mlp,
    prepared: Prepared,
    tilt: Tilt,
}

/// The stored form. Numbers are little-endian `f32`.
#[derive(Serialize, Deserialize)]
struct StoredDiffusion {
    options: DiffusionOptions,
    parameters: Vec<u8>,
    tilt: Vec<u8>,
    maps: Vec<Vec<u8>>,
}

impl DiffusionModel {
    pub fn new(options: DiffusionOptions, calibration: Calibration) -> Self {
        let (denoising, net, tilt) = calibration.finish();
        let prepared = net.prepared();
        Self { options, denoising, net, prepared, tilt }
    }

    /// See [`crate::engine::models::Method::load`].
    pub fn load(prediction: Prediction, bytes: &[u8], domains: &[Domain]) -> Result<Self> {
        let corrupt = |reason| EngineError::CorruptModel { reason };
        let stored: StoredDiffusion = whole(bytes)?;
        let options = stored.options;
        options.check().map_err(|_| corrupt("an option is out of range"))?;
        let denoising = Denoising::new(layout(domains, &options), prediction, &options);
        let architecture = architecture(&denoising, &options);
        let parameters = numbers(&stored.parameters)?;
        if Some(parameters.len()) != architecture.parameters() {
            return Err(corrupt("its network does not fit its columns"));
        }
        let logs = numbers(&stored.tilt)?;
        if logs.len() != denoising.layout.width {
            return Err(corrupt("its corrections do not fit its columns"));
        }
        let maps = stored.maps.iter().map(|map| numbers(map)).collect::<Result<Vec<_>>>()?;
        let usable = |map: &Vec<f32>| map.is_empty() || (map.len() > 1 && map.is_sorted());
        if maps.len() != denoising.layout.scalars || !maps.iter().all(usable) {
            return Err(corrupt("its quantiles do not fit its columns"));
        }
        let net = Mlp { architecture, parameters };
        let prepared = net.prepared();
        Ok(Self { options, denoising, prepared, net, tilt: Tilt { logs, maps } })
    }
}

impl Synthesizer for DiffusionModel {
    fn sample(&self, rows: usize, rng: &mut ChaCha8Rng) -> Result<EncodedTable> {
        let sampler = DiffusionSampler { denoising: &self.denoising, net: &self.prepared, tilt: &self.tilt };
        sampling::table(&self.denoising.layout, rows, rng, |random| sampler.block(random))
    }

    fn save(&self) -> Result<Vec<u8>> {
        let stored = StoredDiffusion {
            options: self.options.clone(),
            parameters: bytes(&self.net.parameters),
            tilt: bytes(&self.tilt.logs),
            maps: self.tilt.maps.iter().map(|map| bytes(map)).collect(),
        };
        postcard::to_stdvec(&stored).map_err(|_| EngineError::Internal("model cannot be serialised"))
    }
}

//! A trained network model: sampling, and its stored form.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::blocks::Blocks;
use super::options::{Baseline, BaselineOptions};
use crate::engine::models::contract::{Allow, Synthesizer};
use crate::engine::models::row_encoding::{Clean, Layout};
use crate::engine::models::sampling::{self, bytes, numbers, whole};
use crate::engine::nn::normals::Normals;
use crate::engine::table::{Domain, EncodedTable};
use crate::engine::{EngineError, Result};

/// Generates encoded rows from parameters.
pub trait Maker: Sized + Send + Sync {
    /// `None` if the parameters, one vector per network, do not fit such a model.
    fn new(options: &BaselineOptions, layout: &Layout, parameters: &[Vec<f32>]) -> Option<Self>;

    /// One block of rows.
    ///
    /// # Errors
    /// `Internal` if the backend fails.
    fn block(&self, layout: &Layout, random: &mut Normals) -> Result<Vec<Clean>>;
}

/// The error for parameters that do not fit.
pub const UNFIT: EngineError = EngineError::CorruptModel { reason: "its network does not fit its columns" };

/// A trained model.
pub struct BaselineModel<M> {
    options: BaselineOptions,
    layout: Layout,
    parameters: Vec<Vec<f32>>,
    maker: M,
}

/// The stored form. Numbers are little-endian `f32`.
#[derive(Serialize, Deserialize)]
struct StoredBaseline {
    options: BaselineOptions,
    networks: Vec<Vec<u8>>,
}

/// The layout that options and domains imply.
pub fn layout(domains: &[Domain], options: &BaselineOptions) -> Layout {
    Layout::of(domains, options.numeric_bins, options.least_share)
}

impl<M: Maker> BaselineModel<M> {
    /// # Errors
    /// `CorruptModel` if the parameters do not fit such a model.
    pub fn new(options: BaselineOptions, layout: Layout, parameters: Vec<Vec<f32>>) -> Result<Self> {
        let maker = M::new(&options, &layout, &parameters).ok_or(UNFIT)?;
        Ok(Self { options, layout, parameters, maker })
    }

    /// See [`crate::engine::models::Method::load`].
    pub fn load(kind: Baseline, bytes: &[u8], domains: &[Domain], allow: Allow) -> Result<Self> {
        let corrupt = |reason| EngineError::CorruptModel { reason };
        let StoredBaseline { options, networks } = whole(bytes)?;
        if options.kind != kind {
            return Err(corrupt("its options are those of another method"));
        }
        options.check().map_err(|_| corrupt("an option is out of range"))?;
        let layout = layout(domains, &options);
        allow(Blocks::memory(&layout))?;
        let parameters = networks.iter().map(|network| numbers(network)).collect::<Result<_>>()?;
        Self::new(options, layout, parameters)
    }
}

impl<M: Maker> Synthesizer for BaselineModel<M> {
    fn sample(&self, rows: usize, rng: &mut ChaCha8Rng) -> Result<EncodedTable> {
        sampling::table(&self.layout, rows, rng, |random| self.maker.block(&self.layout, random))
    }

    fn save(&self) -> Result<Vec<u8>> {
        let networks = self.parameters.iter().map(|parameters| bytes(parameters)).collect();
        let stored = StoredBaseline { options: self.options.clone(), networks };
        postcard::to_stdvec(&stored).map_err(|_| EngineError::Internal("model cannot be serialised"))
    }
}

//! A trained guided model: rows from the chain.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::engine::marginals::{Clique, Denoiser, Groups, Potential, Tree, chain};
use crate::engine::models::Synthesizer;
use crate::engine::table::{Domain, EncodedTable};
use crate::engine::{EngineError, Result};

/// A trained model.
pub struct Guided {
    groups: Groups,
    stored: Stored,
    denoiser: Denoiser,
}

/// What is saved.
#[derive(Serialize, Deserialize)]
struct Stored {
    tree: Tree,
    potentials: Vec<(Clique, Vec<f32>)>,
}

impl Guided {
    /// The model of a tree and potentials over the groups of these domains.
    pub fn new(domains: &[Domain], tree: Tree, potentials: Vec<Potential>) -> Self {
        let groups = Groups::new(domains);
        let denoiser = Denoiser::new(&groups.sizes(), &potentials);
        let potentials = potentials.into_iter().map(|p| (p.clique, p.weights)).collect();
        Self { groups, stored: Stored { tree, potentials }, denoiser }
    }

    /// Reads what [`Synthesizer::save`] wrote.
    ///
    /// # Errors
    /// `CorruptModel` for any other bytes.
    pub fn load(bytes: &[u8], domains: &[Domain]) -> Result<Self> {
        let corrupt = |reason| EngineError::CorruptModel { reason };
        let stored: Stored = postcard::from_bytes(bytes).map_err(|_| corrupt("its weights cannot be read"))?;
        let sizes = Groups::new(domains).sizes();
        let fits = |(clique, weights): &(Clique, Vec<f32>)| {
            clique.is_valid(sizes.len())
                && clique.cells(&sizes) == weights.len()
                && weights.iter().all(|weight| weight.is_finite())
        };
        if !stored.tree.is_valid(&sizes) || !stored.potentials.iter().all(fits) {
            return Err(corrupt("its weights do not fit its columns"));
        }
        let potentials = stored.potentials.into_iter().map(|(clique, weights)| Potential { clique, weights });
        Ok(Self::new(domains, stored.tree, potentials.collect()))
    }
}

impl Synthesizer for Guided {
    fn sample(&self, rows: usize, rng: &mut ChaCha8Rng) -> Result<EncodedTable> {
        let drawn = chain::sample(rows, &self.groups.sizes(), &self.stored.tree, &self.denoiser, rng.next_u64());
        Ok(self.groups.ungroup(&drawn, rng))
    }

    fn save(&self) -> Result<Vec<u8>> {
        postcard::to_stdvec(&self.stored).map_err(|_| EngineError::Internal("model cannot be serialised"))
    }
}

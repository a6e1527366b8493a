//! A trained guided model: rows from the chain.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::engine::marginals::{ChowLiuTree, Coarsening, Denoiser, Groups, Marginal, Potential, gibbs};
use crate::engine::models::contract::{Allow, Synthesizer};
use crate::engine::table::{Domain, EncodedTable};
use crate::engine::{EngineError, Result};

/// Columns of a marginal, at most.
const MAX_MEMBERS: usize = 3;

/// A trained model.
pub struct Guided {
    groups: Groups,
    stored: StoredGuided,
    denoiser: Denoiser,
}

/// What is saved.
#[derive(Serialize, Deserialize)]
struct StoredGuided {
    tree: ChowLiuTree,
    coarsening: Coarsening,
    potentials: Vec<(Marginal, Vec<f32>)>,
}

impl Guided {
    /// The model of a tree and potentials over the groups of these domains.
    pub fn new(domains: &[Domain], tree: ChowLiuTree, coarsening: Coarsening, potentials: Vec<Potential>) -> Self {
        let groups = Groups::new(domains);
        let denoiser = Denoiser::new(&coarsening, &potentials);
        let potentials = potentials.into_iter().map(|p| (p.marginal, p.weights)).collect();
        Self { groups, stored: StoredGuided { tree, coarsening, potentials }, denoiser }
    }

    /// See [`crate::engine::models::Method::load`].
    pub fn load(bytes: &[u8], domains: &[Domain], allow: Allow) -> Result<Self> {
        let corrupt = |reason| EngineError::CorruptModel { reason };
        let (stored, rest): (StoredGuided, &[u8]) =
            postcard::take_from_bytes(bytes).map_err(|_| corrupt("its weights cannot be read"))?;
        if !rest.is_empty() {
            return Err(corrupt("something follows its weights"));
        }
        let sizes = Groups::new(domains).sizes();
        let fits = |(marginal, weights): &(Marginal, Vec<f32>)| {
            marginal.is_valid(&stored.coarsening, sizes.len())
                && marginal.clique.columns().len() <= MAX_MEMBERS
                && marginal.cells(&stored.coarsening) == weights.len()
                && weights.iter().all(|weight| weight.is_finite())
        };
        let valid = stored.tree.is_valid(&sizes) && stored.coarsening.is_valid(&sizes);
        if !valid || !stored.potentials.iter().all(fits) {
            return Err(corrupt("its weights do not fit its columns"));
        }
        let potentials = stored.potentials.into_iter().map(|(marginal, weights)| Potential { marginal, weights });
        let potentials: Vec<Potential> = potentials.collect();
        allow(Denoiser::memory(&stored.coarsening, &potentials))?;
        Ok(Self::new(domains, stored.tree, stored.coarsening, potentials))
    }
}

impl Synthesizer for Guided {
    fn sample(&self, rows: usize, rng: &mut ChaCha8Rng) -> Result<EncodedTable> {
        let drawn = gibbs::sample(rows, &self.groups.sizes(), &self.stored.tree, &self.denoiser, rng.next_u64());
        Ok(self.groups.ungroup(&drawn, rng))
    }

    fn save(&self) -> Result<Vec<u8>> {
        postcard::to_stdvec(&self.stored).map_err(|_| EngineError::Internal("model cannot be serialised"))
    }
}

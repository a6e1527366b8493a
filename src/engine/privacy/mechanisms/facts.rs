//! What the accountant needs to know about a mechanism. Every kind implements it in a separate file.

use crate::engine::privacy::loss::pld::Pld;
use crate::engine::privacy::meter::StageRecord;
#[cfg(test)]
use crate::engine::privacy::replay::Realised;
use crate::engine::{EngineError, Result};

/// Privacy losses of one use with sensitivity 1, between tables that differ by one unit.
pub struct Losses {
    /// The table with the unit compared with the one without it.
    pub remove: Pld,
    /// The table without the unit compared with the one with it; `None` if it is the same.
    pub add: Option<Pld>,
}

/// A mechanism for the accountant.
pub trait Facts {
    /// The usual name.
    fn name(&self) -> &'static str;

    /// # Errors
    /// `InvalidParameter` if a parameter is invalid.
    fn check(&self) -> Result<()>;

    /// Whether a training may have used it.
    fn is_plausible(&self) -> bool;

    /// Noise multiplier, if it adds noise.
    fn noise_multiplier(&self) -> Option<f64> {
        None
    }

    /// Its epsilon at delta 0.
    fn pure_epsilon(&self) -> f64 {
        f64::INFINITY
    }

    /// Whether losses are the same for removing and adding a unit.
    fn is_symmetric(&self) -> bool {
        true
    }

    /// Lowest and highest loss on removal, except for outputs of mass `tail` on either side.
    fn range(&self, _tail: f64) -> (f64, f64) {
        (-self.pure_epsilon(), self.pure_epsilon())
    }

    /// The loss on removal as a few points: (loss, logarithm of a mass), up to a common factor. Outputs beyond `reach`
    /// standard deviations are omitted. This is not a bound.
    fn sketch(&self, reach: f64) -> Vec<(f64, f64)>;

    /// The losses on a grid, as upper bounds. Mass of at most `tail` counts as infinite loss.
    ///
    /// # Errors
    /// `Internal` if the grid would have too many points.
    fn losses(&self, step: f64, tail: f64) -> Result<Losses>;

    /// The maximum that may run for this many uses, or steps. Nothing else may run.
    fn pays_for(&self, uses: u64) -> StageRecord;

    /// The share of this many uses that a unit with these changes used up.
    #[cfg(test)]
    fn used(&self, realised: &Realised, uses: u64) -> f64;

    /// Rényi divergence of order `order > 1`, the maximum of both directions: a cross-check by other formulas.
    #[cfg(test)]
    fn renyi_divergence(&self, order: f64) -> f64;
}

pub fn senseless(what: &str, detail: &str) -> EngineError {
    EngineError::invalid(format!("{what} of a private mechanism is out of range"), detail, "Report this as a bug.")
}

pub fn check_positive(value: f64, what: &str) -> Result<()> {
    if value > 0.0 && value.is_finite() { Ok(()) } else { Err(senseless(what, "It must be positive and finite.")) }
}

//! What the denoiser learns of a marginal.

use super::marginal::Marginal;

/// Log-linear weights of a marginal, one a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Potential {
    pub marginal: Marginal,
    pub weights: Vec<f32>,
}

//! The shapes that follow from options and domains.

use super::denoising::Denoising;
use super::options::DiffusionOptions;
use crate::engine::models::row_encoding::Layout;
use crate::engine::nn::mlp::Architecture;
use crate::engine::table::Domain;

/// Wider rows are not concatenated with hidden layers, because the products would grow with the square of the width.
pub const WIDEST_CONCATENATED: usize = 512;

/// The layout that follows from options and domains.
pub fn layout(domains: &[Domain], options: &DiffusionOptions) -> Layout {
    Layout::of(domains, options.numeric_bins, options.least_share)
}

/// The network's shape for a denoiser.
pub fn architecture(denoising: &Denoising, options: &DiffusionOptions) -> Architecture {
    Architecture {
        inputs: denoising.inputs(),
        hidden: options.hidden.iter().map(|width| *width as usize).collect(),
        outputs: denoising.layout.width,
        concatenate: denoising.layout.width <= WIDEST_CONCATENATED,
    }
}

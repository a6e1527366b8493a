//! Private marginals: counting, choosing and measuring cliques of columns, and a denoiser fitted to the noisy counts.

pub mod chain;
mod classes;
pub mod clique;
pub mod denoiser;
pub mod empty;
pub mod fit;
pub mod groups;
pub mod ladder;
pub mod marginal;
pub mod margins;
pub mod rows;
pub mod select;
pub mod shares;
pub mod tree;

pub use clique::Clique;
pub use denoiser::{Denoiser, Potential};
pub use fit::Measurement;
pub use groups::Groups;
pub use ladder::Ladder;
pub use marginal::Marginal;
pub use rows::Rows;
pub use tree::Tree;

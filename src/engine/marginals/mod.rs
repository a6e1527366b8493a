//! Private marginals: counting, choosing and measuring cliques of columns, and a denoiser fitted to the noisy counts.

mod apart;
pub mod byte_table;
pub mod chow_liu;
mod classes;
pub mod clique;
pub mod coarsening;
pub mod denoiser;
pub mod fit;
pub mod gibbs;
pub mod groups;
pub mod marginal;
pub mod one_way;
pub mod potential;
pub mod select;
pub mod shares;
pub mod structural_zeros;

pub use byte_table::ByteTable;
pub use chow_liu::ChowLiuTree;
pub use clique::Clique;
pub use coarsening::Coarsening;
pub use denoiser::Denoiser;
pub use fit::Measurement;
pub use groups::Groups;
pub use marginal::Marginal;
pub use potential::Potential;

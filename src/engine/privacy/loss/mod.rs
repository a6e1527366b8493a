//! Privacy losses as mathematics: distributions on a grid, their composition, and the normal distribution.

pub mod convolve;
pub mod normal;
pub mod pld;
pub mod quadrature;
pub mod sketch;

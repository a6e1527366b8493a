//! Random bits, and exact samples from them.

pub mod fixed_point;
pub mod gaussian;
pub mod poisson;
pub mod random;

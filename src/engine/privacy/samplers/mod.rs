//! Random bits, and exact samples made of them.

pub mod fixed_point;
pub mod gaussian;
pub mod poisson;
pub mod random;

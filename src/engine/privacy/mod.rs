//! Privacy: random bits, exact noise, mechanisms, the accountant, and how a budget is split.

pub mod accountant;
pub mod analytic_gaussian;
pub mod budget;
mod convolve;
pub mod counts;
mod cumulant;
pub mod exponential;
mod fixed_point;
pub mod gaussian;
pub mod gdp;
pub mod ledger;
pub mod mechanism;
pub mod mutant;
mod normal;
mod pld;
mod pld_gaussian;
mod pld_laplace;
pub mod poisson;
mod quadrature;
pub mod random;
pub mod rdp;
pub mod sparse_histogram;

//! Privacy: random bits, exact noise, mechanisms, the accountant, and the split of a budget.
//!
//! Modules, each importing only from those before it: [`mutant`] < `loss` < [`samplers`] < [`meter`] < [`mechanisms`] <
//! [`accountant`] < [`budget`], [`ledger`].

pub mod accountant;
pub mod budget;
pub mod ledger;
mod loss;
pub mod mechanisms;
pub mod meter;
pub mod mutant;
#[cfg(test)]
pub mod replay;
pub mod samplers;

#[cfg(test)]
mod extremes_tests;

//! The synthesizers, one file each, with one pair of traits: [`Trainer`] (fit in steps) and [`Synthesizer`] (sample,
//! save). [`Method`] names them.

mod baselines;
mod contract;
#[cfg(test)]
pub mod contract_tests;
mod diffusion;
mod dpsgd;
mod guided;
mod method;
mod options_json;
mod row_encoding;
mod sampling;
mod training;

pub use self::contract::{Allow, Synthesizer, Trainer, TrainingBudget, TrainingInput};
pub use self::method::{Method, MethodOptions};

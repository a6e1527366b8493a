//! The interface of every method: [`Trainer`] (fit in steps) and [`Synthesizer`] (sample, save); and the input of a
//! training.

use rand_chacha::ChaCha8Rng;

use crate::engine::Result;
use crate::engine::privacy::mechanisms::{Mechanism, Stage};
use crate::engine::privacy::meter::Meter;
use crate::engine::table::{Domain, EncodedTable, UnitTable};

/// A model in training. The caller owns the loop, so it can be interrupted between steps.
pub trait Trainer: Send {
    /// Total number of steps: public, and known before training starts.
    fn steps_total(&self) -> u64;
    /// Steps taken so far.
    fn steps_done(&self) -> u64;
    /// Takes one bounded step (well under 100 ms of work). False once nothing is left to do.
    fn step(&mut self) -> Result<bool>;
    /// The cost of the training, for the ledger.
    fn mechanisms(&self) -> Vec<Stage>;
    /// Maximum total draws of noise.
    fn noise_draws(&self) -> u64;
    /// The trained model. It is a function of released values only.
    fn finish(self: Box<Self>) -> Result<Box<dyn Synthesizer>>;
}

/// A trained model.
pub trait Synthesizer: Send + Sync {
    /// `rows` new rows of codes. Equal generators give equal rows.
    fn sample(&self, rows: usize, rng: &mut ChaCha8Rng) -> Result<EncodedTable>;
    /// The model as bytes, for [`super::Method::load`].
    fn save(&self) -> Result<Vec<u8>>;
}

/// Checks whether this many bytes of memory may be used.
pub type Allow<'a> = &'a dyn Fn(u64) -> Result<()>;

/// The budget of a training: `epsilon` at `delta`, for `prior` (mechanisms that were already used, with their numbers
/// of uses) and training together.
#[derive(Debug, Clone)]
pub struct TrainingBudget {
    pub epsilon: f64,
    pub delta: f64,
    pub prior: Vec<(Mechanism, u64)>,
}

/// The input of a training. The table is private; everything else is public or charged.
pub struct TrainingInput {
    pub table: UnitTable,
    pub domains: Vec<Domain>,
    /// Noisy number of rows.
    pub noisy_rows: f64,
    pub budget: TrainingBudget,
    /// The meter of every mechanism of the training.
    pub meter: Meter,
}

impl TrainingInput {
    /// Noisy number of privacy units.
    pub fn noisy_units(&self) -> f64 {
        self.table.noisy_units(self.noisy_rows)
    }

    /// The parts that the training of a network starts from, with the noisy number of privacy units instead of rows.
    pub fn split(self) -> (UnitTable, Vec<Domain>, f64, TrainingBudget, Meter) {
        let noisy_units = self.noisy_units();
        (self.table, self.domains, noisy_units, self.budget, self.meter)
    }
}

//! What every method offers: [`Trainer`] (fit in steps) and [`Synthesizer`] (sample, save); and what it is given.

use rand_chacha::ChaCha8Rng;

use crate::engine::Result;
use crate::engine::privacy::mechanisms::{Mechanism, Stage};
use crate::engine::privacy::meter::Meter;
use crate::engine::table::{Domain, EncodedTable, UnitTable};

/// A model in training. The caller owns the loop, so that it can be interrupted between steps.
pub trait Trainer: Send {
    /// Steps in all: public, known before training starts.
    fn steps_total(&self) -> u64;
    /// Steps taken so far.
    fn steps_done(&self) -> u64;
    /// Takes one bounded step (well under 100 ms of work); false once nothing is left to do.
    fn step(&mut self) -> Result<bool>;
    /// What training costs, for the ledger.
    fn mechanisms(&self) -> Vec<Stage>;
    /// Draws of noise that training takes in all, at most.
    fn noise_draws(&self) -> u64;
    /// The trained model. Everything in it is a function of released values only.
    fn finish(self: Box<Self>) -> Result<Box<dyn Synthesizer>>;
}

/// A trained model.
pub trait Synthesizer: Send + Sync {
    /// `rows` fresh rows of codes. The generator is the user's: equal generators give equal rows.
    fn sample(&self, rows: usize, rng: &mut ChaCha8Rng) -> Result<EncodedTable>;
    /// The model as bytes, for [`super::Method::load`].
    fn save(&self) -> Result<Vec<u8>>;
}

/// Whether so many bytes of memory may be taken.
pub type Allow<'a> = &'a dyn Fn(u64) -> Result<()>;

/// What training may spend: `epsilon` at `delta`, for `prior` (mechanisms already used, with their numbers of uses)
/// and training together.
#[derive(Debug, Clone)]
pub struct TrainingBudget {
    pub epsilon: f64,
    pub delta: f64,
    pub prior: Vec<(Mechanism, u64)>,
}

/// What a training starts from. The table is private; all else is public or paid for.
pub struct TrainingInput {
    pub table: UnitTable,
    pub domains: Vec<Domain>,
    /// Noisy number of rows.
    pub noisy_rows: f64,
    pub budget: TrainingBudget,
    /// What every mechanism of the training writes to.
    pub meter: Meter,
}

impl TrainingInput {
    /// Noisy number of privacy units.
    pub fn noisy_units(&self) -> f64 {
        self.table.noisy_units(self.noisy_rows)
    }

    /// What a network starts from, with the noisy number of privacy units in place of that of rows.
    pub fn split(self) -> (UnitTable, Vec<Domain>, f64, TrainingBudget, Meter) {
        let noisy_units = self.noisy_units();
        (self.table, self.domains, noisy_units, self.budget, self.meter)
    }
}

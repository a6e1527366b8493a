//! The training loop of all network models.

use super::contract::{Synthesizer, Trainer};
use crate::engine::privacy::mechanisms::Stage;
use crate::engine::{EngineError, Result};

/// The steps of a model. They access the table only through [`super::dpsgd::DpSgd`] or noisy counts. Everything else in
/// a step, such as an update of a generator, is a function of their results.
pub trait Learner: Send {
    /// Total number of steps. Public.
    fn steps(&self) -> u64;

    /// Does some of the work of step `step`, well under 100 ms. True once the step is taken. Steps are taken in order.
    ///
    /// # Errors
    /// `Internal` if the backend fails.
    fn work(&mut self, step: u64) -> Result<bool>;

    /// The cost of all steps.
    fn mechanisms(&self) -> Vec<Stage>;

    /// Their maximum number of draws of noise.
    fn noise_draws(&self) -> u64;

    /// The model, after the last step.
    ///
    /// # Errors
    /// `Internal` if it cannot be made.
    fn finish(self) -> Result<Box<dyn Synthesizer>>;
}

/// A training in progress.
pub struct Training<L> {
    learner: L,
    done: u64,
}

impl<L: Learner> Training<L> {
    pub fn new(learner: L) -> Self {
        Self { learner, done: 0 }
    }
}

impl<L: Learner> Trainer for Training<L> {
    fn steps_total(&self) -> u64 {
        self.learner.steps()
    }

    fn steps_done(&self) -> u64 {
        self.done
    }

    fn step(&mut self) -> Result<bool> {
        if self.done < self.steps_total() && self.learner.work(self.done)? {
            self.done += 1;
        }
        Ok(self.done < self.steps_total())
    }

    fn mechanisms(&self) -> Vec<Stage> {
        self.learner.mechanisms()
    }

    fn noise_draws(&self) -> u64 {
        self.learner.noise_draws()
    }

    fn finish(self: Box<Self>) -> Result<Box<dyn Synthesizer>> {
        if self.done < self.steps_total() {
            return Err(EngineError::Internal("a model was taken before it was trained"));
        }
        self.learner.finish()
    }
}

//! The one loop that trains every network model.

use super::contract::{Synthesizer, Trainer};
use crate::engine::privacy::mechanisms::Stage;
use crate::engine::{EngineError, Result};

/// What a model does in each of its steps. It looks at the table through [`super::dpsgd::DpSgd`] alone, or through counts
/// with noise; all else that a step does, such as moving a generator, is a function of what these gave.
pub trait Learner: Send {
    /// Steps in all. Public.
    fn steps(&self) -> u64;

    /// Does some of the work of step `step`, well under 100 ms of it; true once the step is taken. Steps come in order.
    ///
    /// # Errors
    /// `Internal` if the backend fails.
    fn work(&mut self, step: u64) -> Result<bool>;

    /// What all steps cost.
    fn mechanisms(&self) -> Vec<Stage>;

    /// Draws of noise that they take, at most.
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

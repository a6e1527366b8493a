//! The replay audit. Every noisy answer on one table is recorded and replayed on a neighbour, so that both trainings
//! take the same path, and the inputs of the mechanisms are compared. The actual change by one unit is compared with
//! the claim.
//!
//! Under replay, both runs have the same random bits. Each generator is seeded by its number, and whether a unit takes
//! part in a sample depends only on its position. The units that only the neighbour has come last, and take part in
//! every sample.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rand::Rng;

use super::meter::Meter;
use super::samplers::random::SecretRng;

/// The question and the answer of a mechanism.
struct Entry {
    stage: &'static str,
    question: Box<dyn Any + Send>,
    answer: Box<dyn Any + Send>,
}

/// The change by one unit in one stage.
#[derive(Debug, Clone, Copy, Default)]
pub struct Realised {
    /// Sum over all noise of the squared change over the variance, and the largest such sum over one sample.
    pub precision: f64,
    pub sample_precision: f64,
    current: f64,
    /// Number of replayed answers.
    pub answers: u64,
    /// Largest change of a score.
    pub score: f64,
    /// Largest number of rows with keys that the first table did not hold.
    pub new_rows: u64,
}

/// A recording, and the position of the replay.
#[derive(Default)]
pub struct Replay {
    entries: Vec<Entry>,
    at: usize,
    replaying: bool,
    seeds: u64,
    pub realised: BTreeMap<&'static str, Realised>,
    /// The number of units that each stage's samples were drawn from in the first run, and the position in the current
    /// sample.
    units: BTreeMap<&'static str, u64>,
    seen: BTreeMap<&'static str, u64>,
    sample_seeds: BTreeMap<&'static str, u64>,
}

impl std::fmt::Debug for Replay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Replay(..)")
    }
}

impl Replay {
    /// From now on, answers come from the recording.
    pub fn rewind(&mut self) {
        (self.at, self.replaying, self.seeds) = (0, true, 0);
    }

    /// Whether every answer was replayed.
    pub fn is_over(&self) -> bool {
        self.at == self.entries.len()
    }

    fn next_seed(&mut self) -> u64 {
        self.seeds += 1;
        self.seeds
    }
}

fn lock(replay: &Arc<Mutex<Replay>>) -> MutexGuard<'_, Replay> {
    replay.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Meter {
    /// A meter that records into this or replays from it.
    pub fn replayed(replay: &Arc<Mutex<Replay>>) -> Self {
        let seed = lock(replay).next_seed();
        let mut meter = Self::for_tests(seed);
        meter.replay = Some(replay.clone());
        meter
    }

    pub(super) fn replayed_rng(&self) -> Option<SecretRng> {
        self.replay.as_ref().map(|replay| SecretRng::for_tests(lock(replay).next_seed()))
    }

    pub(super) fn begin_replayed_sample(&self) {
        let Some(replay) = &self.replay else { return };
        let mut replay = lock(replay);
        let (stage, seed) = (self.stage_name(), replay.next_seed());
        replay.sample_seeds.insert(stage, seed);
        replay.seen.insert(stage, 0);
        replay.realised.entry(stage).or_default().current = 0.0;
    }

    pub(super) fn replayed_sample(&self, units: usize) -> Option<Vec<u32>> {
        let mut replay = lock(self.replay.as_ref()?);
        let (stage, replaying) = (self.stage_name(), replay.replaying);
        let seed = replay.sample_seeds.get(stage).copied().unwrap_or(0) << 32;
        let from = replay.seen.insert(stage, 0).unwrap_or(0);
        replay.seen.insert(stage, from + units as u64);
        let first = replay.units.entry(stage).or_insert(0);
        if !replaying {
            *first = (*first).max(from + units as u64);
        }
        let takes_part = |unit: u64| {
            let coin = SecretRng::for_tests(seed ^ unit).next_u32();
            unit >= *first || f64::from(coin) / 2f64.powi(32) < self.rate_value()
        };
        Some((0..units as u32).filter(|unit| takes_part(from + u64::from(*unit))).collect())
    }

    /// The answer to `question`, or the recorded one; `change` compares two questions.
    pub fn ask<Q: Send + 'static, A: Clone + Send + 'static>(
        &mut self,
        question: Q,
        change: impl FnOnce(&Q, &Q, &mut Realised),
        answer: impl FnOnce(&mut Self, &Q) -> A,
    ) -> A {
        let Some(replay) = self.replay.clone() else { return answer(self, &question) };
        let stage = self.stage_name();
        // Later answers use the same random bits, however many this answer takes.
        let rng = SecretRng::for_tests(lock(&replay).next_seed());
        if !lock(&replay).replaying {
            let answer = answer(self, &question);
            let entry = Entry { stage, question: Box::new(question), answer: Box::new(answer.clone()) };
            lock(&replay).entries.push(entry);
            *self.rng() = rng;
            return answer;
        }
        *self.rng() = rng;
        let mut replay = lock(&replay);
        let replay = &mut *replay;
        let entry = replay.entries.get(replay.at).expect("more answers than were recorded");
        replay.at += 1;
        assert_eq!(entry.stage, stage);
        let before = entry.question.downcast_ref::<Q>().expect("another mechanism ran");
        let realised = replay.realised.entry(stage).or_default();
        realised.answers += 1;
        change(before, &question, realised);
        entry.answer.downcast_ref::<A>().expect("another mechanism ran").clone()
    }
}

impl Realised {
    /// Adds a squared change of a value with noise of this deviation.
    pub fn add(&mut self, squared: f64, noise_sd: f64) {
        let precision = squared / (noise_sd * noise_sd);
        self.precision += precision;
        self.current += precision;
        self.sample_precision = self.sample_precision.max(self.current);
    }
}

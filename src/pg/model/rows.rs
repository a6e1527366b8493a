//! Synthetic rows that satisfy the constraints.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};

use pgrx::check_for_interrupts;

use crate::engine::artifact::{Artifact, SAMPLE_BLOCK, Sampler};
use crate::engine::table::{Block, Wanted};
use crate::pg::errors::{self, Result};
use crate::pg::model::cell_source::ModelRow;
use crate::pg::model::constraints::filter::{RowFilter, Verdict};
use crate::pg::model::loaded::Model;
use crate::pg::server::{guard, threads};

/// Blocks that are made in advance, per thread of the pool.
const AHEAD: usize = 2;
/// Maximum average number of model rows that are checked per returned row.
const MAX_TRIES: u64 = 20_000;
/// Number of rows for this average.
const AVERAGED: u64 = 100;

/// The rows of a model, block by block, made on the pool. The rows depend only on the seed.
pub struct SyntheticRows {
    sampler: Arc<Sampler<Arc<Artifact>>>,
    model: String,
    sender: Sender<(u64, Result<Block>)>,
    receiver: Receiver<(u64, Result<Block>)>,
    /// Blocks that arrived out of order.
    early: BTreeMap<u64, Result<Block>>,
    /// Blocks requested, and used.
    asked: u64,
    used: u64,
    ahead: usize,
    /// The constraints of every row, and what is computed in it.
    filter: RowFilter,
    /// Rows taken, and wanted.
    taken: u64,
    total: u64,
    /// Blocks used and rows taken at the last check of tries.
    looked_at: (u64, u64),
    /// Set when nobody waits for blocks any more.
    over: Arc<AtomicBool>,
}

/// The destination of rows.
pub trait RowSink {
    fn take(&mut self, row: &ModelRow) -> Result<()>;

    /// Called after each block, when no value of its rows is in use.
    fn end_block(&mut self);
}

impl SyntheticRows {
    /// `total` rows with the given values.
    pub fn new(model: &Model, given: Vec<Option<Wanted>>, seed: u64, total: u64) -> Result<Self> {
        let artifact = Arc::clone(&model.artifact);
        let sampler = threads::run(move || Sampler::given(artifact, given, seed))??;
        let filter = RowFilter::new(&model.annotation, total, seed)?;
        let (sender, receiver) = channel();
        Ok(Self {
            sampler: Arc::new(sampler),
            model: model.name.clone(),
            sender,
            receiver,
            early: BTreeMap::new(),
            asked: 0,
            used: 0,
            ahead: AHEAD * rayon::current_num_threads(),
            filter,
            taken: 0,
            total,
            looked_at: (0, 0),
            over: Arc::default(),
        })
    }

    /// Passes all rows to the sink, one after the other. Answers interrupts.
    ///
    /// # Errors
    /// If too many rows were checked for those that were taken.
    pub fn hand_to(mut self, sink: &mut impl RowSink) -> Result<()> {
        while let Some(block) = self.next_block()? {
            for index in 0..block.rows {
                // The check of a row can take long.
                check_for_interrupts!();
                if self.taken == self.total {
                    break;
                }
                let row = ModelRow { block: &block, index, number: self.taken + 1, computed: &[] };
                if let Verdict::Breaks = self.filter.look(&row)? {
                    continue;
                }
                self.taken = row.number;
                sink.take(&ModelRow { computed: self.filter.computed(), ..row })?;
            }
            sink.end_block();
        }
        Ok(())
    }

    /// The next block, unless enough rows were taken.
    fn next_block(&mut self) -> Result<Option<Block>> {
        check_for_interrupts!();
        if self.taken == self.total {
            return Ok(None);
        }
        self.check_tries()?;
        self.filter.tidy();
        self.ask();
        loop {
            if let Some(block) = self.early.remove(&self.used) {
                self.used += 1;
                return block.map(Some);
            }
            match self.receiver.recv_timeout(threads::PATIENCE) {
                Ok((number, block)) => drop(self.early.insert(number, block)),
                Err(RecvTimeoutError::Timeout) => {
                    check_for_interrupts!();
                }
                Err(RecvTimeoutError::Disconnected) => return Err(errors::engine_panicked()),
            }
        }
    }

    /// Ends a search that finds hardly any rows, or none any more.
    fn check_tries(&mut self) -> Result<()> {
        let (used, taken) = self.looked_at;
        if (self.used - used) * (SAMPLE_BLOCK as u64) < MAX_TRIES * AVERAGED {
            return Ok(());
        }
        if self.taken - taken < AVERAGED {
            let broken = self.filter.fault(&self.model, MAX_TRIES);
            return Err(broken.unwrap_or_else(|| errors::too_few_rows_fit(&self.model, MAX_TRIES)));
        }
        self.looked_at = (self.used, self.taken);
        Ok(())
    }

    /// Keeps the pool busy, with no more blocks than may be needed.
    fn ask(&mut self) {
        let needed = (self.total - self.taken).div_ceil(SAMPLE_BLOCK as u64);
        let until = self.used + needed.min(self.ahead as u64);
        while self.asked < until {
            let number = self.asked;
            let (sampler, sender, over) = (Arc::clone(&self.sampler), self.sender.clone(), Arc::clone(&self.over));
            rayon::spawn(move || {
                if !over.load(Relaxed) {
                    let block = guard::engine(|| sampler.block(number));
                    // After an interrupt, nobody receives.
                    let _ = sender.send((number, block));
                }
            });
            self.asked += 1;
        }
    }
}

impl Drop for SyntheticRows {
    fn drop(&mut self) {
        self.over.store(true, Relaxed);
    }
}

/// The caller's seed, or one from the operating system.
pub fn seed(given: Option<i64>) -> Result<u64> {
    match given {
        Some(seed) => Ok(seed as u64),
        None => {
            let mut bytes = [0; 8];
            getrandom::fill(&mut bytes)
                .map_err(|_| errors::internal("the operating system returned no random bytes"))?;
            Ok(u64::from_le_bytes(bytes))
        }
    }
}

//! The exact sum of clipped gradients that are formed row by row, for any kind of network.
//!
//! A row's gradient is that of its loss alone, by automatic differentiation. This is slower than a batch, but no data
//! of other rows can enter it. See the proof in [`super`].

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use burn_tensor::Tensor;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::batch_sum::{Gradients, total};
use super::clip::Clip;
use super::clip_dense::add_clipped;
use super::normals::Normals;
use super::tensors::{ParameterLayout, gradient, leaves};
use crate::engine::Result;

/// Time after which a call starts no further row.
const PATIENCE: Duration = Duration::from_millis(40);

/// The objective of any kind of network: the loss of a row, over all its copies if it has several. It must depend only
/// on that row, the given randomness, the parameters and public values. If privacy units have several rows, a unit
/// takes the place of a row.
pub trait RowObjective: Sync {
    /// The parameters' shapes.
    fn parts(&self) -> &ParameterLayout;

    /// The loss `[1]` of a row.
    ///
    /// # Errors
    /// `Internal` if the backend fails.
    fn loss(&self, row: usize, random: &mut Normals, parameters: &[Tensor<2>]) -> Result<Tensor<1>>;
}

/// The gradients of a row objective at these parameters.
pub struct Explicit<'a, O> {
    pub parameters: &'a [f32],
    pub objective: &'a O,
}

/// A partial sum.
pub struct RowSum {
    parameters: Vec<Tensor<2>>,
    rows: Vec<u32>,
    next: usize,
    key: [u8; 32],
    numbers: usize,
    /// One per thread.
    sums: Vec<Vec<i64>>,
}

impl<O: RowObjective> Gradients for Explicit<'_, O> {
    type Sum = RowSum;

    fn parameters(&self) -> usize {
        self.parameters.len()
    }

    fn encoder(&self) -> usize {
        self.objective.parts().first()
    }

    fn begin(&self, rows: Vec<u32>, key: [u8; 32]) -> RowSum {
        let parameters = self.objective.parts().cut(self.parameters);
        RowSum { parameters, rows, next: 0, key, numbers: self.parameters.len(), sums: Vec::new() }
    }

    fn advance(&self, sum: &mut RowSum, clip: &Clip) -> Result<bool> {
        let start = Instant::now();
        let RowSum { parameters, rows, next, key, numbers, sums } = sum;
        let workers = rayon::current_num_threads().min(rows.len() - *next);
        while sums.len() < workers {
            sums.push(vec![0; *numbers]);
        }
        let taken = AtomicUsize::new(*next);
        sums[..workers].par_iter_mut().try_for_each(|sum| {
            let mut work = Vec::with_capacity(*numbers);
            while start.elapsed() < PATIENCE {
                let place = taken.fetch_add(1, Ordering::Relaxed);
                let Some(row) = rows.get(place) else { break };
                let mut stream = ChaCha8Rng::from_seed(*key);
                stream.set_stream(place as u64);
                let leaves = leaves(parameters);
                let loss = self.objective.loss(*row as usize, &mut Normals::new(stream), &leaves)?;
                add_clipped(&gradient(loss, &leaves)?, clip, &mut work, sum);
            }
            Ok(())
        })?;
        *next = taken.into_inner().min(rows.len());
        Ok(*next < rows.len())
    }

    fn finish(sum: RowSum) -> Vec<i64> {
        total(sum.sums, sum.numbers)
    }
}

//! The blocks of an encoded row as tensors: softmax of each, and the cross-entropy with a row's states.

use burn_tensor::Tensor;
use burn_tensor::activation::sigmoid;

use crate::engine::Result;
use crate::engine::models::row_encoding::Layout;
use crate::engine::nn::device::{matrix, values};
use crate::engine::nn::tensors::beside;

/// The spans of a layout's blocks, and which entry belongs to which block.
pub struct Blocks {
    /// Numbers before all blocks.
    pub scalars: usize,
    /// Entries of all blocks.
    pub states: usize,
    /// First entry and number of entries of each, counted from the start of the first block.
    spans: Vec<(usize, usize)>,
    /// `[states, blocks]` and its transpose: 1 if an entry belongs to a block.
    membership: Option<(Tensor<2>, Tensor<2>)>,
}

impl Blocks {
    pub fn new(layout: &Layout) -> Self {
        let (scalars, states) = (layout.scalars, layout.width - layout.scalars);
        let spans: Vec<_> = layout.blocks.iter().map(|block| (block.at - scalars, block.states)).collect();
        let membership = (!spans.is_empty()).then(|| {
            let mut member = vec![0.0; states * spans.len()];
            for (b, (at, size)) in spans.iter().enumerate() {
                (*at..at + size).for_each(|state| member[state * spans.len() + b] = 1.0);
            }
            let member = matrix(member, states, spans.len());
            (member.clone(), member.transpose())
        });
        Self { scalars, states, spans, membership }
    }

    /// Its size in bytes.
    pub fn memory(layout: &Layout) -> u64 {
        8 * layout.width as u64 * layout.blocks.len() as u64
    }

    /// Number of multiplications of the softmax of a row.
    pub fn cost(&self) -> usize {
        2 * self.states * self.spans.len()
    }

    /// The position of each block's state, counted from the start of the first block.
    pub fn places(&self, states: &[u32]) -> impl Iterator<Item = usize> {
        self.spans.iter().zip(states).map(|((at, _), state)| at + *state as usize)
    }

    /// Number of entries of each block.
    pub fn sizes(&self) -> impl Iterator<Item = usize> {
        self.spans.iter().map(|(_, size)| *size)
    }

    /// A row from outputs `[n, width]`: numbers through a sigmoid, blocks through softmax.
    ///
    /// # Errors
    /// `Internal` if the backend fails.
    pub fn activate(&self, outputs: Tensor<2>) -> Result<Tensor<2>> {
        let [n, width] = outputs.dims();
        if self.membership.is_none() {
            return Ok(sigmoid(outputs));
        }
        let chances = self.softmax(outputs.clone().slice([0..n, self.scalars..width]))?;
        if self.scalars == 0 {
            return Ok(chances);
        }
        Ok(Tensor::cat(vec![sigmoid(outputs.slice([0..n, 0..self.scalars])), chances], 1))
    }

    /// Softmax of each block of logits `[n, states]`.
    ///
    /// # Errors
    /// `Internal` if the backend fails.
    pub fn softmax(&self, logits: Tensor<2>) -> Result<Tensor<2>> {
        let Some((member, back)) = self.members(&logits) else { return Ok(logits) };
        let tops = self.tops(&logits)?;
        let powers = (logits - tops).exp();
        let totals = powers.clone().matmul(member).matmul(back);
        Ok(powers / totals)
    }

    /// Cross-entropy `[1, blocks]` of each block of one row's logits `[1, states]` with these probabilities, which add
    /// up to 1 in each block.
    ///
    /// # Errors
    /// `Internal` if the backend fails.
    pub fn cross_entropy(&self, logits: Tensor<2>, chances: Vec<f32>) -> Result<Tensor<2>> {
        let Some((member, _)) = self.members(&logits) else { return Ok(logits) };
        let shifted = logits.clone() - self.tops(&logits)?;
        let chances = beside(&logits, chances, 1, self.states);
        let totals = shifted.clone().exp().matmul(member.clone()).log();
        Ok(totals - (chances * shifted).matmul(member))
    }

    fn members(&self, like: &Tensor<2>) -> Option<(Tensor<2>, Tensor<2>)> {
        let (member, back) = self.membership.clone()?;
        Some(if like.is_autodiff() { (member.autodiff(), back.autodiff()) } else { (member, back) })
    }

    /// For each entry, the largest entry of its block, as a constant: subtracting it before exponentiation does not
    /// change the result.
    fn tops(&self, logits: &Tensor<2>) -> Result<Tensor<2>> {
        let rows = logits.dims()[0];
        let mut tops = values(logits.clone().inner())?;
        for row in tops.chunks_exact_mut(self.states) {
            for (at, size) in &self.spans {
                let block = &mut row[*at..at + size];
                let top = block.iter().copied().fold(f32::MIN, f32::max);
                block.fill(top);
            }
        }
        Ok(beside(logits, tops, rows, self.states))
    }
}

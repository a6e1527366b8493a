//! The histograms over intervals, atoms and NULL of one numeric column. Atoms and NULL are the same in all of them.

use super::number_line::{CellGrid, Interval};
use super::plan::DiscoveryPlan;
use super::significance;
use super::tree::Estimate;
use crate::engine::Result;
use crate::engine::privacy::meter::Meter;

/// What is measured, and what was found of atoms and NULL so far.
pub struct Survey<'a> {
    values: &'a [f64],
    atoms: &'a [f64],
    nulls: Option<u64>,
    plan: &'a DiscoveryPlan,
    meter: &'a mut Meter,
    rounds: f64,
    /// Sums of the noisy counts of the atoms and, if there can be NULLs, of NULL.
    sums: Vec<f64>,
    /// Standard deviation of the noise of a count.
    pub noise_sd: f64,
}

impl<'a> Survey<'a> {
    /// A survey of ascending values, of released atoms (ascending), and of the number of NULLs where there can be any.
    pub fn new(
        values: &'a [f64],
        atoms: &'a [f64],
        nulls: Option<u64>,
        plan: &'a DiscoveryPlan,
        meter: &'a mut Meter,
    ) -> Self {
        let sums = vec![0.0; atoms.len() + usize::from(nulls.is_some())];
        Self { values, atoms, nulls, plan, meter, rounds: 0.0, sums, noise_sd: plan.noise_sd() }
    }

    /// One noisy histogram: what was found in the intervals.
    pub fn measure(&mut self, intervals: Vec<Interval>) -> Result<Vec<Estimate>> {
        let grid = CellGrid { intervals, points: self.atoms.to_vec() };
        let counts = grid.histogram(self.values, self.nulls);
        let mut noisy = self.plan.noisy(&counts, self.meter)?;
        self.noise_sd = noisy.noise_sd;
        let known = noisy.values.split_off(grid.intervals.len());
        self.sums.iter_mut().zip(known).for_each(|(sum, rows)| *sum += rows);
        self.rounds += 1.0;
        let variance = noisy.noise_sd * noisy.noise_sd;
        Ok(noisy.values.into_iter().map(|value| Estimate { value, variance }).collect())
    }

    /// Rows that hold each atom, averaged over the histograms.
    pub fn points(&self) -> impl Iterator<Item = f64> {
        self.sums.iter().take(self.atoms.len()).map(|sum| (sum / self.rounds).max(0.0))
    }

    /// Rows that hold NULL, averaged over the histograms; 0 if they do not stand out from the noise.
    pub fn nulls(&self) -> f64 {
        let sum = self.nulls.and(self.sums.last()).copied().unwrap_or(0.0);
        let rounds = self.rounds.max(1.0);
        significance::or_zero(sum / rounds, self.noise_sd / rounds.sqrt())
    }
}

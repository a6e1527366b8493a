//! Noise levels. A level is a variance beta: a row x becomes x + sqrt(beta) * noise.

use super::options::DiffusionOptions;
use crate::engine::nn::normals::Normals;

/// The network's inputs for a level.
pub const TIME_FEATURES: usize = 4;

/// The levels of a model.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// The paper's levels, or empty if levels are drawn between `lowest` and `highest`.
    fixed: Vec<f32>,
    lowest: f32,
    highest: f32,
    copies: usize,
    sampling_steps: usize,
}

impl Schedule {
    /// The levels for some options.
    pub fn new(options: &DiffusionOptions) -> Self {
        let copies = options.diffusion_steps.max(1) as usize;
        let fixed: Vec<f32> =
            if options.noise_max > 0.0 { Vec::new() } else { (0..copies).map(|t| cosine(t, copies)).collect() };
        let (lowest, highest) = match (fixed.first(), fixed.last()) {
            (Some(first), Some(last)) => (*first, *last),
            _ => (options.noise_min as f32, options.noise_max as f32),
        };
        Self { fixed, lowest, highest, copies, sampling_steps: options.sampling_steps.max(1) as usize }
    }

    /// Number of levels that each row contributes.
    pub fn copies(&self) -> usize {
        self.copies
    }

    /// The level of copy `copy` of a row: the paper's, or drawn from its share of the logarithmic range.
    pub fn training(&self, copy: usize, random: &mut Normals) -> f32 {
        match self.fixed.get(copy) {
            Some(level) => *level,
            None => self.between((copy as f32 + random.uniform()) / self.copies as f32),
        }
    }

    /// The levels that sampling passes through, highest first.
    pub fn sampling(&self) -> Vec<f32> {
        if !self.fixed.is_empty() {
            return self.fixed.iter().rev().copied().collect();
        }
        let last = (self.sampling_steps - 1).max(1) as f32;
        (0..self.sampling_steps)
            .rev()
            .map(|s| self.between(if self.sampling_steps == 1 { 1.0 } else { s as f32 / last }))
            .collect()
    }

    /// Four cosines of the level's position in the range.
    pub fn features(&self, level: f32) -> [f32; TIME_FEATURES] {
        let range = (self.highest / self.lowest).ln().max(1e-6);
        let place = (level / self.lowest).ln() / range;
        [1.0, 2.0, 3.0, 4.0].map(|k: f32| (std::f32::consts::PI * k * place).cos())
    }

    fn between(&self, place: f32) -> f32 {
        self.lowest * (self.highest / self.lowest).powf(place)
    }
}

/// beta_t = (1 - cos(pi t / T)) / 2 + 0.1 (table_diffusion.py, `get_beta`).
fn cosine(t: usize, steps: usize) -> f32 {
    ((1.0 - (std::f64::consts::PI * t as f64 / steps as f64).cos()) / 2.0 + 0.1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paper_levels() {
        let schedule = Schedule::new(&DiffusionOptions::paper());
        let wanted = [1.004_508_5, 0.754_508_5, 0.445_491_5, 0.195_491_5, 0.1];
        assert!(schedule.sampling().iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-6));
        assert_eq!(schedule.copies(), 5);
    }

    #[test]
    fn drawn_levels_cover_the_range() {
        let options =
            DiffusionOptions { noise_min: 0.1, noise_max: 10.0, sampling_steps: 3, ..DiffusionOptions::paper() };
        let schedule = Schedule::new(&options);
        assert!(schedule.sampling().iter().zip([10.0, 1.0, 0.1]).all(|(a, b)| (a / b - 1.0f32).abs() < 1e-5));
        let mut random = Normals::from_seed([0; 32]);
        for copy in 0..5 {
            let place = (schedule.training(copy, &mut random) / 0.1).log10() / 2.0;
            assert!((copy as f32 / 5.0 - 1e-5..=(copy as f32 + 1.0) / 5.0 + 1e-5).contains(&place));
        }
        let one = DiffusionOptions { sampling_steps: 1, ..options };
        assert_eq!(Schedule::new(&one).sampling().len(), 1);
    }
}

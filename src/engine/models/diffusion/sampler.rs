//! The reverse process, and its free fit to the released shares.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::denoising::Denoising;
use crate::engine::Result;
use crate::engine::models::row_encoding::{Clean, draw};
use crate::engine::models::sampling::{BLOCK_ROWS, blocks};
use crate::engine::nn::mlp::{Mlp, Prepared};
use crate::engine::nn::normals::Normals;

/// Number of rows of a round of calibration.
const CALIBRATION_ROWS: usize = 4096;
/// Approximate number of multiplications of a call of [`Calibration::advance`].
const CALL_COST: usize = 1_000_000_000;
/// Number of quantiles that describe a number's distribution.
pub const MAP_POINTS: usize = 65;
/// Bound on a state's tilt, as a logarithm.
const MAX_TILT: f32 = 6.0;

/// Corrections of the sampler.
#[derive(Debug, Clone, PartialEq)]
pub struct Tilt {
    /// Added to the logarithm of each state's probability; 0 for numbers.
    pub logs: Vec<f32>,
    /// For each number, quantiles of the sampler's results; empty if numbers are used unchanged.
    pub maps: Vec<Vec<f32>>,
}

impl Tilt {
    /// No correction.
    pub fn none(denoising: &Denoising) -> Self {
        Self { logs: vec![0.0; denoising.layout.width], maps: vec![Vec::new(); denoising.layout.scalars] }
    }

    fn number(&self, i: usize, x: f32) -> f32 {
        let map = &self.maps[i];
        if map.is_empty() {
            return x.clamp(0.0, 1.0);
        }
        // The rank of x among the quantiles. Ties share their ranks evenly enough.
        let above = map.partition_point(|q| *q <= x).clamp(1, map.len() - 1);
        let (lo, hi) = (map[above - 1], map[above]);
        let part = if hi > lo { ((x - lo) / (hi - lo)).clamp(0.0, 1.0) } else { 0.5 };
        (above as f32 - 1.0 + part) / (map.len() - 1) as f32
    }
}

/// A denoiser with weights, ready to sample.
pub struct DiffusionSampler<'a> {
    pub denoising: &'a Denoising,
    pub net: &'a Prepared,
    pub tilt: &'a Tilt,
}

impl DiffusionSampler<'_> {
    /// Makes `rows` rows and passes them to `take` in blocks; see [`blocks`].
    pub fn rows<T: Send>(
        &self,
        rows: usize,
        rng: &mut ChaCha8Rng,
        take: impl Fn(Vec<Clean>, &mut Normals) -> T + Sync,
    ) -> Result<Vec<T>> {
        blocks(rows, rng, |random| self.block(random), take)
    }

    /// One block of rows.
    pub fn block(&self, random: &mut Normals) -> Result<Vec<Clean>> {
        let d = self.denoising;
        let (width, seen, n) = (d.layout.width, d.inputs(), BLOCK_ROWS);
        let levels = d.schedule.sampling();
        let mut clean = vec![Clean::default(); n];
        let mut noisy = vec![0.0; n * width];
        // x_T: rows of independent columns, sampled from the released shares, with the noise of the highest level.
        for (clean, noisy) in clean.iter_mut().zip(noisy.chunks_exact_mut(width)) {
            clean.numbers = (0..d.layout.scalars).map(|_| random.uniform()).collect();
            clean.states = d.layout.blocks.iter().map(|b| draw(&b.weights, random.uniform())).collect();
            d.add_noise(clean, levels[0], random, noisy);
        }
        let (mut inputs, mut base) = (vec![0.0; n * seen], vec![0.0; n * width]);
        let mut fresh = vec![0.0; width];
        for (step, &level) in levels.iter().enumerate() {
            let rows = noisy.chunks_exact(width).zip(inputs.chunks_exact_mut(seen)).zip(base.chunks_exact_mut(width));
            rows.for_each(|((noisy, inputs), base)| d.show(noisy, level, inputs, base));
            let mut outputs = self.net.forward(&inputs, n)?;
            let next = levels.get(step + 1).copied();
            let rows = noisy.chunks_exact_mut(width).zip(base.chunks_exact(width)).zip(outputs.chunks_exact_mut(width));
            for (((noisy, base), guess), clean) in rows.zip(&mut clean) {
                d.guess(noisy, base, &self.tilt.logs, guess);
                match next {
                    Some(next) => {
                        random.fill(&mut fresh);
                        step_down(noisy, guess, &fresh, level, next);
                    }
                    None => self.choose(guess, level, random, clean),
                }
            }
        }
        Ok(clean)
    }

    /// Samples the clean row from the last guess.
    fn choose(&self, guess: &[f32], level: f32, random: &mut Normals, clean: &mut Clean) {
        let d = self.denoising;
        // A guess is a mean. With the prior, the remaining spread of a uniform number is added back.
        let spread = if d.prior { (level / (1.0 + 12.0 * level)).sqrt() } else { 0.0 };
        clean.numbers.clear();
        for (i, x) in guess[..d.layout.scalars].iter().enumerate() {
            clean.numbers.push(self.tilt.number(i, x + spread * random.normal()));
        }
        clean.states.clear();
        let blocks = d.layout.blocks.iter();
        clean.states.extend(blocks.map(|b| draw(&guess[b.at..b.at + b.states], random.uniform())));
    }
}

/// One step of the reverse process from `level` to `next`, without noise: given x_level and the clean row, x_next is
/// normal about their weighted mean, x = guess + (next / level) (x - guess), with variance next (level - next) / level.
fn step_down(noisy: &mut [f32], guess: &[f32], fresh: &[f32], level: f32, next: f32) {
    let (keep, add) = (next / level, (next * (level - next) / level).max(0.0).sqrt());
    for ((x, guess), fresh) in noisy.iter_mut().zip(guess).zip(fresh) {
        *x = guess + keep * (*x - guess) + add * fresh;
    }
}

/// Fits a sampler's tilt to the released shares, from free samples.
pub struct Calibration {
    denoising: Denoising,
    net: Mlp,
    /// Calibration needs uncorrected numbers, so its maps stay empty. The last round's maps are stored beside it.
    tilt: Tilt,
    maps: Vec<Vec<f32>>,
    /// Rows of the current round.
    rows: Vec<Clean>,
    rng: ChaCha8Rng,
    rounds: u32,
}

impl Calibration {
    /// Starts without tilt.
    pub fn new(denoising: Denoising, net: Mlp) -> Self {
        let tilt = Tilt::none(&denoising);
        Self {
            maps: tilt.maps.clone(),
            denoising,
            net,
            tilt,
            rows: Vec::new(),
            rng: ChaCha8Rng::seed_from_u64(0),
            rounds: 0,
        }
    }

    /// Works on a round, well under 100 ms: samples rows until there are enough, compares shares, corrects. True once
    /// the round is complete.
    pub fn advance(&mut self) -> Result<bool> {
        let prepared = self.net.prepared();
        let sampler = DiffusionSampler { denoising: &self.denoising, net: &prepared, tilt: &self.tilt };
        // The other work on each entry takes the time of some hundreds of multiplications.
        let step_cost = self.net.parameters.len() + 400 * self.denoising.layout.width;
        let row_cost = step_cost * self.denoising.schedule.sampling().len();
        let rows = (CALL_COST / row_cost.max(1)).next_multiple_of(BLOCK_ROWS).min(CALIBRATION_ROWS - self.rows.len());
        let drawn = sampler.rows(rows, &mut self.rng, |rows, _| rows)?;
        self.rows.extend(drawn.into_iter().flatten());
        if self.rows.len() < CALIBRATION_ROWS {
            return Ok(false);
        }
        let rows = std::mem::take(&mut self.rows);
        self.rounds += 1;
        let power = 1.0 / (1.0 + 0.15 * self.rounds as f32);
        for (b, block) in self.denoising.layout.blocks.iter().enumerate() {
            let mut counts = vec![0.5f32; block.states];
            rows.iter().for_each(|row| counts[row.states[b] as usize] += 1.0);
            let logs = &mut self.tilt.logs[block.at..block.at + block.states];
            for ((log, count), weight) in logs.iter_mut().zip(&counts).zip(&block.weights) {
                let wanted = weight * CALIBRATION_ROWS as f32 + 0.5;
                *log = (*log + power * (wanted / count).ln()).clamp(-MAX_TILT, MAX_TILT);
            }
        }
        for (i, map) in self.maps.iter_mut().enumerate() {
            let mut x: Vec<f32> = rows.iter().map(|row| row.numbers[i]).collect();
            x.sort_by(f32::total_cmp);
            *map = (0..MAP_POINTS).map(|k| x[k * (x.len() - 1) / (MAP_POINTS - 1)]).collect();
        }
        Ok(true)
    }

    /// The denoiser, its network and the fitted tilt.
    pub fn finish(mut self) -> (Denoising, Mlp, Tilt) {
        self.tilt.maps = self.maps;
        (self.denoising, self.net, self.tilt)
    }
}

//! A multiset of mechanisms. Equal ones are counted together, and several Gaussians are replaced by the equivalent one.

use super::focus::Focus;
use crate::engine::privacy::loss::normal::upper_quantile;
use crate::engine::privacy::loss::pld::Pld;
use crate::engine::privacy::loss::sketch::Sketch;
use crate::engine::privacy::mechanisms::Mechanism;
use crate::engine::privacy::mechanisms::facts::Losses;
use crate::engine::{Result, abandon};

#[derive(Debug, Clone, Default)]
pub struct Composition {
    /// Sum of `1 / z^2` over Gaussian mechanisms.
    pub precision: f64,
    /// All others as single steps, with their numbers of uses.
    others: Vec<(Mechanism, u64)>,
}

impl Composition {
    /// # Errors
    /// `InvalidParameter` if a parameter of a mechanism is invalid.
    pub fn of(mechanisms: &[(Mechanism, u64)]) -> Result<Self> {
        let mut all = Self::default();
        for &(mechanism, times) in mechanisms.iter().filter(|(_, times)| *times > 0) {
            mechanism.facts().check()?;
            let uses = mechanism.steps().saturating_mul(times);
            match mechanism.simplified() {
                Some(Mechanism::Gaussian { noise_multiplier }) => {
                    // Its cost is positive, however large the noise.
                    all.precision += (uses as f64 / (noise_multiplier * noise_multiplier)).max(f64::MIN_POSITIVE);
                }
                Some(other) if uses > 0 => all.add(other, uses),
                _ => {}
            }
        }
        Ok(all)
    }

    fn add(&mut self, mechanism: Mechanism, uses: u64) {
        match self.others.iter_mut().find(|(known, _)| *known == mechanism) {
            Some((_, known)) => *known = known.saturating_add(uses),
            None => self.others.push((mechanism, uses)),
        }
    }

    /// The equivalent Gaussian mechanism of all of them, with slightly less noise because of rounding.
    pub fn gaussian(&self) -> Option<f64> {
        (self.precision > 0.0).then(|| (1.0 - 1e-14) / self.precision.sqrt())
    }

    /// Whether there are no other mechanisms.
    pub fn is_gaussian(&self) -> bool {
        self.others.is_empty()
    }

    /// All, with their numbers of uses.
    fn all(&self) -> impl Iterator<Item = (Mechanism, u64)> {
        let gaussian = self.gaussian().map(|noise_multiplier| (Mechanism::Gaussian { noise_multiplier }, 1));
        gaussian.into_iter().chain(self.others.iter().copied())
    }

    /// Number of composed distributions.
    pub fn uses(&self) -> f64 {
        self.all().map(|(_, uses)| uses as f64).sum()
    }

    /// Sum of the epsilons, if all mechanisms have a finite epsilon at delta 0.
    pub fn pure_epsilon(&self) -> f64 {
        self.all().map(|(mechanism, uses)| uses as f64 * mechanism.facts().pure_epsilon()).sum::<f64>() * (1.0 + 1e-12)
    }

    fn is_symmetric(&self) -> bool {
        self.others.iter().all(|(mechanism, _)| mechanism.facts().is_symmetric())
    }

    /// Sketches of both directions, or only one if they are equal.
    pub fn sketches(&self, tail: f64) -> Vec<Vec<Sketch>> {
        let reach = upper_quantile(tail);
        let sketch = |(mechanism, uses): (Mechanism, u64)| Sketch::new(mechanism.facts().sketch(reach), uses as f64);
        let remove: Vec<Sketch> = self.all().map(sketch).collect();
        if self.is_symmetric() {
            return vec![remove];
        }
        let add = remove.iter().map(Sketch::swapped).collect();
        vec![remove, add]
    }

    /// Approximate logarithm of delta at an epsilon.
    pub fn rough_log_delta(&self, epsilon: f64) -> f64 {
        let sketches = self.sketches(1e-30);
        sketches.iter().map(|s| Focus::on_epsilon(s, epsilon, 1e-30).log_delta).fold(f64::NEG_INFINITY, f64::max)
    }

    /// The widest range of any single loss.
    pub fn range(&self, tail: f64) -> f64 {
        let width = |(mechanism, _): (Mechanism, u64)| {
            let (low, high) = mechanism.facts().range(tail);
            high - low
        };
        self.all().map(width).fold(0.0, f64::max)
    }

    /// The distributions on a grid, in the order of [`Composition::sketches`].
    ///
    /// # Errors
    /// `Internal` if the grid would have too many points; `Abandoned`.
    pub fn distributions(&self, step: f64, tail: f64) -> Result<Vec<Vec<(Pld, u64)>>> {
        let (mut remove, mut add) = (Vec::new(), Vec::new());
        for (mechanism, uses) in self.all() {
            abandon::check()?;
            let losses: Losses = mechanism.facts().losses(step, tail)?;
            add.push((losses.add.unwrap_or_else(|| losses.remove.clone()), uses));
            remove.push((losses.remove, uses));
        }
        Ok(if self.is_symmetric() { vec![remove] } else { vec![remove, add] })
    }
}

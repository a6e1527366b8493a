//! Which lattice do the values of a column lie on?
//!
//! One noisy histogram over the coarsest of some public steps that a value is a multiple of; each step divides the one
//! before it. A row counts once, and not at all if it holds 0, which is a multiple of everything: what is left of a
//! column that is nearly always 0 says what the rest is like.

use crate::engine::table::Measure;

/// Steps of whole numbers: powers of ten and five times those, then what microseconds come in: seconds, minutes, five and
/// fifteen of them, hours and days.
const WHOLE: [f64; 14] = [86_400e6, 3_600e6, 900e6, 300e6, 60e6, 1e6, 1e5, 1e4, 1e3, 500.0, 100.0, 50.0, 10.0, 5.0];

/// Steps of real numbers, down to six decimal places.
const REAL: [f64; 18] =
    [1e6, 1e5, 1e4, 1e3, 500.0, 100.0, 50.0, 10.0, 5.0, 1.0, 0.5, 0.1, 0.05, 0.01, 1e-3, 1e-4, 1e-5, 1e-6];

/// Share of rows that may lie off the lattice, to be rounded to it.
const TOLERANCE: f64 = 0.01;

/// By how many standard deviations of their noise the rows off the lattice may seem more than that.
const CERTAINTY: f64 = 3.0;

/// How many standard deviations more would leave them still fewer than a third of all.
const CLARITY: f64 = 2.0;

/// The steps looked for in values of a measure, coarsest first. Whole numbers have a step of 1 in any case.
pub fn candidates(measure: Measure) -> &'static [f64] {
    if measure == Measure::Real { &REAL } else { &WHOLE }
}

/// How many values other than 0 are multiples of each step and of none before it, and of none.
pub fn counts(steps: &[f64], values: &[f64]) -> Vec<u64> {
    let scales: Vec<Scale> = steps.iter().map(|step| Scale::new(*step)).collect();
    let mut counts = vec![0; steps.len() + 1];
    for value in values.iter().filter(|value| **value != 0.0) {
        let class = scales.iter().position(|scale| scale.holds(*value));
        counts[class.unwrap_or(steps.len())] += 1;
    }
    counts
}

/// The coarsest step that nearly all values are multiples of, if there is one; from noisy counts.
pub fn lattice(steps: &[f64], noisy: &[f64], noise_sd: f64) -> Option<f64> {
    let total: f64 = noisy.iter().sum();
    let found = steps.iter().enumerate().find(|(place, _)| {
        let off = &noisy[place + 1..];
        let (rows, noise) = (off.iter().sum::<f64>(), noise_sd * (off.len() as f64).sqrt());
        rows <= TOLERANCE * total + CERTAINTY * noise && rows + CLARITY * noise <= total / 3.0
    });
    found.map(|(_, step)| *step)
}

/// Values in units of a step. Those of steps below 1 are quotients by a whole number: the very numbers that their
/// decimal form denotes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    step: f64,
    per_one: f64,
}

impl Scale {
    /// Units of `step`.
    pub fn new(step: f64) -> Self {
        Self { step, per_one: if step < 1.0 { (1.0 / step).round() } else { 1.0 } }
    }

    /// The step.
    pub fn step(self) -> f64 {
        self.step
    }

    /// How many steps a value is.
    pub fn units(self, value: f64) -> f64 {
        if self.step < 1.0 { value * self.per_one } else { value / self.step }
    }

    /// The value of so many steps.
    pub fn value(self, units: f64) -> f64 {
        if self.step < 1.0 { units / self.per_one } else { units * self.step }
    }

    /// Whether a multiple of the step lies between two bounds, as far as there are any.
    pub fn has_values(self, lo: Option<f64>, hi: Option<f64>) -> bool {
        let (Some(lo), Some(hi)) = (lo, hi) else { return true };
        self.units(lo).ceil() <= self.units(hi).floor()
    }

    /// Whether a multiple of the step is within a few roundings of the value, or is its nearest single-precision
    /// neighbour if the value is of single precision.
    fn holds(self, value: f64) -> bool {
        let units = self.units(value);
        let multiple = self.value(units.round());
        // A decimal with this many digits would fit any number.
        let single = || units.abs() < 1e6 && f64::from(value as f32) == value && multiple as f32 == value as f32;
        multiple == value || (units.abs() < 1e9 && (multiple - value).abs() <= 1e-12 * value.abs()) || single()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step_of(measure: Measure, value: f64) -> Option<f64> {
        let steps = candidates(measure);
        let class = counts(steps, &[value]).iter().position(|count| *count == 1)?;
        Some(steps.get(class).copied().unwrap_or(0.0))
    }

    #[test]
    fn every_step_divides_the_one_before_it() {
        for steps in [&WHOLE[..], &REAL[..]] {
            for pair in steps.windows(2) {
                let times = pair[0] / pair[1];
                assert!(times > 1.5 && (times - times.round()).abs() < 1e-9, "{pair:?}");
            }
        }
    }

    #[test]
    fn values_have_the_step_they_are_written_with() {
        for (value, expected) in [
            (-17.0, 1.0),
            (1e300, 1e6),
            (0.5, 0.5),
            (-0.25, 0.05),
            (1234.56, 0.01),
            (0.1 + 0.2, 0.1),
            (f64::from(0.1f32), 0.1),
            (f64::from(98.76f32), 0.01),
            (1_250.0, 50.0),
            (1e-6, 1e-6),
            (1e-7, 0.0),
            (std::f64::consts::PI, 0.0),
            (1.0 / 3.0, 0.0),
        ] {
            assert_eq!(step_of(Measure::Real, value), Some(expected), "{value}");
        }
        for (value, expected) in [(7.0, 0.0), (-35.0, 5.0), (86_400e6, 86_400e6), (5_400e6, 900e6), (61e6, 1e6)] {
            assert_eq!(step_of(Measure::Lattice, value), Some(expected), "{value}");
        }
        assert_eq!(step_of(Measure::Real, 0.0), None);
    }

    #[test]
    fn a_lattice_is_found_only_where_nearly_all_rows_lie_on_it() {
        let steps = [1.0, 0.1, 0.01, 0.001];
        assert_eq!(lattice(&steps, &[9_000.0, 800.0, -30.0, 10.0, 20.0], 20.0), Some(0.1));
        assert_eq!(lattice(&steps, &[10_000.0, 5.0, -9.0, 12.0, 3.0], 10.0), Some(1.0));
        assert_eq!(lattice(&steps, &[5_000.0, 0.0, 0.0, 0.0, 5_000.0], 10.0), None);
        // Noise is no lattice, and where it leaves doubt a finer one will do.
        assert_eq!(lattice(&steps, &[60.0, -10.0, 30.0, -40.0, 10.0], 50.0), None);
        assert_eq!(lattice(&steps, &[450.0, 0.0, 0.0, 0.0, 0.0], 50.0), Some(0.01));
    }
}

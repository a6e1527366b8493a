//! The accountant: the guarantee of a composition of private mechanisms, and the noise that a guarantee needs.
//!
//! Every answer is an upper bound. Neighbouring tables differ by adding or removing one unit. The two directions are
//! composed separately, because all mechanisms have the same one, and the worse counts. The parameters of all
//! mechanisms must be fixed before the first one runs. Their queries may depend on earlier outputs.

pub mod analytic_gaussian;
mod composition;
mod focus;
pub mod gdp;
#[cfg(test)]
pub mod rdp;

use self::composition::Composition;
use self::focus::Focus;
use super::loss::convolve::{Convolver, Window};
use super::loss::pld::{Epsilon, Pld};
use super::loss::sketch::Sketch;
use super::mechanisms::Mechanism;
use crate::engine::{EngineError, Result, abandon};

/// Maximum increase of the logarithm of delta by the grid.
const GRID_COST: f64 = 3e-4;
/// Bounds of the grid's step, as exponents of 2, and the maximum number of points.
const MAX_STEP: f64 = 1.0 / 2048.0;
const MAX_CELLS: f64 = (1u64 << 20) as f64;
/// Mass outside the window, under the tilted distribution.
const WINDOW_TAIL: f64 = 1e-12;
/// Maximum mass from truncating single losses: relative to delta, or absolute if delta is the unknown.
const RELATIVE_TAIL: f64 = 1e-7;
const ABSOLUTE_TAIL: f64 = 1e-40;
/// Replacement for the logarithm of a delta of 0, relative to the target.
const FAR_BELOW: f64 = -700.0;
/// Range of noise multipliers in a calibration, and its relative tolerance.
const NOISE_RANGE: (f64, f64) = (0.01, 1e7);
const TOLERANCE: f64 = 1e-4;
/// How far the logarithm of the noise multiplier is moved at once: losses with hardly any noise take long to compose.
const MAX_MOVE: f64 = 0.5;

/// The smallest epsilon, rounded up, for which these numbers of uses of the mechanisms are (epsilon, `delta`)-private.
///
/// # Errors
/// `InvalidParameter` if `delta` is not strictly between 0 and 1 or a parameter of a mechanism is invalid.
pub fn epsilon(mechanisms: &[(Mechanism, u64)], delta: f64) -> Result<f64> {
    check_delta(delta)?;
    Accountant::new().epsilon(&Composition::of(mechanisms)?, delta)
}

/// The smallest delta, rounded up, for which they are (`epsilon`, delta)-private.
///
/// # Errors
/// `InvalidParameter` if `epsilon` is negative or NaN, or a parameter of a mechanism is invalid.
pub fn delta(mechanisms: &[(Mechanism, u64)], epsilon: f64) -> Result<f64> {
    check_epsilon(epsilon)?;
    Accountant::new().delta(&Composition::of(mechanisms)?, epsilon, ABSOLUTE_TAIL)
}

/// The same, with an error from truncated losses that is negligible against a `target` delta rather than against any.
///
/// # Errors
/// As [`delta`]; also `InvalidParameter` if `target` is not strictly between 0 and 1.
pub fn delta_near(mechanisms: &[(Mechanism, u64)], epsilon: f64, target: f64) -> Result<f64> {
    check_epsilon(epsilon)?;
    check_delta(target)?;
    let composition = Composition::of(mechanisms)?;
    let tail = RELATIVE_TAIL * target / composition.uses().max(1.0);
    Accountant::new().delta(&composition, epsilon, tail)
}

/// The sum of `1 / z^2` of mechanisms that are all Gaussian, rounded up; `None` if one is not.
///
/// # Errors
/// `InvalidParameter` if a parameter of a mechanism is invalid.
pub fn gaussian_precision(mechanisms: &[(Mechanism, u64)]) -> Result<Option<f64>> {
    let composition = Composition::of(mechanisms)?;
    Ok(composition.is_gaussian().then_some(composition.precision * (1.0 + 1e-14)))
}

/// The smallest noise multiplier `z`, within 1e-4 of it and on the safe side, for which `fixed` and `family(z)`
/// together are (`target_epsilon`, `delta`)-private. In the family, more noise must mean more privacy.
///
/// # Errors
/// `InvalidParameter` if no noise is enough, because `fixed` alone exceeds the target, or if a parameter is invalid.
pub fn calibrate(
    fixed: &[(Mechanism, u64)],
    target_epsilon: f64,
    delta: f64,
    family: impl Fn(f64) -> Vec<(Mechanism, u64)>,
) -> Result<f64> {
    check_delta(delta)?;
    check_epsilon(target_epsilon)?;
    let composition = |noise: f64| Composition::of(&[fixed, &family(noise)].concat());
    let mut accountant = Accountant::new();
    // Logarithm of delta over the target, with a truncation that is negligible against it.
    let mut excess = |noise: f64| -> Result<f64> {
        let composition = composition(noise)?;
        let tail = RELATIVE_TAIL * delta / composition.uses();
        let found = accountant.delta(&composition, target_epsilon, tail)?;
        let excess = (found / delta).ln();
        Ok(if excess.is_nan() { f64::INFINITY } else { excess.max(FAR_BELOW) })
    };
    if Accountant::new().delta(&Composition::of(fixed)?, target_epsilon, ABSOLUTE_TAIL)? >= delta {
        return Err(unreachable(target_epsilon, delta));
    }
    let guess = |noise: f64| -> Result<f64> { Ok(composition(noise)?.rough_log_delta(target_epsilon) - delta.ln()) };
    let bracket = Bracket { unsafe_end: NOISE_RANGE.0.ln(), safe_end: NOISE_RANGE.1.ln() };
    let (start, slope) = bracket.rough_root(guess)?;
    let safe = bracket.close(start, slope, |log_noise| excess(log_noise.exp()))?;
    safe.ok_or_else(|| unreachable(target_epsilon, delta))
}

fn unreachable(epsilon: f64, delta: f64) -> EngineError {
    EngineError::invalid(
        format!("no amount of noise reaches epsilon {epsilon} at delta {delta:e}"),
        "Other releases that share the budget already exceed it.",
        "Raise epsilon or delta, or release less.",
    )
}

/// Bounds of a noise multiplier's logarithm.
struct Bracket {
    unsafe_end: f64,
    safe_end: f64,
}

impl Bracket {
    /// The approximate root of a decreasing function of the noise multiplier, and the function's slope there in its
    /// logarithm.
    fn rough_root(&self, function: impl Fn(f64) -> Result<f64>) -> Result<(f64, f64)> {
        let (mut low, mut high) = (self.unsafe_end, self.safe_end);
        while high - low > 1e-4 {
            abandon::check()?;
            let middle = low.midpoint(high);
            *(if function(middle.exp())? > 0.0 { &mut low } else { &mut high }) = middle;
        }
        let width = 1e-2;
        let slope = (function((high + width).exp())? - function((high - width).exp())?) / (2.0 * width);
        Ok((high, slope.min(-1e-3)))
    }

    /// Narrows the bracket of a decreasing function's root to the tolerance and returns its safe end, if there is one:
    /// secant steps to the root, then a small step to either side of it.
    fn close(mut self, start: f64, mut slope: f64, mut excess: impl FnMut(f64) -> Result<f64>) -> Result<Option<f64>> {
        let mut proven = false;
        let (mut at, mut last): (f64, Option<(f64, f64)>) = (start, None);
        for round in 0..60 {
            let value = excess(at)?;
            *(if value <= 0.0 { &mut self.safe_end } else { &mut self.unsafe_end }) = at;
            proven |= value <= 0.0;
            if self.safe_end - self.unsafe_end <= TOLERANCE {
                break;
            }
            if let Some((x, y)) = last.filter(|&(x, y)| (at - x).abs() > 1e-9 && (value - y) / (at - x) < 0.0) {
                slope = (value - y) / (at - x);
            }
            last = Some((at, value));
            let root = at - value / slope;
            let near_safe = self.safe_end - root < 0.6 * TOLERANCE;
            let next = if near_safe { root - 0.35 * TOLERANCE } else { root + 0.25 * TOLERANCE };
            let inside = next > self.unsafe_end && next < self.safe_end && round < 20;
            let next = if inside { next } else { self.unsafe_end.midpoint(self.safe_end) };
            at = next.clamp(at - MAX_MOVE, at + MAX_MOVE);
        }
        Ok(proven.then(|| self.safe_end.exp()))
    }
}

/// The requested figure of a composition.
#[derive(Debug, Clone, Copy)]
enum CalibrationTarget {
    Delta { epsilon: f64 },
    Epsilon { delta: f64 },
}

/// State that repeated questions share.
struct Accountant {
    convolver: Convolver,
    /// The grid of the last answer. Similar questions use the same grid, so that answers are smooth.
    step: Option<f64>,
}

impl Accountant {
    fn new() -> Self {
        Self { convolver: Convolver::new(), step: None }
    }

    fn delta(&mut self, composition: &Composition, epsilon: f64, tail: f64) -> Result<f64> {
        if composition.uses() == 0.0 || epsilon >= composition.pure_epsilon() {
            return Ok(0.0);
        }
        if let Some(noise) = composition.gaussian().filter(|_| composition.is_gaussian()) {
            return Ok(analytic_gaussian::delta(noise, epsilon));
        }
        self.worst(composition, CalibrationTarget::Delta { epsilon }, tail)
    }

    fn epsilon(&mut self, composition: &Composition, delta: f64) -> Result<f64> {
        if composition.uses() == 0.0 {
            return Ok(0.0);
        }
        if let Some(noise) = composition.gaussian().filter(|_| composition.is_gaussian()) {
            return Ok(analytic_gaussian::epsilon(noise, delta));
        }
        let tail = RELATIVE_TAIL * delta / composition.uses();
        Ok(self.worst(composition, CalibrationTarget::Epsilon { delta }, tail)?.min(composition.pure_epsilon()))
    }

    /// The larger answer of the two directions.
    fn worst(&mut self, composition: &Composition, goal: CalibrationTarget, tail: f64) -> Result<f64> {
        abandon::check()?;
        let sketches = composition.sketches(tail);
        let focuses: Vec<Focus> = sketches
            .iter()
            .map(|sketches| match goal {
                CalibrationTarget::Delta { epsilon } => Focus::on_epsilon(sketches, epsilon, tail),
                CalibrationTarget::Epsilon { delta } => Focus::on_delta(sketches, delta),
            })
            .collect();
        let step = self.step(composition, goal, &sketches, &focuses, tail);
        let sides = composition.distributions(step, tail)?;
        let mut worst: f64 = 0.0;
        for ((parts, sketches), focus) in sides.iter().zip(&sketches).zip(focuses) {
            abandon::check()?;
            let side = self.one_side(parts, sketches, focus, goal)?;
            if side.is_nan() {
                return Err(UNSOLVED);
            }
            worst = worst.max(side);
        }
        Ok(worst)
    }

    /// A grid fine enough for the composition and coarse enough for memory.
    ///
    /// Splitting a loss raises its variance by `step^2 / 6` on average and keeps its moments at tilts 0 and -1, so it
    /// raises the logarithm of its moment at tilt `t`, and with it that of delta, by about `t (t + 1) step^2 / 12`.
    fn step(
        &mut self,
        composition: &Composition,
        goal: CalibrationTarget,
        sketches: &[Vec<Sketch>],
        focuses: &[Focus],
        tail: f64,
    ) -> f64 {
        let (mut fine, mut coarse) = (MAX_STEP, composition.range(tail) / MAX_CELLS);
        // The less important direction may lose up to a quarter of its distance.
        let reserve = |focus: &Focus| match goal {
            CalibrationTarget::Delta { .. } => top(focuses, |f| f.log_delta) - focus.log_delta,
            CalibrationTarget::Epsilon { .. } => (top(focuses, |f| f.centre) - focus.centre) * focus.tilt,
        };
        for (focus, sketches) in focuses.iter().zip(sketches) {
            let (tilt, cost) = (focus.tilt.max(1.0).max(1.0 / focus.spread), GRID_COST.max(0.25 * reserve(focus)));
            fine = f64::min(fine, (12.0 * cost / (composition.uses() * tilt * (tilt + 1.0))).sqrt());
            let (low, high, _) = focus.window(sketches, WINDOW_TAIL);
            coarse = coarse.max((high - low) / MAX_CELLS);
        }
        let wanted = fine.max(coarse);
        let step = self.step.filter(|last| *last >= coarse && (0.7..1.4).contains(&(last / wanted)));
        // A number with three binary digits, so that multiples are exact.
        let unit = wanted.log2().floor().exp2() / 4.0;
        let step = step.unwrap_or_else(|| unit * (wanted / unit).ceil());
        self.step = Some(step);
        step
    }

    fn one_side(
        &mut self,
        parts: &[(Pld, u64)],
        sketches: &[Sketch],
        focus: Focus,
        goal: CalibrationTarget,
    ) -> Result<f64> {
        if let [(pld, 1)] = parts {
            return Ok(match goal {
                CalibrationTarget::Delta { epsilon } => pld.delta(epsilon),
                CalibrationTarget::Epsilon { delta } => match pld.epsilon(delta) {
                    Epsilon::At(epsilon) => epsilon.max(0.0),
                    Epsilon::Below(epsilon) => epsilon.max(0.0),
                    Epsilon::Above => return Err(UNSOLVED),
                },
            });
        }
        if let CalibrationTarget::Delta { epsilon } = goal
            && let Some(bound) = beyond(parts, epsilon)
        {
            return Ok(bound);
        }
        let mut focus = focus;

        for _ in 0..8 {
            abandon::check()?;
            let composed = self.compose(parts, sketches, &focus);
            match goal {
                CalibrationTarget::Delta { epsilon } => return Ok(composed.delta(epsilon)),
                CalibrationTarget::Epsilon { delta } => match composed.epsilon(delta) {
                    Epsilon::At(epsilon) => return Ok(epsilon.max(0.0)),
                    Epsilon::Below(bound) if bound <= 0.0 || focus.tilt == 0.0 => return Ok(bound.max(0.0)),
                    Epsilon::Below(_) => {
                        let tilt = if focus.tilt > 0.01 { 0.5 * focus.tilt } else { 0.0 };
                        focus = focus.with_tilt(sketches, tilt);
                    }
                    Epsilon::Above => focus = focus.with_tilt(sketches, 2.0 * focus.tilt.max(0.5)),
                },
            }
        }
        Err(UNSOLVED)
    }

    fn compose(&mut self, parts: &[(Pld, u64)], sketches: &[Sketch], focus: &Focus) -> Pld {
        let (lowest, highest, further) = focus.window(sketches, WINDOW_TAIL);
        let parts: Vec<(&Pld, u64)> = parts.iter().map(|(pld, times)| (pld, *times)).collect();
        let (step, total) = (parts[0].0.step, |end: fn(&Pld) -> i64| -> f64 {
            parts.iter().map(|&(pld, times)| end(pld) as f64 * times as f64).sum()
        });
        let window = Window {
            tilt: focus.tilt,
            lowest: lowest.max(total(|pld| pld.first) * step),
            highest: highest.min(total(Pld::last) * step),
            further,
        };
        self.convolver.compose(&parts, window)
    }
}

/// The largest value over the directions.
fn top(focuses: &[Focus], value: impl Fn(&Focus) -> f64) -> f64 {
    focuses.iter().map(value).fold(f64::NEG_INFINITY, f64::max)
}

/// Delta of a composition whose finite losses cannot exceed `epsilon`.
fn beyond(parts: &[(Pld, u64)], epsilon: f64) -> Option<f64> {
    let highest: f64 =
        parts.iter().map(|(pld, times)| (pld.loss(pld.mass.len() - 1) + pld.shift) * *times as f64).sum();
    let infinite: f64 = parts.iter().map(|(pld, times)| pld.infinity * *times as f64).sum();
    if infinite.is_nan() {
        return Some(1.0);
    }
    (highest + 1e-12 * highest.abs() <= epsilon).then(|| infinite.min(1.0))
}

const UNSOLVED: EngineError = EngineError::Internal("the accountant found no bound");

fn check_delta(delta: f64) -> Result<()> {
    if delta > 0.0 && delta < 1.0 {
        return Ok(());
    }
    Err(EngineError::invalid(
        "delta must be greater than 0 and less than 1",
        "Delta bounds the probability with which the guarantee of epsilon may fail.",
        "Choose a delta far below one over the number of rows, such as 1e-6.",
    ))
}

fn check_epsilon(epsilon: f64) -> Result<()> {
    if epsilon >= 0.0 && epsilon.is_finite() {
        return Ok(());
    }
    Err(EngineError::invalid(
        "epsilon must be a finite number of at least 0",
        "Epsilon bounds how much one unit can change the released information.",
        "Values from 0.1 to 10 are common; 1 is a good start.",
    ))
}

#[cfg(test)]
mod tests;

//! Curves that one number follows another along: straight between ascending knots, and flat beyond them, or a constant
//! difference everywhere.

use serde::{Deserialize, Serialize};

use super::calendar::month_of;
use crate::engine::table::{Bin, Part};

/// Knots of a curve through quantiles.
const KNOTS: usize = 64;

/// A released curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Curve {
    /// The other number itself.
    Same,
    /// `intercept + slope * x`.
    Line { slope: f64, intercept: f64 },
    /// Points `(x, y)` with ascending x.
    Knots(Vec<(f64, f64)>),
    /// The number of the month that x lies in, which counts so many units a day from the beginning of `first_day` on.
    Month { per_day: f64, first_day: f64 },
}

impl Curve {
    /// The curve's value.
    pub fn at(&self, x: f64) -> f64 {
        match self {
            Self::Same => x,
            Self::Line { slope, intercept } => intercept + slope * x,
            Self::Month { per_day, first_day } => month_of((x / per_day).floor() + first_day),
            Self::Knots(knots) => {
                let place = knots.partition_point(|knot| knot.0 <= x);
                match (place.checked_sub(1).map(|before| knots[before]), knots.get(place)) {
                    (Some(left), Some(right)) => left.1 + (right.1 - left.1) * ((x - left.0) / (right.0 - left.0)),
                    (Some(last), None) => last.1,
                    (None, Some(first)) => first.1,
                    (None, None) => 0.0,
                }
            }
        }
    }

    /// Whether all its numbers are finite and its knots ascend.
    pub fn is_valid(&self) -> bool {
        match self {
            Self::Same => true,
            Self::Line { slope, intercept } => slope.is_finite() && intercept.is_finite(),
            Self::Month { per_day, first_day } => *per_day >= 1.0 && per_day.is_finite() && first_day.is_finite(),
            Self::Knots(knots) => {
                !knots.is_empty()
                    && knots.iter().all(|(x, y)| x.is_finite() && y.is_finite())
                    && knots.is_sorted_by(|a, b| a.0 < b.0)
            }
        }
    }

    /// The curve on which two numbers with these bins have equal ranks, or ranks that add up to one: where one determines
    /// the other monotonously, this is how. Nothing if the first hardly varies.
    pub fn through_quantiles(x: &[Bin], y: &[Bin], falling: bool) -> Option<Self> {
        let (x, y) = (Quantiles::new(x)?, Quantiles::new(y)?);
        let mut knots: Vec<(f64, f64)> = Vec::new();
        for place in 0..=KNOTS {
            let share = (place as f64 / KNOTS as f64).clamp(0.002, 0.998);
            let knot = (x.at(share), y.at(if falling { 1.0 - share } else { share }));
            if knots.last().is_none_or(|last| knot.0 > last.0) {
                knots.push(knot);
            }
        }
        (knots.len() >= 2).then_some(Self::Knots(knots))
    }

    /// How far its knots, without the outermost, lie from another curve: the root of the mean of the squares.
    pub fn distance_from(&self, other: &Self) -> f64 {
        let Self::Knots(knots) = self else { return 0.0 };
        let knots = inner(knots);
        let squares: f64 = knots.iter().map(|(x, y)| (y - other.at(*x)).powi(2)).sum();
        (squares / knots.len().max(1) as f64).sqrt()
    }

    /// The straight line nearest to the knots, by least squares over ranks without the outermost.
    pub fn straightened(&self) -> Option<Self> {
        let Self::Knots(knots) = self else { return None };
        let knots = inner(knots);
        let n = knots.len() as f64;
        let (mx, my) = (knots.iter().map(|k| k.0).sum::<f64>() / n, knots.iter().map(|k| k.1).sum::<f64>() / n);
        let sxx: f64 = knots.iter().map(|k| (k.0 - mx).powi(2)).sum();
        let sxy: f64 = knots.iter().map(|k| (k.0 - mx) * (k.1 - my)).sum();
        let slope = sxy / sxx;
        let line = Self::Line { slope, intercept: my - slope * mx };
        (sxx > 0.0 && line.is_valid()).then_some(line)
    }
}

/// Knots without the outermost, which noise and tails move most.
fn inner(knots: &[(f64, f64)]) -> &[(f64, f64)] {
    let outer = knots.len() / 16;
    &knots[outer..knots.len() - outer]
}

/// The quantiles of a released histogram.
pub struct Quantiles<'a> {
    parts: Vec<(&'a Part, f64)>,
    total: f64,
}

impl<'a> Quantiles<'a> {
    /// Nothing if no rows are known.
    pub fn new(bins: &'a [Bin]) -> Option<Self> {
        let mut total = 0.0;
        let parts = bins.iter().flat_map(|bin| &bin.parts).filter(|part| part.weight > 0.0);
        let parts: Vec<(&Part, f64)> = parts
            .map(|part| {
                total += part.weight;
                (part, total)
            })
            .collect();
        (total > 0.0).then_some(Self { parts, total })
    }

    /// The value below which this share of rows lies.
    pub fn at(&self, share: f64) -> f64 {
        let wanted = share * self.total;
        let place = self.parts.partition_point(|(_, up_to)| *up_to < wanted).min(self.parts.len() - 1);
        let (part, up_to) = self.parts[place];
        let within = (1.0 - (up_to - wanted) / part.weight).clamp(0.0, 1.0);
        part.lo + (part.hi - part.lo) * within
    }
}

//! Time as people keep it: where a moment lies in its day, week or month. Bins of moments are wider than that, so a model
//! that knows only bins would forget office hours, weekdays and the first of the month.

use serde::{Deserialize, Serialize};

use super::calendar::{FIRST_DAY, date_of, days_of};
use crate::engine::table::{BlockColumn, Column};

/// The place of a column's moments in a cycle. Turned back, it moves moments to the nearest ones in that place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cycle {
    pub column: usize,
    pub period: Period,
    /// The column's units in a day, from the beginning of 2000-01-01 on.
    pub per_day: f64,
    /// Its released range: moments beyond it are not made.
    pub lo: f64,
    pub hi: f64,
}

/// How long a cycle is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Period {
    /// The place is the time of day, in the column's units.
    Day,
    /// The place is the day of the week, from 0 on, Saturday.
    Week,
    /// The place is the day of the month; the last day of every month is the 31st.
    Month,
}

/// Days that are told apart.
const KNOWN_DAYS: f64 = 4e6;
const LAST_OF_MONTH: i64 = 31;
const WEEK: f64 = 7.0;

impl Cycle {
    /// Whether it can be decoded with.
    pub fn is_valid(&self) -> bool {
        self.lo.is_finite()
            && self.hi.is_finite()
            && self.lo <= self.hi
            && self.per_day.is_finite()
            && self.per_day >= 1.0
    }

    /// The column that models see. Rows whose moment is missing are anywhere in the cycle.
    pub fn of_column(&self, of: &[Column]) -> Column {
        Column { nullable: false, declared: None, ..of[self.column].clone() }
    }

    /// The places of a column.
    pub fn encode(&self, column: &BlockColumn) -> BlockColumn {
        let mut places = BlockColumn::numbers();
        (0..column.rows()).for_each(|row| places.push_number(column.number(row).and_then(|moment| self.place(moment))));
        places
    }

    /// The moments moved to their places.
    pub fn decode(&self, column: &BlockColumn, places: &BlockColumn) -> BlockColumn {
        let mut moved = BlockColumn::numbers();
        for row in 0..column.rows() {
            let to = |moment| places.number(row).map_or(moment, |place| self.moved(moment, place));
            moved.push_number(column.number(row).map(to));
        }
        moved
    }

    /// Where a moment lies; nothing of what is no moment.
    pub fn place(&self, moment: f64) -> Option<f64> {
        let day = (moment / self.per_day).floor();
        if !moment.is_finite() || day.abs() > KNOWN_DAYS {
            return None;
        }
        Some(match self.period {
            Period::Day => moment - day * self.per_day,
            Period::Week => day.rem_euclid(WEEK),
            Period::Month => {
                let (year, month, day) = date_of((day + FIRST_DAY) as i64);
                (if day == days_of(year, month) { LAST_OF_MONTH } else { day }) as f64
            }
        })
    }

    /// The nearest moment of the released range in such a place.
    fn moved(&self, moment: f64, place: f64) -> f64 {
        let Some(now) = self.place(moment) else { return moment };
        let moved = match self.period {
            Period::Day => moment - now + place.clamp(0.0, self.per_day - 1.0),
            Period::Week => {
                let days = (place - now + 3.0).rem_euclid(WEEK) - 3.0;
                self.nearest(moment, [days - WEEK, days, days + WEEK].map(Some))
            }
            Period::Month => {
                let (year, month, day) = date_of(((moment / self.per_day).floor() + FIRST_DAY) as i64);
                let before = if month == 1 { days_of(year - 1, 12) } else { days_of(year, month - 1) };
                let this = days_of(year, month);
                let after = if month == 12 { days_of(year + 1, 1) } else { days_of(year, month + 1) };
                // Some months have no 29th or 30th besides their last day.
                let of_month = |first: i64, days: i64| match place.round() as i64 {
                    LAST_OF_MONTH => Some(first + days - day),
                    place => (1..days).contains(&place).then_some(first + place - day),
                };
                let days = [of_month(-before, before), of_month(0, this), of_month(this, after)];
                self.nearest(moment, days.map(|days| days.map(|days| days as f64)))
            }
        };
        moved.clamp(self.lo, self.hi)
    }

    /// The moment moved by that number of days which takes it least far, and not out of the released range.
    fn nearest(&self, moment: f64, days: [Option<f64>; 3]) -> f64 {
        let inside = |days: &f64| (self.lo..=self.hi).contains(&(moment + days * self.per_day));
        let least = days.into_iter().flatten().filter(inside).min_by(|a, b| a.abs().total_cmp(&b.abs()));
        moment + least.unwrap_or(0.0) * self.per_day
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cycle(period: Period, per_day: f64) -> Cycle {
        Cycle { column: 0, period, per_day, lo: -4_000.0 * per_day, hi: 10_000.0 * per_day }
    }

    /// 2000-01-01 was a Saturday.
    #[test]
    fn places_are_those_of_the_calendar() {
        let month = cycle(Period::Month, 1.0);
        for (day, place) in [(0, 1), (29, 30), (30, 31), (31, 1), (58, 28), (59, 31), (60, 1), (-1, 31), (365, 31)] {
            assert_eq!(month.place(f64::from(day)), Some(f64::from(place)), "day {day}");
        }
        let week = cycle(Period::Week, 24.0);
        assert_eq!([week.place(0.0), week.place(47.0), week.place(-1.0)], [Some(0.0), Some(1.0), Some(6.0)]);
        assert_eq!(cycle(Period::Day, 24.0).place(-1.0), Some(23.0));
        assert_eq!(week.place(1e300), None);
        assert_eq!(week.place(f64::NAN), None);
    }

    #[test]
    fn moments_move_to_the_nearest_in_their_place() {
        for (period, places, farthest) in [(Period::Week, 0..7, 3.0), (Period::Month, 1..32, 31.0)] {
            let cycle = cycle(period, 1.0);
            for day in -3_000..9_000 {
                for place in places.clone() {
                    let moved = cycle.moved(f64::from(day), f64::from(place));
                    assert_eq!(cycle.place(moved), Some(f64::from(place)), "{period:?}: {day} to {place}");
                    assert!((moved - f64::from(day)).abs() <= farthest);
                }
            }
        }
        let day = cycle(Period::Day, 86_400.0);
        assert_eq!(day.moved(3.0 * 86_400.0 + 5.0, 32_400.0), 3.0 * 86_400.0 + 32_400.0);
    }

    #[test]
    fn moments_stay_in_their_range() {
        let narrow = |period, lo, hi| Cycle { lo, hi, ..cycle(period, 1.0) };
        for (cycle, places) in [(narrow(Period::Week, 10.0, 12.0), 7), (narrow(Period::Month, 40.0, 70.0), 32)] {
            for day in cycle.lo as i32..=cycle.hi as i32 {
                for place in 0..places {
                    assert!((cycle.lo..=cycle.hi).contains(&cycle.moved(f64::from(day), f64::from(place))));
                }
            }
        }
    }

    #[test]
    fn what_is_missing_stays_missing() {
        let cycle = cycle(Period::Day, 10.0);
        let numbers = |values: [Option<f64>; 3]| {
            let mut column = BlockColumn::numbers();
            values.iter().for_each(|value| column.push_number(*value));
            column
        };
        let decoded = cycle.decode(&numbers([None, Some(12.0), Some(12.0)]), &numbers([Some(1.0), None, Some(7.0)]));
        assert_eq!([0, 1, 2].map(|row| decoded.number(row)), [None, Some(12.0), Some(17.0)]);
    }
}

//! Dates that are written as whole numbers: 20230623, or 202306 for a month. Read as the number of their day or month, so
//! that what lies between two dates is a date.

use serde::{Deserialize, Serialize};

use crate::engine::table::{Block, BlockColumn, Cells, Domain};

/// How dates are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Calendar {
    /// Year, month and day: 20230623.
    Days,
    /// Year and month: 202306.
    Months,
}

/// Years of dates that are recognised as such, and that can be read.
const USUAL_YEARS: std::ops::RangeInclusive<i64> = 1900..=2100;
const YEARS: std::ops::RangeInclusive<i64> = 1..=9999;
/// Days beyond this number are not told apart.
const MAX_DAY: f64 = 4e6;
/// The number of 2000-01-01.
pub const FIRST_DAY: f64 = 730_120.0;

impl Calendar {
    /// How a number is written, if it is a date of our time.
    pub fn of(written: f64) -> Option<Self> {
        let usual = |calendar: &Self| {
            let year = (written / calendar.per_year()).floor() as i64;
            USUAL_YEARS.contains(&year) && calendar.number(written).is_some()
        };
        [Self::Days, Self::Months].into_iter().find(usual)
    }

    fn per_year(self) -> f64 {
        match self {
            Self::Days => 10_000.0,
            Self::Months => 100.0,
        }
    }

    /// The number of the day or month; nothing if no date is written so.
    pub fn number(self, written: f64) -> Option<f64> {
        if !(written.fract() == 0.0 && (0.0..1e9).contains(&written)) {
            return None;
        }
        let digits = written as i64;
        let (year, month, day) = match self {
            Self::Days => (digits / 10_000, digits / 100 % 100, digits % 100),
            Self::Months => (digits / 100, digits % 100, 1),
        };
        let is_date = YEARS.contains(&year) && (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
        is_date.then(|| match self {
            Self::Days => days_before(year, month) + day,
            Self::Months => 12 * year + month - 1,
        } as f64)
    }

    /// How the day or month of a number is written. Numbers beyond all years are those of the first or the last.
    pub fn written(self, number: f64) -> f64 {
        let written = match self {
            Self::Months => {
                let months = (number.round() as i64).clamp(12 * YEARS.start(), 12 * YEARS.end() + 11);
                months / 12 * 100 + months % 12 + 1
            }
            Self::Days => {
                let (first, last) = (days_before(*YEARS.start(), 1) + 1, days_before(YEARS.end() + 1, 1));
                let (year, month, day) = date_of((number.round() as i64).clamp(first, last));
                year * 10_000 + month * 100 + day
            }
        };
        written as f64
    }

    /// Reads a column. What is no date is missing.
    pub fn read(self, column: &BlockColumn) -> BlockColumn {
        self.each(column, |written| self.number(written))
    }

    /// Writes a column that was read.
    pub fn write(self, column: &BlockColumn) -> BlockColumn {
        self.each(column, |number| Some(self.written(number)))
    }

    fn each(self, column: &BlockColumn, change: impl Fn(f64) -> Option<f64>) -> BlockColumn {
        let mut changed = BlockColumn::numbers();
        (0..column.rows()).for_each(|row| changed.push_number(column.number(row).and_then(&change)));
        changed
    }

    /// A domain of numbers as one of dates.
    pub fn write_domain(self, domain: &Domain) -> Domain {
        let mut written = domain.clone();
        if let Cells::Bins { bins, .. } = &mut written.cells {
            for part in bins.iter_mut().flat_map(|bin| &mut bin.parts) {
                (part.lo, part.hi) = (self.written(part.lo), self.written(part.hi));
            }
        }
        written
    }
}

/// Reads the columns of a block that are dates.
pub fn read(calendars: &[(usize, Calendar)], block: &Block) -> Block {
    let mut read = block.clone();
    for (column, calendar) in calendars {
        read.columns[*column] = calendar.read(&block.columns[*column]);
    }
    read
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// The number of the month of a day.
pub fn month_of(day: f64) -> f64 {
    let (year, month, _) = date_of(day.clamp(-MAX_DAY, MAX_DAY) as i64);
    (12 * year + month - 1) as f64
}

/// Year, month and day of the month, of a day's number.
pub fn date_of(days: i64) -> (i64, i64, i64) {
    // A cycle of all leap years lasts 400 years.
    let cycle = days_before(401, 1);
    let (cycles, days) = ((days - 1).div_euclid(cycle), (days - 1).rem_euclid(cycle) + 1);
    let mut year = (days / 366).max(1);
    while days > days_before(year + 1, 1) {
        year += 1;
    }
    let month = (1..=12).rev().find(|month| days > days_before(year, *month)).unwrap_or(1);
    (year + 400 * cycles, month, days - days_before(year, month))
}

pub fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days before a month, from the first day of year 1 on.
fn days_before(year: i64, month: i64) -> i64 {
    let years = year - 1;
    let of_years = 365 * years + years / 4 - years / 100 + years / 400;
    of_years + (1..month).map(|month| days_of(year, month)).sum::<i64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_there_and_back() {
        let mut last = None;
        for days in 0..3_652_059 {
            // All of some centuries, and some of all.
            if days % 97 > 0 && !(690_000..740_000).contains(&days) {
                last = None;
                continue;
            }
            let written = Calendar::Days.written(days as f64 + 1.0);
            assert_eq!(Calendar::Days.number(written), Some(days as f64 + 1.0), "{written}");
            assert!(last.is_none_or(|last| written > last));
            last = Some(written);
        }
        assert_eq!(Calendar::Days.number(20_240_301.0).unwrap() - Calendar::Days.number(20_240_228.0).unwrap(), 2.0);
        assert_eq!(Calendar::Days.written(f64::MAX), 99_991_231.0);
        assert_eq!(Calendar::Days.written(-5.0), 10_101.0);
        for months in 12..120_000 {
            let written = Calendar::Months.written(f64::from(months));
            assert_eq!(Calendar::Months.number(written), Some(f64::from(months)));
        }
    }

    #[test]
    fn what_is_no_date_is_not_read_as_one() {
        for written in
            [20_230_699.0, 20_231_305.0, 20_230_229.0, 20_230_600.0, 0.0, -20_230_623.0, 20_230_623.5, f64::NAN]
        {
            assert_eq!(Calendar::Days.number(written), None, "{written}");
        }
        assert_eq!(Calendar::of(20_230_623.0), Some(Calendar::Days));
        assert_eq!(Calendar::of(202_306.0), Some(Calendar::Months));
        for written in [202_313.0, 150_001.0, 12_345.0, 18_000_101.0, f64::INFINITY] {
            assert_eq!(Calendar::of(written), None, "{written}");
        }
    }
}

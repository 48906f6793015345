//! Calendar days and the time stamps of pages. Knows no clock: every day is asked for by number.

use base::rng::Rng;
use std::fmt;

/// A day of the Gregorian calendar, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub i32);

impl Day {
    /// The day with this year, month (1-12) and day of the month (1-31).
    pub fn new(year: i32, month: i32, day: i32) -> Day {
        // Howard Hinnant's days_from_civil.
        let y = if month <= 2 { year - 1 } else { year };
        let era = y.div_euclid(400);
        let yoe = y - era * 400;
        let doy = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
        let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
        Day(era * 146_097 + doe - 719_468)
    }

    /// Year, month and day of the month.
    pub fn civil(self) -> (i32, i32, i32) {
        // Howard Hinnant's civil_from_days.
        let z = self.0 + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z - era * 146_097;
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        (yoe + era * 400 + i32::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
    }

    /// A uniformly drawn day from `first` to `last`, both included.
    pub fn between(rng: &mut Rng, first: Day, last: Day) -> Day {
        Day(rng.range(i64::from(first.0), i64::from(last.0)) as i32)
    }

    /// A time stamp on this day as WARC and FineWeb write it, `2024-05-03T10:22:31Z`.
    pub fn stamp(self, rng: &mut Rng) -> String {
        format!("{self}T{:02}:{:02}:{:02}Z", rng.below(24), rng.below(60), rng.below(60))
    }

    /// The day as people write it: "3 May 2024".
    pub fn spoken(self) -> String {
        const MONTHS: [&str; 12] =
            ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
        let (year, month, day) = self.civil();
        format!("{day} {} {year}", MONTHS[month as usize - 1])
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// The first day that a model trained with the default cutoff has not read about.
pub fn cutoff() -> Day {
    Day::new(2026, 1, 1)
}

/// A time stamp somewhere in the five years before the cutoff.
pub fn before_cutoff(rng: &mut Rng) -> String {
    Day::between(rng, Day::new(2021, 1, 1), Day(cutoff().0 - 1)).stamp(rng)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_agree() {
        for (day, text) in [(0, "1970-01-01"), (11_016, "2000-02-29"), (19_782, "2024-02-29"), (20_454, "2026-01-01")] {
            assert_eq!(Day(day).to_string(), text);
            let (y, m, d) = Day(day).civil();
            assert_eq!(Day::new(y, m, d), Day(day));
        }
        assert_eq!(cutoff().to_string(), "2026-01-01");
        assert_eq!(Day::new(2024, 5, 3).spoken(), "3 May 2024");
    }
}

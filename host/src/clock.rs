//! Times of day, as they are written down (RFC 3339 in UTC) and as people read them.

use std::time::{SystemTime, UNIX_EPOCH};

/// Now, such as `2026-11-24T18:40:16.523Z`.
pub fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    written(since.as_secs(), since.subsec_millis())
}

/// The minute `seconds` after 1970, for people: `2026-11-24 18:40`.
pub fn minute(seconds: u64) -> String {
    written(seconds, 0).chars().take(16).map(|char| if char == 'T' { ' ' } else { char }).collect()
}

/// Seconds since 1970 of a time in UTC such as `2026-11-24T18:40:16.5Z`.
pub fn epoch_seconds(time: &str) -> Option<f64> {
    let (date, clock) = time.strip_suffix(['Z', 'z'])?.split_once(['T', 't', ' '])?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let mut clock = clock.splitn(3, ':').map(|part| part.parse::<f64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    Some(days(year, month, day) as f64 * 86_400.0 + hour * 3600.0 + minute * 60.0 + second)
}

/// `24 November 2026, 18:40 UTC`; the text itself when it is no time.
pub fn readable(time: &str) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let parts = || {
        epoch_seconds(time)?;
        let (year, rest) = time.split_once('-')?;
        let (month, day) = (rest.get(..2)?.parse::<usize>().ok()?, rest.get(3..5)?);
        let clock = rest.get(6..11)?;
        let day = day.trim_start_matches('0');
        Some(format!("{day} {} {year}, {clock} UTC", MONTHS.get(month.checked_sub(1)?)?))
    };
    parts().unwrap_or_else(|| time.to_owned())
}

/// The time `seconds` and `millis` after 1970.
fn written(seconds: u64, millis: u32) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (hour, minute, second) = (second / 3600, second % 3600 / 60, second % 60);
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Year, month and day of the Gregorian calendar, `days` after 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    // Years are counted from March, so that the leap day is the last of its year; eras have 400.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let leap_days = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // The year starts in March, so that the leap day is its last.
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::{epoch_seconds, minute, readable, written};

    #[test]
    fn seconds_since_1970_are_times() {
        for (seconds, millis, time) in [
            (0, 0, "1970-01-01T00:00:00.000Z"),
            (951_825_600, 0, "2000-02-29T12:00:00.000Z"),
            (1_709_251_199, 999, "2024-02-29T23:59:59.999Z"),
            (1_795_545_616, 500, "2026-11-24T18:40:16.500Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(written(seconds, millis), time);
        }
        assert_eq!(minute(1_795_545_616), "2026-11-24 18:40");
    }

    #[test]
    fn times_are_seconds_since_1970() {
        for (time, seconds) in [
            ("1970-01-01T00:00:00Z", 0.0),
            ("2000-02-29T12:00:00Z", 951_825_600.0),
            ("2026-11-24T18:40:16.5Z", 1_795_545_616.5),
        ] {
            assert_eq!(epoch_seconds(time), Some(seconds), "{time}");
        }
        for broken in ["", "yesterday", "2026-13-01T00:00:00Z", "2026-11-24T18:40:16"] {
            assert_eq!(epoch_seconds(broken), None, "{broken}");
        }
    }

    #[test]
    fn dates_are_words() {
        assert_eq!(readable("2026-11-04T18:40:16.5Z"), "4 November 2026, 18:40 UTC");
        assert_eq!(readable("whenever"), "whenever");
    }
}

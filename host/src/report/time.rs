//! RFC 3339 times, as far as reports need them.

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
    use super::*;

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

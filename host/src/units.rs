//! Bytes and seconds as people write and read them.

use std::time::Duration;

const KIB: f64 = 1024.0;

/// `82.5 MiB`.
pub fn bytes(count: f64) -> String {
    let mib = count / (KIB * KIB);
    if count < KIB {
        format!("{count:.0} B")
    } else if mib < 1.0 {
        format!("{:.1} KiB", count / KIB)
    } else if mib < KIB {
        format!("{mib:.1} MiB")
    } else {
        format!("{:.2} GiB", mib / KIB)
    }
}

/// `6 min 53 s`, coarser the longer it is.
pub fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    if seconds < 0.9995 {
        return format!("{:.0} ms", seconds * 1000.0);
    }
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and no run takes 2^64 seconds"
    )]
    let whole = seconds.round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest} s"),
        (0, _) => format!("{minutes} min {rest} s"),
        (_, _) => format!("{hours} h {minutes} min"),
    }
}

/// The time that `text` says: `90s`, `10m`, `1h`, `1h30m`; a bare number is seconds.
///
/// # Errors
/// A sentence when it is no time.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time: write `90s`, `10m` or `1h30m`");
    let (mut seconds, mut rest) = (0.0, text.trim());
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.');
        let (number, unit) = rest.split_at(end.unwrap_or(rest.len()));
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let end = unit.find(|letter: char| letter.is_ascii_digit()).unwrap_or(unit.len());
        let (unit, after) = unit.split_at(end);
        seconds += number
            * match unit.trim() {
                "" | "s" | "sec" => 1.0,
                "m" | "min" => 60.0,
                "h" => 3600.0,
                _ => return Err(wrong()),
            };
        rest = after;
    }
    let is_some = seconds > 0.0;
    Duration::try_from_secs_f64(seconds).ok().filter(|_| is_some).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{bytes, duration, parse_duration};

    #[test]
    fn times_have_units() {
        for (text, seconds) in
            [("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("2 h", 7200)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "0s", "soon", "3 days", "-1s", "m"] {
            assert!(parse_duration(text).unwrap_err().contains("is no time"), "{text}");
        }
    }

    #[test]
    fn sizes_are_binary() {
        for (count, text) in [
            (512.0, "512 B"),
            (2048.0, "2.0 KiB"),
            (86_507_520.0, "82.5 MiB"),
            (1.61e9, "1.50 GiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn durations_get_coarser() {
        for (seconds, text) in [
            (0.0, "0 ms"),
            (0.43, "430 ms"),
            (0.9996, "1.0 s"),
            (3.44, "3.4 s"),
            (9.97, "10 s"),
            (59.6, "1 min 0 s"),
            (413.0, "6 min 53 s"),
            (7265.0, "2 h 1 min"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }
}

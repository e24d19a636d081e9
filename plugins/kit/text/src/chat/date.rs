//! The day that templates write.

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

const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A day of the Gregorian calendar, at midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Date {
    year: usize,
    /// From 1.
    month: usize,
    /// From 1.
    day: usize,
}

impl Date {
    /// Reads `2026-01-31`.
    ///
    /// # Errors
    /// When `text` is no day.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let problem =
            || format!("`chat_template_date` is `{text}`, not a day such as `2026-01-31`");
        let parts: Vec<usize> =
            text.split('-').map(str::parse).collect::<Result<_, _>>().map_err(|_| problem())?;
        let &[year, month, day] = parts.as_slice() else { return Err(problem()) };
        let date = Self { year, month, day };
        let is_day = (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=date.days_of_month(month)).contains(&day);
        if is_day { Ok(date) } else { Err(problem()) }
    }

    /// The day in C's `strftime` format.
    ///
    /// # Errors
    /// When the format has an unknown code.
    pub(super) fn format(self, format: &str) -> Result<String, String> {
        let mut text = String::new();
        let mut characters = format.chars();
        while let Some(character) = characters.next() {
            if character != '%' {
                text.push(character);
                continue;
            }
            let code = characters.next();
            let (pads, code) =
                if code == Some('-') { (false, characters.next()) } else { (true, code) };
            let number =
                |number: usize| if pads { format!("{number:02}") } else { number.to_string() };
            let written = match code {
                Some('Y') => format!("{:04}", self.year),
                Some('y') => number(self.year % 100),
                Some('m') => number(self.month),
                Some('d') => number(self.day),
                Some('e') => format!("{:2}", self.day),
                Some('B') => MONTHS[self.month - 1].to_owned(),
                Some('b' | 'h') => MONTHS[self.month - 1][..3].to_owned(),
                Some('A') => DAYS[self.weekday()].to_owned(),
                Some('a') => DAYS[self.weekday()][..3].to_owned(),
                Some('j') => format!("{:03}", self.day_of_year()),
                Some('F') => format!("{:04}-{:02}-{:02}", self.year, self.month, self.day),
                Some('H' | 'M' | 'S') => number(0),
                Some('%') => "%".to_owned(),
                code => {
                    let code = code.map(String::from).unwrap_or_default();
                    return Err(format!("`strftime_now` knows no format `%{code}`"));
                }
            };
            text.push_str(&written);
        }
        Ok(text)
    }

    fn days_of_month(self, month: usize) -> usize {
        let is_leap = self.year.is_multiple_of(4)
            && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400));
        match month {
            2 => 28 + usize::from(is_leap),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    /// From 1.
    fn day_of_year(self) -> usize {
        (1..self.month).map(|month| self.days_of_month(month)).sum::<usize>() + self.day
    }

    /// From 0, Sunday.
    fn weekday(self) -> usize {
        let past = self.year - 1;
        (past * 365 + past / 4 - past / 100 + past / 400 + self.day_of_year()) % 7
    }
}

#[cfg(test)]
mod tests {
    use super::Date;

    /// Expected texts from Python's `date.strftime`.
    #[test]
    fn days_are_written_as_by_strftime() {
        for (day, format, expected) in [
            ("2026-11-26", "%d %b %Y", "26 Nov 2026"),
            ("2026-11-26", "%A, %B %-d (%j) %%", "Thursday, November 26 (330) %"),
            ("2024-02-29", "%Y-%m-%d %a", "2024-02-29 Thu"),
            ("2000-01-02", "%y/%-m/%e %H:%M:%S %F", "00/1/ 2 00:00:00 2000-01-02"),
        ] {
            assert_eq!(Date::parse(day).unwrap().format(format).unwrap(), expected);
        }
        assert!(Date::parse("2026-11-26").unwrap().format("%Q").unwrap_err().contains("`%Q`"));
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in ["2026-02-29", "2026-13-01", "2026-00-10", "26 Nov 2026", "2026-11"] {
            assert!(Date::parse(text).unwrap_err().contains(text));
        }
    }
}

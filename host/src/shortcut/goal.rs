//! Goals as the command line writes them: a figure, a direction, and a number.
//!
//! A number without a sign is the figure itself. One with a sign is measured from the input model's
//! figure: in percent of it with `%`, in hundredths with `points`, else in the figure's own unit.

use olive_schemas::goal::{Goal, GoalKind};
use olive_schemas::metric::MetricKind;
use olive_schemas::size::parse_bytes;

use super::figures::Figure;

/// What the result must reach.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// As it was written.
    pub text: String,
    /// The figure.
    pub figure: Figure,
    /// What it must reach.
    pub goal: Goal,
}

/// The goal that `text` says: `accuracy >= -2%`, `latency <= 20ms`.
///
/// # Errors
/// A sentence with the way out when it says none.
pub fn parse(text: &str) -> Result<Wanted, String> {
    let example = "write a figure, `>=` or `<=`, and a number, such as 'accuracy >= -2%'";
    let at = text.find(['<', '>', '=']).ok_or_else(|| example.to_owned())?;
    let (name, rest) = text.split_at(at);
    let figure = Figure::named(name.trim())?;
    let end = rest.find(|letter| !['<', '>', '='].contains(&letter)).unwrap_or(rest.len());
    let (direction, value) = rest.split_at(end);
    check_direction(&figure, name.trim(), direction)?;
    let value = value.trim();
    if value.is_empty() {
        return Err(example.to_owned());
    }
    let goal = match value.strip_prefix(['-', '+']) {
        Some(distance) => relative(&figure, value.starts_with('-'), distance.trim())?,
        None => Goal { kind: GoalKind::Threshold, value: number(&figure, value)? },
    };
    Ok(Wanted { text: text.to_owned(), figure, goal })
}

/// Refuses a direction in which the figure gets worse.
fn check_direction(figure: &Figure, name: &str, direction: &str) -> Result<(), String> {
    let (right, better) = if figure.is_higher_better() { (">=", "more") } else { ("<=", "less") };
    if direction == right {
        return Ok(());
    }
    Err(match direction {
        ">=" | "<=" | ">" | "<" | "=" | "==" => {
            format!("{better} of `{name}` is better: write `{name} {right} …`")
        }
        other => format!("`{other}` is no direction: write `{name} {right} …`"),
    })
}

/// The goal of a distance to the input model's figure.
fn relative(figure: &Figure, is_below: bool, distance: &str) -> Result<Goal, String> {
    let is_better = is_below != figure.is_higher_better();
    let (value, is_percent) = match distance.strip_suffix('%') {
        Some(percent) => (plain(percent)?, true),
        None => (number(figure, distance)?, false),
    };
    let kind = match (is_better, is_percent) {
        (true, true) => GoalKind::PercentMinImprovement,
        (true, false) => GoalKind::MinImprovement,
        (false, true) => GoalKind::PercentMaxDegradation,
        (false, false) => GoalKind::MaxDegradation,
    };
    if value > kind.largest() {
        return Err(format!("nothing loses more than 100 %, and `{distance}` is more"));
    }
    Ok(Goal { kind, value })
}

/// A figure in its metric's unit.
fn number(figure: &Figure, text: &str) -> Result<f64, String> {
    // Numbers are divided by, so that 80 % is the 0.8 of a config.
    let units: &[(&str, f64, f64)] = match figure.kind {
        MetricKind::SizeOnDisk | MetricKind::Memory => return parse_bytes(text),
        MetricKind::Latency => {
            &[("us", 1.0, 1e3), ("µs", 1.0, 1e3), ("ms", 1.0, 1.0), ("s", 1e3, 1.0)]
        }
        MetricKind::Throughput => &[("tokens/s", 1.0, 1.0), ("tok/s", 1.0, 1.0)],
        MetricKind::Custom => &[],
        MetricKind::Accuracy if figure.name == "perplexity" => &[],
        MetricKind::Accuracy => &[("points", 1.0, 100.0), ("point", 1.0, 100.0), ("%", 1.0, 100.0)],
    };
    let found =
        units.iter().find_map(|(unit, times, by)| Some((text.strip_suffix(unit)?, times, by)));
    found.map_or_else(|| plain(text), |(amount, times, by)| Ok(plain(amount)? * times / by))
}

fn plain(text: &str) -> Result<f64, String> {
    let text = text.trim();
    let begins = text.starts_with(|letter: char| letter.is_ascii_digit() || letter == '.');
    let number = text.parse().ok().filter(|number: &f64| begins && number.is_finite());
    number.ok_or_else(|| format!("`{text}` is no number"))
}

#[cfg(test)]
mod tests {
    use olive_schemas::goal::GoalKind::{
        self, MaxDegradation, MinImprovement, PercentMaxDegradation, PercentMinImprovement,
        Threshold,
    };

    use super::parse;

    #[track_caller]
    fn check(text: &str, kind: GoalKind, value: f64) {
        let goal = parse(text).unwrap().goal;
        assert_eq!((goal.kind, goal.value), (kind, value), "{text}");
    }

    #[test]
    fn a_number_without_a_sign_is_the_figure() {
        check("accuracy >= 0.8", Threshold, 0.8);
        check("accuracy >= 80%", Threshold, 0.8);
        check("latency<=20ms", Threshold, 20.0);
        check("latency-p90 <= 1.5 s", Threshold, 1500.0);
        check("size <= 100MB", Threshold, 100e6);
        check("size <= 64 MiB", Threshold, 67_108_864.0);
        check("throughput >= 40tok/s", Threshold, 40.0);
        check("perplexity <= 9", Threshold, 9.0);
    }

    #[test]
    fn a_sign_measures_from_the_input_model() {
        check("accuracy >= -2%", PercentMaxDegradation, 2.0);
        check("accuracy >= -2points", MaxDegradation, 0.02);
        check("accuracy >= -0.02", MaxDegradation, 0.02);
        check("accuracy >= +5%", PercentMinImprovement, 5.0);
        check("perplexity <= +5%", PercentMaxDegradation, 5.0);
        check("perplexity <= +0.3", MaxDegradation, 0.3);
        check("latency <= -20%", PercentMinImprovement, 20.0);
        check("size <= -50MB", MinImprovement, 50e6);
        check("accuracy >= -0%", PercentMaxDegradation, 0.0);
    }

    #[test]
    fn mistakes_are_told_with_the_way_out() {
        for (text, expected) in [
            ("acuracy >= 1", "did you mean `accuracy`?"),
            ("accuracy", "write a figure, `>=` or `<=`, and a number"),
            ("accuracy >=", "write a figure, `>=` or `<=`, and a number"),
            ("accuracy <= 0.9", "more of `accuracy` is better: write `accuracy >= …`"),
            ("size >= 10MB", "less of `size` is better: write `size <= …`"),
            ("size => 10MB", "`=>` is no direction: write `size <= …`"),
            ("accuracy >= much", "`much` is no number"),
            ("accuracy >= -inf", "`inf` is no number"),
            ("accuracy >= -120%", "nothing loses more than 100 %"),
            ("size <= 10 parsecs", "is no unit"),
            ("perplexity <= 5%", "`5%` is no number"),
        ] {
            let told = parse(text).unwrap_err();
            assert!(told.contains(expected), "{text}: {told}");
        }
    }
}

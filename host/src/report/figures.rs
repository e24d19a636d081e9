//! Numbers with their units, as people read them.

use olive_schemas::metric::{MetricKind, MetricValue, Uncertainty};

use crate::units::bytes;

/// What a metric counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A share in 0..=1, shown in percent.
    Share,
    /// Milliseconds.
    Milliseconds,
    /// Tokens a second.
    TokensPerSecond,
    /// Bytes.
    Bytes,
    /// A bare number, such as a perplexity.
    Number,
}

/// A figure of a model, and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// The figure.
    pub value: f64,
    /// How far it may be off, where that can be told.
    pub uncertainty: Option<Uncertainty>,
}

impl From<&MetricValue> for Measured {
    fn from(figure: &MetricValue) -> Self {
        Self { value: figure.value, uncertainty: figure.uncertainty }
    }
}

/// Whether a change is welcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Better than before.
    Better,
    /// Too small to speak of.
    Same,
    /// Worse than before.
    Worse,
}

/// Figures of a latency or throughput: they share their names.
const TIMINGS: &[&str] = MetricKind::Latency.sub_metrics();

impl Unit {
    /// What `value` counts, by its sub-metric.
    pub fn of(value: &MetricValue) -> Self {
        match value.sub_type.as_str() {
            "bytes" | "peak" => Self::Bytes,
            "perplexity" | "kl_divergence" => Self::Number,
            timing if TIMINGS.contains(&timing) => {
                if value.higher_is_better {
                    Self::TokensPerSecond
                } else {
                    Self::Milliseconds
                }
            }
            _ if value.higher_is_better && (0.0..=1.0).contains(&value.value) => Self::Share,
            _ => Self::Number,
        }
    }

    /// The value with its unit.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Share => share(value),
            Self::Milliseconds => format!("{} ms", number(value)),
            Self::TokensPerSecond => format!("{value:.1} tokens/s"),
            Self::Bytes => bytes(value),
            Self::Number => number(value),
        }
    }

    /// The figure with its unit, and the interval that it lies in with 95 % confidence.
    pub fn show_measured(self, figure: impl Into<Measured>) -> String {
        let Measured { value, uncertainty } = figure.into();
        let value = self.show(value);
        uncertainty
            .map_or_else(|| value.clone(), |sure| format!("{value} ({})", self.interval(sure)))
    }

    /// The interval that a figure lies in with 95 % confidence: `84.1 to 88.5`.
    pub fn interval(self, Uncertainty { low, high, .. }: Uncertainty) -> String {
        match self {
            Self::Share => format!("{:.1} to {:.1}", low * 100.0, high * 100.0),
            Self::Bytes => format!("{} to {}", bytes(low), bytes(high)),
            Self::Milliseconds | Self::TokensPerSecond | Self::Number => {
                format!("{} to {}", number(low), number(high))
            }
        }
    }

    /// How far `to` is from `from`: points for shares, percent or a factor for the others.
    pub fn change(self, from: f64, to: f64) -> String {
        let difference = to - from;
        if self == Self::Share {
            return format!("{} points", signed(difference * 100.0, 1));
        }
        if from == 0.0 || !(difference / from).is_finite() {
            return signed(difference, 2);
        }
        let factor = to / from;
        if factor >= 10.0 {
            return format!("× {}", number(factor));
        }
        format!("{} %", signed((factor - 1.0) * 100.0, 1))
    }

    /// Whether going from `from` to `to` is welcome.
    pub fn verdict(self, from: f64, to: f64, higher_is_better: bool) -> Verdict {
        let least = match self {
            Self::Share => 0.0005,
            Self::Milliseconds | Self::TokensPerSecond => from.abs() * 0.05,
            Self::Bytes | Self::Number => from.abs() * 0.005,
        };
        let gain = if higher_is_better { to - from } else { from - to };
        if gain > least {
            Verdict::Better
        } else if gain < -least {
            Verdict::Worse
        } else {
            Verdict::Same
        }
    }
}

/// `88.3 %`.
pub fn share(value: f64) -> String {
    format!("{:.1} %", value * 100.0)
}

/// A number with about four digits that count.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || !value.is_finite() {
        format!("{value}")
    } else if size < 0.001 {
        scientific(value)
    } else if size < 1.0 {
        format!("{value:.3}")
    } else if size < 100.0 {
        format!("{value:.2}")
    } else if size < 1000.0 {
        format!("{value:.1}")
    } else if size < 1e7 {
        format!("{value:.0}")
    } else {
        scientific(value)
    }
}

/// A figure of a running step with its name: `loss 2.314`, `218 tokens/s`.
pub fn figure(name: &str, value: f64) -> String {
    match name {
        "tokens_per_second" => format!("{value:.0} tokens/s"),
        "peak_share" => format!("{:.0} % of peak", value * 100.0),
        "memory_bytes" => bytes(value),
        "tokens" => format!("{} tokens", thousands(value)),
        "loss" | "eval_loss" => format!("{} {value:.3}", words(name)),
        "exact_match" | "accuracy_score" | "acc" | "token_match" => {
            format!("{} {}", words(name), share(value))
        }
        _ => format!("{} {}", words(name), number(value)),
    }
}

/// Names of figures from most to least telling; others stand between, by name.
pub fn rank(name: &str) -> usize {
    match name {
        "loss" => 0,
        "eval_loss" => 1,
        "exact_match" | "perplexity" | "accuracy_score" | "acc" | "token_match"
        | "kl_divergence" => 2,
        "tokens_per_second" => 3,
        "peak_share" => 4,
        "memory_bytes" => 5,
        "learning_rate" => 6,
        "epoch" => 8,
        "tokens" => 9,
        _ => 7,
    }
}

/// Whether a figure is about the work itself, not about what comes of it.
pub fn is_of_work(name: &str) -> bool {
    matches!(name, "tokens_per_second" | "peak_share" | "memory_bytes" | "tokens")
}

/// A key as words: `eval_loss` is `eval loss`.
pub fn words(key: &str) -> String {
    key.replace('_', " ")
}

/// A whole number in groups of three digits: `109,568`.
pub fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("−{text}") } else { text }
}

fn scientific(value: f64) -> String {
    let text = format!("{value:.2e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{}e{exponent}", digits.trim_end_matches('0').trim_end_matches('.'))
}

/// A number with its sign: `+88.3`, `−33.3`, `±0`.
fn signed(value: f64, digits: usize) -> String {
    let text = format!("{:.digits$}", value.abs());
    if text.bytes().all(|byte| matches!(byte, b'0' | b'.')) {
        return "±0".into();
    }
    format!("{}{text}", if value < 0.0 { '−' } else { '+' })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_what_counts() {
        for (value, text) in [
            (0.0, "0"),
            (1e-4, "1e-4"),
            (1.25e-5, "1.25e-5"),
            (0.1234, "0.123"),
            (41.204, "41.20"),
            (218.31, "218.3"),
            (51_234.0, "51234"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn changes_speak_the_unit() {
        for (unit, from, to, text) in [
            (Unit::Share, 0.883, 0.55, "−33.3 points"),
            (Unit::Share, 0.0, 0.883, "+88.3 points"),
            (Unit::Share, 0.5, 0.5, "±0 points"),
            (Unit::Number, 40.0, 2.0, "−95.0 %"),
            (Unit::Bytes, 100.0, 16.0, "−84.0 %"),
            (Unit::TokensPerSecond, 2.0, 30.0, "× 15.00"),
            (Unit::Number, 0.0, 3.0, "+3.00"),
        ] {
            assert_eq!(unit.change(from, to), text);
        }
    }

    #[test]
    fn an_interval_stands_behind_its_figure() {
        let uncertainty = Some(Uncertainty { count: 10, stderr: 0.1, low: 0.49, high: 0.9433 });
        let mut figure = MetricValue {
            metric: "tone".into(),
            sub_type: "acc".into(),
            value: 0.8,
            priority: -1,
            higher_is_better: true,
            uncertainty,
        };
        assert_eq!(Unit::of(&figure).show_measured(&figure), "80.0 % (49.0 to 94.3)");
        figure.sub_type = "perplexity".into();
        assert_eq!(Unit::of(&figure).show_measured(&figure), "0.800 (0.490 to 0.943)");
        (figure.sub_type, figure.value) = ("peak".into(), f64::from(3 << 20));
        figure.uncertainty = Some(Uncertainty { count: 3, stderr: 1.0, low: 2e6, high: 4e6 });
        assert_eq!(Unit::of(&figure).show_measured(&figure), "3.0 MiB (1.9 MiB to 3.8 MiB)");
    }

    #[test]
    fn noise_is_no_change() {
        assert_eq!(Unit::Share.verdict(0.5, 0.5, true), Verdict::Same);
        assert_eq!(Unit::Share.verdict(0.5, 0.6, true), Verdict::Better);
        assert_eq!(Unit::TokensPerSecond.verdict(100.0, 97.0, true), Verdict::Same);
        assert_eq!(Unit::Bytes.verdict(100.0, 50.0, false), Verdict::Better);
        assert_eq!(Unit::Number.verdict(2.0, 3.0, false), Verdict::Worse);
    }
}

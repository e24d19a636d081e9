//! Values of a setting that a search tries.

use std::ops::Range;

use olive_schemas::pointer::escape;
use olive_schemas::search::{Scale, SearchDomain};
use olive_search::{Domain, Grid, Level};
use serde_json::{Number, Value};

use crate::config::check::Problem;
use crate::config::node::Node;
use crate::config::schema::{plain, suggest};

/// A setting that a search decides.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// Its name; a path with dots for one inside another.
    pub(super) name: String,
    /// Where its values stand in the normalized config.
    pub(super) pointer: String,
    pub(super) values: Values,
    /// Earlier settings of the same pass, and their values with which this one matters.
    pub(super) when: Vec<(usize, Vec<usize>)>,
}

/// The values.
#[derive(Debug, Clone)]
pub(super) enum Values {
    /// These, as they are written.
    Listed(Vec<Node>),
    /// Numbers, whole ones if so said, which stand at a place of the source.
    Numbers { domain: Domain, is_whole: bool, range: Range<usize> },
}

impl Values {
    pub(super) fn domain(&self) -> Domain {
        match self {
            Self::Listed(values) => Domain::Choices(values.len()),
            Self::Numbers { domain, .. } => domain.clone(),
        }
    }

    /// The value at `level`, with its place.
    pub(super) fn node(&self, level: Level) -> Node {
        match (self, level) {
            (Self::Listed(values), Level::Choice(choice)) => values[choice].clone(),
            (&Self::Numbers { is_whole, ref range, .. }, Level::Number(number)) => {
                Node::scalar(written(number, is_whole), range.clone())
            }
            (Self::Listed(_), Level::Number(_)) | (Self::Numbers { .. }, Level::Choice(_)) => {
                unreachable!("a level is one of its own domain")
            }
        }
    }

    /// Levels that show whether the values are right: all of a list, the ends of a range.
    pub(super) fn examples(&self) -> Vec<Level> {
        match self {
            Self::Listed(values) => (0..values.len()).map(Level::Choice).collect(),
            Self::Numbers { domain: Domain::Grid(grid), .. } => {
                vec![Level::Number(grid.at(0)), Level::Number(grid.at(grid.count - 1))]
            }
            Self::Numbers { domain: Domain::Range { min, max, .. }, .. } => {
                vec![Level::Number(*min), Level::Number(*max)]
            }
            Self::Numbers { domain: Domain::Choices(_), .. } => Vec::new(),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "whole numbers of a config fit")]
fn written(number: f64, is_whole: bool) -> Value {
    if is_whole { (number.round() as i64).into() } else { number.into() }
}

/// The setting that `node` says, which stands at `pointer`; `earlier` are those before it.
pub(super) fn setting(
    name: &str,
    node: &Node,
    pointer: &str,
    earlier: &[Setting],
) -> Result<Setting, Problem> {
    let wrong = |below: &str, message: String, help: &str| {
        let pointer = format!("{pointer}{below}");
        Problem::error("search-values", &pointer, message, Some(help.to_owned()))
    };
    if let Some(values) = node.items() {
        let values = listed(values).map_err(|message| wrong("", message, LIST_HELP))?;
        let (name, pointer) = (name.to_owned(), pointer.to_owned());
        return Ok(Setting { name, pointer, values, when: Vec::new() });
    }
    let domain = serde_json::from_value::<SearchDomain>(node.to_value())
        .map_err(|error| wrong("", format!("no values of `{name}`: {error}"), LIST_HELP))?;
    let values = match (&domain.values, node.get("values").and_then(Node::items)) {
        (Some(_), Some(_)) if domain.has_range() => {
            let message = format!("`{name}` has both `values` and a range");
            return Err(wrong("", message, "keep `values`, or `min`, `max`, `step` and `scale`"));
        }
        (Some(_), Some(values)) => {
            listed(values).map_err(|message| wrong("/values", message, LIST_HELP))?
        }
        _ => numbers(&domain, &node.range).map_err(|message| wrong("", message, RANGE_HELP))?,
    };
    let when = domain.when.iter().map(|(key, meant)| {
        let below = format!("/when/{}", escape(key));
        condition(key, meant, earlier).map_err(|(message, help)| wrong(&below, message, &help))
    });
    let when = when.collect::<Result<_, _>>()?;
    Ok(Setting { name: name.to_owned(), pointer: pointer.to_owned(), values, when })
}

const LIST_HELP: &str =
    "write a list such as [4, 8], or a range such as {\"min\": 16, \"max\": 64, \"step\": 16}";
const RANGE_HELP: &str =
    "a range has `min`, `max` and, unless any number of it will do, `step`; `scale` may be `log`";

/// A list of values, none twice.
pub(super) fn listed(values: &[Node]) -> Result<Values, String> {
    if values.is_empty() {
        return Err("there is no value to try".into());
    }
    for (at, value) in values.iter().enumerate() {
        let value = value.to_value();
        if values[..at].iter().any(|earlier| earlier.to_value() == value) {
            return Err(format!("`{}` is there twice", plain(&value)));
        }
    }
    Ok(Values::Listed(values.to_vec()))
}

/// The numbers of a range.
fn numbers(domain: &SearchDomain, range: &Range<usize>) -> Result<Values, String> {
    let (Some(least), Some(greatest)) = (&domain.min, &domain.max) else {
        return Err("there are neither `values` nor `min` and `max`".into());
    };
    let is_whole =
        [Some(least), Some(greatest), domain.step.as_ref()].into_iter().flatten().all(is_integer);
    let is_log = domain.scale == Some(Scale::Log);
    let number = |number: &Number| number.as_f64().unwrap_or(f64::NAN);
    let (min, max) = (number(least), number(greatest));
    if min > max {
        return Err(format!("`min` is {least}, above `max`, which is {greatest}"));
    }
    if is_log && min <= 0.0 {
        return Err(format!("a logarithmic range starts above 0, not at {least}"));
    }
    let step = match &domain.step {
        Some(step) => Some(number(step)),
        None if is_whole && is_log => {
            return Err("a logarithmic range of whole numbers needs `step`, a ratio".into());
        }
        None => is_whole.then_some(1.0),
    };
    if is_whole && [min, max].iter().any(|end| end.abs() > MOST_WHOLE) {
        return Err(format!("whole numbers beyond {MOST_WHOLE} are not told apart"));
    }
    let domain = match step {
        Some(step) if step <= f64::from(u8::from(is_log)) => {
            let least = u8::from(is_log);
            return Err(format!("`step` is {step}; it must be above {least}"));
        }
        Some(step) => Domain::Grid(grid(min, max, step, is_log)?),
        None if min < max => Domain::Range { min, max, is_log },
        None => Domain::Grid(Grid { min, step: 1.0, count: 1, is_log }),
    };
    Ok(Values::Numbers { domain, is_whole, range: range.clone() })
}

/// Numbers of a range at most: more than any search tries.
const MOST_NUMBERS: f64 = 1e6;
/// Whole numbers up to this one have a floating-point number each.
const MOST_WHOLE: f64 = 9_007_199_254_740_992.0;

/// The numbers from `min` to `max`.
///
/// # Errors
/// When they are too many, or too near to each other to differ.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "ends and steps are checked, so that the count is from 0 to the most"
)]
fn grid(min: f64, max: f64, step: f64, is_log: bool) -> Result<Grid, String> {
    // What rounding takes from the last step.
    const SLACK: f64 = 1e-9;
    let steps = if is_log { (max.ln() - min.ln()) / step.ln() } else { (max - min) / step };
    if steps.is_nan() || steps >= MOST_NUMBERS {
        let [min, max, step] = [min, max, step].map(shown);
        return Err(format!(
            "a range from {min} to {max} in steps of {step} has more than {MOST_NUMBERS} numbers"
        ));
    }
    let grid = Grid { min, step, count: (steps + SLACK) as usize + 1, is_log };
    let differ = |number: usize| number == 0 || grid.at(number - 1) < grid.at(number);
    if !differ(1) || !differ(grid.count - 1) {
        let [max, step] = [max, step].map(shown);
        return Err(format!("`step` is {step}, too small beside {max} to make another number"));
    }
    Ok(grid)
}

/// A number without long rows of zeros.
fn shown(number: f64) -> String {
    let is_long = number != 0.0 && !(1e-6..1e15).contains(&number.abs());
    if is_long { format!("{number:e}") } else { number.to_string() }
}

fn is_integer(number: &Number) -> bool {
    number.is_i64() || number.is_u64()
}

/// The earlier setting called `name`, and the numbers of those of its values that are `meant`.
fn condition(
    name: &str,
    meant: &[Value],
    earlier: &[Setting],
) -> Result<(usize, Vec<usize>), (String, String)> {
    let Some(at) = earlier.iter().position(|setting| setting.name == name) else {
        let names = earlier.iter().map(|setting| setting.name.as_str());
        let help = suggest(name, names)
            .unwrap_or_else(|| "write the setting that others depend on first".into());
        return Err((format!("`{name}` is not searched before"), help));
    };
    let Values::Listed(values) = &earlier[at].values else {
        let help = "list the values of the setting that others depend on".to_owned();
        return Err((format!("`{name}` has a range, not a list of values"), help));
    };
    let place = |value: &Value| {
        values.iter().position(|known| known.to_value() == *value).ok_or_else(|| {
            let known: Vec<String> = values.iter().map(|known| plain(&known.to_value())).collect();
            let message = format!("`{}` is not among the values of `{name}`", plain(value));
            (message, format!("they are {}", known.join(", ")))
        })
    };
    if meant.is_empty() {
        let message = format!("no value of `{name}` is named, so this is never searched");
        return Err((message, format!("name values of `{name}`, or leave the condition out")));
    }
    Ok((at, meant.iter().map(place).collect::<Result<_, _>>()?))
}

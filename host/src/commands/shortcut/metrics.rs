//! Evaluators of the figures that the command line asks for.

use olive_schemas::goal::Goal;
use olive_schemas::metric::MetricKind;
use serde_json::{Value, json};

use crate::cli::shortcuts::common::{DataArgs, MeasureArgs};
use crate::cli::shortcuts::optimize::AimArgs;
use crate::error::Error;
use crate::shortcut::figures::Figure;
use crate::shortcut::{Draft, Origin};

/// Name of the evaluator.
const EVALUATOR: &str = "quality";

/// A figure that is measured, and what it is for.
pub(super) struct Asked {
    pub(super) figure: Figure,
    /// Rank among the objectives of a search, 1 first, and what says so.
    pub(super) priority: Option<(usize, Option<Origin>)>,
    /// What the result must reach, and what says so.
    pub(super) goal: Option<(Goal, Origin)>,
}

impl Asked {
    /// A figure that is only told.
    pub(super) fn told(figure: Figure) -> Self {
        Self { figure, priority: None, goal: None }
    }

    fn value(&self) -> Value {
        let mut sub_metric = json!({"name": self.figure.name});
        if let Some((priority, _)) = self.priority {
            sub_metric["priority"] = priority.into();
        }
        if let Some((goal, _)) = &self.goal {
            let value = goal.value;
            let is_whole = value.fract() == 0.0 && value.abs() < 1e15;
            #[expect(clippy::cast_possible_truncation, reason = "it is whole, and small enough")]
            let value = if is_whole { json!(value as i64) } else { json!(value) };
            sub_metric["goal"] = json!({"type": goal.kind.name(), "value": value});
        }
        sub_metric
    }
}

/// The figures that `aim` names; `words` are the command line, whose order ranks objectives.
///
/// # Errors
/// When a figure has two goals.
pub(super) fn asked(aim: &AimArgs, words: &[String]) -> Result<Vec<Asked>, Error> {
    let mut asked: Vec<Asked> = Vec::new();
    for (figure, option, nth) in objectives(aim, words) {
        if !asked.iter().any(|other| other.figure == figure) {
            let rank = asked.len() + 1;
            let origin = Origin::Option(option.into(), nth);
            asked.push(Asked { priority: Some((rank, Some(origin))), ..Asked::told(figure) });
        }
    }
    if asked.is_empty() {
        let size = Figure { kind: MetricKind::SizeOnDisk, name: "bytes" };
        asked.push(Asked { priority: Some((1, None)), ..Asked::told(size) });
    }
    for (nth, wanted) in aim.goal.iter().enumerate() {
        let goal = Some((wanted.goal, Origin::Option("goal".into(), nth)));
        match asked.iter_mut().find(|other| other.figure == wanted.figure) {
            Some(Asked { goal: Some(_), figure, .. }) => {
                return Err(Error::Usage(format!("`{figure}` has two goals: write one")));
            }
            Some(same) => same.goal = goal,
            None => asked.push(Asked { goal, ..Asked::told(wanted.figure) }),
        }
    }
    Ok(asked)
}

/// Figures to minimize and maximize in the order of the command line, each with its option and how
/// many of that option stand before it.
fn objectives(aim: &AimArgs, words: &[String]) -> Vec<(Figure, &'static str, usize)> {
    let mut minimize = aim.minimize.iter().copied().enumerate();
    let mut maximize = aim.maximize.iter().copied().enumerate();
    let next = words.iter().filter_map(|word| {
        let option = word.split('=').next().unwrap_or_default();
        match option {
            "--minimize" => minimize.next().map(|(nth, figure)| (figure, "minimize", nth)),
            "--maximize" => maximize.next().map(|(nth, figure)| (figure, "maximize", nth)),
            _ => None,
        }
    });
    next.collect()
}

/// Puts an evaluator of the figures `asked` into `draft`, on the data config `data`.
///
/// # Errors
/// When a figure needs rows or answers, and there are none.
pub(super) fn put(
    draft: &mut Draft,
    asked: &[Asked],
    data: (&DataArgs, &str),
    measure: &MeasureArgs,
) -> Result<(), Error> {
    let (rows, data) = data;
    asked.iter().try_for_each(|asked| check(asked, rows))?;
    check_bounds(asked, measure)?;
    let mut kinds: Vec<MetricKind> = Vec::new();
    for Asked { figure, .. } in asked {
        if !kinds.contains(&figure.kind) {
            kinds.push(figure.kind);
        }
    }
    let mut metrics = Vec::new();
    let mut origins = Vec::new();
    for (index, kind) in kinds.into_iter().enumerate() {
        let of_kind: Vec<&Asked> = asked.iter().filter(|asked| asked.figure.kind == kind).collect();
        let figures: Vec<Value> = of_kind.iter().map(|asked| asked.value()).collect();
        let mut metric = json!({"name": name(kind), "type": kind.name(), "sub_types": figures});
        if kind == MetricKind::Accuracy {
            metric["data_config"] = data.into();
        }
        let settings = settings(measure, kind);
        if settings != json!({}) {
            metric["user_config"] = settings;
        }
        metrics.push(metric);
        let place = format!("/evaluators/{EVALUATOR}/metrics/{index}/sub_types");
        origins.extend(of_kind.iter().enumerate().flat_map(|(index, asked)| {
            let goal = asked.goal.iter().map(|(_, origin)| ("goal", origin.clone()));
            let priority = asked.priority.iter().filter_map(|(_, origin)| origin.clone());
            let places = goal.chain(priority.map(|origin| ("priority", origin)));
            let place = &place;
            places
                .map(move |(key, origin)| (format!("{place}/{index}/{key}"), origin))
                .collect::<Vec<_>>()
        }));
    }
    draft.put(&format!("/evaluators/{EVALUATOR}/metrics"), metrics);
    for (pointer, origin) in origins {
        draft.trace_to(origin, &pointer);
    }
    draft.put("/engine/evaluator", EVALUATOR);
    Ok(())
}

/// Refuses a figure for which there is nothing to measure on.
fn check(asked: &Asked, rows: &DataArgs) -> Result<(), Error> {
    let figure = &asked.figure;
    let lacks = if figure.needs_data() && rows.data_name.is_none() {
        "rows to measure on: name them with --data"
    } else if figure.needs_answers() && rows.answer_template.is_none() {
        "answers: say what a row asks and what is right with --prompt_template and \
         --answer_template, such as '{question}' and '{answer}'"
    } else {
        return Ok(());
    };
    Err(Error::Usage(format!("`{figure}` needs {lacks}")))
}

/// Refuses a bound of what is not measured.
fn check_bounds(asked: &[Asked], measure: &MeasureArgs) -> Result<(), Error> {
    let measures = |is: fn(&Figure) -> bool| asked.iter().any(|asked| is(&asked.figure));
    let lacks = if measure.limit.is_some() && !measures(Figure::needs_data) {
        "`--limit` bounds rows, and none are measured: name them with --data"
    } else if measure.max_new_tokens.is_some() && !measures(Figure::needs_answers) {
        "`--max_new_tokens` bounds answers, and none are measured: `accuracy` compares them, with \
         --prompt_template and --answer_template"
    } else {
        return Ok(());
    };
    Err(Error::Usage(lacks.into()))
}

/// Name of the metric of a kind.
fn name(kind: MetricKind) -> &'static str {
    match kind {
        MetricKind::SizeOnDisk => "size",
        other => other.name(),
    }
}

fn settings(measure: &MeasureArgs, kind: MetricKind) -> Value {
    let mut settings = json!({});
    let is_of_rows = kind == MetricKind::Accuracy;
    if let Some(limit) = measure.limit.filter(|_| is_of_rows) {
        settings["limit"] = limit.into();
    }
    if let Some(tokens) = measure.max_new_tokens.filter(|_| is_of_rows) {
        settings["max_new_tokens"] = tokens.into();
    }
    settings
}

//! A search: what it came to, its trials as a table, and those without a model.

use std::fmt::Write as _;

use olive_schemas::footprint::Footprint;
use olive_schemas::search::{Choice, TrialOutcome};

use super::super::figures::Measured;
use super::super::trials::{Rank, Row, Trials, outcome, reason, trials};
use super::super::verdict::{named, verdict};
use super::escape::escape;
use super::models::interval;
use super::notices::ticks;

/// Settings that get a column each; more are written in one.
const MOST_COLUMNS: usize = 6;

/// What the search came to, and why.
pub(super) fn summary(footprint: &Footprint) -> String {
    let Some(told) = verdict(footprint) else { return String::new() };
    let reasons = told.reasons().map(|reason| format!("<li>{}</li>", ticks(reason)));
    format!(
        "<section aria-label=\"What was chosen\" class=\"card summary\">\n\
         <p class=\"verdict\" dir=\"auto\">{}</p>\n<ul dir=\"auto\">{}</ul>\n</section>\n",
        ticks(&told.result),
        reasons.collect::<String>(),
    )
}

/// The trials with a model as a table; the others below it, with reasons.
pub(super) fn render(footprint: &Footprint) -> String {
    let Some(trials) = trials(footprint) else { return String::new() };
    let settings = trials.settings();
    let rows: Vec<&Row<'_>> = trials.rows.iter().filter(|row| row.model.is_some()).collect();
    let table = if rows.is_empty() { String::new() } else { table(&trials, &settings, &rows) };
    let others: String =
        trials.rows.iter().filter(|row| reason(row.trial).is_some()).map(other).collect();
    let others = if others.is_empty() {
        others
    } else {
        format!("<ul class=\"card others\">{others}</ul>\n")
    };
    format!("<section>\n<h2>Variants</h2>\n{table}{others}</section>\n")
}

fn table(trials: &Trials<'_>, settings: &[String], rows: &[&Row<'_>]) -> String {
    let is_wide = settings.len() > MOST_COLUMNS;
    let mut heads = String::from(
        "<th scope=\"col\">variant</th><th scope=\"col\" class=\"setting\">outcome</th>",
    );
    if is_wide {
        heads.push_str("<th scope=\"col\" class=\"setting\">settings</th>");
    } else {
        heads.extend(settings.iter().map(|name| {
            format!("<th scope=\"col\" class=\"setting\"><bdi>{}</bdi></th>", escape(name))
        }));
    }
    for column in &trials.columns {
        let better = if column.higher_is_better { "higher" } else { "lower" };
        let _ = write!(
            heads,
            "<th scope=\"col\">{}<small>{better} is better</small></th>",
            escape(&column.title)
        );
    }
    let body = rows.iter().map(|row| {
        let settings = if is_wide {
            let choice = |choice: &Choice| format!("<bdi>{}</bdi>", escape(&choice.to_string()));
            let choices: Vec<String> = row.trial.choices.iter().map(choice).collect();
            format!("<td class=\"setting\">{}</td>", choices.join(" "))
        } else {
            settings.iter().map(|name| setting(row, name)).collect()
        };
        self::row(trials, row, &settings)
    });
    format!(
        "<div class=\"card scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Variants\">\
         <table class=\"trials\">\n<thead><tr>{heads}</tr></thead>\n\
         <tbody>\n{}</tbody></table></div>\n",
        body.collect::<String>()
    )
}

fn row(trials: &Trials<'_>, row: &Row<'_>, settings: &str) -> String {
    let values = trials.columns.iter().zip(&row.values).map(|(column, value)| match value {
        Some(Measured { value, uncertainty }) => {
            let interval = uncertainty.map(|sure| interval(&column.unit.interval(sure)));
            format!(
                "<td>{}{}</td>",
                escape(&column.unit.show(*value)),
                interval.unwrap_or_default()
            )
        }
        None => "<td class=\"none\">–</td>".into(),
    });
    let badge = match row.rank {
        Rank::Result | Rank::Candidate => "good",
        Rank::Nearest => "warn",
        Rank::Front => "note",
        Rank::Measured | Rank::Stopped | Rank::Nothing => "plain",
    };
    let is_result = matches!(row.rank, Rank::Result | Rank::Nearest);
    let class = if is_result { " class=\"result\"" } else { "" };
    format!(
        "<tr{class} id=\"trial-{number}\"><th scope=\"row\"><bdi>{number}</bdi></th>\
         <td class=\"setting\"><span class=\"badge {badge}\">{word}</span></td>{settings}{}</tr>\n",
        values.collect::<String>(),
        number = row.trial.number,
        word = row.word(),
    )
}

fn setting(row: &Row<'_>, name: &str) -> String {
    let text = row.setting(name).unwrap_or_else(|| "–".into());
    format!("<td class=\"setting\"><bdi>{}</bdi></td>", escape(&text))
}

fn other(row: &Row<'_>) -> String {
    let class = match row.trial.outcome {
        TrialOutcome::Failed { .. } => "bad",
        TrialOutcome::Stopped { .. } | TrialOutcome::Beaten { .. } => "warn",
        TrialOutcome::Skipped { .. } | TrialOutcome::Done => "note",
    };
    format!(
        "<li dir=\"auto\"><span class=\"badge {class}\">{}</span> {}: {}</li>\n",
        outcome(row.trial),
        ticks(&named(row.trial)),
        ticks(&reason(row.trial).unwrap_or_default())
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn what_has_no_model_is_told_with_its_reason() {
        let html = render(&sample::searches::full());
        assert_eq!(html.matches("<tr").count(), 12);
        assert_eq!(html.matches("<li").count(), 4);
        assert!(html.contains("<code>quantize (Rtn)</code> failed: "), "{html}");
        assert!(html.contains("do &lt;not&gt; fit"), "{html}");
    }

    #[test]
    fn many_settings_share_a_column() {
        let mut footprint = sample::searches::full();
        assert!(render(&footprint).contains(">quantize.bits</bdi></th>"));
        let trial = &mut footprint.search.as_mut().unwrap().trials[0];
        let more = (0..5)
            .map(|number| Choice { setting: Some(number.to_string()), ..trial.choices[0].clone() });
        trial.choices = more.chain(trial.choices.clone()).collect();
        assert!(!render(&footprint).contains(">quantize.bits</bdi></th>"));
    }
}

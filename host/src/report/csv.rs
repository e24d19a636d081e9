//! A run as comma-separated values (RFC 4180), with figures as they were measured.

use olive_schemas::footprint::Footprint;

use super::table::{Table, table};
use super::trials::{Trials, outcome, reason, trials};

/// One row a variant with all its choices and figures; one a model when there was no search.
pub(super) fn render(footprint: &Footprint) -> String {
    let rows = match trials(footprint) {
        Some(trials) => of_trials(&trials),
        None => of_models(&table(footprint)),
    };
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().map(|cell| quoted(cell)).collect();
        cells.join(",") + "\r\n"
    };
    rows.iter().map(line).collect()
}

fn of_trials(trials: &Trials<'_>) -> Vec<Vec<String>> {
    let settings = trials.settings();
    let mut head: Vec<String> =
        ["variant", "stage", "outcome", "reason", "meets_goals", "is_pareto", "is_chosen"]
            .map(str::to_owned)
            .to_vec();
    head.extend(settings.iter().cloned());
    head.extend(trials.columns.iter().map(|column| column.title.clone()));
    head.extend(["duration_sec", "model_id"].map(str::to_owned));
    let rows = trials.rows.iter().map(|row| {
        let trial = row.trial;
        let mut cells = vec![
            trial.number.to_string(),
            trial.stage.clone().unwrap_or_default(),
            outcome(trial).to_owned(),
            reason(trial).unwrap_or_default(),
            trial.meets_goals().to_string(),
            trial.is_pareto.to_string(),
            trials.search.chosen.contains(&trial.number).to_string(),
        ];
        cells.extend(settings.iter().map(|name| row.setting(name).unwrap_or_default()));
        cells.extend(row.values.iter().map(|value| figure(*value)));
        cells.push(trial.duration_sec.to_string());
        cells.push(row.model.map(|model| model.model_id.clone()).unwrap_or_default());
        cells
    });
    std::iter::once(head).chain(rows).collect()
}

fn of_models(table: &Table<'_>) -> Vec<Vec<String>> {
    let mut head: Vec<String> = ["model", "pass", "duration_sec"].map(str::to_owned).to_vec();
    head.extend(table.columns.iter().map(|column| column.title.clone()));
    head.extend(["model_id", "parent_model_id"].map(str::to_owned));
    let rows = table.rows.iter().map(|row| {
        let model = row.model;
        let seconds = model.pass_step.as_ref().map(|step| step.duration_sec.to_string());
        let mut cells = vec![
            model.title().to_owned(),
            model.from_pass.clone().unwrap_or_default(),
            seconds.unwrap_or_default(),
        ];
        cells.extend(row.cells.iter().map(|cell| figure(cell.as_ref().map(|cell| cell.value))));
        cells.push(model.model_id.clone());
        cells.push(model.parent_model_id.clone().unwrap_or_default());
        cells
    });
    std::iter::once(head).chain(rows).collect()
}

fn figure(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A cell, in quotes when something in it would end it.
fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_search_has_a_row_a_variant() {
        let text = render(&sample::searches::full());
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(
            lines[0],
            "variant,stage,outcome,reason,meets_goals,is_pareto,is_chosen,quantize,quantize.bits,\
             quantize.block_size,size,tone-exact_match,tone-perplexity,duration_sec,model_id"
        );
        let chosen = "7,,measured,,true,true,true,KQuant,4,32,92274688,0.864,2.05,21,";
        assert!(lines[7].starts_with(chosen), "{}", lines[7]);
        assert_eq!(lines.len(), 16);
    }

    #[test]
    fn a_run_has_a_row_a_model() {
        let text = render(&sample::full());
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert!(lines[4].starts_with("build <int4>,Build,10,0.55,3.71,61.3,86507520,"), "{text}");
    }

    #[test]
    fn a_cell_cannot_end_its_row() {
        for (cell, text) in [("a", "a"), ("a,b", "\"a,b\""), ("say \"a\"\n", "\"say \"\"a\"\"\n\"")]
        {
            assert_eq!(quoted(cell), text);
        }
    }
}

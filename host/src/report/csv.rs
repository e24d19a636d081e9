//! A run as comma-separated values (RFC 4180), with figures as they were measured.
//!
//! A figure that some row has an interval of is three columns: `tone-acc`, `tone-acc.low` and
//! `tone-acc.high`.

use olive_schemas::footprint::Footprint;

use super::figures::Measured;
use super::table::{Column, Table, table};
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
    let measured = |row: usize, column: usize| trials.rows[row].values[column];
    let figures = Figures::new(&trials.columns, trials.rows.len(), &measured);
    head.extend(figures.heads());
    head.extend(["duration_sec", "model_id"].map(str::to_owned));
    let rows = trials.rows.iter().enumerate().map(|(index, row)| {
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
        cells.extend(figures.cells(index));
        cells.push(trial.duration_sec.to_string());
        cells.push(row.model.map(|model| model.model_id.clone()).unwrap_or_default());
        cells
    });
    std::iter::once(head).chain(rows).collect()
}

fn of_models(table: &Table<'_>) -> Vec<Vec<String>> {
    let mut head: Vec<String> = ["model", "pass", "duration_sec"].map(str::to_owned).to_vec();
    let measured =
        |row: usize, column: usize| table.rows[row].cells[column].as_ref().map(|cell| cell.figure);
    let figures = Figures::new(&table.columns, table.rows.len(), &measured);
    head.extend(figures.heads());
    head.extend(["model_id", "parent_model_id"].map(str::to_owned));
    let rows = table.rows.iter().enumerate().map(|(index, row)| {
        let model = row.model;
        let seconds = model.pass_step.as_ref().map(|step| step.duration_sec.to_string());
        let mut cells = vec![
            model.title().to_owned(),
            model.from_pass.clone().unwrap_or_default(),
            seconds.unwrap_or_default(),
        ];
        cells.extend(figures.cells(index));
        cells.push(model.model_id.clone());
        cells.push(model.parent_model_id.clone().unwrap_or_default());
        cells
    });
    std::iter::once(head).chain(rows).collect()
}

/// The figures of a table, each with the two ends of its interval where there are some.
struct Figures<'a> {
    /// Columns, and whether some row has an interval there.
    columns: Vec<(&'a Column, bool)>,
    measured: &'a dyn Fn(usize, usize) -> Option<Measured>,
}

impl<'a> Figures<'a> {
    fn new(
        columns: &'a [Column],
        num_rows: usize,
        measured: &'a dyn Fn(usize, usize) -> Option<Measured>,
    ) -> Self {
        let is_sure = |row, column| measured(row, column).is_some_and(|f| f.uncertainty.is_some());
        let columns = columns
            .iter()
            .enumerate()
            .map(|(index, column)| (column, (0..num_rows).any(|row| is_sure(row, index))));
        Self { columns: columns.collect(), measured }
    }

    fn heads(&self) -> Vec<String> {
        let heads = self.columns.iter().flat_map(|(Column { title, .. }, has_interval)| {
            let ends = has_interval.then(|| ["low", "high"].map(|end| format!("{title}.{end}")));
            std::iter::once(title.clone()).chain(ends.into_iter().flatten())
        });
        heads.collect()
    }

    fn cells(&self, row: usize) -> Vec<String> {
        let text = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let cells = self.columns.iter().enumerate().flat_map(|(index, (_, has_interval))| {
            let figure = (self.measured)(row, index);
            let sure = figure.and_then(|figure| figure.uncertainty);
            let ends =
                has_interval.then(|| [sure.map(|sure| sure.low), sure.map(|sure| sure.high)]);
            let value = figure.map(|figure| figure.value);
            std::iter::once(value).chain(ends.into_iter().flatten()).map(text)
        });
        cells.collect()
    }
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
             quantize.block_size,size,tone-exact_match,tone-exact_match.low,tone-exact_match.high,\
             tone-perplexity,duration_sec,model_id"
        );
        let chosen = "7,,measured,,true,true,true,KQuant,4,32,92274688,0.864,0.834,0.894,2.05,21,";
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

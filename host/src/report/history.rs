//! The run history: models as a table of text, drawn as Olive draws it.

use std::fmt::Write;

use olive_schemas::footprint::ModelRecord;
use serde_json::{Map, Value, json};

use crate::render::{plain, width};

const HEADERS: [&str; 5] = ["model_id", "parent_model_id", "from_pass", "duration_sec", "metrics"];
/// Characters of an id that tell models apart.
const ID: usize = 12;

/// The models as a grid, one row a model; a cell may have several lines.
pub(super) fn grid(models: &[ModelRecord]) -> String {
    let mut rows = vec![HEADERS.map(|header| vec![header.to_owned()])];
    rows.extend(models.iter().map(row));
    let widths: [usize; HEADERS.len()] = std::array::from_fn(|column| {
        let lines = rows.iter().flat_map(|row| &row[column]);
        lines.map(|line| width(line)).max().unwrap_or(0)
    });
    let mut text = rule('-', &widths);
    for (index, row) in rows.iter().enumerate() {
        write_row(row, &widths, &mut text);
        text.push_str(&rule(if index == 0 { '=' } else { '-' }, &widths));
    }
    text
}

fn row(record: &ModelRecord) -> [Vec<String>; HEADERS.len()] {
    let short = |id: &str| id.chars().take(ID).collect::<String>();
    let seconds = record.pass_step.as_ref().map(|step| format!("{:.2}", step.duration_sec));
    [
        short(&record.model_id),
        record.parent_model_id.as_deref().map(short).unwrap_or_default(),
        record.from_pass.clone().unwrap_or_default(),
        seconds.unwrap_or_default(),
        metrics(record),
    ]
    .map(|cell| plain(&cell).lines().map(str::to_owned).collect())
}

fn metrics(record: &ModelRecord) -> String {
    if record.metrics.is_empty() {
        return String::new();
    }
    let values: Map<String, Value> =
        record.metrics.iter().map(|value| (value.key(), json!(value.value))).collect();
    format!("{:#}", Value::Object(values))
}

fn write_row(row: &[Vec<String>; HEADERS.len()], widths: &[usize], text: &mut String) {
    let height = row.iter().map(Vec::len).max().unwrap_or(0);
    for line in 0..height {
        for (cell, &columns) in row.iter().zip(widths) {
            let part = cell.get(line).map_or("", String::as_str);
            let padding = " ".repeat(columns - width(part));
            let _ = write!(text, "| {part}{padding} ");
        }
        text.push_str("|\n");
    }
}

fn rule(line: char, widths: &[usize]) -> String {
    let mut text = String::new();
    for columns in widths {
        text.push('+');
        text.extend(std::iter::repeat_n(line, columns + 2));
    }
    text + "+\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_grid_has_a_row_a_model() {
        let footprint = sample::shares(&[Some(0.0), None, Some(0.55)]);
        assert_eq!(
            grid(&footprint.models),
            r#"+--------------+-----------------+-----------+--------------+----------------------------+
| model_id     | parent_model_id | from_pass | duration_sec | metrics                    |
+==============+=================+===========+==============+============================+
| 1111111111aa |                 |           |              | {                          |
|              |                 |           |              |   "tone-exact_match": 0.0  |
|              |                 |           |              | }                          |
+--------------+-----------------+-----------+--------------+----------------------------+
| 2222222222aa | 1111111111aa    | Second    | 10.00        |                            |
+--------------+-----------------+-----------+--------------+----------------------------+
| 3333333333aa | 2222222222aa    | Third     | 10.00        | {                          |
|              |                 |           |              |   "tone-exact_match": 0.55 |
|              |                 |           |              | }                          |
+--------------+-----------------+-----------+--------------+----------------------------+
"#
        );
    }
}

//! The models of a run against what was measured of them.

use olive_schemas::footprint::{Footprint, ModelRecord};
use olive_schemas::metric::MetricValue;

use super::figures::{Measured, Unit, Verdict};
use super::lineage::ancestors;

/// Models in rows, metrics in columns.
#[derive(Debug, Clone)]
pub struct Table<'a> {
    /// The metrics, in order of first appearance; the size comes last.
    pub columns: Vec<Column>,
    /// The models, in order of making.
    pub rows: Vec<Row<'a>>,
}

/// A metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// What people call it.
    pub title: String,
    /// Key of the metric; `None` for the size of a model that no metric gives.
    key: Option<String>,
    /// What it counts.
    pub unit: Unit,
    /// Whether more is better.
    pub higher_is_better: bool,
}

/// A model.
#[derive(Debug, Clone)]
pub struct Row<'a> {
    /// The model.
    pub model: &'a ModelRecord,
    /// One cell a column; `None` where nothing was measured.
    pub cells: Vec<Option<Cell<'a>>>,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell<'a> {
    /// The figure.
    pub figure: Measured,
    /// The value with its unit.
    pub text: String,
    /// The interval that it lies in with 95 % confidence, where that can be told.
    pub interval: Option<String>,
    /// How it differs from the nearest ancestor that has one.
    pub change: Option<Change<'a>>,
}

/// A difference from an ancestor.
#[derive(Debug, Clone, PartialEq)]
pub struct Change<'a> {
    /// The difference, such as `−33.3 points`.
    pub text: String,
    /// Whether it is welcome.
    pub verdict: Verdict,
    /// The ancestor's title.
    pub from: &'a str,
}

/// The table of a run.
pub fn table(footprint: &Footprint) -> Table<'_> {
    let columns = columns(&footprint.models);
    let rows = footprint.models.iter().map(|model| {
        let cells = columns.iter().map(|column| cell(footprint, model, column)).collect();
        Row { model, cells }
    });
    Table { rows: rows.collect(), columns }
}

impl Column {
    /// Whether it is the metric `key`.
    pub fn is(&self, key: &str) -> bool {
        self.key.as_deref() == Some(key)
    }

    /// Whether it is the size of models, whether a metric gives it or not.
    pub fn is_size(&self) -> bool {
        self.title == SIZE
    }

    /// What `model` has in this column.
    pub fn measured(&self, model: &ModelRecord) -> Option<Measured> {
        let measured = model.metrics.iter().find(|value| Some(value.key()) == self.key);
        let size = || (self.title == SIZE).then_some(model.size_bytes).flatten();
        let size = || size().map(|bytes| Measured { value: bytes as f64, uncertainty: None });
        measured.map(Measured::from).or_else(size)
    }
}

impl Cell<'_> {
    /// The value with its unit and its interval.
    pub fn whole(&self) -> String {
        let interval = self.interval.as_ref().map(|interval| format!(" ({interval})"));
        self.text.clone() + &interval.unwrap_or_default()
    }
}

/// Title of the size column.
const SIZE: &str = "size";

fn columns(models: &[ModelRecord]) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    let mut size =
        Column { title: SIZE.into(), key: None, unit: Unit::Bytes, higher_is_better: false };
    for value in models.iter().flat_map(|model| &model.metrics) {
        let unit = Unit::of(value);
        let key = Some(value.key());
        if unit == Unit::Bytes && (size.key.is_none() || size.key == key) {
            size.key = key;
            continue;
        }
        match columns.iter_mut().find(|column| column.key == key) {
            Some(column) if column.unit != unit => column.unit = Unit::Number,
            Some(_) => {}
            None => columns.push(column(value, unit)),
        }
    }
    if models.iter().any(|model| size.measured(model).is_some()) {
        columns.push(size);
    }
    columns
}

fn column(value: &MetricValue, unit: Unit) -> Column {
    let higher_is_better = value.higher_is_better;
    Column { title: value.key(), key: Some(value.key()), unit, higher_is_better }
}

fn cell<'a>(footprint: &'a Footprint, model: &ModelRecord, column: &Column) -> Option<Cell<'a>> {
    let figure = column.measured(model)?;
    let value = figure.value;
    let before = ancestors(footprint, model)
        .find_map(|ancestor| Some((ancestor.title(), column.measured(ancestor)?.value)));
    let change = before.map(|(from, before)| Change {
        text: column.unit.change(before, value),
        verdict: column.unit.verdict(before, value, column.higher_is_better),
        from,
    });
    let interval = figure.uncertainty.map(|sure| column.unit.interval(sure));
    Some(Cell { figure, text: column.unit.show(value), interval, change })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn cells_tell_value_and_change() {
        let footprint = sample::full();
        let table = table(&footprint);
        let titles: Vec<&str> = table.columns.iter().map(|c| c.title.as_str()).collect();
        assert_eq!(titles, ["tone-exact_match", "tone-perplexity", "speed-avg", "size"]);
        let last = table.rows.last().unwrap();
        let texts: Vec<_> = last.cells.iter().flatten().map(|cell| cell.text.as_str()).collect();
        assert_eq!(texts, ["55.0 %", "3.71", "61.3 tokens/s", "82.5 MiB"]);
        let change = last.cells[0].as_ref().unwrap().change.as_ref().unwrap();
        assert_eq!((change.text.as_str(), change.from), ("−33.3 points", "merge"));
        assert_eq!(change.verdict, Verdict::Worse);
    }

    #[test]
    fn a_gap_is_compared_with_the_nearest_measured_ancestor() {
        let footprint = sample::shares(&[Some(0.5), None, Some(0.6)]);
        let table = table(&footprint);
        assert_eq!(table.rows[1].cells, [None]);
        let change = table.rows[2].cells[0].as_ref().unwrap().change.as_ref().unwrap();
        assert_eq!((change.text.as_str(), change.from), ("+10.0 points", "input model"));
    }
}

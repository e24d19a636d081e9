//! Rows of CSV files.

use std::iter::zip;
use std::sync::Arc;

use super::Columns;
use crate::error::Source;
use crate::value::Value;

/// The records after the header line; every value is text, as it is written.
pub(super) fn parse(text: &str) -> Result<Vec<Columns>, Source> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names: Vec<Arc<str>> = reader.headers()?.iter().map(Arc::from).collect();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record?;
        let values = record.iter().map(|value| Value::Text(value.to_owned()));
        rows.push(zip(names.iter().cloned(), values).collect());
    }
    Ok(rows)
}

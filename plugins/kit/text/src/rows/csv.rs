//! Rows of CSV files.

use std::io::BufRead;
use std::iter::zip;
use std::sync::Arc;

use super::Reader;
use crate::error::Source;
use crate::value::Value;

/// The records after the header line; every value is text, as it is written.
///
/// # Errors
/// When the header cannot be read, or `separator` is not one byte.
pub(super) fn rows(input: Box<dyn BufRead>, separator: &str) -> Result<Reader, Source> {
    let &[separator] = separator.as_bytes() else {
        return Err(format!("`sep` is `{separator}`, not one ASCII character").into());
    };
    let mut reader = csv::ReaderBuilder::new().delimiter(separator).from_reader(input);
    let names: Vec<Arc<str>> = reader.headers()?.iter().map(Arc::from).collect();
    Ok(Box::new(reader.into_records().map(move |record| {
        let record = record?;
        let values = record.iter().map(|value| Value::Text(value.to_owned()));
        Ok(zip(names.iter().cloned(), values).collect())
    })))
}

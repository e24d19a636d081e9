//! Rows of text files.

use std::sync::Arc;

use super::Columns;
use crate::error::Source;
use crate::value::Value;

/// One row a line, in the column `text`.
#[expect(clippy::unnecessary_wraps, reason = "the parsers of all formats have one signature")]
pub(super) fn parse(text: &str) -> Result<Vec<Columns>, Source> {
    let name: Arc<str> = "text".into();
    let row = |line: &str| vec![(name.clone(), Value::Text(line.to_owned()))];
    Ok(text.lines().map(row).collect())
}

//! Rows of text files.

use std::io::BufRead;
use std::sync::Arc;

use super::Reader;
use crate::value::Value;

/// One row a line, in the column `text`.
pub(super) fn rows(input: Box<dyn BufRead>) -> Reader {
    let name: Arc<str> = "text".into();
    Box::new(input.lines().map(move |line| Ok(vec![(name.clone(), Value::Text(line?))])))
}

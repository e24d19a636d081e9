//! Rows of data files.

mod csv;
mod json;
mod parquet;
mod text;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use olive_schemas::data::{DataFormat, LoadDataset};

use crate::error::{Source, TextError};
use crate::value::Value;

/// Named values of one row, in the order of its file.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    path: Arc<Path>,
    number: usize,
    columns: Columns,
}

/// Named values.
type Columns = Vec<(Arc<str>, Value)>;

impl Row {
    /// The row `number`, counted from 1, of the file at `path`.
    pub(crate) fn new(path: Arc<Path>, number: usize, columns: Columns) -> Self {
        Self { path, number, columns }
    }

    /// The value of `column`, if the row has it.
    pub fn get(&self, column: &str) -> Option<&Value> {
        self.columns.iter().find(|(name, _)| &**name == column).map(|(_, value)| value)
    }

    /// The value of `column` as text, as Python's `str` writes it.
    ///
    /// # Errors
    /// When the row lacks the column, or it holds a list or an object.
    pub fn text(&self, column: &str) -> Result<String, TextError> {
        let (path, row) = (self.path.to_path_buf(), self.number);
        let Some(value) = self.get(column) else {
            let known: Vec<_> = self.columns.iter().map(|(name, _)| format!("`{name}`")).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(TextError::Column { column: column.to_owned(), row, path, known });
        };
        let column = column.to_owned();
        value.text().map_err(|kind| TextError::NotText { column, row, path, kind })
    }
}

/// Reads all rows of all files of `config`, in order.
///
/// JSON is one array of objects or objects one after the other, each on as many lines as it likes;
/// values of CSV files are text; `text` files have the one column `text`.
///
/// # Errors
/// When a file cannot be read or does not hold rows of its format, or when there are none at all.
pub fn read(config: &LoadDataset) -> Result<Vec<Row>, TextError> {
    let mut rows = Vec::new();
    for path in &config.data_files {
        let columns = match config.data_name {
            DataFormat::Json => parse(path, "JSON", json::parse),
            DataFormat::Csv => parse(path, "CSV", csv::parse),
            DataFormat::Text => parse(path, "UTF-8 text", text::parse),
            DataFormat::Parquet => parse_parquet(path),
        }?;
        let path: Arc<Path> = path.as_path().into();
        let numbered = (1..).zip(columns);
        rows.extend(numbered.map(|(number, columns)| Row::new(path.clone(), number, columns)));
    }
    if rows.is_empty() { Err(TextError::NoRows { files: files(config) }) } else { Ok(rows) }
}

/// The files of `config`, for messages.
pub(crate) fn files(config: &LoadDataset) -> String {
    let files = config.data_files.iter().map(|path| format!("`{}`", path.display()));
    files.collect::<Vec<_>>().join(", ")
}

fn parse(
    path: &Path,
    format: &'static str,
    parse: impl FnOnce(&str) -> Result<Vec<Columns>, Source>,
) -> Result<Vec<Columns>, TextError> {
    let bytes = fs::read(path).map_err(|source| unreadable(path, source))?;
    let text = str::from_utf8(&bytes).map_err(Source::from);
    let columns = text.and_then(|text| parse(text.trim_start_matches('\u{feff}')));
    columns.map_err(|source| TextError::Format { path: path.to_path_buf(), format, source })
}

fn parse_parquet(path: &Path) -> Result<Vec<Columns>, TextError> {
    let file = fs::File::open(path).map_err(|source| unreadable(path, source))?;
    parquet::read(file).map_err(|source| TextError::Format {
        path: path.to_path_buf(),
        format: "Parquet",
        source,
    })
}

fn unreadable(path: &Path, source: std::io::Error) -> TextError {
    TextError::Read { path: path.to_path_buf(), source }
}

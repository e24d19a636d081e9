//! Rows of data files, read one after the other.

mod arrow;
mod csv;
mod input;
mod json;
mod parquet;
mod text;

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::vec;

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

/// Where a row stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// Number of the row in it, from 1.
    pub row: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "row {} of `{}`", self.row, self.path.display())
    }
}

/// Named values.
type Columns = Vec<(Arc<str>, Value)>;

/// Rows of one file in the making.
type Reader = Box<dyn Iterator<Item = Result<Columns, Source>>>;

impl Row {
    /// The row `number`, counted from 1, of the file at `path`.
    pub(crate) fn new(path: Arc<Path>, number: usize, columns: Columns) -> Self {
        Self { path, number, columns }
    }

    /// Where the row stands.
    pub fn place(&self) -> Place {
        Place { path: self.path.to_path_buf(), row: self.number }
    }

    /// Whether the row has the columns and values of `other`, wherever that stands.
    pub(crate) fn is_alike(&self, other: &Self) -> bool {
        self.columns == other.columns
    }

    /// The value of `column`, if the row has it.
    pub fn get(&self, column: &str) -> Option<&Value> {
        self.columns.iter().find(|(name, _)| &**name == column).map(|(_, value)| value)
    }

    /// The value of `column`.
    ///
    /// # Errors
    /// When the row lacks the column.
    pub fn value(&self, column: &str) -> Result<&Value, TextError> {
        self.get(column).ok_or_else(|| {
            let known: Vec<_> = self.columns.iter().map(|(name, _)| format!("`{name}`")).collect();
            TextError::Column {
                column: column.to_owned(),
                row: self.number,
                path: self.path.to_path_buf(),
                known: if known.is_empty() { "none".to_owned() } else { known.join(", ") },
            }
        })
    }

    /// The value of `column` as text, as Python's `str` writes it.
    ///
    /// # Errors
    /// When the row lacks the column, or it holds a list or an object.
    pub fn text(&self, column: &str) -> Result<String, TextError> {
        self.value(column)?.text().map_err(|kind| TextError::NotText {
            column: column.to_owned(),
            row: self.number,
            path: self.path.to_path_buf(),
            kind,
        })
    }

    /// What is wrong with `column`, in words that follow its place.
    pub(crate) fn fault(&self, column: &str, problem: String) -> TextError {
        let column = column.to_owned();
        TextError::Value { column, row: self.number, path: self.path.to_path_buf(), problem }
    }

    /// That the messages up to number `message` of the chat in `column` do not begin the whole chat.
    pub(crate) fn not_nested(&self, column: &str, message: usize) -> TextError {
        let (column, path) = (column.to_owned(), self.path.to_path_buf());
        TextError::NotNested { column, row: self.number, path, message }
    }
}

/// Rows of all files of a data config, in order; at most one batch of a file is in memory.
pub struct Rows {
    config: LoadDataset,
    files: vec::IntoIter<PathBuf>,
    current: Option<(Arc<Path>, Reader)>,
    /// Rows read of the current file.
    number: usize,
}

/// Opens the files of `config`, each when its turn comes.
///
/// JSON is one array of objects or objects one after the other, each on as many lines as it likes;
/// values of CSV files are text; `text` files have the one column `text`. Files of these formats
/// may be compressed.
pub fn open(config: &LoadDataset) -> Rows {
    let files = config.data_files.clone().into_iter();
    Rows { config: config.clone(), files, current: None, number: 0 }
}

/// Reads all rows of all files of `config`, in order, at once.
///
/// # Errors
/// When a file cannot be read or does not hold rows of its format, or when there are none at all.
pub fn read(config: &LoadDataset) -> Result<Vec<Row>, TextError> {
    read_first(config, usize::MAX)
}

/// Reads at most `limit` rows of the files of `config`, and no further.
///
/// # Errors
/// Those of [`read`].
pub fn read_first(config: &LoadDataset, limit: usize) -> Result<Vec<Row>, TextError> {
    let rows = open(config).take(limit).collect::<Result<Vec<_>, _>>()?;
    if rows.is_empty() { Err(TextError::NoRows { files: files(config) }) } else { Ok(rows) }
}

impl Iterator for Rows {
    type Item = Result<Row, TextError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((path, reader)) = &mut self.current else {
                let path = self.files.next()?;
                match reader(&path, &self.config) {
                    Ok(reader) => self.current = Some((path.into(), reader)),
                    Err(error) => return Some(Err(error)),
                }
                self.number = 0;
                continue;
            };
            match reader.next() {
                Some(Ok(columns)) => {
                    self.number += 1;
                    return Some(Ok(Row::new(path.clone(), self.number, columns)));
                }
                Some(Err(source)) => {
                    let error =
                        wrong_format(path, self.config.data_name, Some(self.number + 1), source);
                    (self.current, self.files) = (None, Vec::new().into_iter());
                    return Some(Err(error));
                }
                None => self.current = None,
            }
        }
    }
}

/// The files of `config`, for messages.
pub(crate) fn files(config: &LoadDataset) -> String {
    let files = config.data_files.iter().map(|path| format!("`{}`", path.display()));
    files.collect::<Vec<_>>().join(", ")
}

fn reader(path: &Path, config: &LoadDataset) -> Result<Reader, TextError> {
    let unreadable = |source| TextError::Read { path: path.to_path_buf(), source };
    let file = File::open(path).map_err(unreadable)?;
    let reader = match config.data_name {
        DataFormat::Json => Ok(json::rows(input::plain(file).map_err(unreadable)?)),
        DataFormat::Csv => csv::rows(input::plain(file).map_err(unreadable)?, &config.sep),
        DataFormat::Text => Ok(text::rows(input::plain(file).map_err(unreadable)?)),
        DataFormat::Parquet => parquet::rows(file),
        DataFormat::Arrow => arrow::rows(file),
    };
    reader.map_err(|source| wrong_format(path, config.data_name, None, source))
}

fn wrong_format(path: &Path, format: DataFormat, row: Option<usize>, source: Source) -> TextError {
    let format = match format {
        DataFormat::Json => "JSON",
        DataFormat::Csv => "CSV",
        DataFormat::Parquet => "Parquet",
        DataFormat::Arrow => "Arrow",
        DataFormat::Text => "UTF-8 text",
    };
    // Parsers of lines and tables know their own place, which a reader of the file finds faster.
    let source = match row {
        Some(row) if row > 1 => format!("row {row}: {source}").into(),
        _ => source,
    };
    TextError::Format { path: path.to_path_buf(), format, source }
}

//! What a model was asked and how it answered, one JSON object a line.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use olive_schemas::samples;
use serde::Serialize;

use crate::error::MeasureError;

/// One row of data as a metric saw it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Record<'a> {
    /// Name of the metric.
    pub metric: &'a str,
    /// The figures that the row counts for.
    pub sub_types: &'a [String],
    /// Number of the row among those measured, from 1.
    pub row: usize,
    /// What the model was asked, as it was asked.
    pub prompt: &'a str,
    /// What the data, or the reference model, says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<&'a str>,
    /// What the model says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub got: Option<&'a str>,
    /// What the row adds to the figure: 1 or 0 where it is right or wrong, else its own figure.
    pub score: f64,
    /// Log-likelihoods of the answers to choose from.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub log_likelihoods: BTreeMap<&'a str, f64>,
}

/// The file of [`Record`]s, made with the first of them.
pub struct Records {
    path: PathBuf,
    file: Option<BufWriter<File>>,
}

impl Records {
    /// No records yet; they will go into `folder`.
    pub fn new(folder: &Path) -> Self {
        Self { path: folder.join(samples::FILE_NAME), file: None }
    }

    /// Appends one record.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn push(&mut self, record: &Record<'_>) -> Result<(), MeasureError> {
        let written = match &mut self.file {
            Some(file) => write(file, record),
            None => File::create(&self.path)
                .and_then(|file| write(self.file.insert(BufWriter::new(file)), record)),
        };
        written.map_err(|source| self.failed(source))
    }

    /// Sees to it that everything is written.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn finish(mut self) -> Result<(), MeasureError> {
        let flushed = self.file.as_mut().map_or(Ok(()), BufWriter::flush);
        flushed.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: std::io::Error) -> MeasureError {
        MeasureError::File { action: "write", path: self.path.clone(), source }
    }
}

fn write(file: &mut BufWriter<File>, record: &Record<'_>) -> std::io::Result<()> {
    let line = serde_json::to_string(record).map_err(std::io::Error::from)?;
    writeln!(file, "{line}")
}

//! A GGUF file as the checkpoint it would be.

use std::ops::Range;
use std::path::Path;

use olive_kit_checkpoint::{Description, Dtype};
use serde_json::Value;

use crate::error::GgufError;
use crate::gguf::Gguf;
use crate::llama::{self, Layout};
use crate::plan::{Plan, Source, Target};
use crate::tokenizer::Tokenizer;

/// A GGUF file as the checkpoint it would be in transformers' layout.
#[derive(Debug)]
pub struct GgufModel {
    gguf: Gguf,
    description: Description,
    plan: Plan,
}

impl GgufModel {
    /// Opens the file at `path`; weights get the names of `layout`, and the config says that they
    /// are of the type `dtype`.
    ///
    /// # Errors
    /// When the file cannot be read, or holds another model, tokenizer or tensors than are known.
    pub fn open(path: &Path, layout: Layout, dtype: Dtype) -> Result<Self, GgufError> {
        let gguf = Gguf::open(path)?;
        let generation = Tokenizer::read(&gguf)?.generation_config();
        let config = llama::config(&gguf, layout, dtype)?;
        let description = Description::of_config(path, &config, &generation)?;
        let plan = Plan::new(&gguf, &description.decoder)?;
        Ok(Self { gguf, description, plan })
    }

    /// What the model is.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// Every tensor of the checkpoint, in order of computation.
    pub fn targets(&self) -> &[Target] {
        &self.plan.targets
    }

    /// The tensor of the checkpoint called `name`, if there is one.
    pub fn target(&self, name: &str) -> Option<&Target> {
        self.plan.targets.iter().find(|target| target.name == name)
    }

    /// Names and texts of the checkpoint's other files.
    ///
    /// # Errors
    /// None that [`GgufModel::open`] would not have found.
    pub fn files(&self) -> Result<[(&'static str, String); 4], GgufError> {
        let tokenizer = Tokenizer::read(&self.gguf)?;
        let settings = tokenizer.settings(self.description.decoder.max_positions);
        let files = [
            ("config.json", self.description.config.clone()),
            ("generation_config.json", tokenizer.generation_config()),
            ("tokenizer.json", tokenizer.json()),
            ("tokenizer_config.json", settings),
        ];
        Ok(files.map(|(name, object)| (name, format!("{:#}\n", Value::Object(object)))))
    }

    /// Values of some rows of `target`, dequantized.
    ///
    /// # Errors
    /// When the file cannot be read.
    ///
    /// # Panics
    /// When a row is past the end.
    pub fn rows(&self, target: &Target, rows: Range<usize>) -> Result<Vec<f32>, GgufError> {
        if let ([_], [source]) = (&*target.shape, &*target.sources) {
            return Ok(self.gguf.rows(&source.tensor, 0..1)?[rows].to_vec());
        }
        assert!(rows.end <= target.num_rows(), "rows of `{}`", target.name);
        let mut values = Vec::with_capacity(rows.len() * target.row_len());
        let mut first = 0;
        for source in &target.sources {
            let end = first + source.tensor.num_rows();
            let part = rows.start.max(first)..rows.end.min(end);
            if !part.is_empty() {
                values.extend(self.source_rows(source, part.start - first..part.end - first)?);
            }
            first = end;
        }
        Ok(values)
    }

    /// Values of some rows of one tensor of the file, in the order of transformers.
    fn source_rows(&self, source: &Source, rows: Range<usize>) -> Result<Vec<f32>, GgufError> {
        let tensor = &source.tensor;
        let Some(head_dim) = source.interleaved else { return self.gguf.rows(tensor, rows) };
        let start = rows.start / head_dim * head_dim;
        let end = rows.end.next_multiple_of(head_dim).min(tensor.num_rows());
        let row_len = tensor.row_len();
        let values = self.gguf.rows(tensor, start..end)?;
        let mut values = separate_halves(&values, head_dim, row_len);
        values.truncate((rows.end - start) * row_len);
        values.drain(..(rows.start - start) * row_len);
        Ok(values)
    }
}

/// Undoes the row order of llama.cpp, whose rope turns neighboring entries of a head, for
/// transformers, whose rope turns an entry with the one half a head away: within each head, even
/// rows first, then odd ones.
///
/// `values` are whole heads, `[heads * head_dim, row_len]`.
fn separate_halves(values: &[f32], head_dim: usize, row_len: usize) -> Vec<f32> {
    let mut separated = Vec::with_capacity(values.len());
    for head in values.chunks(head_dim * row_len) {
        for parity in 0..2 {
            for row in head.chunks(row_len).skip(parity).step_by(2) {
                separated.extend_from_slice(row);
            }
        }
    }
    separated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_rows_of_each_head_come_first() {
        let rows = |order: [u8; 8]| order.map(|row| [f32::from(row); 2]).concat();
        let separated = separate_halves(&rows([0, 1, 2, 3, 4, 5, 6, 7]), 4, 2);
        assert_eq!(separated, rows([0, 2, 1, 3, 4, 6, 5, 7]));
    }
}

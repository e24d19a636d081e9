//! A checkpoint as a GGUF file that llama.cpp reads: its keys, its names, its order of rows.
//!
//! Conventions: `convert_hf_to_gguf.py` and `llama-quantize` of <https://github.com/ggml-org/llama.cpp>.

mod figures;
pub mod quantize;
mod tensors;
mod tokenizer;

use std::ops::Range;
use std::path::Path;

use candle_core::quantized::GgmlDType;
use olive_kit_checkpoint::{Checkpoint, Tensor};

use crate::error::GgufError;
use crate::writer::{Entry, GgufWriter, NewTensor};
use quantize::FileType;
use tensors::Export;

/// Values that are in memory at once.
const GROUP_VALUES: usize = 1 << 20;

/// A checkpoint and what becomes of it.
#[derive(Debug)]
pub struct GgufExport {
    checkpoint: Checkpoint,
    metadata: Vec<(String, Entry)>,
    exports: Vec<Export>,
    /// Tensors that the checkpoint has no names for, with their values.
    extra: Vec<(NewTensor, Vec<f32>)>,
    file_type: FileType,
}

impl GgufExport {
    /// Opens the checkpoint in `dir` to store its matrices as `file_type`; `splits` is llama.cpp's
    /// name of how the tokenizer splits text, where it is not to be told from the files.
    ///
    /// # Errors
    /// When the checkpoint cannot be read, is quantized, or has what llama.cpp does not compute.
    pub fn open(dir: &Path, file_type: FileType, splits: Option<&str>) -> Result<Self, GgufError> {
        let checkpoint = Checkpoint::open(dir)?;
        checkpoint.validate()?;
        let decoder = checkpoint.decoder();
        let mut metadata = figures::figures(checkpoint.description())?;
        metadata.push(("general.file_type".into(), Entry::Count(file_type.number())));
        metadata.push(("general.quantization_version".into(), Entry::Count(2)));
        metadata.extend(tokenizer::entries(dir, decoder, splits)?);
        let factors = tensors::rope_factors(&decoder.rope).into_iter().map(|(name, values)| {
            let shape = vec![values.len()];
            (NewTensor { name: name.into(), dtype: GgmlDType::F32, shape }, values)
        });
        let (extra, exports) = (factors.collect(), tensors::exports(decoder));
        Ok(Self { checkpoint, metadata, exports, extra, file_type })
    }

    /// Writes the file `path`, and calls `progress` with the number of tensors that are done, and
    /// of all, after each; it stops where that returns false, and the file is not whole.
    ///
    /// Memory: a few MiB of rows.
    ///
    /// # Errors
    /// When a file cannot be read or written, or a value does not fit its type.
    pub fn write(
        &self,
        path: &Path,
        mut progress: impl FnMut(usize, usize) -> bool,
    ) -> Result<(), GgufError> {
        let stored: Vec<_> = self.exports.iter().map(|export| self.stored(export)).collect();
        let extra = self.extra.iter().map(|(tensor, _)| tensor);
        let all: Vec<_> = extra.chain(&stored).cloned().collect();
        let mut writer = GgufWriter::create(path, &self.metadata, &all)?;
        for (tensor, values) in &self.extra {
            writer.append(&quantize::encode(&tensor.name, values, values.len(), tensor.dtype)?)?;
            writer.end(tensor)?;
        }
        for (done, (export, tensor)) in (1..).zip(self.exports.iter().zip(&stored)) {
            self.append(&mut writer, export, tensor)?;
            if !progress(done, stored.len()) {
                return Ok(());
            }
        }
        writer.finish()
    }

    fn stored(&self, export: &Export) -> NewTensor {
        let makes_logits = export.name == "output.weight"
            || export.name == "token_embd.weight" && self.checkpoint.decoder().ties_embeddings;
        let dtype = self.file_type.of_tensor(&export.shape, makes_logits);
        NewTensor { name: export.name.clone(), dtype, shape: export.shape.clone() }
    }

    fn append(
        &self,
        writer: &mut GgufWriter,
        export: &Export,
        stored: &NewTensor,
    ) -> Result<(), GgufError> {
        let tensor = self.checkpoint.shaped(&export.source, &export.shape)?;
        let (num_rows, row_len) = match *export.shape {
            [num_rows, row_len] => (num_rows, row_len),
            // A norm or a bias: rows of one value, which are interleaved as those of its weight.
            _ => (tensor.len(), 1),
        };
        let rows_at_once = (GROUP_VALUES / row_len.max(1)).max(1);
        for start in (0..num_rows).step_by(rows_at_once) {
            let rows = start..(start + rows_at_once).min(num_rows);
            let values = values(&tensor, export, rows, row_len);
            let bytes = quantize::encode(&export.source, &values, row_len, stored.dtype)?;
            writer.append(&bytes)?;
        }
        self.checkpoint.release(&export.source);
        writer.end(stored)
    }
}

/// Values of some rows of the file's tensor.
fn values(tensor: &Tensor<'_>, export: &Export, rows: Range<usize>, row_len: usize) -> Vec<f32> {
    let row_bytes = tensor.dtype.size_bytes() * row_len;
    let stored = |first: usize, num_rows: usize| {
        tensor.dtype.decode(&tensor.bytes[first * row_bytes..][..num_rows * row_bytes])
    };
    let mut values = match export.interleaved {
        None => stored(rows.start, rows.len()).into_owned(),
        Some(head_dim) => {
            let mut gathered = Vec::with_capacity(rows.len() * row_len);
            for row in rows {
                gathered.extend_from_slice(&stored(tensors::source_row(row, head_dim), 1));
            }
            gathered
        }
    };
    if export.adds_one {
        for value in &mut values {
            *value += 1.0;
        }
    }
    values
}

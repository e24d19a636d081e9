//! A checkpoint as a GGUF file that llama.cpp reads: its keys, its names, its order of rows.
//!
//! Conventions: `convert_hf_to_gguf.py` and `llama-quantize` of <https://github.com/ggml-org/llama.cpp>.

pub mod codes;
mod figures;
pub mod quantize;
mod source;
mod tensors;
mod tokenizer;

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::Path;

use candle_core::quantized::GgmlDType;
use olive_kit_checkpoint::{PackedCheckpoint, Tensor};

use crate::error::GgufError;
use crate::writer::{Entry, GgufWriter, NewTensor};
use codes::{Codes, PackedWeight};
use quantize::FileType;
use source::Source;
use tensors::Export;

/// Values that are in memory at once.
const GROUP_VALUES: usize = 1 << 20;

/// A checkpoint and what becomes of it.
#[derive(Debug)]
pub struct GgufExport {
    source: Source,
    metadata: Vec<(String, Entry)>,
    exports: Vec<Export>,
    /// What is packed, by the name of the tensor in its place.
    packed: BTreeMap<String, PackedWeight>,
    /// Tensors that the checkpoint has no names for, with their values.
    extra: Vec<(NewTensor, Vec<f32>)>,
    file_type: FileType,
}

impl GgufExport {
    /// Opens the checkpoint in `dir` to store its matrices as `file_type`, codes of packed layers as
    /// they are where a type of GGUF of these bits holds them; `splits` is llama.cpp's name of how
    /// the tokenizer splits text, where it is not to be told from the files.
    ///
    /// # Errors
    /// When the checkpoint cannot be read, is quantized otherwise, or has what llama.cpp does not
    /// compute.
    pub fn open(dir: &Path, file_type: FileType, splits: Option<&str>) -> Result<Self, GgufError> {
        let source = Source::open(dir)?;
        let decoder = source.decoder();
        let packed = match &source {
            Source::Floats(_) => BTreeMap::new(),
            Source::Packed(checkpoint) => codes::packed_weights(checkpoint, file_type)?,
        };
        let exports = tensors::exports(decoder);
        let mut metadata = figures::figures(source.description())?;
        let number = mostly(file_type, &exports, &packed).number();
        metadata.push(("general.file_type".into(), Entry::Count(number)));
        metadata.push(("general.quantization_version".into(), Entry::Count(2)));
        metadata.extend(tokenizer::entries(dir, decoder, splits)?);
        let factors = tensors::rope_factors(&decoder.rope).into_iter().map(|(name, values)| {
            let shape = vec![values.len()];
            (NewTensor { name: name.into(), dtype: GgmlDType::F32, shape }, values)
        });
        let extra = factors.collect();
        Ok(Self { source, metadata, exports, packed, extra, file_type })
    }

    /// Packed matrices by their names in the file, and what becomes of their codes.
    pub fn packed(&self) -> impl Iterator<Item = (&str, Codes)> {
        self.exports.iter().filter_map(|export| {
            let packed = self.packed.get(&export.source)?;
            Some((export.name.as_str(), packed.codes))
        })
    }

    /// Writes the file `path`, and calls `progress` with the number of tensors that are done, and
    /// of all, after each; it stops where that returns false. No file is left of what is not whole.
    ///
    /// Memory: a few MiB of rows.
    ///
    /// # Errors
    /// When a file cannot be read or written, a value does not fit its type, or it was stopped.
    pub fn write(
        &self,
        path: &Path,
        progress: impl FnMut(usize, usize) -> bool,
    ) -> Result<(), GgufError> {
        let stored: Vec<_> = self.exports.iter().map(|export| self.stored(export)).collect();
        let extra = self.extra.iter().map(|(tensor, _)| tensor);
        let all: Vec<_> = extra.chain(&stored).cloned().collect();
        let mut writer = GgufWriter::create(path, &self.metadata, &all)?;
        let written = self.append_all(&mut writer, path, &stored, progress);
        let written = written.and_then(|()| writer.finish());
        if written.is_err() {
            // Why it is not whole says more than why it cannot be removed.
            let _ = fs::remove_file(path);
        }
        written
    }

    fn append_all(
        &self,
        writer: &mut GgufWriter,
        path: &Path,
        stored: &[NewTensor],
        mut progress: impl FnMut(usize, usize) -> bool,
    ) -> Result<(), GgufError> {
        for (tensor, values) in &self.extra {
            writer.append(&quantize::encode(&tensor.name, values, values.len(), tensor.dtype)?)?;
            writer.end(tensor)?;
        }
        for (done, (export, tensor)) in (1..).zip(self.exports.iter().zip(stored)) {
            match (&self.source, self.packed.get(&export.source)) {
                (Source::Packed(checkpoint), Some(packed)) => {
                    append_packed(checkpoint, packed, writer, export, tensor)?;
                }
                (Source::Packed(_), None) | (Source::Floats(_), _) => {
                    self.append(writer, export, tensor)?;
                }
            }
            if !progress(done, stored.len()) {
                return Err(GgufError::Stopped(path.to_owned()));
            }
        }
        Ok(())
    }

    fn stored(&self, export: &Export) -> NewTensor {
        let makes_logits = export.name == "output.weight"
            || export.name == "token_embd.weight" && self.source.decoder().ties_embeddings;
        let dtype = match self.packed.get(&export.source).map(|packed| packed.codes) {
            Some(Codes::Kept(dtype)) => dtype,
            Some(Codes::Dequantized(_)) | None => {
                self.file_type.of_tensor(&export.shape, makes_logits)
            }
        };
        NewTensor { name: export.name.clone(), dtype, shape: export.shape.clone() }
    }

    fn append(
        &self,
        writer: &mut GgufWriter,
        export: &Export,
        stored: &NewTensor,
    ) -> Result<(), GgufError> {
        let tensor = self.source.tensor(&export.source)?;
        let (num_rows, row_len) = match *export.shape {
            [num_rows, row_len] => (num_rows, row_len),
            // A norm or a bias: rows of one value, which are interleaved as those of its weight.
            _ => (tensor.len(), 1),
        };
        let rows_at_once = rows_at_once(row_len);
        for start in (0..num_rows).step_by(rows_at_once) {
            let rows = start..(start + rows_at_once).min(num_rows);
            let values = values(&tensor, export, rows, row_len);
            let bytes = quantize::encode(&export.source, &values, row_len, stored.dtype)?;
            writer.append(&bytes)?;
        }
        self.source.release(&export.source);
        writer.end(stored)
    }
}

/// The type that says what most weights of a file are: kept codes are what the checkpoint has.
fn mostly(
    asked: FileType,
    exports: &[Export],
    packed: &BTreeMap<String, PackedWeight>,
) -> FileType {
    let size = |export: &Export| export.shape.iter().product::<usize>();
    let total: usize = exports.iter().map(size).sum();
    let kept = |dtype| {
        let is_kept = |export: &&Export| {
            packed.get(&export.source).is_some_and(|packed| packed.codes == Codes::Kept(dtype))
        };
        exports.iter().filter(is_kept).map(size).sum::<usize>()
    };
    let types = [
        (GgmlDType::Q4_0, FileType::Q4_0),
        (GgmlDType::Q4_1, FileType::Q4_1),
        (GgmlDType::Q8_0, FileType::Q8_0),
    ];
    let most = types.into_iter().find(|(dtype, _)| 2 * kept(*dtype) > total);
    most.map_or(asked, |(_, file_type)| file_type)
}

fn rows_at_once(row_len: usize) -> usize {
    (GROUP_VALUES / row_len.max(1)).max(1)
}

/// Appends a packed matrix, in its codes or stored anew.
fn append_packed(
    checkpoint: &PackedCheckpoint,
    packed: &PackedWeight,
    writer: &mut GgufWriter,
    export: &Export,
    stored: &NewTensor,
) -> Result<(), GgufError> {
    let (num_rows, row_len) = (packed.linear.out_features, packed.linear.in_features);
    // Rows are interleaved within heads, so that whole heads are read.
    let rows_at_once = rows_at_once(row_len).next_multiple_of(export.interleaved.unwrap_or(1));
    for start in (0..num_rows).step_by(rows_at_once) {
        let rows = start..(start + rows_at_once).min(num_rows);
        let Some(codes) = checkpoint.rows(&packed.linear, rows.clone())? else {
            unreachable!("the layer is packed")
        };
        let bytes = match packed.codes {
            Codes::Kept(dtype) => {
                let blocks = packed.blocks(&codes, dtype)?;
                let row_bytes = blocks.len() / rows.len();
                interleaved(blocks, row_bytes, export.interleaved)
            }
            Codes::Dequantized(_) => {
                let values = interleaved(packed.floats(&codes), row_len, export.interleaved);
                quantize::encode(&export.source, &values, row_len, stored.dtype)?
            }
        };
        writer.append(&bytes)?;
    }
    checkpoint.release(&packed.linear.name);
    writer.end(stored)
}

/// Rows of whole heads in the order of the file.
fn interleaved<T: Copy>(rows: Vec<T>, row_len: usize, head_dim: Option<usize>) -> Vec<T> {
    let Some(head_dim) = head_dim else { return rows };
    let num_rows = rows.len() / row_len.max(1);
    let sources = (0..num_rows).map(|row| tensors::source_row(row, head_dim));
    sources.flat_map(|row| &rows[row * row_len..][..row_len]).copied().collect()
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

//! Writing one safetensors file tensor by tensor: the header first, from declarations, then the
//! values in the declared order.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::dtype::Dtype;
use crate::error::CheckpointError;

/// Values encoded at once.
const CHUNK: usize = 1 << 16;

/// Type of what is written of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredType {
    /// Weights in floats.
    Float(Dtype),
    /// Words of 32 bits, of codes or numbers of groups.
    I32,
    /// Bytes of codes.
    U8,
}

/// What a tensor will be, declared before its values are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    /// Name in the file.
    pub name: String,
    /// Type of the stored values.
    pub dtype: StoredType,
    /// Sizes, slowest first.
    pub shape: Vec<usize>,
}

impl StoredType {
    /// Bytes of one value.
    pub const fn size_bytes(self) -> usize {
        match self {
            Self::Float(dtype) => dtype.size_bytes(),
            Self::I32 => 4,
            Self::U8 => 1,
        }
    }

    const fn safetensors_name(self) -> &'static str {
        match self {
            Self::Float(dtype) => dtype.safetensors_name(),
            Self::I32 => "I32",
            Self::U8 => "U8",
        }
    }
}

impl From<Dtype> for StoredType {
    fn from(dtype: Dtype) -> Self {
        Self::Float(dtype)
    }
}

impl TensorSpec {
    /// A declaration.
    pub fn new(
        name: impl Into<String>,
        dtype: impl Into<StoredType>,
        shape: impl Into<Vec<usize>>,
    ) -> Self {
        Self { name: name.into(), dtype: dtype.into(), shape: shape.into() }
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all values.
    pub fn size_bytes(&self) -> usize {
        self.len() * self.dtype.size_bytes()
    }
}

/// Writes one safetensors file, holding no tensor longer than it is appended.
///
/// Tensors are declared first and appended in that order. The file appears under its name only by
/// [`SafetensorsWriter::finish`]; a writer dropped before leaves nothing. Same declarations and
/// values, same bytes.
#[derive(Debug)]
pub struct SafetensorsWriter {
    path: PathBuf,
    partial: PathBuf,
    file: BufWriter<File>,
    waiting: VecDeque<TensorSpec>,
    missing_bytes: usize,
    is_finished: bool,
}

impl SafetensorsWriter {
    /// Starts the file at `path` with these tensors.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(
        path: impl Into<PathBuf>,
        specs: impl IntoIterator<Item = TensorSpec>,
    ) -> Result<Self, CheckpointError> {
        let path = path.into();
        let partial = partial_path(&path);
        let waiting: VecDeque<_> = specs.into_iter().collect();
        let file = File::create(&partial).map_err(CheckpointError::write(&path))?;
        let missing_bytes = waiting.front().map_or(0, TensorSpec::size_bytes);
        let header = header(&waiting);
        let file = BufWriter::with_capacity(1 << 18, file);
        let mut writer = Self { path, partial, file, waiting, missing_bytes, is_finished: false };
        writer.skip_empty();
        writer.file.write_all(&header).map_err(CheckpointError::write(&writer.path))?;
        Ok(writer)
    }

    /// Appends values, all or the next ones, of the next declared tensor, which must be `name`.
    ///
    /// # Errors
    /// When the file cannot be written.
    ///
    /// # Panics
    /// When another tensor is next, it is not in floats, or fewer values are missing.
    pub fn append_f32(&mut self, name: &str, values: &[f32]) -> Result<(), CheckpointError> {
        let StoredType::Float(dtype) = self.expect(name).dtype else {
            panic!("floats were appended to `{name}`, which is in codes")
        };
        let mut bytes = Vec::with_capacity(CHUNK.min(values.len()) * dtype.size_bytes());
        for values in values.chunks(CHUNK) {
            bytes.clear();
            dtype.encode(values, &mut bytes);
            self.append_bytes(name, &bytes)?;
        }
        Ok(())
    }

    /// Appends stored bytes, all or the next ones, of the next declared tensor.
    ///
    /// # Errors
    /// When the file cannot be written.
    ///
    /// # Panics
    /// When another tensor is next, or fewer bytes are missing.
    pub fn append_bytes(&mut self, name: &str, bytes: &[u8]) -> Result<(), CheckpointError> {
        self.expect(name);
        let missing = self.missing_bytes.checked_sub(bytes.len());
        self.missing_bytes =
            missing.unwrap_or_else(|| panic!("more values for `{name}` than its shape holds"));
        self.file.write_all(bytes).map_err(CheckpointError::write(&self.path))?;
        if self.missing_bytes == 0 {
            self.waiting.pop_front();
            self.missing_bytes = self.waiting.front().map_or(0, TensorSpec::size_bytes);
            self.skip_empty();
        }
        Ok(())
    }

    /// Whether every declared tensor is written.
    pub(crate) fn is_complete(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// When the file cannot be written.
    ///
    /// # Panics
    /// When a declared tensor was not appended.
    pub fn finish(mut self) -> Result<(), CheckpointError> {
        if let Some(spec) = self.waiting.front() {
            panic!("tensor `{}` was declared but not written", spec.name);
        }
        self.close().map_err(CheckpointError::write(&self.path))?;
        self.is_finished = true;
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        self.file.flush()?;
        fs::rename(&self.partial, &self.path)
    }

    fn expect(&self, name: &str) -> &TensorSpec {
        match self.waiting.front() {
            Some(spec) if spec.name == name => spec,
            Some(spec) => panic!("tensor `{name}` was appended where `{}` is next", spec.name),
            None => panic!("tensor `{name}` was appended but not declared"),
        }
    }

    /// Passes over tensors without values, which nobody appends.
    fn skip_empty(&mut self) {
        while self.waiting.front().is_some_and(TensorSpec::is_empty) {
            self.waiting.pop_front();
            self.missing_bytes = self.waiting.front().map_or(0, TensorSpec::size_bytes);
        }
    }
}

impl Drop for SafetensorsWriter {
    fn drop(&mut self) {
        if !self.is_finished {
            // Nothing better can be done about a file that cannot be removed.
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// `model.safetensors` is written as `.model.safetensors.partial` beside it.
fn partial_path(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.partial"))
}

/// Length, then JSON padded with spaces to a multiple of 8, as the format's own writer does.
fn header<'a>(specs: impl IntoIterator<Item = &'a TensorSpec>) -> Vec<u8> {
    let mut entries = Map::new();
    entries.insert("__metadata__".into(), json!({ "format": "pt" }));
    let mut start = 0;
    for spec in specs {
        let end = start + spec.size_bytes();
        let entry = json!({
            "dtype": spec.dtype.safetensors_name(),
            "shape": spec.shape,
            "data_offsets": [start, end],
        });
        entries.insert(spec.name.clone(), entry);
        start = end;
    }
    let mut json = Value::Object(entries).to_string().into_bytes();
    json.resize(json.len().next_multiple_of(8), b' ');
    let mut header = (json.len() as u64).to_le_bytes().to_vec();
    header.extend(json);
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SafetensorsFile;

    fn specs() -> Vec<TensorSpec> {
        vec![
            TensorSpec::new("b", Dtype::F32, [2, 3]),
            TensorSpec::new("empty", Dtype::F16, [0, 3]),
            TensorSpec::new("a", Dtype::BF16, [4]),
        ]
    }

    #[test]
    fn written_tensors_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.safetensors");
        let mut writer = SafetensorsWriter::create(&path, specs()).unwrap();
        writer.append_f32("b", &[1.0, 2.0]).unwrap();
        writer.append_f32("b", &[3.0, 4.0, 5.0, 6.0]).unwrap();
        writer.append_f32("a", &[0.5, 0.25, -1.0, 8.0]).unwrap();
        assert!(!path.exists());
        writer.finish().unwrap();
        let file = SafetensorsFile::open(&path).unwrap();
        assert_eq!(file.names().len(), 3);
        assert_eq!(file.tensor("b").unwrap().rows_f32(1..2).as_ref(), [4.0, 5.0, 6.0]);
        assert_eq!(file.tensor("a").unwrap().to_f32().as_ref(), [0.5, 0.25, -1.0, 8.0]);
        assert!(file.tensor("empty").unwrap().is_empty());
    }

    #[test]
    fn an_unfinished_file_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer =
            SafetensorsWriter::create(dir.path().join("x.safetensors"), specs()).unwrap();
        writer.append_f32("b", &[1.0]).unwrap();
        drop(writer);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    #[should_panic(expected = "tensor `a` was appended where `b` is next")]
    fn another_order_is_a_bug() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer =
            SafetensorsWriter::create(dir.path().join("x.safetensors"), specs()).unwrap();
        let _ = writer.append_f32("a", &[0.0; 4]);
    }
}

//! Reading a GGUF header: metadata, then where each tensor lies. No length it claims is believed
//! before the file is seen to be long enough.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use crate::error::GgufError;
use crate::gguf::metadata::{Metadata, Value};
use crate::gguf::{StoredTensor, truncated};
use crate::tensor_type;

const MAGIC: [u8; 4] = *b"GGUF";
/// Most sizes a tensor may have.
const MAX_DIMENSIONS: u32 = 4;
/// Tensors start at multiples of this many bytes, unless the metadata says otherwise.
const DEFAULT_ALIGNMENT: usize = 32;

/// Metadata and tensors of the file at `path`, which has `len` bytes.
pub(super) fn read(
    path: &Path,
    file: &File,
    len: u64,
) -> Result<(Metadata, Vec<StoredTensor>), GgufError> {
    let mut reader = Reader { path, file: BufReader::new(file), position: 0, len };
    if len < 4 || reader.bytes::<4>()? != MAGIC {
        return Err(GgufError::NotGguf(path.to_owned()));
    }
    let version = reader.u32()?;
    if !(2..=3).contains(&version) {
        return Err(GgufError::Version { path: path.to_owned(), found: version });
    }
    let (num_tensors, num_values) = (reader.u64()?, reader.u64()?);
    let mut values = BTreeMap::new();
    for _ in 0..num_values {
        let (key, kind) = (reader.text()?, reader.u32()?);
        let value = reader.value(&key, kind)?;
        values.insert(key, value);
    }
    let metadata = Metadata::new(path, values);
    let mut tensors = Vec::new();
    for _ in 0..num_tensors {
        tensors.push(reader.tensor()?);
    }
    let alignment = metadata.optional_count("general.alignment")?.unwrap_or(DEFAULT_ALIGNMENT);
    let data_start = reader.position.next_multiple_of(alignment as u64);
    for tensor in &mut tensors {
        locate(path, tensor, data_start, len)?;
    }
    Ok((metadata, tensors))
}

/// Makes the tensor's start one in the file, and checks that it ends there too.
fn locate(
    path: &Path,
    tensor: &mut StoredTensor,
    data_start: u64,
    len: u64,
) -> Result<(), GgufError> {
    let name = &tensor.name;
    let values = tensor.shape.iter().map(|&size| size as u128).product::<u128>();
    // No size of zero hides how many rows the others make.
    let most_rows = tensor.shape.iter().map(|&size| size.max(1) as u128).product::<u128>();
    let block = tensor.dtype.block_size() as u128;
    if most_rows > 1 << 62 || !(tensor.row_len() as u128).is_multiple_of(block) {
        let problem = format!(
            "tensor `{name}` has shape {:?}, which {:?} cannot store",
            tensor.shape, tensor.dtype
        );
        return Err(GgufError::Content { path: path.to_owned(), problem });
    }
    let start = u128::from(data_start) + u128::from(tensor.start);
    let end = start + values / block * tensor.dtype.type_size() as u128;
    if end > u128::from(len) {
        let problem = format!("tensor `{name}` ends at byte {end}, but the file has only {len}");
        return Err(truncated(path, problem));
    }
    tensor.start += data_start;
    Ok(())
}

/// A file read from its start, with its position.
struct Reader<'a> {
    path: &'a Path,
    file: BufReader<&'a File>,
    position: u64,
    len: u64,
}

impl Reader<'_> {
    fn tensor(&mut self) -> Result<StoredTensor, GgufError> {
        let (name, num_dimensions) = (self.text()?, self.u32()?);
        if num_dimensions > MAX_DIMENSIONS {
            let problem = format!("tensor `{name}` has {num_dimensions} dimensions, more than 4");
            return Err(self.damaged(problem));
        }
        let mut shape = Vec::new();
        for _ in 0..num_dimensions {
            let size = self.u64()?;
            let too_large = || self.damaged(format!("tensor `{name}` has a size of {size}"));
            let size = u32::try_from(size).map_err(|_| too_large())?;
            shape.push(size as usize);
        }
        // The format gives the fastest size first.
        shape.reverse();
        let (number, start) = (self.u32()?, self.u64()?);
        match tensor_type::from_number(number) {
            Ok(dtype) => Ok(StoredTensor { name, dtype, shape, start }),
            Err(found) => Err(GgufError::TensorType { path: self.path.to_owned(), name, found }),
        }
    }

    fn value(&mut self, key: &str, kind: u32) -> Result<Value, GgufError> {
        const LIST: u32 = 9;
        if kind != LIST {
            return self.scalar(key, kind);
        }
        let (kind, len) = (self.u32()?, self.u64()?);
        self.check_remaining(len)?;
        let mut values = Vec::new();
        for _ in 0..len {
            values.push(self.scalar(key, kind)?);
        }
        Ok(Value::List(values))
    }

    fn scalar(&mut self, key: &str, kind: u32) -> Result<Value, GgufError> {
        Ok(match kind {
            0 => Value::Integer(u8::from_le_bytes(self.bytes()?).into()),
            1 => Value::Integer(i8::from_le_bytes(self.bytes()?).into()),
            2 => Value::Integer(u16::from_le_bytes(self.bytes()?).into()),
            3 => Value::Integer(i16::from_le_bytes(self.bytes()?).into()),
            4 => Value::Integer(u32::from_le_bytes(self.bytes()?).into()),
            5 => Value::Integer(i32::from_le_bytes(self.bytes()?).into()),
            6 => Value::Number(shortest(f32::from_le_bytes(self.bytes()?))),
            7 => Value::Flag(self.bytes::<1>()? != [0]),
            8 => Value::Text(self.text()?),
            10 => Value::Integer(u64::from_le_bytes(self.bytes()?).into()),
            11 => Value::Integer(i64::from_le_bytes(self.bytes()?).into()),
            12 => Value::Number(f64::from_le_bytes(self.bytes()?)),
            _ => return Err(self.damaged(format!("metadata `{key}` is of unknown type {kind}"))),
        })
    }

    fn text(&mut self) -> Result<String, GgufError> {
        let len = self.u64()?;
        self.check_remaining(len)?;
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
        self.fill(&mut bytes)?;
        String::from_utf8(bytes).map_err(|_| {
            self.damaged(format!("the text before byte {} is not UTF-8", self.position))
        })
    }

    fn u32(&mut self) -> Result<u32, GgufError> {
        self.bytes().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, GgufError> {
        self.bytes().map(u64::from_le_bytes)
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], GgufError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), GgufError> {
        self.file.read_exact(bytes).map_err(|source| match source.kind() {
            io::ErrorKind::UnexpectedEof => self.ends_early(),
            _ => GgufError::Read { path: self.path.to_owned(), source },
        })?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    /// Checks that at least `len` bytes follow.
    fn check_remaining(&self, len: u64) -> Result<(), GgufError> {
        if len > self.len - self.position { Err(self.ends_early()) } else { Ok(()) }
    }

    fn ends_early(&self) -> GgufError {
        truncated(self.path, format!("its header does not end within its {} bytes", self.len))
    }

    fn damaged(&self, problem: String) -> GgufError {
        GgufError::Content { path: self.path.to_owned(), problem }
    }
}

/// The double nearest to the shortest decimal that reads back as `value`.
fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

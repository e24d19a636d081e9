//! Reading: every offset is looked at before it is followed.

use super::{AdapterParameter, FORMAT_VERSION, IDENTIFIER, OnnxAdapter};
use crate::proto::tensor_proto::DataType;
use crate::value::packed_bytes;

/// Most axes a weight may have.
const MAX_RANK: usize = 16;

/// Why bytes are no adapter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdapterProblem {
    /// They are a file of another kind.
    #[error("no adapter: bytes 4 to 7 are not `TORT`")]
    Identifier,
    /// The format has changed since.
    #[error("version {version} of the format is not {FORMAT_VERSION}")]
    Version {
        /// What the file says.
        version: i32,
    },
    /// Something lies outside the file.
    #[error("{what} at byte {at} leads out of the file")]
    Outside {
        /// Part of the file.
        what: &'static str,
        /// Where it is.
        at: usize,
    },
    /// A name is no UTF-8.
    #[error("the name at byte {at} is no text")]
    Name {
        /// Where it is.
        at: usize,
    },
    /// A weight is of a type nobody knows, or its bytes are not as many as its type and shape say.
    #[error("`{name}` of type {dtype} and shape {dims:?} has {actual} bytes")]
    Parameter {
        /// Name of the weight.
        name: String,
        /// Number of its type.
        dtype: i32,
        /// Its shape, of at most 16 axes.
        dims: Vec<i64>,
        /// Bytes there are.
        actual: usize,
    },
}

impl<'a> OnnxAdapter<'a> {
    /// The adapter in the bytes of a file.
    ///
    /// # Errors
    /// When they are no adapter of this version, or a part of one lies outside.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, AdapterProblem> {
        if bytes.get(4..8) != Some(&IDENTIFIER) {
            return Err(AdapterProblem::Identifier);
        }
        let file = Reader { bytes };
        let root = file.table(file.follow(0, "the root")?)?;
        let version = root.number(0)?;
        if version != FORMAT_VERSION {
            return Err(AdapterProblem::Version { version });
        }
        let mut parameters = Vec::new();
        if let Some((at, count)) = root.vector(3, 4)? {
            for index in 0..count {
                let table = file.table(file.follow(at + 4 * index, "a weight")?)?;
                parameters.push(parameter(&table)?);
            }
        }
        Ok(Self { adapter_version: root.number(1)?, model_version: root.number(2)?, parameters })
    }
}

fn parameter<'a>(table: &Table<'a>) -> Result<AdapterParameter<'a>, AdapterProblem> {
    let name = table.bytes(0)?;
    let name = std::str::from_utf8(name).map_err(|_| AdapterProblem::Name { at: table.at })?;
    let (dims, bytes) = (table.dims(1)?, table.bytes(3)?);
    let number = table.number(2)?;
    let elements =
        dims.iter().try_fold(1_u64, |all, &dim| all.checked_mul(u64::try_from(dim).ok()?));
    let dtype = DataType::try_from(number).ok();
    let expected = dtype.zip(elements).and_then(|(dtype, elements)| packed_bytes(dtype, elements));
    match dtype {
        Some(dtype) if expected == Some(bytes.len() as u64) => {
            Ok(AdapterParameter { name, dtype, dims, bytes })
        }
        _ => Err(AdapterProblem::Parameter {
            name: name.to_owned(),
            dtype: number,
            dims,
            actual: bytes.len(),
        }),
    }
}

/// The bytes of a file.
#[derive(Clone, Copy)]
struct Reader<'a> {
    bytes: &'a [u8],
}

/// A table and where its layout is.
struct Table<'a> {
    file: Reader<'a>,
    at: usize,
    layout: usize,
}

impl<'a> Reader<'a> {
    fn word(&self, at: usize, what: &'static str) -> Result<[u8; 4], AdapterProblem> {
        let word = at.checked_add(4).and_then(|end| self.bytes.get(at..end));
        word.and_then(|word| word.try_into().ok()).ok_or(AdapterProblem::Outside { what, at })
    }

    /// Where the reference at `at` leads.
    fn follow(&self, at: usize, what: &'static str) -> Result<usize, AdapterProblem> {
        let distance = u32::from_le_bytes(self.word(at, what)?);
        let place = usize::try_from(distance).ok().and_then(|distance| at.checked_add(distance));
        place.ok_or(AdapterProblem::Outside { what, at })
    }

    fn table(self, at: usize) -> Result<Table<'a>, AdapterProblem> {
        const WHAT: &str = "a table";
        let back = i32::from_le_bytes(self.word(at, WHAT)?);
        let layout = i64::try_from(at).ok().map(|at| at - i64::from(back));
        let layout = layout.and_then(|layout| usize::try_from(layout).ok());
        let layout = layout.ok_or(AdapterProblem::Outside { what: WHAT, at })?;
        self.word(layout, "the layout of a table")?;
        Ok(Table { file: self, at, layout })
    }
}

impl<'a> Table<'a> {
    /// Where field `index` is, if it is there.
    fn field(&self, index: usize) -> Result<Option<usize>, AdapterProblem> {
        const HEAD_BYTES: usize = 4;
        let size = self.short(self.layout)?;
        let at = HEAD_BYTES + 2 * index;
        if at + 2 > size {
            return Ok(None);
        }
        let offset = self.short(self.layout + at)?;
        Ok((offset != 0).then_some(self.at + offset))
    }

    fn short(&self, at: usize) -> Result<usize, AdapterProblem> {
        let outside = AdapterProblem::Outside { what: "the layout of a table", at };
        let bytes = self.file.bytes.get(at..at + 2).and_then(|bytes| bytes.try_into().ok());
        bytes.map(|bytes| usize::from(u16::from_le_bytes(bytes))).ok_or(outside)
    }

    fn number(&self, index: usize) -> Result<i32, AdapterProblem> {
        let Some(at) = self.field(index)? else { return Ok(0) };
        Ok(i32::from_le_bytes(self.file.word(at, "a number")?))
    }

    /// Where the elements of a vector begin, and how many there are; all lie inside the file.
    fn vector(&self, index: usize, size: usize) -> Result<Option<(usize, usize)>, AdapterProblem> {
        const WHAT: &str = "a vector";
        let Some(field) = self.field(index)? else { return Ok(None) };
        let at = self.file.follow(field, WHAT)?;
        let count = u32::from_le_bytes(self.file.word(at, WHAT)?);
        let outside = AdapterProblem::Outside { what: WHAT, at };
        let Ok(count) = usize::try_from(count) else { return Err(outside) };
        let end = count.checked_mul(size).and_then(|bytes| bytes.checked_add(at + 4));
        match end {
            Some(end) if end <= self.file.bytes.len() => Ok(Some((at + 4, count))),
            _ => Err(outside),
        }
    }

    fn bytes(&self, index: usize) -> Result<&'a [u8], AdapterProblem> {
        let vector = self.vector(index, 1)?;
        Ok(vector.map_or(&[], |(at, count)| &self.file.bytes[at..at + count]))
    }

    fn dims(&self, index: usize) -> Result<Vec<i64>, AdapterProblem> {
        const WIDTH: usize = 8;
        let Some((at, count)) = self.vector(index, WIDTH)? else { return Ok(Vec::new()) };
        if count > MAX_RANK {
            return Err(AdapterProblem::Outside { what: "the shape of a weight", at });
        }
        let (dims, _) = self.file.bytes[at..at + WIDTH * count].as_chunks::<WIDTH>();
        Ok(dims.iter().map(|dim| i64::from_le_bytes(*dim)).collect())
    }
}

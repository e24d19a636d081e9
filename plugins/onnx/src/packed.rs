//! Codes of few bits in other orders, made while they are written.

use olive_kit_onnx::proto::TensorProto;
use olive_kit_onnx::{MakeWeight, OnnxError, TensorData};

/// Bytes that are handed over at once.
const PIECE_BYTES: usize = 1 << 20;

/// Columns that are written as rows at once.
const COLUMNS: usize = 16;

/// A matrix of codes of 2, 4 or 8 bits whose rows begin at whole bytes, to be packed without gaps.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    /// Where the codes are, in `rows` parts of the same length.
    pub(crate) tensor: TensorProto,
    /// The model they are of.
    pub(crate) data: TensorData,
    /// Width of a code; the first of a byte is in the low bits.
    pub(crate) bits: u32,
    /// Number of rows.
    pub(crate) rows: usize,
    /// Codes of a row that count; what follows them in a row is filling.
    pub(crate) columns: usize,
    /// Whether columns are written as rows.
    pub(crate) is_turned: bool,
    /// Whether the middle of the codes becomes 0.
    pub(crate) is_signed: bool,
}

impl Packed {
    /// Whether every code is `code`.
    ///
    /// # Errors
    /// When the codes cannot be read.
    pub(crate) fn are_all(&self, code: u8) -> Result<bool, OnnxError> {
        let codes = self.codes()?;
        let places =
            (0..self.rows).flat_map(|row| (0..self.columns).map(move |column| (row, column)));
        let are_all = places.map(|(row, column)| codes.at(row, column)).all(|found| found == code);
        self.data.release(&codes.bytes);
        Ok(are_all)
    }

    fn codes(&self) -> Result<Codes, OnnxError> {
        let bytes = self.data.bytes(&self.tensor)?;
        let stride = bytes.len() / self.rows.max(1);
        let bits = usize::try_from(self.bits).unwrap_or(8);
        if stride * 8 < self.columns * bits || stride * self.rows != bytes.len() {
            let problem = format!("{} bytes are no {} rows of codes", bytes.len(), self.rows);
            return Err(OnnxError::Compute { name: self.tensor.name().to_owned(), problem });
        }
        Ok(Codes { bytes, stride, bits })
    }
}

impl MakeWeight for Packed {
    fn make(&self, piece: &mut dyn FnMut(&[u8]) -> Result<(), OnnxError>) -> Result<(), OnnxError> {
        let codes = self.codes()?;
        let flip = if self.is_signed { 1_u8 << (self.bits - 1) } else { 0 };
        let mut packer = Packer::new(self.bits, piece);
        let (outer, inner) =
            if self.is_turned { (self.columns, self.rows) } else { (self.rows, self.columns) };
        for first in 0..outer {
            for second in 0..inner {
                let (row, column) = if self.is_turned { (second, first) } else { (first, second) };
                // Taking the middle away flips the highest bit of a code.
                packer.push(codes.at(row, column) ^ flip)?;
            }
        }
        packer.finish()?;
        self.data.release(&codes.bytes);
        Ok(())
    }
}

/// Rows of packed codes.
struct Codes {
    bytes: bytes::Bytes,
    stride: usize,
    bits: usize,
}

impl Codes {
    fn at(&self, row: usize, column: usize) -> u8 {
        let bit = column * self.bits;
        let byte = self.bytes[row * self.stride + bit / 8];
        let mask = if self.bits == 8 { u8::MAX } else { (1 << self.bits) - 1 };
        (byte >> (bit % 8)) & mask
    }
}

/// The same code many times.
#[derive(Debug)]
pub(crate) struct Constant {
    /// The code.
    pub(crate) code: u8,
    /// Its width.
    pub(crate) bits: u32,
    /// How many there are.
    pub(crate) count: usize,
}

impl MakeWeight for Constant {
    fn make(&self, piece: &mut dyn FnMut(&[u8]) -> Result<(), OnnxError>) -> Result<(), OnnxError> {
        let mut packer = Packer::new(self.bits, piece);
        (0..self.count).try_for_each(|_| packer.push(self.code))?;
        packer.finish()
    }
}

/// A matrix of whole bytes whose columns may be written as rows.
#[derive(Debug)]
pub(crate) struct Turned {
    /// The matrix, row by row.
    pub(crate) tensor: TensorProto,
    /// The model it is of.
    pub(crate) data: TensorData,
    /// Number of its rows.
    pub(crate) rows: usize,
    /// Whether columns are written as rows.
    pub(crate) by_columns: bool,
}

impl MakeWeight for Turned {
    fn make(&self, piece: &mut dyn FnMut(&[u8]) -> Result<(), OnnxError>) -> Result<(), OnnxError> {
        let bytes = self.data.bytes(&self.tensor)?;
        let elements: i64 = self.tensor.dims.iter().product();
        let elements = usize::try_from(elements).unwrap_or(0);
        if !self.by_columns || elements == 0 || self.rows == 0 {
            return bytes.chunks(PIECE_BYTES).try_for_each(piece);
        }
        let (size, columns) = (bytes.len() / elements, elements / self.rows);
        // Several columns at once, so that what is fetched of a row is used.
        for first in (0..columns).step_by(COLUMNS) {
            let count = COLUMNS.min(columns - first);
            let mut turned = vec![0; count * self.rows * size];
            for (row, cells) in bytes.chunks_exact(columns * size).enumerate() {
                let cells = cells[first * size..(first + count) * size].chunks_exact(size);
                for (column, cell) in cells.enumerate() {
                    let at = (column * self.rows + row) * size;
                    turned[at..at + size].copy_from_slice(cell);
                }
            }
            piece(&turned)?;
        }
        self.data.release(&bytes);
        Ok(())
    }
}

/// Packs codes into bytes, the first in the low bits.
struct Packer<'a> {
    bits: u32,
    piece: &'a mut dyn FnMut(&[u8]) -> Result<(), OnnxError>,
    bytes: Vec<u8>,
    last: u8,
    filled: u32,
}

impl<'a> Packer<'a> {
    fn new(bits: u32, piece: &'a mut dyn FnMut(&[u8]) -> Result<(), OnnxError>) -> Self {
        Self { bits, piece, bytes: Vec::with_capacity(PIECE_BYTES), last: 0, filled: 0 }
    }

    fn push(&mut self, code: u8) -> Result<(), OnnxError> {
        self.last |= code << self.filled;
        self.filled += self.bits;
        if self.filled < 8 {
            return Ok(());
        }
        self.bytes.push(self.last);
        (self.last, self.filled) = (0, 0);
        if self.bytes.len() == PIECE_BYTES {
            (self.piece)(&self.bytes)?;
            self.bytes.clear();
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), OnnxError> {
        if self.filled > 0 {
            self.bytes.push(self.last);
        }
        (self.piece)(&self.bytes)
    }
}

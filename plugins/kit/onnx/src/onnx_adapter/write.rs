//! Writing: a flatbuffer from its end to its beginning, as every offset in it leads forward.

use std::path::Path;

use super::{AdapterParameter, FORMAT_VERSION, IDENTIFIER, LIMIT, OnnxAdapter};
use crate::error::OnnxError;
use crate::partial_file::PartialFile;
use crate::value::packed_bytes;

impl OnnxAdapter<'_> {
    /// Writes the file `path`, which appears under its name when it is whole.
    ///
    /// Weights are written from where they are.
    ///
    /// # Errors
    /// When a weight has more or fewer bytes than its type and shape say, the file would be larger
    /// than 2 GiB, or it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), OnnxError> {
        for parameter in &self.parameters {
            check_length(parameter)?;
        }
        let tail = self.tail();
        if tail.len as u64 > LIMIT {
            let path = path.to_owned();
            return Err(OnnxError::LargeAdapter { path, size: tail.len as u64, limit: LIMIT });
        }
        let mut file = PartialFile::create(path)?;
        for piece in tail.pieces.iter().rev() {
            match piece {
                Piece::Made(bytes) => file.write(bytes)?,
                Piece::Lent(bytes) => file.write(bytes)?,
            }
        }
        file.commit()
    }

    fn tail(&self) -> Tail<'_> {
        let mut tail = Tail::default();
        let places: Vec<_> = self.parameters.iter().map(|it| tail.parameter(it)).collect();
        let parameters = tail.references(&places);
        let version = |version: i32| (version != 0).then_some(Field::Number(version));
        let root = tail.table([
            version(FORMAT_VERSION),
            version(self.adapter_version),
            version(self.model_version),
            Some(Field::Reference(parameters)),
        ]);
        tail.finish(root);
        tail
    }
}

/// The end of a file, in pieces from the last to the first.
///
/// A place in it is its distance from the end of the file in bytes.
#[derive(Default)]
struct Tail<'a> {
    pieces: Vec<Piece<'a>>,
    len: usize,
    alignment: usize,
    layouts: Vec<(Vec<u8>, usize)>,
}

enum Piece<'a> {
    Made(Vec<u8>),
    Lent(&'a [u8]),
}

/// Value of a field of a table.
#[derive(Clone, Copy)]
enum Field {
    Number(i32),
    /// The place of what the field refers to.
    Reference(usize),
}

impl<'a> Tail<'a> {
    fn parameter(&mut self, parameter: &'a AdapterParameter<'_>) -> usize {
        let name = (!parameter.name.is_empty()).then(|| self.text(parameter.name));
        let dims = parameter.dims.iter().flat_map(|dim| dim.to_le_bytes()).collect::<Vec<_>>();
        self.align(dims.len(), 8);
        self.push(Piece::Made(dims));
        let dims = self.counted(parameter.dims.len());
        self.align(parameter.bytes.len(), 4);
        self.push(Piece::Lent(parameter.bytes));
        let bytes = self.counted(parameter.bytes.len());
        self.table([
            name.map(Field::Reference),
            Some(Field::Reference(dims)),
            Some(Field::Number(parameter.dtype.into())),
            Some(Field::Reference(bytes)),
        ])
    }

    fn text(&mut self, text: &'a str) -> usize {
        self.align(text.len() + 1, 4);
        self.push(Piece::Made(vec![0]));
        self.push(Piece::Lent(text.as_bytes()));
        self.counted(text.len())
    }

    /// A vector of references to `places`.
    fn references(&mut self, places: &[usize]) -> usize {
        for place in places.iter().rev() {
            self.reference(*place);
        }
        self.counted(places.len())
    }

    fn reference(&mut self, place: usize) {
        let distance = self.len + 4 - place;
        self.push(Piece::Made(word(distance).to_vec()));
    }

    /// The number of elements before what has just been pushed.
    fn counted(&mut self, count: usize) -> usize {
        self.push(Piece::Made(word(count).to_vec()));
        self.len
    }

    /// A table whose fields all have 4 bytes, and its layout before it unless there is one such.
    fn table(&mut self, fields: [Option<Field>; 4]) -> usize {
        const HEAD_BYTES: u16 = 4;
        let mut end = HEAD_BYTES;
        let mut offsets = [0_u16; 4];
        for (offset, _) in offsets.iter_mut().zip(&fields).filter(|(_, field)| field.is_some()) {
            *offset = end;
            end += 4;
        }
        for field in fields.into_iter().rev().flatten() {
            match field {
                Field::Number(number) => self.push(Piece::Made(number.to_le_bytes().to_vec())),
                Field::Reference(place) => self.reference(place),
            }
        }
        let head: [u16; 2] = [12, end];
        let layout: Vec<u8> = head.iter().chain(&offsets).flat_map(|it| it.to_le_bytes()).collect();
        let place = self.len + usize::from(HEAD_BYTES);
        let known = self.layouts.iter().find(|(known, _)| *known == layout).map(|(_, at)| *at);
        let layout_place = known.unwrap_or(place + layout.len());
        // What a table says is how far back its layout lies; one after it is at a negative distance.
        let distance = word(layout_place.wrapping_sub(place));
        self.push(Piece::Made(distance.to_vec()));
        if known.is_none() {
            self.layouts.push((layout.clone(), layout_place));
            self.push(Piece::Made(layout));
        }
        place
    }

    fn finish(&mut self, root: usize) {
        self.align(8, self.alignment);
        self.push(Piece::Made(IDENTIFIER.to_vec()));
        self.reference(root);
    }

    /// Pads so that what comes next, of `len` bytes, begins at a multiple of `alignment`.
    fn align(&mut self, len: usize, alignment: usize) {
        if len == 0 {
            return;
        }
        self.alignment = self.alignment.max(alignment).max(4);
        let padding = (self.len + len).next_multiple_of(alignment.max(4)) - self.len - len;
        self.push(Piece::Made(vec![0; padding]));
    }

    fn push(&mut self, piece: Piece<'a>) {
        self.len += match &piece {
            Piece::Made(bytes) => bytes.len(),
            Piece::Lent(bytes) => bytes.len(),
        };
        self.pieces.push(piece);
    }
}

/// The low 32 bits: files that need more are refused before they are written.
fn word(value: usize) -> [u8; 4] {
    let [a, b, c, d, ..] = (value as u64).to_le_bytes();
    [a, b, c, d]
}

fn check_length(parameter: &AdapterParameter<'_>) -> Result<(), OnnxError> {
    let elements = parameter
        .dims
        .iter()
        .try_fold(1_u64, |all, &dim| all.checked_mul(u64::try_from(dim).ok()?));
    let expected = elements.and_then(|elements| packed_bytes(parameter.dtype, elements));
    let actual = parameter.bytes.len() as u64;
    match expected {
        Some(expected) if expected == actual => Ok(()),
        _ => Err(OnnxError::TensorLength {
            name: parameter.name.to_owned(),
            expected: expected.unwrap_or_default(),
            actual,
        }),
    }
}

//! Sequences that are computed together.

use std::ops::Range;

use olive_kit_checkpoint::Decoder;
use olive_kit_decoder::Sequences;

use crate::calibration::Calibration;

/// Some sequences of one length, and where their rows are among those of all.
#[derive(Debug)]
pub(crate) struct Piece {
    /// Their places in the calibration data.
    pub(crate) places: Vec<usize>,
    /// Tokens of each.
    pub(crate) len: usize,
    pub(crate) rows: Range<usize>,
    pub(crate) sequences: Sequences,
}

impl Piece {
    /// Place in the calibration data of the sequence that a row of this piece belongs to, and the
    /// token's place in that.
    pub(crate) fn origin(&self, row: usize) -> (usize, usize) {
        (self.places[row / self.len], row % self.len)
    }
}

/// Cuts the calibration data into pieces of at most `rows_at_once` rows, or of one sequence.
///
/// Short sequences come first; those of one length keep their order.
pub(crate) fn cut(calibration: &Calibration, decoder: &Decoder, rows_at_once: usize) -> Vec<Piece> {
    let len = |place: &usize| calibration.sequences[*place].len();
    let mut places: Vec<usize> = (0..calibration.sequences.len()).collect();
    places.sort_by_key(len);
    let (mut pieces, mut start) = (Vec::new(), 0);
    for of_one_length in places.chunk_by(|a, b| len(a) == len(b)) {
        let len = len(&of_one_length[0]);
        for places in of_one_length.chunks((rows_at_once / len).max(1)) {
            let rows = start..start + places.len() * len;
            start = rows.end;
            let sequences = Sequences::new(decoder, places.len(), len);
            pieces.push(Piece { places: places.to_vec(), len, rows, sequences });
        }
    }
    pieces
}

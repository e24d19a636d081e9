//! What a model reads.

use olive_kit_checkpoint::Decoder;

use crate::error::CalibrateError;

/// What a model reads while its inputs are looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calibration {
    /// Token ids of each sequence; every sequence begins at the first position.
    pub sequences: Vec<Vec<u32>>,
}

impl Calibration {
    /// Tokens of all sequences.
    pub fn num_tokens(&self) -> usize {
        self.sequences.iter().map(Vec::len).sum()
    }

    /// Refuses what the model cannot read; whether tokens have an embedding is not looked at.
    pub(crate) fn check(&self, decoder: &Decoder) -> Result<(), CalibrateError> {
        if self.sequences.is_empty() {
            return Err(CalibrateError::NoSequences);
        }
        let limit = decoder.max_positions;
        for (sequence, tokens) in self.sequences.iter().enumerate() {
            let found = tokens.len();
            if found == 0 {
                return Err(CalibrateError::EmptySequence(sequence));
            }
            if found > limit {
                return Err(CalibrateError::TooLong { sequence, found, limit });
            }
        }
        Ok(())
    }
}

//! Models for tests that need no weights, and the tokenizer they speak.

use olive_kit_testing::fixture;
use olive_kit_text::Tokenizer;

use crate::error::ModelError;
use crate::model::{LanguageModel, Logits, Positions};

/// The tokenizer of the tiny Phi-3 fixture.
pub(crate) fn tokenizer() -> Tokenizer {
    Tokenizer::open(&fixture("tiny-phi3")).unwrap()
}

/// Knows some sequences by heart: gives logit 10 to the token that continues the first of them that
/// begins with what is in the cache, or to `eos`, and 0 to all others.
pub(crate) struct Parrot {
    pub(crate) sequences: Vec<Vec<u32>>,
    pub(crate) eos: u32,
    pub(crate) vocab_size: usize,
    pub(crate) max_positions: usize,
    cache: Vec<u32>,
}

impl Parrot {
    pub(crate) fn new(sequences: Vec<Vec<u32>>) -> Self {
        Self { sequences, eos: 2, vocab_size: 512, max_positions: 128, cache: Vec::new() }
    }

    /// Tokens in the cache.
    pub(crate) fn cached(&self) -> usize {
        self.cache.len()
    }

    fn next(&self) -> u32 {
        let known = self.sequences.iter().find_map(|sequence| {
            let rest = sequence.strip_prefix(self.cache.as_slice())?;
            rest.first().copied()
        });
        known.unwrap_or(self.eos)
    }
}

impl LanguageModel for Parrot {
    fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    fn eos_token_ids(&self) -> &[u32] {
        std::slice::from_ref(&self.eos)
    }

    fn max_positions(&self) -> usize {
        self.max_positions
    }

    fn reset(&mut self) {
        self.cache.clear();
    }

    fn forward(&mut self, tokens: &[u32], positions: Positions) -> Result<Logits<'_>, ModelError> {
        let mut values = Vec::new();
        for (index, &token) in tokens.iter().enumerate() {
            self.cache.push(token);
            if positions == Positions::All || index + 1 == tokens.len() {
                let mut row = vec![0.0; self.vocab_size];
                row[self.next() as usize] = 10.0;
                values.extend(row);
            }
        }
        if self.cache.len() > self.max_positions {
            return Err(format!("{} positions are too many", self.cache.len()).into());
        }
        Ok(Logits::new(values, self.vocab_size))
    }
}

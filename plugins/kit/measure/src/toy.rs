//! Models for tests that need no weights, and the tokenizer they speak.

use std::fs;
use std::ops::ControlFlow;

use olive_kit_testing::fixture;
use olive_kit_text::Tokenizer;
use olive_schemas::samples::FILE_NAME;
use serde_json::Value;

use crate::error::ModelError;
use crate::ground::Ground;
use crate::model::{LanguageModel, Logits, Positions};
use crate::records::Records;

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
    /// Whether the cache can be truncated.
    pub(crate) can_go_back: bool,
    /// Tokens that went through the model so far.
    pub(crate) computed: usize,
    pub(crate) num_forwards: usize,
    cache: Vec<u32>,
}

impl Parrot {
    pub(crate) fn new(sequences: Vec<Vec<u32>>) -> Self {
        Self {
            sequences,
            eos: 2,
            vocab_size: 512,
            max_positions: 128,
            can_go_back: true,
            computed: 0,
            num_forwards: 0,
            cache: Vec::new(),
        }
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

    fn truncate(&mut self, tokens: usize) -> bool {
        if self.can_go_back {
            self.cache.truncate(tokens);
        }
        self.can_go_back
    }

    fn forward(&mut self, tokens: &[u32], positions: Positions) -> Result<Logits<'_>, ModelError> {
        self.computed += tokens.len();
        self.num_forwards += 1;
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

/// What `measure` makes of a metric `tone` over `model`, and the records it leaves.
pub(crate) fn on_ground<T>(
    model: &mut dyn LanguageModel,
    measure: impl FnOnce(&mut Ground<'_, '_>) -> T,
) -> (T, Vec<Value>) {
    let folder = tempfile::tempdir().unwrap();
    let mut records = Records::new(folder.path());
    let made = measure(&mut Ground {
        metric: "tone",
        sub_types: vec!["figure".into()],
        model,
        tokenizer: &tokenizer(),
        records: &mut records,
        observer: &mut |_| ControlFlow::Continue(()),
    });
    records.finish().unwrap();
    let text = fs::read_to_string(folder.path().join(FILE_NAME)).unwrap_or_default();
    (made, text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

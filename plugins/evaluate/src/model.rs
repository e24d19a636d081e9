//! A checkpoint as a language model.

use olive_kit_adapters::Adapters;
use olive_kit_checkpoint::Checkpoint;
use olive_kit_decoder::{self as decoder, DecoderError, KvCache, Storage, Transformer};
use olive_kit_measure::{LanguageModel, Logits, ModelError, Positions};

/// A decoder in f32 on the CPU, with its key-value cache.
#[derive(Debug)]
pub struct CheckpointLanguageModel {
    transformer: Transformer,
    adapters: Adapters,
    cache: KvCache,
}

impl CheckpointLanguageModel {
    /// Loads all weights of `checkpoint` as `storage` says and puts `adapters` on top of them.
    ///
    /// # Errors
    /// When a tensor is missing.
    pub fn load(
        checkpoint: &Checkpoint,
        adapters: Adapters,
        storage: Storage,
    ) -> Result<Self, DecoderError> {
        let transformer = Transformer::load(checkpoint, storage)?;
        let cache = KvCache::new(transformer.decoder());
        Ok(Self { transformer, adapters, cache })
    }
}

impl LanguageModel for CheckpointLanguageModel {
    fn vocab_size(&self) -> usize {
        self.transformer.decoder().vocab_size
    }

    fn eos_token_ids(&self) -> &[u32] {
        &self.transformer.decoder().eos_token_ids
    }

    fn max_positions(&self) -> usize {
        self.transformer.decoder().max_positions
    }

    fn reset(&mut self) {
        self.cache.clear();
    }

    fn forward(&mut self, tokens: &[u32], positions: Positions) -> Result<Logits<'_>, ModelError> {
        let positions = match positions {
            Positions::All => decoder::Positions::All,
            Positions::Last => decoder::Positions::Last,
        };
        let Self { transformer, adapters, cache } = self;
        let logits = transformer.decode(tokens, cache, adapters, positions)?;
        Ok(Logits::new(logits, self.vocab_size()))
    }
}

//! A checkpoint as a language model.

use olive_kit_adapters::{Adapters, QuantizedBase};
use olive_kit_checkpoint::Linear;
use olive_kit_decoder::{self as decoder, DecoderError, KvCache, Storage, Transformer, Weights};
use olive_kit_measure::{LanguageModel, Logits, ModelError, Positions};

/// A decoder in f32 on the CPU, with its key-value cache.
#[derive(Debug)]
pub struct CheckpointLanguageModel {
    transformer: Transformer,
    adapters: Adapters,
    cache: KvCache,
}

impl CheckpointLanguageModel {
    /// Loads all weights of a checkpoint and puts `adapters` on top of them; where `base` says that
    /// they were trained on 4-bit codes, on top of those codes.
    ///
    /// # Errors
    /// When a tensor is missing, or a weight cannot be quantized.
    pub fn load<'a>(
        weights: impl Into<Weights<'a>>,
        adapters: Adapters,
        base: Option<&QuantizedBase>,
    ) -> Result<Self, DecoderError> {
        let four_bit = base.map(|base| base.format);
        let storage = Storage { four_bit, ..Storage::default() };
        let has = |linear: &Linear| base.is_some_and(|base| base.has(linear));
        let transformer = Transformer::load_where(weights, storage, has)?;
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

    fn truncate(&mut self, tokens: usize) -> bool {
        self.cache.truncate(tokens, &self.transformer.decoder().rope)
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

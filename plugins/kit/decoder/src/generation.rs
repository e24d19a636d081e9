//! Generation: some tokens after those in a cache, without a tape.

use candle_core::Tensor;

use crate::adapters::Adapters;
use crate::batch::check_tokens;
use crate::cache::KvCache;
use crate::error::DecoderError;
use crate::layer::Variation;
use crate::transformer::Transformer;
use crate::values::into_vec;

/// Which of the given tokens logits are wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Positions {
    /// Every token.
    All,
    /// The last token only.
    Last,
}

impl Transformer {
    /// Appends `tokens` to the sequence in `cache` and gives the logits at `positions` of them,
    /// `[positions, vocab_size]`.
    ///
    /// The logits are those of a forward pass over the whole sequence. For `LongRoPE` this means
    /// that when the sequence outgrows the original length, whose factors its cached keys carry,
    /// the tokens so far are computed again, once, with the long factors; transformers does the
    /// same.
    ///
    /// # Errors
    /// When a token or the adapters do not fit the model, or the cache is another model's. The
    /// cache must then be cleared.
    pub fn decode(
        &self,
        tokens: &[u32],
        cache: &mut KvCache,
        adapters: &Adapters,
        positions: Positions,
    ) -> Result<Vec<f32>, DecoderError> {
        check_tokens(tokens, self.decoder().vocab_size)?;
        adapters.check(self.decoder())?;
        cache.check(self.layers.len())?;
        if tokens.is_empty() {
            return Ok(Vec::new());
        }
        let adapters = adapters.detached();
        // Inside the pool, the many small parallel loops of a token need no hand-over to it.
        rayon::scope(|_| {
            let mut run = cache.take_outgrown(&self.decoder().rope, tokens.len());
            run.extend(tokens);
            let hidden = self.run(&run, cache, &adapters)?;
            let wanted = match positions {
                Positions::All => tokens.len(),
                Positions::Last => 1,
            };
            let hidden = hidden.narrow(0, run.len() - wanted, wanted)?.contiguous()?;
            Ok(into_vec(&self.logits(&self.norm(&hidden)?)?)?)
        })
    }

    /// The residual stream after the last layer, `[tokens, hidden_size]`.
    fn run(
        &self,
        tokens: &[u32],
        cache: &mut KvCache,
        adapters: &Adapters,
    ) -> candle_core::Result<Tensor> {
        let variation = Variation { adapters, pass: None };
        let tables = cache.append(tokens, &self.decoder().rope);
        let mut hidden = self.embed(tokens)?;
        for (index, layer) in self.layers.iter().enumerate() {
            hidden = layer.forward(&hidden, variation, |qkv| cache.attend(index, qkv, &tables))?;
        }
        Ok(hidden)
    }
}

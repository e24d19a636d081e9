//! Generation: some tokens after those in a cache.

use olive_kit_adapters::Adapters;

use crate::batch::check_tokens;
use crate::cache::{DecodingRoom, KvCache};
use crate::error::DecoderError;
use crate::fit::check_adapters;
use crate::layer::Room;
use crate::pass::Pass;
use crate::transformer::Transformer;

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
        check_adapters(adapters, self.decoder())?;
        cache.check(self.layers.len())?;
        if tokens.is_empty() {
            return Ok(Vec::new());
        }
        let pass = Pass::inference(adapters);
        // Inside the pool, the many small parallel loops of a token need no hand-over to it.
        rayon::scope(|_| {
            let mut run = cache.take_outgrown(&self.decoder().rope, tokens.len());
            run.extend(tokens);
            let wanted = match positions {
                Positions::All => tokens.len(),
                Positions::Last => 1,
            };
            let mut room = std::mem::take(&mut cache.room);
            let logits = self.run(&run, wanted, cache, pass, &mut room);
            cache.room = room;
            Ok(logits)
        })
    }

    /// Logits of the last `wanted` of `tokens`, which are appended.
    fn run(
        &self,
        tokens: &[u32],
        wanted: usize,
        cache: &mut KvCache,
        pass: Pass<'_>,
        DecodingRoom { scratch, kept }: &mut DecodingRoom,
    ) -> Vec<f32> {
        let (width, layout) =
            (self.decoder().hidden_size, cache.append(tokens, &self.decoder().rope));
        let mut hidden = scratch.take(tokens.len() * width);
        self.embed(tokens, &mut hidden, &pass);
        for (index, layer) in self.layers.iter().enumerate() {
            let mut room = Room { pass, scratch };
            let place = (&layout, self.decoder().window(index));
            let attend = |kept: &mut _| cache.attend(index, place, kept);
            layer.forward(&mut hidden, kept, &mut room, attend);
        }
        let last = &hidden[(tokens.len() - wanted) * width..];
        let mut normed = scratch.take(last.len());
        self.final_norm.forward(last, &mut normed, &pass);
        let mut logits = vec![0.0; wanted * self.decoder().vocab_size];
        self.logits_of(&normed, &mut logits, &pass, scratch);
        scratch.give(normed);
        scratch.give(hidden);
        logits
    }
}

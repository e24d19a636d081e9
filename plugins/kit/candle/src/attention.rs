//! Rotary grouped-query attention of whole sequences, and its gradient.
//!
//! Ainslie et al., "GQA" (2023): query head `h` shares key and value head `h / group`, so the
//! queries of a group are rows of one product. Scores exist for some queries at a time, and the
//! gradient computes them again.

use std::ops::Range;

use candle_core::{D, DType, Result, Tensor};
use olive_kit_checkpoint::Decoder;

#[cfg(feature = "cuda")]
use crate::kernels::Turn;
use crate::layout::Layout;

/// Scores that may exist at a time, of all heads.
const MAX_SCORES: usize = 1 << 27;

/// Attention of one layer in one pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attention<'a> {
    pub(crate) decoder: &'a Decoder,
    pub(crate) window: Option<usize>,
    pub(crate) layout: &'a Layout,
}

/// Rotated queries and keys, and values: `[batch, heads, seq, head_dim]` each.
#[derive(Debug, Clone)]
pub(crate) struct Heads {
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
}

/// Queries whose scores are computed at once, and the keys they may see.
struct Block {
    queries: Range<usize>,
    keys: Range<usize>,
}

impl Attention<'_> {
    /// Heads of queries, keys and values, `[rows, width]` each, rotated by their positions.
    pub(crate) fn heads(&self, [queries, keys, values]: [&Tensor; 3]) -> Result<Heads> {
        Ok(Heads {
            queries: self.turned_heads(queries)?,
            keys: self.turned_heads(keys)?,
            values: self.heads_of(values)?,
        })
    }

    /// The attention, `[rows, query_width]`.
    pub(crate) fn forward(&self, heads: &Heads) -> Result<Tensor> {
        let attended = self.blocks().into_iter().map(|block| {
            let scores = self.scores(heads, &block)?;
            let probabilities = self.probabilities(&scores, &block)?;
            let attended = probabilities.matmul(&block.seen(&heads.values)?)?;
            self.ungroup(&attended, &block)
        });
        let attended: Vec<_> = attended.collect::<Result<_>>()?;
        self.rows_of(&join(attended, 2)?)
    }

    /// Gradients of queries, keys and values before rotation, `[rows, width]` each, from that of
    /// the attention.
    ///
    /// With probabilities `P`: `dV = P^T dO`, `dS = P (dO V^T - rowsum(P (dO V^T)))`,
    /// `dQ = scale dS K` and `dK = scale dS^T Q`.
    pub(crate) fn backward(&self, heads: &Heads, of_attended: &Tensor) -> Result<[Tensor; 3]> {
        let of_attended = self.heads_of(of_attended)?;
        let mut of_queries = Vec::new();
        let (mut of_keys, mut of_values) = (None, None);
        for block in self.blocks() {
            let scores = self.scores(heads, &block)?;
            let probabilities = self.probabilities(&scores, &block)?;
            let from_above = self.group(&of_attended, &block)?;
            let of_seen = probabilities.transpose(2, 3)?.matmul(&from_above)?;
            of_values = self.gather(of_values, of_seen, &block)?;
            let of_probabilities =
                from_above.matmul(&block.seen(&heads.values)?.transpose(2, 3)?)?;
            let of_scores = self.score_gradients(&scores, &probabilities, &of_probabilities)?;
            let queries = of_scores.matmul(&block.seen(&heads.keys)?)?;
            of_queries.push(self.ungroup(&queries, &block)?);
            let queries = self.group(&heads.queries, &block)?;
            let of_seen = of_scores.transpose(2, 3)?.matmul(&queries)?;
            of_keys = self.gather(of_keys, of_seen, &block)?;
        }
        let (Some(of_keys), Some(of_values)) = (of_keys, of_values) else {
            candle_core::bail!("attention over no tokens");
        };
        let of_queries = self.turned_back(&join(of_queries, 2)?)?;
        Ok([of_queries, self.turned_back(&of_keys)?, self.rows_of(&of_values)?])
    }

    fn blocks(&self) -> Vec<Block> {
        let Layout { batch, seq, .. } = *self.layout;
        let at_once = (MAX_SCORES / (batch * self.decoder.num_heads * seq)).clamp(1, seq);
        let queries = (0..seq).step_by(at_once).map(|start| start..(start + at_once).min(seq));
        let block = |queries: Range<usize>| {
            let window = self.window.unwrap_or(usize::MAX);
            let keys = (queries.start + 1).saturating_sub(window)..queries.end;
            Block { queries, keys }
        };
        queries.map(block).collect()
    }

    /// `Q K^T` of a block, `[batch, kv_heads, group * queries, keys]`.
    fn scores(&self, heads: &Heads, block: &Block) -> Result<Tensor> {
        let queries = self.group(&heads.queries, block)?;
        queries.matmul(&block.seen(&heads.keys)?.transpose(2, 3)?)
    }

    /// Softmax of the scores over the keys that each query sees; a query that sees none gives zeros.
    fn probabilities(&self, scores: &Tensor, block: &Block) -> Result<Tensor> {
        #[cfg(feature = "cuda")]
        if scores.device().is_cuda() {
            let scoring = self.scoring();
            return crate::kernels::probabilities(
                scores,
                &self.layout.visible,
                (&block.queries, &block.keys),
                (self.layout.seq, self.window),
                scoring,
            );
        }
        let shape = self.by_query(block);
        let capped = self.capped(&scores.to_dtype(DType::F32)?)?.reshape(shape)?;
        let (mask, sees) =
            self.layout.mask(&block.queries, &block.keys, self.window, scores.device())?;
        let probabilities = candle_nn::ops::softmax_last_dim(&capped.broadcast_add(&mask)?)?;
        let probabilities = match sees {
            Some(sees) => probabilities.broadcast_mul(&sees)?,
            None => probabilities,
        };
        probabilities.reshape(scores.shape())?.to_dtype(scores.dtype())
    }

    /// The gradient of `Q K^T` from that of the probabilities.
    fn score_gradients(
        &self,
        scores: &Tensor,
        probabilities: &Tensor,
        of_probabilities: &Tensor,
    ) -> Result<Tensor> {
        #[cfg(feature = "cuda")]
        if scores.device().is_cuda() {
            let scoring = self.scoring();
            return crate::kernels::score_gradients(
                scores,
                probabilities,
                of_probabilities,
                scoring,
            );
        }
        let probabilities = probabilities.to_dtype(DType::F32)?;
        let along = (&probabilities * of_probabilities.to_dtype(DType::F32)?)?;
        let mean = along.sum_keepdim(D::Minus1)?;
        let mut gradients = (along - probabilities.broadcast_mul(&mean)?)?;
        if let Some(cap) = self.decoder.attention_softcap {
            let share = (self.capped(&scores.to_dtype(DType::F32)?)? / cap)?;
            gradients = (gradients * share.sqr()?.affine(-1.0, 1.0)?)?;
        }
        (gradients * self.decoder.attention_scale)?.to_dtype(scores.dtype())
    }

    /// Scaled scores `s`, or `c tanh(s / c)` where there is a cap `c`.
    fn capped(&self, scores: &Tensor) -> Result<Tensor> {
        let scale = self.decoder.attention_scale;
        match self.decoder.attention_softcap {
            Some(cap) => (scores * (scale / cap))?.tanh()? * cap,
            None => scores * scale,
        }
    }

    #[cfg(feature = "cuda")]
    fn scoring(&self) -> crate::kernels::Scoring {
        crate::kernels::Scoring {
            num_heads: self.decoder.num_heads,
            scale: self.decoder.attention_scale,
            softcap: self.decoder.attention_softcap,
        }
    }

    fn by_query(&self, block: &Block) -> (usize, usize, usize, usize) {
        (self.layout.batch, self.decoder.num_heads, block.queries.len(), block.keys.len())
    }

    /// The block's queries of `heads`, `[batch, heads, seq, head_dim]`, as
    /// `[batch, kv_heads, group * queries, head_dim]`.
    fn group(&self, heads: &Tensor, block: &Block) -> Result<Tensor> {
        let (batch, num_heads, _, width) = heads.dims4()?;
        let queries = heads.narrow(2, block.queries.start, block.queries.len())?.contiguous()?;
        let num_kv_heads = self.decoder.num_kv_heads;
        let rows = num_heads / num_kv_heads * block.queries.len();
        queries.reshape((batch, num_kv_heads, rows, width))
    }

    /// The other way.
    fn ungroup(&self, grouped: &Tensor, block: &Block) -> Result<Tensor> {
        let (batch, _, _, width) = grouped.dims4()?;
        grouped.reshape((batch, self.decoder.num_heads, block.queries.len(), width))
    }

    /// Adds gradients of the keys of a block to those of all keys.
    fn gather(
        &self,
        sum: Option<Tensor>,
        of_seen: Tensor,
        block: &Block,
    ) -> Result<Option<Tensor>> {
        let seq = self.layout.seq;
        let of_all = if block.keys.len() == seq {
            of_seen
        } else {
            of_seen.pad_with_zeros(2, block.keys.start, seq - block.keys.end)?
        };
        match sum {
            Some(sum) => (sum + of_all).map(Some),
            None => Ok(Some(of_all)),
        }
    }

    /// `[batch * seq, heads * head_dim]` as `[batch, heads, seq, head_dim]`.
    fn heads_of(&self, rows: &Tensor) -> Result<Tensor> {
        let (batch, seq, head_dim) = self.sizes();
        #[cfg(feature = "cuda")]
        if rows.device().is_cuda() {
            return crate::kernels::turn_heads(rows, None, self.sizes(), Turn::Forward);
        }
        let num_heads = rows.dim(1)? / head_dim;
        rows.reshape((batch, seq, num_heads, head_dim))?.transpose(1, 2)?.contiguous()
    }

    /// The other way.
    fn rows_of(&self, heads: &Tensor) -> Result<Tensor> {
        #[cfg(feature = "cuda")]
        if heads.device().is_cuda() {
            return crate::kernels::turn_heads(heads, None, self.sizes(), Turn::Back);
        }
        let (batch, seq, head_dim) = self.sizes();
        let num_heads = heads.dim(1)?;
        heads.transpose(1, 2)?.reshape((batch * seq, num_heads * head_dim))
    }

    /// Heads, turned by the angles of their positions.
    fn turned_heads(&self, rows: &Tensor) -> Result<Tensor> {
        let Layout { cos, sin, .. } = self.layout;
        #[cfg(feature = "cuda")]
        if rows.device().is_cuda() {
            let tables = Some((cos, sin));
            return crate::kernels::turn_heads(rows, tables, self.sizes(), Turn::Forward);
        }
        rotate(&self.heads_of(rows)?, cos, sin)
    }

    /// The other way, by the opposite angles: the derivative of [`Attention::turned_heads`].
    fn turned_back(&self, heads: &Tensor) -> Result<Tensor> {
        let Layout { cos, sin, .. } = self.layout;
        #[cfg(feature = "cuda")]
        if heads.device().is_cuda() {
            let tables = Some((cos, sin));
            return crate::kernels::turn_heads(heads, tables, self.sizes(), Turn::Back);
        }
        self.rows_of(&rotate(heads, cos, &sin.neg()?)?)
    }

    fn sizes(&self) -> (usize, usize, usize) {
        (self.layout.batch, self.layout.seq, self.decoder.head_dim)
    }
}

impl Block {
    /// Of keys or values, those the block sees.
    fn seen(&self, heads: &Tensor) -> Result<Tensor> {
        heads.narrow(2, self.keys.start, self.keys.len())
    }
}

/// Turns the leading entries of each head by the angles of its position, in f32; the others stay.
fn rotate(heads: &Tensor, cos: &Tensor, sin: &Tensor) -> Result<Tensor> {
    let (head_dim, rotary_dim) = (heads.dim(D::Minus1)?, 2 * cos.dim(D::Minus1)?);
    let turned = heads.narrow(D::Minus1, 0, rotary_dim)?.contiguous()?.to_dtype(DType::F32)?;
    let turned = candle_nn::rotary_emb::rope(&turned, cos, sin)?.to_dtype(heads.dtype())?;
    if rotary_dim == head_dim {
        return Ok(turned);
    }
    let rest = heads.narrow(D::Minus1, rotary_dim, head_dim - rotary_dim)?;
    Tensor::cat(&[turned, rest], D::Minus1)
}

fn join(mut parts: Vec<Tensor>, dim: usize) -> Result<Tensor> {
    match parts.len() {
        1 => Ok(parts.remove(0)),
        _ => Tensor::cat(&parts, dim),
    }
}

//! Which tensor of the checkpoint is made of which tensors of the GGUF file.

use std::collections::BTreeSet;

use olive_kit_checkpoint::{Decoder, Linear, LinearRole};

use crate::error::GgufError;
use crate::gguf::{Gguf, StoredTensor};

/// Name of the embedding in a GGUF file.
pub const EMBEDDING: &str = "token_embd.weight";
/// Name of the logits' weight in a GGUF file; absent when it is the embedding.
pub const LM_HEAD: &str = "output.weight";

/// Every tensor of a checkpoint, in order of computation.
#[derive(Debug)]
pub struct Plan {
    /// What is written, in this order.
    pub targets: Vec<Target>,
}

/// One tensor of the checkpoint.
#[derive(Debug)]
pub struct Target {
    /// Name in the checkpoint.
    pub name: String,
    /// Sizes, slowest first.
    pub shape: Vec<usize>,
    /// What its rows come from, in this order.
    pub sources: Vec<Source>,
}

/// One tensor of the GGUF file, as a part of a target.
#[derive(Debug)]
pub struct Source {
    /// The stored tensor.
    pub tensor: StoredTensor,
    /// Width of the heads whose rows llama.cpp interleaves, where it does.
    pub interleaved: Option<usize>,
}

impl Target {
    /// Number of rows: the first size.
    pub fn num_rows(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// Values in a row: the product of all sizes but the first.
    pub fn row_len(&self) -> usize {
        self.shape.iter().skip(1).product()
    }
}

impl Plan {
    /// The tensors of `decoder`, made of those in `gguf`.
    ///
    /// # Errors
    /// When one is missing, has another shape, or is left over.
    pub fn new(gguf: &Gguf, decoder: &Decoder) -> Result<Self, GgufError> {
        let mut targets = vec![plain(
            gguf,
            Decoder::EMBEDDING,
            EMBEDDING,
            &[decoder.vocab_size, decoder.hidden_size],
        )?];
        let norm = |name: &str, stored: &str| plain(gguf, name, stored, &[decoder.hidden_size]);
        for layer in 0..decoder.num_layers {
            let stored = |part: &str| format!("blk.{layer}.{part}.weight");
            let norms = decoder.norms(layer);
            targets.push(norm(&norms.attention, &stored("attn_norm"))?);
            targets.push(norm(&norms.mlp, &stored("ffn_norm"))?);
            for linear in decoder.linears(layer) {
                targets.push(linear_target(gguf, decoder, &linear, stored)?);
            }
        }
        targets.push(norm(Decoder::FINAL_NORM, "output_norm.weight")?);
        if !decoder.ties_embeddings {
            let shape = [decoder.vocab_size, decoder.hidden_size];
            targets.push(plain(gguf, Decoder::LM_HEAD, LM_HEAD, &shape)?);
        }
        let plan = Self { targets };
        plan.check_complete(gguf)?;
        Ok(plan)
    }

    /// Checks that nothing the model computes with is left out.
    fn check_complete(&self, gguf: &Gguf) -> Result<(), GgufError> {
        let sources = self.targets.iter().flat_map(|target| &target.sources);
        let used: BTreeSet<_> = sources.map(|source| source.tensor.name.as_str()).collect();
        match gguf.tensor_names().find(|name| !used.contains(name)) {
            Some(name) => {
                let problem =
                    format!("tensor `{name}` has no place in a Llama without biases and scaling");
                Err(gguf.error(problem))
            }
            None => Ok(()),
        }
    }
}

fn plain(gguf: &Gguf, name: &str, stored: &str, shape: &[usize]) -> Result<Target, GgufError> {
    let tensor = find(gguf, stored, shape)?;
    let sources = vec![Source { tensor, interleaved: None }];
    Ok(Target { name: name.to_owned(), shape: shape.to_vec(), sources })
}

fn linear_target(
    gguf: &Gguf,
    decoder: &Decoder,
    linear: &Linear,
    stored: impl Fn(&str) -> String,
) -> Result<Target, GgufError> {
    let head = Some(decoder.head_dim);
    let (query, kv, inner) = (decoder.query_width(), decoder.kv_width(), decoder.intermediate_size);
    let rows = linear.out_features;
    let parts: &[(&str, usize, Option<usize>)] = match linear.role {
        LinearRole::Qkv => &[("attn_q", query, head), ("attn_k", kv, head), ("attn_v", kv, None)],
        LinearRole::Query => &[("attn_q", query, head)],
        LinearRole::Key => &[("attn_k", kv, head)],
        LinearRole::Value => &[("attn_v", kv, None)],
        LinearRole::Output => &[("attn_output", rows, None)],
        LinearRole::GateUp => &[("ffn_gate", inner, None), ("ffn_up", inner, None)],
        LinearRole::Gate => &[("ffn_gate", inner, None)],
        LinearRole::Up => &[("ffn_up", inner, None)],
        LinearRole::Down => &[("ffn_down", rows, None)],
        LinearRole::LmHead => &[("output", rows, None)],
    };
    let sources = parts.iter().map(|&(part, rows, interleaved)| {
        let tensor = find(gguf, &stored(part), &[rows, linear.in_features])?;
        Ok(Source { tensor, interleaved })
    });
    Ok(Target {
        name: format!("{}.weight", linear.name),
        shape: vec![linear.out_features, linear.in_features],
        sources: sources.collect::<Result<_, GgufError>>()?,
    })
}

fn find(gguf: &Gguf, name: &str, shape: &[usize]) -> Result<StoredTensor, GgufError> {
    let missing = || gguf.error(format!("tensor `{name}` is missing"));
    let tensor = gguf.tensor(name).ok_or_else(missing)?;
    if tensor.shape != shape {
        let found = &tensor.shape;
        let problem = format!("tensor `{name}` has shape {found:?}, but {shape:?} is needed");
        return Err(gguf.error(problem));
    }
    Ok(tensor.clone())
}

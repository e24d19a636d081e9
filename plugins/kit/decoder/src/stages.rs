//! One layer computed stage by stage, over as many rows as its caller likes, with weights that can
//! be replaced in between.
//!
//! ```text
//! hidden ─norm─▶ qkv input ─▶ heads ─attend─▶ attended ─add_attention─▶ hidden
//! hidden ─norm─▶ mlp input ─▶ gate and up ─gate─▶ gated ─add_mlp─▶ hidden
//! ```
//!
//! A row of each stage depends on its row of the one before alone, but for `attend`, where it
//! depends on those of its sequence; so how rows are shared out in pieces changes no bit.

use olive_kit_adapters::Adapters;
use olive_kit_checkpoint::{Checkpoint, Decoder, Dtype};
use olive_kit_kernels::vector::{scale, vectorized};

use crate::activations::Activations;
use crate::batch::check_tokens;
use crate::error::DecoderError;
use crate::heads::{Attention, Layout};
use crate::layer::{Layer, Room};
use crate::linear::Linear;
use crate::norm::Norm;
use crate::pass::Pass;
use crate::rotary::{RotaryTables, Turn};
use crate::rows::{fit, for_each_row};
use crate::scratch::Scratch;
use crate::storage::Storage;

/// The weights of one layer, in f32, and its stages.
#[derive(Debug)]
pub struct LayerStages {
    layer: Layer,
    window: Option<usize>,
}

/// Sequences of one length that are computed together.
#[derive(Debug)]
pub struct Sequences {
    layout: Layout,
}

/// Memory of stages, used again by each.
#[derive(Debug, Default)]
pub struct StageRoom {
    adapters: Adapters,
    scratch: Scratch,
    kept: Activations,
}

impl Sequences {
    /// `count` sequences of `len` tokens each, from the first position on.
    pub fn new(decoder: &Decoder, count: usize, len: usize) -> Self {
        let positions = (0..count).flat_map(|_| (0..).take(len)).collect();
        let tables = RotaryTables::new(&decoder.rope, 0..len, len);
        let layout = Layout { seq: len, positions, key_mask: None, starts: None, tables };
        Self { layout }
    }

    /// Tokens of all sequences.
    pub fn num_rows(&self) -> usize {
        self.layout.positions.len()
    }
}

impl LayerStages {
    /// Loads the layer number `index`, from 0.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape than the config says.
    pub fn load(checkpoint: &Checkpoint, index: usize) -> Result<Self, DecoderError> {
        let layer = Layer::load(checkpoint.into(), index, Storage::default(), |_| false)?;
        Ok(Self { layer, window: checkpoint.decoder().window(index) })
    }

    /// The weight of the linear layer at this module path, `[out_features, in_features]`; `None`
    /// where the layer has none of this name.
    pub fn weight(&self, module: &str) -> Option<Vec<f32>> {
        self.linear(module).map(Linear::dense)
    }

    /// The bias of the linear layer at this module path, `[out_features]`, if it adds one.
    pub fn bias(&self, module: &str) -> Option<&[f32]> {
        self.linear(module)?.frozen_bias()
    }

    /// Puts other values in the place of a weight; false where the layer has none of this name.
    ///
    /// # Panics
    /// When there are more or fewer values.
    pub fn replace_weight(&mut self, module: &str, values: &[f32]) -> bool {
        let linear = self.layer.linear_mut(module);
        linear.map(|linear| linear.replace(values)).is_some()
    }

    /// Puts other values in the place of a bias; false where the layer has none of this name.
    ///
    /// # Panics
    /// When there are more or fewer values.
    pub fn replace_bias(&mut self, module: &str, values: &[f32]) -> bool {
        let linear = self.layer.linear_mut(module).filter(|linear| linear.frozen_bias().is_some());
        linear.map(|linear| linear.replace_bias(values)).is_some()
    }

    /// The norm before attention.
    pub fn attention_norm(&self) -> &Norm {
        &self.layer.attention_norm
    }

    /// The norm before attention, to replace its weight.
    pub fn attention_norm_mut(&mut self) -> &mut Norm {
        &mut self.layer.attention_norm
    }

    /// The norm before the MLP.
    pub fn mlp_norm(&self) -> &Norm {
        &self.layer.mlp_norm
    }

    /// The norm before the MLP, to replace its weight.
    pub fn mlp_norm_mut(&mut self) -> &mut Norm {
        &mut self.layer.mlp_norm
    }

    /// Writes what the heads give, `[rows, query_width]`, of the residual stream of whole sequences,
    /// `[rows, hidden_size]`.
    ///
    /// # Panics
    /// When a length does not fit the sequences.
    pub fn attend(
        &self,
        hidden: &[f32],
        sequences: &Sequences,
        attended: &mut [f32],
        room: &mut StageRoom,
    ) {
        let StageRoom { adapters, scratch, kept } = room;
        let mut room = Room { pass: Pass::inference(adapters), scratch };
        let mut normed = room.scratch.take(hidden.len());
        self.layer.project_heads(hidden, &mut normed, kept, &mut room);
        room.scratch.give(normed);
        let (geometry, layout) = (self.layer.geometry, &sequences.layout);
        let attention = Attention { geometry, window: self.window, layout };
        attention.rotate(&mut kept.qkv, Turn::Forward);
        let log_sums = fit(&mut kept.log_sums, sequences.num_rows() * geometry.num_heads);
        attention.forward(&kept.qkv, attended, log_sums);
    }

    /// Moves the residual stream, `[rows, hidden_size]`, past attention, of what the heads gave.
    ///
    /// # Panics
    /// When the rows are not as many.
    pub fn add_attention(&self, hidden: &mut [f32], attended: &[f32], room: &mut StageRoom) {
        let StageRoom { adapters, scratch, kept } = room;
        let mut room = Room { pass: Pass::inference(adapters), scratch };
        let mut output = room.scratch.take(hidden.len());
        let kept = &mut kept.attention_output;
        self.layer.add_attention(hidden, attended, &mut output, kept, &mut room);
        room.scratch.give(output);
    }

    /// Writes what the gate lets through, `[rows, intermediate_size]`, of the residual stream.
    ///
    /// # Panics
    /// When the rows are not as many.
    pub fn gate(&self, hidden: &[f32], gated: &mut [f32], room: &mut StageRoom) {
        let StageRoom { adapters, scratch, kept } = room;
        let mut room = Room { pass: Pass::inference(adapters), scratch };
        let mut normed = room.scratch.take(hidden.len());
        self.layer.gate(hidden, &mut normed, gated, &mut kept.gate_up, &mut room);
        room.scratch.give(normed);
    }

    /// Moves the residual stream past the MLP, of what the gate let through.
    ///
    /// # Panics
    /// When the rows are not as many.
    pub fn add_mlp(&self, hidden: &mut [f32], gated: &[f32], room: &mut StageRoom) {
        let StageRoom { adapters, scratch, kept } = room;
        let mut room = Room { pass: Pass::inference(adapters), scratch };
        let mut output = room.scratch.take(hidden.len());
        let kept = &mut kept.mlp_output;
        self.layer.add_mlp(hidden, gated, &mut output, kept, &mut room);
        room.scratch.give(output);
    }

    fn linear(&self, module: &str) -> Option<&Linear> {
        let Layer { qkv, output, gate_up, down, .. } = &self.layer;
        let mut linears = qkv.iter().chain([output]).chain(gate_up).chain([down]);
        linears.find(|linear| linear.module == module)
    }
}

/// Writes rows of the embedding as they are stored, `[tokens, hidden_size]`.
///
/// # Errors
/// When the checkpoint has no embedding, or a token has no row in it.
///
/// # Panics
/// When `rows` has another length.
pub fn read_embedding(
    checkpoint: &Checkpoint,
    tokens: &[u32],
    rows: &mut [f32],
) -> Result<(), DecoderError> {
    let Decoder { vocab_size, hidden_size, .. } = *checkpoint.decoder();
    check_tokens(tokens, vocab_size)?;
    let stored = checkpoint.shaped(Decoder::EMBEDDING, &[vocab_size, hidden_size])?;
    assert_eq!(rows.len(), tokens.len() * hidden_size, "rows of the embedding");
    for_each_row(rows, hidden_size, |row, into| {
        let token = tokens[row] as usize;
        stored.dtype.decode_into(stored.rows_bytes(token..token + 1), into);
    });
    Ok(())
}

/// Makes the residual stream of rows of the embedding: some families multiply them.
pub fn scale_embedding(decoder: &Decoder, rows: &mut [f32]) {
    let Some(factor) = decoder.embedding_scale_in(Dtype::F32) else { return };
    for_each_row(rows, decoder.hidden_size, |_, row| vectorized(|| scale(row, factor)));
}

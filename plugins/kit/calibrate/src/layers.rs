//! Hidden states of all tokens on their way through a layer.

use olive_kit_checkpoint::{Checkpoint, Decoder};
use olive_kit_decoder::stages::{read_embedding, scale_embedding};
use olive_kit_decoder::{LayerStages, StageRoom};

use crate::calibration::Calibration;
use crate::error::CalibrateError;
use crate::memory::Memory;
use crate::observer::Observer;
use crate::order::Order;
use crate::pieces::{Piece, cut};
use crate::states::{Room, States};

/// Hidden states of all tokens, and what moves them.
pub(crate) struct Walk<'a> {
    pub(crate) pieces: Vec<Piece>,
    /// The residual stream before the layer, or as far as it got; `[rows, hidden_size]`.
    pub(crate) hidden: States,
    /// The residual stream between attention and MLP, where that before the layer is needed again.
    pub(crate) middle: Option<States>,
    /// What the heads gave, or what the gate let through.
    pub(crate) inner: States,
    pub(crate) observer: &'a mut dyn Observer,
    decoder: &'a Decoder,
    room: StageRoom,
    buffers: Buffers,
}

/// Rows of one piece.
#[derive(Debug, Default)]
struct Buffers {
    hidden: Vec<f32>,
    attended: Vec<f32>,
    gated: Vec<f32>,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(
        decoder: &'a Decoder,
        calibration: &Calibration,
        memory: &Memory,
        order: Order,
        observer: &'a mut dyn Observer,
    ) -> Result<Self, CalibrateError> {
        let num_rows = calibration.num_tokens();
        let mut states = Room::new(memory);
        let hidden = states.states(num_rows, decoder.hidden_size)?;
        let middle = match order {
            Order::TrueSequential => None,
            Order::WholeLayer => Some(states.states(num_rows, decoder.hidden_size)?),
        };
        let inner =
            states.states(num_rows, decoder.query_width().max(decoder.intermediate_size))?;
        let pieces = cut(calibration, decoder, memory.rows_at_once);
        let (room, buffers) = (StageRoom::default(), Buffers::default());
        Ok(Self { pieces, hidden, middle, inner, observer, decoder, room, buffers })
    }

    /// Starts the stream with rows of the embedding, after `change` has had them.
    pub(crate) fn embed<E: From<CalibrateError>>(
        &mut self,
        checkpoint: &Checkpoint,
        calibration: &Calibration,
        mut change: impl FnMut(&mut [f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        let rows = &mut self.buffers.hidden;
        for piece in &self.pieces {
            go_on(self.observer)?;
            let tokens = piece.places.iter().flat_map(|place| &calibration.sequences[*place]);
            let tokens: Vec<u32> = tokens.copied().collect();
            rows.resize(tokens.len() * self.decoder.hidden_size, 0.0);
            read_embedding(checkpoint, &tokens, rows).map_err(CalibrateError::from)?;
            change(rows)?;
            scale_embedding(self.decoder, rows);
            self.hidden.write(piece.rows.start, rows)?;
        }
        checkpoint.release(Decoder::EMBEDDING);
        Ok(())
    }

    /// Makes what the heads give of the stream before the layer.
    pub(crate) fn attend(&mut self, layer: &LayerStages) -> Result<(), CalibrateError> {
        let Buffers { hidden, attended, .. } = &mut self.buffers;
        self.inner.reshape(self.decoder.query_width());
        for piece in &self.pieces {
            go_on(self.observer)?;
            self.hidden.read(piece.rows.clone(), hidden)?;
            attended.resize(piece.rows.len() * self.inner.width(), 0.0);
            layer.attend(hidden, &piece.sequences, attended, &mut self.room);
            self.inner.write(piece.rows.start, attended)?;
        }
        Ok(())
    }

    /// Moves the stream past attention, to its middle where that is kept apart.
    pub(crate) fn add_attention(&mut self, layer: &LayerStages) -> Result<(), CalibrateError> {
        let Buffers { hidden, attended, .. } = &mut self.buffers;
        for piece in &self.pieces {
            go_on(self.observer)?;
            self.hidden.read(piece.rows.clone(), hidden)?;
            self.inner.read(piece.rows.clone(), attended)?;
            layer.add_attention(hidden, attended, &mut self.room);
            let into = self.middle.as_mut().unwrap_or(&mut self.hidden);
            into.write(piece.rows.start, hidden)?;
        }
        Ok(())
    }

    /// Makes what the gate lets through of the stream past attention.
    pub(crate) fn gate(&mut self, layer: &LayerStages) -> Result<(), CalibrateError> {
        let Buffers { hidden, gated, .. } = &mut self.buffers;
        let from = self.middle.as_mut().unwrap_or(&mut self.hidden);
        self.inner.reshape(self.decoder.intermediate_size);
        for piece in &self.pieces {
            go_on(self.observer)?;
            from.read(piece.rows.clone(), hidden)?;
            gated.resize(piece.rows.len() * self.inner.width(), 0.0);
            layer.gate(hidden, gated, &mut self.room);
            self.inner.write(piece.rows.start, gated)?;
        }
        Ok(())
    }

    /// Moves the stream past the MLP.
    pub(crate) fn add_mlp(&mut self, layer: &LayerStages) -> Result<(), CalibrateError> {
        let Buffers { hidden, gated, .. } = &mut self.buffers;
        for piece in &self.pieces {
            go_on(self.observer)?;
            self.hidden.read(piece.rows.clone(), hidden)?;
            self.inner.read(piece.rows.clone(), gated)?;
            layer.add_mlp(hidden, gated, &mut self.room);
            self.hidden.write(piece.rows.start, hidden)?;
        }
        Ok(())
    }

    /// Moves the stream past the whole layer.
    pub(crate) fn pass(&mut self, layer: &LayerStages) -> Result<(), CalibrateError> {
        let Buffers { hidden, attended, gated } = &mut self.buffers;
        for piece in &self.pieces {
            go_on(self.observer)?;
            let num_rows = piece.rows.len();
            self.hidden.read(piece.rows.clone(), hidden)?;
            attended.resize(num_rows * self.decoder.query_width(), 0.0);
            layer.attend(hidden, &piece.sequences, attended, &mut self.room);
            layer.add_attention(hidden, attended, &mut self.room);
            gated.resize(num_rows * self.decoder.intermediate_size, 0.0);
            layer.gate(hidden, gated, &mut self.room);
            layer.add_mlp(hidden, gated, &mut self.room);
            self.hidden.write(piece.rows.start, hidden)?;
        }
        Ok(())
    }
}

fn go_on(observer: &dyn Observer) -> Result<(), CalibrateError> {
    if observer.is_cancelled() { Err(CalibrateError::Cancelled) } else { Ok(()) }
}

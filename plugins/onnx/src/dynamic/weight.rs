//! Weights of 8 bits, quantized while they are written.
//!
//! A weight is read twice, in pieces: for the ends of its grid and for its codes. Memory is a piece;
//! where codes are transposed, those of one weight.

use std::sync::{Arc, OnceLock};

use olive_kit_onnx::proto::TensorProto;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::{MakeWeight, Model, OnnxError, TensorData};

use super::grid::{Grid, Rule};

/// A weight of 32-bit floats to be quantized.
#[derive(Debug)]
pub(super) struct Weight {
    pub(super) tensor: TensorProto,
    pub(super) data: TensorData,
    pub(super) rule: Rule,
    /// Whether each index of the last axis, as codes are written, has a grid of its own.
    pub(super) per_channel: bool,
    /// Whether the codes of a matrix are written transposed.
    pub(super) is_turned: bool,
}

impl Weight {
    /// Adds codes, scale and zero point to `model` under names that begin with `name`.
    pub(super) fn add_to(self, model: &mut Model, name: &str) {
        let mut dims = self.tensor.dims.clone();
        if self.is_turned {
            dims.reverse();
        }
        let channels: Vec<i64> =
            dims.last().copied().filter(|_| self.per_channel).into_iter().collect();
        let codes = if self.rule.is_signed { DataType::Int8 } else { DataType::Uint8 };
        let shared = Arc::new(Shared { weight: self, grids: OnceLock::new() });
        for (end, part, dtype, dims) in [
            ("_scale", Part::Scale, DataType::Float, &channels),
            ("_zero_point", Part::ZeroPoint, codes, &channels),
            ("_quantized", Part::Codes, codes, &dims),
        ] {
            let part = PartOf { shared: Arc::clone(&shared), part };
            model.add_made(&format!("{name}{end}"), dtype, dims, Arc::new(part));
        }
    }

    fn grids(&self) -> Result<Vec<Grid>, OnnxError> {
        let mut channels = self.channels();
        let mut ends = vec![(f32::INFINITY, f32::NEG_INFINITY); channels.count];
        self.data.stream(&self.tensor, &mut |bytes| {
            for value in numbers(bytes) {
                let end = &mut ends[channels.next()];
                *end = (end.0.min(value), end.1.max(value));
            }
            Ok(())
        })?;
        Ok(ends.into_iter().map(|(lowest, highest)| self.rule.grid(lowest, highest)).collect())
    }

    fn codes(
        &self,
        grids: &[Grid],
        piece: &mut dyn FnMut(&[u8]) -> Result<(), OnnxError>,
    ) -> Result<(), OnnxError> {
        let mut channels = self.channels();
        let mut code = |value| grids[channels.next()].code(value);
        if !self.is_turned {
            return self.data.stream(&self.tensor, &mut |bytes| {
                piece(&numbers(bytes).map(&mut code).collect::<Vec<u8>>())
            });
        }
        let mut codes = Vec::new();
        self.data.stream(&self.tensor, &mut |bytes| {
            codes.extend(numbers(bytes).map(&mut code));
            Ok(())
        })?;
        let columns = side(self.tensor.dims.last());
        (0..columns).try_for_each(|column| {
            piece(&codes.iter().skip(column).step_by(columns).copied().collect::<Vec<u8>>())
        })
    }

    /// Which grid each number belongs to, as the numbers are stored.
    fn channels(&self) -> Channels {
        let (first, last) = (side(self.tensor.dims.first()), side(self.tensor.dims.last()));
        let (count, repeats) = match (self.per_channel, self.is_turned) {
            (false, _) => (1, usize::MAX),
            (true, false) => (last, 1),
            (true, true) => (first, last),
        };
        Channels { count, repeats, channel: 0, repeated: 0 }
    }
}

/// Counts through channels: each as often as it `repeats`, then the next.
struct Channels {
    count: usize,
    repeats: usize,
    channel: usize,
    repeated: usize,
}

impl Channels {
    fn next(&mut self) -> usize {
        let channel = self.channel;
        self.repeated += 1;
        if self.repeated == self.repeats {
            self.repeated = 0;
            self.channel = if channel + 1 == self.count { 0 } else { channel + 1 };
        }
        channel
    }
}

/// A weight with its grids, which are made once.
#[derive(Debug)]
struct Shared {
    weight: Weight,
    grids: OnceLock<Vec<Grid>>,
}

impl Shared {
    fn grids(&self) -> Result<&[Grid], OnnxError> {
        match self.grids.get() {
            Some(grids) => Ok(grids),
            None => {
                let grids = self.weight.grids()?;
                Ok(self.grids.get_or_init(|| grids))
            }
        }
    }
}

/// What of a quantized weight is one weight of the graph.
#[derive(Debug, Clone, Copy)]
enum Part {
    Codes,
    Scale,
    ZeroPoint,
}

#[derive(Debug)]
struct PartOf {
    shared: Arc<Shared>,
    part: Part,
}

impl MakeWeight for PartOf {
    fn make(&self, piece: &mut dyn FnMut(&[u8]) -> Result<(), OnnxError>) -> Result<(), OnnxError> {
        let grids = self.shared.grids()?;
        match self.part {
            Part::Codes => self.shared.weight.codes(grids, piece),
            Part::Scale => {
                let scales = grids.iter().flat_map(|grid| grid.scale.to_le_bytes());
                piece(&scales.collect::<Vec<u8>>())
            }
            Part::ZeroPoint => {
                piece(&grids.iter().map(|grid| grid.zero_byte()).collect::<Vec<u8>>())
            }
        }
    }
}

/// The numbers of a piece, which holds whole ones.
fn numbers(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes.as_chunks::<4>().0.iter().map(|&number| f32::from_le_bytes(number))
}

fn side(dim: Option<&i64>) -> usize {
    dim.map_or(1, |&side| usize::try_from(side).unwrap_or(0))
}

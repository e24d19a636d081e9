//! Weights of linear layers, in floats or in 4-bit codes.

use olive_kit_quant::{FourBit, FourBitKind, StoredFourBit};

use crate::checkpoint::Checkpoint;
use crate::error::CheckpointError;
use crate::tensor::Tensor;
use crate::tensors::Linear;

/// The weight of a linear layer, `[out_features, in_features]`, as it is stored.
#[derive(Debug, Clone)]
pub enum LinearWeight<'a> {
    /// In floats, still in the mapped file.
    Dense(Tensor<'a>),
    /// In 4-bit codes, copied from the file.
    FourBit(FourBit),
}

impl Checkpoint {
    /// Whether the weight of `linear` is in 4 bits.
    pub fn is_four_bit(&self, linear: &Linear) -> bool {
        let weight = linear.weight();
        let kinds = [FourBitKind::Nf4, FourBitKind::Fp4];
        kinds.iter().any(|kind| self.contains(&format!("{weight}{}", kind.state_suffix())))
    }

    /// The weight of a linear layer as it is stored.
    ///
    /// # Errors
    /// As [`Checkpoint::linear`], and when the tensors of a weight in 4 bits do not fit each other.
    pub fn weight(&self, linear: &Linear) -> Result<LinearWeight<'_>, CheckpointError> {
        if !self.is_four_bit(linear) {
            return self.dense(linear).map(LinearWeight::Dense);
        }
        let name = linear.weight();
        let stored = StoredFourBit::read(|suffix| self.bytes(&format!("{name}{suffix}")));
        self.release(&name);
        let StoredFourBit { weight, shape, .. } = stored
            .map_err(|source| CheckpointError::FourBitWeight { name: name.clone(), source })?;
        let expected = vec![linear.out_features, linear.in_features];
        if shape != expected {
            return Err(CheckpointError::Shape { name, found: shape, expected });
        }
        Ok(LinearWeight::FourBit(weight))
    }

    /// What is wrong with the weight of `linear`, told without reading all of its codes.
    pub(crate) fn weight_problem(&self, linear: &Linear) -> Option<CheckpointError> {
        if !self.is_four_bit(linear) {
            return self.dense(linear).err();
        }
        let name = linear.weight();
        let Some(codes) = self.bytes(&name) else {
            return Some(CheckpointError::TensorMissing { name, path: self.dir().to_owned() });
        };
        let needed = linear.out_features.saturating_mul(linear.in_features).div_ceil(2);
        (codes.len() != needed).then_some(CheckpointError::FourBitLength {
            name,
            found: codes.len(),
            needed,
        })
    }
}

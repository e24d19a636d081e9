//! Checkpoints whose linear layers bitsandbytes has stored in 4 bits: what
//! `AutoModelForCausalLM.from_pretrained(.., load_in_4bit)` and `save_pretrained` write.
//!
//! Embedding, norms, biases and `lm_head` stay as they are in such a checkpoint.

use olive_kit_quant::{FourBit, FourBitKind, StoredFourBit};

use crate::checkpoint::Checkpoint;
use crate::decoder::Decoder;
use crate::dtype::Dtype;
use crate::error::CheckpointError;
use crate::fields::Fields;
use crate::tensor::Tensor;
use crate::tensors::Linear;

/// What `quantization_config` says of a checkpoint in 4 bits. The tensors say it again, each for
/// itself, and they count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantization {
    /// Codebook of the weights (`bnb_4bit_quant_type`).
    pub kind: FourBitKind,
    /// Whether scales are codes too (`bnb_4bit_use_double_quant`).
    pub double_quantized: bool,
    /// Type that products are computed in (`bnb_4bit_compute_dtype`), where it is given.
    pub compute_dtype: Option<Dtype>,
}

/// The weight of a linear layer, `[out_features, in_features]`, as it is stored.
#[derive(Debug, Clone)]
pub enum LinearWeight<'a> {
    /// In floats, still in the mapped file.
    Dense(Tensor<'a>),
    /// In 4-bit codes, copied from the file.
    FourBit(FourBit),
}

/// Whether a checkpoint in 4 bits is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantized {
    Refused,
    Read,
}

/// Reads `quantization_config`, which must be none or one that `quantized` allows.
pub(crate) fn quantization(
    config: &Fields<'_>,
    quantized: Quantized,
) -> Result<Option<Quantization>, CheckpointError> {
    let Some(settings) = config.object("quantization_config")? else { return Ok(None) };
    if quantized == Quantized::Refused {
        return Err(CheckpointError::Quantized(config.path().to_owned()));
    }
    let method = settings.text("quant_method")?.unwrap_or("(none given)");
    let is_four_bit = settings.flag("load_in_4bit")?.unwrap_or(false);
    if method != "bitsandbytes" || !is_four_bit {
        return Err(config.error(format!(
            "`quantization_config` is of `{method}`{}; only that of `bitsandbytes` with \
             `load_in_4bit` is read",
            if method == "bitsandbytes" { " without `load_in_4bit`" } else { "" }
        )));
    }
    let kind = match settings.text("bnb_4bit_quant_type")?.unwrap_or("fp4") {
        "nf4" => FourBitKind::Nf4,
        "fp4" => FourBitKind::Fp4,
        other => {
            let known = "nf4, fp4";
            let problem = format!("unknown `bnb_4bit_quant_type` `{other}`; known are {known}");
            return Err(config.error(problem));
        }
    };
    Ok(Some(Quantization {
        kind,
        double_quantized: settings.flag("bnb_4bit_use_double_quant")?.unwrap_or(false),
        compute_dtype: settings.text("bnb_4bit_compute_dtype")?.and_then(Dtype::from_config_name),
    }))
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

impl Decoder {
    /// All linear layers, `lm_head` last where it has a weight of its own.
    pub fn all_linears(&self) -> Vec<Linear> {
        let layers = (0..self.num_layers).flat_map(|layer| self.linears(layer));
        layers.chain((!self.ties_embeddings).then(|| self.lm_head())).collect()
    }
}

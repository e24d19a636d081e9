//! Checkpoints whose linear layers bitsandbytes has stored in 4 bits: what
//! `AutoModelForCausalLM.from_pretrained(.., load_in_4bit)` and `save_pretrained` write.
//!
//! Embedding, norms, biases and `lm_head` stay as they are in such a checkpoint.

use olive_kit_quant::FourBitKind;

use crate::dtype::Dtype;
use crate::error::CheckpointError;
use crate::fields::Fields;

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

/// Whether a checkpoint in 4 bits is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantized {
    /// Not.
    Refused,
    /// In bitsandbytes' codes.
    Read,
    /// As GPTQ, AWQ or Olive pack it, which is told elsewhere.
    Packed,
}

/// Reads `quantization_config`, which must be none or one that `quantized` allows.
pub(crate) fn quantization(
    config: &Fields<'_>,
    quantized: Quantized,
) -> Result<Option<Quantization>, CheckpointError> {
    let Some(settings) = config.object("quantization_config")? else { return Ok(None) };
    match quantized {
        Quantized::Refused => return Err(CheckpointError::Quantized(config.path().to_owned())),
        Quantized::Packed => return Ok(None),
        Quantized::Read => {}
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

//! The frozen weights: how they are held, and what the output model says about them.

use olive_kit_checkpoint::Decoder;
use olive_kit_decoder::Storage;
use olive_kit_quant::{FourBitFormat, FourBitKind};
use olive_plugin_api::Model;
use serde_json::json;

use crate::checks::QUANTIZATION_CONFIG;
use crate::config::{Base, QuantType, TorchDtype};
use crate::settings::precision;

/// Attribute of a model with the paths of the layers that are quantized, as Olive writes it.
const QUANTIZED_MODULES: &str = "quantized_modules";

/// Attribute of a model with the library that quantizes it, as Olive writes it.
const QUANTIZATION_METHOD: &str = "quantization_method";

/// Neighboring weights that share a scale, in bitsandbytes.
const BLOCK_SIZE: usize = 64;

/// How the weights are held while an adapter is trained on them.
pub(crate) fn storage(base: Base, dtype: TorchDtype) -> Storage {
    let four_bit = |kind, double_quantized, compute: Option<TorchDtype>| Storage {
        precision: precision(compute.unwrap_or(dtype)),
        four_bit: Some(FourBitFormat { kind, block_size: BLOCK_SIZE, double_quantized }),
    };
    match base {
        Base::AsStored => Storage { precision: precision(dtype), four_bit: None },
        Base::FourBit { kind, double, compute, .. } => four_bit(self::kind(kind), double, compute),
        Base::Loftq { compute, .. } => four_bit(FourBitKind::Nf4, false, compute),
    }
}

/// Writes on `output` that its base is to be loaded in 4 bits, where the settings ask for it.
pub(crate) fn mark(output: &mut Model, base: Base, dtype: TorchDtype, decoder: &Decoder) {
    let (kind, double, compute) = match base {
        Base::FourBit { kind, double, compute, saves_config: true } => (kind, double, compute),
        Base::Loftq { compute, saves_config: true, .. } => (QuantType::Nf4, false, compute),
        Base::AsStored
        | Base::FourBit { saves_config: false, .. }
        | Base::Loftq { saves_config: false, .. } => return,
    };
    let kind = match kind {
        QuantType::Nf4 => "nf4",
        QuantType::Fp4 => "fp4",
    };
    let config = json!({
        "quant_method": "bitsandbytes",
        "load_in_4bit": true,
        "bnb_4bit_compute_dtype": compute.unwrap_or(dtype).name(),
        "bnb_4bit_use_double_quant": double,
        "bnb_4bit_quant_type": kind,
    });
    let modules = (0..decoder.num_layers).flat_map(|layer| decoder.linears(layer));
    let modules: Vec<_> = modules.map(|linear| linear.name).collect();
    let attributes = [
        (QUANTIZATION_METHOD, json!("bitsandbytes")),
        (QUANTIZATION_CONFIG, config),
        (QUANTIZED_MODULES, json!(modules)),
    ];
    let attributes = attributes.map(|(name, value)| (name.to_owned(), value));
    output.model_attributes.extend(attributes);
}

const fn kind(kind: QuantType) -> FourBitKind {
    match kind {
        QuantType::Nf4 => FourBitKind::Nf4,
        QuantType::Fp4 => FourBitKind::Fp4,
    }
}

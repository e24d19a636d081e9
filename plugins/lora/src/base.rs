//! The frozen weights: how they are held, and what the output model says about them.

use olive_kit_adapters::QuantizedBase;
use olive_kit_checkpoint::Decoder;
use olive_kit_decoder::Storage;
use olive_kit_quant::{FourBitFormat, FourBitKind};
use olive_plugin_api::Model;

use crate::config::{Base, QuantType, TorchDtype};
use crate::settings::precision;

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
    let compute = match base {
        Base::FourBit { compute, saves_config: true, .. }
        | Base::Loftq { compute, saves_config: true, .. } => compute,
        Base::AsStored
        | Base::FourBit { saves_config: false, .. }
        | Base::Loftq { saves_config: false, .. } => return,
    };
    if let Some(format) = storage(base, dtype).four_bit {
        let quantized = QuantizedBase::of_all(format, decoder);
        output.model_attributes.extend(quantized.attributes(compute.unwrap_or(dtype).name()));
    }
}

const fn kind(kind: QuantType) -> FourBitKind {
    match kind {
        QuantType::Nf4 => FourBitKind::Nf4,
        QuantType::Fp4 => FourBitKind::Fp4,
    }
}

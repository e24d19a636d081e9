//! How GGUF stores a tensor's values.

use candle_core::quantized::GgmlDType;

/// Types that are read.
const KNOWN: [GgmlDType; 13] = [
    GgmlDType::F32,
    GgmlDType::F16,
    GgmlDType::BF16,
    GgmlDType::Q4_0,
    GgmlDType::Q4_1,
    GgmlDType::Q5_0,
    GgmlDType::Q5_1,
    GgmlDType::Q8_0,
    GgmlDType::Q2K,
    GgmlDType::Q3K,
    GgmlDType::Q4K,
    GgmlDType::Q5K,
    GgmlDType::Q6K,
];

/// Types that are not read, with their number and name in the format.
const UNREAD: [(u32, &str); 20] = [
    (9, "Q8_1"),
    (15, "Q8_K"),
    (16, "IQ2_XXS"),
    (17, "IQ2_XS"),
    (18, "IQ3_XXS"),
    (19, "IQ1_S"),
    (20, "IQ4_NL"),
    (21, "IQ3_S"),
    (22, "IQ2_S"),
    (23, "IQ4_XS"),
    (24, "I8"),
    (25, "I16"),
    (26, "I32"),
    (27, "I64"),
    (28, "F64"),
    (29, "IQ1_M"),
    (34, "TQ1_0"),
    (35, "TQ2_0"),
    (39, "MXFP4"),
    (40, "NVFP4"),
];

/// The type with this number, or the name of one that is not read.
pub(crate) fn from_number(found: u32) -> Result<GgmlDType, String> {
    if let Some(dtype) = KNOWN.into_iter().find(|known| number(*known) == found) {
        return Ok(dtype);
    }
    let unread = UNREAD.iter().find(|(unread, _)| *unread == found);
    Err(unread.map_or_else(|| format!("type {found}"), |(_, name)| (*name).to_owned()))
}

/// The number of `dtype` in the format.
pub(crate) fn number(dtype: GgmlDType) -> u32 {
    entry(dtype).0
}

/// The name of `dtype` in the format.
pub(crate) fn name(dtype: GgmlDType) -> &'static str {
    entry(dtype).1
}

/// Names of the types that are read.
pub(crate) fn known() -> String {
    KNOWN.map(name).join(", ")
}

fn entry(dtype: GgmlDType) -> (u32, &'static str) {
    match dtype {
        GgmlDType::F32 => (0, "F32"),
        GgmlDType::F16 => (1, "F16"),
        GgmlDType::Q4_0 => (2, "Q4_0"),
        GgmlDType::Q4_1 => (3, "Q4_1"),
        GgmlDType::Q5_0 => (6, "Q5_0"),
        GgmlDType::Q5_1 => (7, "Q5_1"),
        GgmlDType::Q8_0 => (8, "Q8_0"),
        GgmlDType::Q8_1 => (9, "Q8_1"),
        GgmlDType::Q2K => (10, "Q2_K"),
        GgmlDType::Q3K => (11, "Q3_K"),
        GgmlDType::Q4K => (12, "Q4_K"),
        GgmlDType::Q5K => (13, "Q5_K"),
        GgmlDType::Q6K => (14, "Q6_K"),
        GgmlDType::Q8K => (15, "Q8_K"),
        GgmlDType::BF16 => (30, "BF16"),
    }
}

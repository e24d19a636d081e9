//! How GGUF stores a tensor's values.

use candle_core::quantized::GgmlDType;

/// Types that are read, with their number and name in the format.
const KNOWN: [(u32, &str, GgmlDType); 13] = [
    (0, "F32", GgmlDType::F32),
    (1, "F16", GgmlDType::F16),
    (30, "BF16", GgmlDType::BF16),
    (2, "Q4_0", GgmlDType::Q4_0),
    (3, "Q4_1", GgmlDType::Q4_1),
    (6, "Q5_0", GgmlDType::Q5_0),
    (7, "Q5_1", GgmlDType::Q5_1),
    (8, "Q8_0", GgmlDType::Q8_0),
    (10, "Q2_K", GgmlDType::Q2K),
    (11, "Q3_K", GgmlDType::Q3K),
    (12, "Q4_K", GgmlDType::Q4K),
    (13, "Q5_K", GgmlDType::Q5K),
    (14, "Q6_K", GgmlDType::Q6K),
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
pub(crate) fn from_number(number: u32) -> Result<GgmlDType, String> {
    if let Some((_, _, dtype)) = KNOWN.iter().find(|(known, _, _)| *known == number) {
        return Ok(*dtype);
    }
    let unread = UNREAD.iter().find(|(unread, _)| *unread == number);
    Err(unread.map_or_else(|| format!("type {number}"), |(_, name)| (*name).to_owned()))
}

/// The number of `dtype` in the format.
///
/// # Panics
/// When it is none of those that are read.
pub(crate) fn number(dtype: GgmlDType) -> u32 {
    let known = KNOWN.iter().find(|(_, _, known)| *known == dtype);
    known.expect("only types that are read are written").0
}

/// Names of the types that are read.
pub(crate) fn known() -> String {
    KNOWN.map(|(_, name, _)| name).join(", ")
}

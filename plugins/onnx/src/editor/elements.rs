//! Elements of tensors as numbers and back, for every type of numbers that ONNX has.

use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_schemas::graph::Number;

use super::small_floats::Format;
use crate::numbers::{float_bytes, floats};

/// The `count` numbers in little-endian `bytes`; `None` for texts and complex numbers.
pub(super) fn numbers(bytes: &[u8], dtype: DataType, count: usize) -> Option<Vec<Number>> {
    if let Some(values) = floats(bytes, dtype) {
        return Some(values.into_iter().map(Number::from).collect());
    }
    if let Some(integer) = Integer::of(dtype) {
        let codes = codes(bytes, integer.bits, count);
        return Some(codes.map(|code| integer.number(code)).collect());
    }
    let format = Format::of(dtype)?;
    let codes = codes(bytes, format.bits(), count);
    Some(codes.map(|code| format.value(code).into()).collect())
}

/// `values` as little-endian bytes, floats rounded to the nearest that `dtype` has.
///
/// # Errors
/// What is wrong with the first value that `dtype` does not hold, or with `dtype`.
pub(super) fn bytes(values: &[Number], dtype: DataType) -> Result<Vec<u8>, String> {
    let unfit = |value: &Number| format!("`{}` holds no {}", dtype.as_str_name(), shown(value));
    if let Some(integer) = Integer::of(dtype) {
        let codes = values.iter().map(|value| integer.code(value).ok_or_else(|| unfit(value)));
        return Ok(packed(&codes.collect::<Result<Vec<_>, _>>()?, integer.bits));
    }
    let doubles = values.iter().map(|value| value.as_f64().ok_or_else(|| unfit(value)));
    let doubles = doubles.collect::<Result<Vec<_>, _>>()?;
    if let Some(format) = Format::of(dtype) {
        let codes = doubles.iter().zip(values);
        let codes = codes.map(|(&double, value)| format.code(double).ok_or_else(|| unfit(value)));
        return Ok(packed(&codes.collect::<Result<Vec<_>, _>>()?, format.bits()));
    }
    let name = dtype.as_str_name();
    let bytes = float_bytes(&doubles, dtype);
    let bytes = bytes.ok_or_else(|| format!("elements of type `{name}` cannot be set"))?;
    let rounded = floats(&bytes, dtype).unwrap_or_default();
    let overflows = |(double, rounded): (&f64, &f64)| double.is_finite() && !rounded.is_finite();
    match doubles.iter().zip(&rounded).position(overflows) {
        Some(place) => Err(unfit(&values[place])),
        None => Ok(bytes),
    }
}

/// A number as it is written.
fn shown(value: &Number) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// A type of whole numbers.
struct Integer {
    bits: u32,
    least: i128,
    most: i128,
}

impl Integer {
    fn of(dtype: DataType) -> Option<Self> {
        let (bits, is_signed) = match dtype {
            DataType::Bool => return Some(Self { bits: 8, least: 0, most: 1 }),
            DataType::Int2 => (2, true),
            DataType::Int4 => (4, true),
            DataType::Int8 => (8, true),
            DataType::Int16 => (16, true),
            DataType::Int32 => (32, true),
            DataType::Int64 => (64, true),
            DataType::Uint2 => (2, false),
            DataType::Uint4 => (4, false),
            DataType::Uint8 => (8, false),
            DataType::Uint16 => (16, false),
            DataType::Uint32 => (32, false),
            DataType::Uint64 => (64, false),
            _ => return None,
        };
        let half = 1_i128 << (bits - 1);
        let (least, most) = if is_signed { (-half, half - 1) } else { (0, 2 * half - 1) };
        Some(Self { bits, least, most })
    }

    fn number(&self, code: u64) -> Number {
        let number = i128::from(code);
        let number =
            if number > self.most && self.least < 0 { number - (1 << self.bits) } else { number };
        match (i64::try_from(number), u64::try_from(number)) {
            (Ok(number), _) => number.into(),
            (_, Ok(number)) => number.into(),
            (Err(_), Err(_)) => code.into(),
        }
    }

    fn code(&self, value: &Number) -> Option<u64> {
        let number = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from))?;
        let is_held = (self.least..=self.most).contains(&number);
        u64::try_from(number.rem_euclid(1 << self.bits)).ok().filter(|_| is_held)
    }
}

/// The first `count` codes of `bits` bits; of those that share a byte, the first is in the low bits.
fn codes(bytes: &[u8], bits: u32, count: usize) -> impl Iterator<Item = u64> {
    let width = bits as usize;
    let code = move |index: usize| {
        let (first, shift) = (index * width / 8, index * width % 8);
        let part = bytes.get(first..first + width.div_ceil(8))?;
        let whole = part.iter().rev().fold(0_u64, |code, &byte| code << 8 | u64::from(byte));
        Some(whole >> shift & u64::MAX >> (64 - bits))
    };
    (0..count).map_while(code)
}

/// The inverse of [`codes`].
fn packed(codes: &[u64], bits: u32) -> Vec<u8> {
    let width = bits as usize;
    if width >= 8 {
        let bytes = codes.iter().flat_map(|code| code.to_le_bytes().into_iter().take(width / 8));
        return bytes.collect();
    }
    let byte = |codes: &[u64]| {
        let places = codes.iter().enumerate();
        places.fold(0_u8, |byte, (place, code)| byte | code.to_le_bytes()[0] << (place * width))
    };
    codes.chunks(8 / width).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &serde_json::Value) -> Vec<Number> {
        serde_json::from_value(values.clone()).unwrap()
    }

    #[test]
    fn every_type_of_numbers_comes_back() {
        let rows = [
            (DataType::Bool, serde_json::json!([1, 0])),
            (DataType::Int2, serde_json::json!([-2, 1, 0, -1, 1])),
            (DataType::Uint2, serde_json::json!([3, 0, 2])),
            (DataType::Int4, serde_json::json!([-8, 7, -1])),
            (DataType::Uint4, serde_json::json!([15, 0, 9])),
            (DataType::Int8, serde_json::json!([-128, 127])),
            (DataType::Uint8, serde_json::json!([255])),
            (DataType::Int16, serde_json::json!([-32768, 32767])),
            (DataType::Uint16, serde_json::json!([65535])),
            (DataType::Int32, serde_json::json!([-2_147_483_648_i64, 5])),
            (DataType::Uint32, serde_json::json!([4_294_967_295_u32])),
            (DataType::Int64, serde_json::json!(["-9223372036854775808", 3])),
            (DataType::Uint64, serde_json::json!(["18446744073709551615", 0])),
            (DataType::Float, serde_json::json!([0.5, -1.25, "NaN", "-Infinity"])),
            (DataType::Double, serde_json::json!([0.1, "Infinity"])),
            (DataType::Float16, serde_json::json!([65504.0, 0.5])),
            (DataType::Bfloat16, serde_json::json!([1.5, -2.0])),
            (DataType::Float8e4m3fn, serde_json::json!([448.0, -0.5, "NaN"])),
            (DataType::Float8e5m2, serde_json::json!([57344.0, "-Infinity"])),
            (DataType::Float4e2m1, serde_json::json!([6.0, -0.5, 1.5])),
        ];
        for (dtype, values) in rows {
            let values = read(&values);
            let bytes = bytes(&values, dtype).unwrap();
            assert_eq!(numbers(&bytes, dtype, values.len()), Some(values), "{dtype:?}");
        }
    }

    #[test]
    fn what_a_type_does_not_hold_is_refused() {
        let rows = [
            (DataType::Uint8, serde_json::json!([256]), "`UINT8` holds no 256"),
            (DataType::Int4, serde_json::json!([8]), "`INT4` holds no 8"),
            (DataType::Int64, serde_json::json!([0.5]), "`INT64` holds no 0.5"),
            (DataType::Bool, serde_json::json!([2]), "`BOOL` holds no 2"),
            (DataType::Float, serde_json::json!([1e39]), "`FLOAT` holds no 1e+39"),
            (DataType::Float16, serde_json::json!([65520.0]), "`FLOAT16` holds no 65520.0"),
            (DataType::Float4e2m1, serde_json::json!(["NaN"]), "`FLOAT4E2M1` holds no \"NaN\""),
            (DataType::Float, serde_json::json!(["x"]), "`FLOAT` holds no \"x\""),
            (DataType::Complex64, serde_json::json!([1]), "elements of type `COMPLEX64`"),
        ];
        for (dtype, values, expected) in rows {
            let error = bytes(&read(&values), dtype).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}

//! A safetensors file, rewritten tensor by tensor: the largest one is all that is held in memory.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use olive_plugin_api::PluginError;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::pass::cannot;

/// Longest header that the format allows, in bytes.
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// A file whose header is read.
pub struct WeightFile {
    path: PathBuf,
    /// The header's length and text.
    header: Vec<u8>,
    tensors: Vec<Tensor>,
}

/// A tensor of the file.
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// What its bytes mean.
    pub dtype: Dtype,
    /// Where it starts and ends behind the header, in bytes.
    range: (usize, usize),
}

/// What the bytes of a tensor mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Dtype {
    F32,
    F16,
    BF16,
    /// No floating-point weights of a width that is known here; left as they are.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Entry {
    dtype: Dtype,
    data_offsets: (usize, usize),
}

impl WeightFile {
    /// Reads the header of the file at `path`.
    pub fn open(path: &Path) -> Result<Self, PluginError> {
        let header = read_header(path).map_err(|error| cannot("read", path, &error))?;
        let tensors = parse_header(&header[8..]).map_err(|why| {
            let message = format!("`{}` is no safetensors file: {why}", path.display());
            PluginError::new("not-safetensors", message)
        })?;
        Ok(Self {
            path: path.to_owned(),
            header,
            tensors,
        })
    }

    /// Its tensors, in the order of their bytes.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// Writes the file to `to` with every tensor as `change` leaves it; adds up what that gives.
    pub fn rewrite(
        &self,
        to: &Path,
        mut change: impl FnMut(&Tensor, &mut [u8]) -> Result<u64, PluginError>,
    ) -> Result<u64, PluginError> {
        let read = |error: io::Error| cannot("read", &self.path, &error);
        let write = |error: io::Error| cannot("write", to, &error);
        let mut input = File::open(&self.path).map_err(read)?;
        let mut output = BufWriter::new(File::create(to).map_err(write)?);
        input
            .read_exact(&mut vec![0; self.header.len()])
            .map_err(read)?;
        output.write_all(&self.header).map_err(write)?;
        let mut sum = 0;
        for tensor in &self.tensors {
            let mut bytes = vec![0; tensor.range.1 - tensor.range.0];
            input.read_exact(&mut bytes).map_err(read)?;
            sum += change(tensor, &mut bytes)?;
            output.write_all(&bytes).map_err(write)?;
        }
        output.flush().map_err(write)?;
        Ok(sum)
    }
}

fn read_header(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut header = vec![0; 8];
    file.read_exact(&mut header)?;
    let length = u64::from_le_bytes(header[..8].try_into().unwrap_or_default());
    file.take(length.min(MAX_HEADER_BYTES))
        .read_to_end(&mut header)?;
    Ok(header)
}

fn parse_header(text: &[u8]) -> Result<Vec<Tensor>, String> {
    let entries: Map<String, Value> =
        serde_json::from_slice(text).map_err(|error| format!("its header is broken: {error}"))?;
    let mut tensors = Vec::new();
    for (name, entry) in entries
        .into_iter()
        .filter(|(name, _)| name != "__metadata__")
    {
        let Entry {
            dtype,
            data_offsets: range,
        } = serde_json::from_value(entry)
            .map_err(|error| format!("tensor `{name}` is not described: {error}"))?;
        tensors.push(Tensor { name, dtype, range });
    }
    tensors.sort_by_key(|tensor| tensor.range);
    let mut end = 0;
    for Tensor { name, range, .. } in &tensors {
        if range.0 != end || range.1 < range.0 {
            return Err(format!("tensor `{name}` does not start where another ends"));
        }
        end = range.1;
    }
    Ok(tensors)
}

impl Dtype {
    /// Sets weights below `threshold` in magnitude to zero, and counts them; zeros are not counted.
    pub fn prune(self, bytes: &mut [u8], threshold: f64) -> u64 {
        match self {
            Self::F32 => prune(bytes, threshold, |b: [u8; 4]| f32::from_le_bytes(b).into()),
            Self::F16 => prune(bytes, threshold, |b| half(u16::from_le_bytes(b))),
            Self::BF16 => prune(bytes, threshold, |[low, high]| {
                f32::from_le_bytes([0, 0, low, high]).into()
            }),
            Self::Other => 0,
        }
    }
}

fn prune<const N: usize>(bytes: &mut [u8], threshold: f64, value: fn([u8; N]) -> f64) -> u64 {
    let (weights, _) = bytes.as_chunks_mut();
    let mut zeroed = 0;
    for weight in weights {
        let magnitude = value(*weight).abs();
        if magnitude > 0.0 && magnitude < threshold {
            *weight = [0; N];
            zeroed += 1;
        }
    }
    zeroed
}

/// Magnitude of a half-precision number: 5 bits of exponent, 10 of fraction.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    match exponent {
        0 => fraction * 2_f64.powi(-24),
        0x1f => f64::INFINITY,
        _ => (1024.0 + fraction) * 2_f64.powi(exponent - 25),
    }
}

#[cfg(test)]
mod tests {
    use super::{Dtype, half, parse_header};

    #[test]
    fn small_weights_become_zero_and_are_counted() {
        let mut bytes: Vec<u8> = [0.5_f32, -0.125, 0.0, 0.25].map(f32::to_le_bytes).concat();
        assert_eq!(Dtype::F32.prune(&mut bytes, 0.25), 1);
        assert_eq!(
            bytes,
            [0.5_f32, 0.0, 0.0, 0.25].map(f32::to_le_bytes).concat()
        );

        let mut one_and_small = vec![0x80, 0x3f, 0x00, 0x38];
        assert_eq!(Dtype::BF16.prune(&mut one_and_small, 0.001), 1);
        assert_eq!(one_and_small, [0x80, 0x3f, 0, 0]);
        assert_eq!(Dtype::Other.prune(&mut [1, 0], 1.0), 0);
    }

    #[test]
    fn half_precision_is_read_as_the_standard_says() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, 2.0),
            (0x0001, 2_f64.powi(-24)),
            (0x7bff, 65504.0),
        ] {
            assert_eq!(half(bits), value, "{bits:#06x}");
        }
    }

    #[test]
    fn a_header_with_holes_is_refused() {
        let entry = |range: &str| {
            format!(r#"{{"a": {{"dtype": "F32", "shape": [1], "data_offsets": {range}}}}}"#)
        };
        assert_eq!(parse_header(entry("[0, 4]").as_bytes()).unwrap().len(), 1);
        for (text, part) in [
            (entry("[4, 8]"), "does not start where"),
            (entry("[0]"), "tensor `a` is not described"),
            ("{".into(), "header is broken"),
        ] {
            let error = parse_header(text.as_bytes()).err().unwrap();
            assert!(error.contains(part), "{error}");
        }
    }
}

//! Fixtures of `tests/fixtures/make_four_bit.py`.

use std::path::Path;

use safetensors::{Dtype, SafeTensors};

/// A file of tensors.
pub(crate) struct Fixture(Vec<u8>);

impl Fixture {
    pub(crate) fn read(name: &str) -> Self {
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/fixtures");
        Self(std::fs::read(Path::new(fixtures).join(name)).unwrap())
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.tensors().names().into_iter().map(str::to_owned).collect()
    }

    pub(crate) fn shape(&self, tensor: &str) -> Vec<usize> {
        self.tensors().tensor(tensor).unwrap().shape().to_vec()
    }

    pub(crate) fn dtype(&self, tensor: &str) -> Dtype {
        self.tensors().tensor(tensor).unwrap().dtype()
    }

    pub(crate) fn bytes(&self, tensor: &str) -> Vec<u8> {
        self.tensors().tensor(tensor).unwrap().data().to_vec()
    }

    /// Values of a bf16 tensor: the upper halves of f32.
    pub(crate) fn bf16s(&self, tensor: &str) -> Vec<f32> {
        let bytes = self.bytes(tensor);
        bytes.chunks_exact(2).map(|value| f32::from_le_bytes([0, 0, value[0], value[1]])).collect()
    }

    pub(crate) fn floats(&self, tensor: &str) -> Vec<f32> {
        let bytes = self.bytes(tensor);
        bytes.chunks_exact(4).map(|value| f32::from_le_bytes(value.try_into().unwrap())).collect()
    }

    fn tensors(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.0).unwrap()
    }
}

/// The script's `weights`, in row-major order.
pub(crate) fn weights(rows: usize, columns: usize) -> Vec<f32> {
    (0..rows * columns).map(|index| if index < 64 { 0.0 } else { weight(index as u64) }).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "the values are f32")]
fn weight(index: u64) -> f32 {
    let u = (index * 2_654_435_761 % (1 << 32)) as f64 / 2.0_f64.powi(31) - 1.0;
    let scale = (1 + index / 64 * 40_503 % 1009) as f64 / 8192.0;
    (u * u * u * scale) as f32
}

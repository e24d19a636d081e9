//! Files of reference numbers.

use std::fs;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

/// The tensors of one safetensors file.
#[derive(Debug)]
pub struct Tensors(Vec<u8>);

impl Tensors {
    /// Reads the whole file.
    pub fn open(path: impl AsRef<Path>) -> Self {
        Self(fs::read(path).unwrap())
    }

    /// Names of all tensors.
    pub fn names(&self) -> Vec<String> {
        self.file().names().into_iter().map(str::to_owned).collect()
    }

    /// Shape of a tensor.
    pub fn shape(&self, name: &str) -> Vec<usize> {
        self.with(name, |tensor| tensor.shape().to_vec())
    }

    /// Type of a tensor.
    pub fn dtype(&self, name: &str) -> Dtype {
        self.with(name, |tensor: &TensorView<'_>| tensor.dtype())
    }

    /// Bytes of a tensor of any type.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        self.with(name, |tensor| tensor.data().to_vec())
    }

    /// Values of a tensor of f32.
    pub fn f32s(&self, name: &str) -> Vec<f32> {
        self.numbers(name, Dtype::F32, f32::from_le_bytes)
    }

    /// Values of a tensor of bf16: the upper halves of f32.
    pub fn bf16s(&self, name: &str) -> Vec<f32> {
        self.numbers(name, Dtype::BF16, |[low, high]| f32::from_le_bytes([0, 0, low, high]))
    }

    /// Values of a tensor of i64.
    pub fn i64s(&self, name: &str) -> Vec<i64> {
        self.numbers(name, Dtype::I64, i64::from_le_bytes)
    }

    /// Tokens, stored as i64.
    pub fn tokens(&self, name: &str) -> Vec<u32> {
        self.i64s(name).into_iter().map(|token| token.try_into().unwrap()).collect()
    }

    fn numbers<const N: usize, T>(
        &self,
        name: &str,
        dtype: Dtype,
        number: impl Fn([u8; N]) -> T,
    ) -> Vec<T> {
        self.with(name, |tensor| {
            assert_eq!(tensor.dtype(), dtype, "{name}");
            let (values, rest) = tensor.data().as_chunks();
            assert!(rest.is_empty(), "{name}");
            values.iter().copied().map(number).collect()
        })
    }

    fn with<T>(&self, name: &str, read: impl FnOnce(&TensorView<'_>) -> T) -> T {
        read(&self.file().tensor(name).unwrap_or_else(|error| panic!("{name}: {error}")))
    }

    fn file(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.0).unwrap()
    }
}

//! The numbers in candle's tensors, as slices.

use std::ops::{Deref, Range};

use candle_core::{CpuStorage, Device, Layout, Result, Shape, Storage, Tensor};

/// Borrows the values of a contiguous f32 tensor on the CPU.
///
/// # Errors
/// When it is not contiguous, not f32 or not on the CPU.
pub(crate) fn borrow(tensor: &Tensor) -> Result<impl Deref<Target = [f32]>> {
    let (storage, layout) = tensor.storage_and_layout();
    let range = range(layout)?;
    match &*storage {
        Storage::Cpu(CpuStorage::F32(_)) => Ok(Values { storage, range }),
        _ => candle_core::bail!("a tensor of f32 on the CPU is needed"),
    }
}

/// The values an operation's forward is given.
///
/// # Errors
/// When they are not contiguous or not f32.
pub(crate) fn input<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    Ok(&storage.as_slice::<f32>()?[range(layout)?])
}

/// What an operation's forward returns.
pub(crate) fn output(values: Vec<f32>, shape: impl Into<Shape>) -> (CpuStorage, Shape) {
    (CpuStorage::F32(values), shape.into())
}

/// A gradient with the shape of `like`.
///
/// # Errors
/// When the number of values is another.
pub(crate) fn gradient(values: Vec<f32>, like: &Tensor) -> Result<Tensor> {
    Tensor::from_vec(values, like.shape(), &Device::Cpu)
}

/// A copy of a tensor's values.
///
/// # Errors
/// When it is not f32.
pub(crate) fn into_vec(tensor: &Tensor) -> Result<Vec<f32>> {
    tensor.flatten_all()?.to_vec1()
}

fn range(layout: &Layout) -> Result<Range<usize>> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(start..end),
        None => candle_core::bail!("a contiguous tensor is needed"),
    }
}

/// Values under candle's lock, of type `G`.
struct Values<G> {
    storage: G,
    range: Range<usize>,
}

impl<G: Deref<Target = Storage>> Deref for Values<G> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &*self.storage {
            Storage::Cpu(CpuStorage::F32(values)) => &values[self.range.clone()],
            // `borrow` lets no other storage in.
            _ => &[],
        }
    }
}

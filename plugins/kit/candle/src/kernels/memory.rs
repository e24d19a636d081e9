//! The memory that passes use again and again.

#![expect(unsafe_code, reason = "settings of the driver's memory pool")]

use std::ffi::c_void;

use candle_core::cuda_backend::cudarc::driver::result::{device, mem_pool};
use candle_core::cuda_backend::cudarc::driver::sys::{
    CUmemPool_attribute_enum as Attribute, CUmemoryPool,
};
use candle_core::{Device, Result};

/// Lets a device keep what passes have freed, for those that follow.
///
/// As it comes, the pool gives everything back whenever the host waits, which each pass does, and
/// each pass would pay for its memory anew.
pub(crate) fn keep_memory(device: &Device) -> Result<()> {
    let mut threshold = u64::MAX;
    let value = (&raw mut threshold).cast::<c_void>();
    let attribute = Attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
    // SAFETY: the pool is a device's, and the attribute is a 64-bit number.
    unsafe { mem_pool::set_attribute(pool(device)?, attribute, value) }
        .map_err(candle_core::Error::wrap)
}

/// Largest number of bytes that tensors on this device have had at once.
///
/// # Errors
/// When the device is no GPU.
pub fn peak_memory(device: &Device) -> Result<u64> {
    let mut bytes = 0_u64;
    let value = (&raw mut bytes).cast::<c_void>();
    // SAFETY: the pool is a device's, and the attribute is a 64-bit number.
    unsafe {
        mem_pool::get_attribute(pool(device)?, Attribute::CU_MEMPOOL_ATTR_USED_MEM_HIGH, value)
    }
    .map_err(candle_core::Error::wrap)?;
    Ok(bytes)
}

fn pool(device: &Device) -> Result<CUmemoryPool> {
    let ordinal = device.as_cuda_device()?.cuda_stream().context().cu_device();
    // SAFETY: the context's own device.
    unsafe { device::get_default_mem_pool(ordinal) }.map_err(candle_core::Error::wrap)
}

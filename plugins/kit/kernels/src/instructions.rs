//! What the processor can do.

use std::sync::OnceLock;

/// Instructions that kernels are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Instructions {
    /// Whatever the compiler makes of loops.
    Portable,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// x86-64 with AVX-512 F and BW.
    Avx512,
    /// x86-64 with AVX-512 F, BW and BF16.
    Avx512Bf16,
}

/// How values lie in a packed matrix: as words of 32 bits, one or two neighbors in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Words {
    /// An f32.
    F32,
    /// An f32 that was rounded to bf16.
    RoundedF32,
    /// Two bf16, the first in the low half.
    Bf16Pair,
}

impl Instructions {
    /// The best of this processor, or what `OLIVE_KERNELS` says when the processor has it.
    pub(crate) fn detect() -> Self {
        static DETECTED: OnceLock<Instructions> = OnceLock::new();
        *DETECTED.get_or_init(|| {
            let wanted = std::env::var("OLIVE_KERNELS").ok();
            let available = Self::available();
            let wanted = available.iter().find(|one| wanted.as_deref() == Some(one.name()));
            *wanted.or(available.last()).unwrap_or(&Self::Portable)
        })
    }

    /// All that this processor has, the best last.
    pub(crate) fn available() -> Vec<Self> {
        #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut, reason = "nothing to add"))]
        let mut available = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                available.push(Self::Avx2);
            }
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") {
                available.push(Self::Avx512);
                if is_x86_feature_detected!("avx512bf16") {
                    available.push(Self::Avx512Bf16);
                }
            }
        }
        available
    }

    /// What `OLIVE_KERNELS` calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Avx512Bf16 => "avx512bf16",
        }
    }
}

impl Words {
    /// Values in a word.
    pub(crate) fn values(self) -> usize {
        match self {
            Self::F32 | Self::RoundedF32 => 1,
            Self::Bf16Pair => 2,
        }
    }
}

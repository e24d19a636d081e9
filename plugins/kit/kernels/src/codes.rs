//! 4-bit codes to values.

#![expect(unsafe_code, reason = "vector instructions")]

use crate::instructions::Instructions;

/// Values of two vectors of codes.
#[cfg(target_arch = "x86_64")]
const VECTORS: usize = 32;

/// Writes the values of the codes from `start` on: codebook entries times one scale.
///
/// # Panics
/// When there are fewer codes than `into` is long.
pub(crate) fn decode(
    instructions: Instructions,
    packed: &[u8],
    start: usize,
    (codebook, scale): (&[f32; 16], f32),
    into: &mut [f32],
) {
    let (odd, into) = into.split_at_mut((start % 2).min(into.len()));
    for into in odd {
        *into = codebook[usize::from(packed[start / 2] & 15)] * scale;
    }
    let packed = &packed[start.div_ceil(2)..][..into.len().div_ceil(2)];
    #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut, reason = "nothing is done before"))]
    let mut done = 0;
    match instructions {
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx512 | Instructions::Avx512Bf16 => {
            done = into.len() / VECTORS * VECTORS;
            // SAFETY: the processor has the instructions.
            unsafe { decode_vectors(&packed[..done / 2], codebook, scale, &mut into[..done]) };
        }
        _ => {}
    }
    for (into, byte) in into[done..].chunks_mut(2).zip(&packed[done / 2..]) {
        for (into, code) in into.iter_mut().zip([byte >> 4, byte & 15]) {
            *into = codebook[usize::from(code)] * scale;
        }
    }
}

/// Whole vectors of codes.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn decode_vectors(packed: &[u8], codebook: &[f32; 16], scale: f32, into: &mut [f32]) {
    use std::arch::x86_64::{
        __m512i, _mm_loadu_si128, _mm512_cvtepu8_epi32, _mm512_loadu_ps, _mm512_mul_ps,
        _mm512_permutex2var_ps, _mm512_permutexvar_ps, _mm512_set1_ps, _mm512_srli_epi32,
        _mm512_storeu_ps,
    };
    const ORDERS: [[u32; 16]; 2] = [
        [0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23],
        [8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31],
    ];
    // SAFETY: both are two times 512 bits.
    let orders: [__m512i; 2] = unsafe { std::mem::transmute(ORDERS) };
    // SAFETY: it has 16 values.
    let codebook = unsafe { _mm512_loadu_ps(codebook.as_ptr()) };
    let scale = _mm512_set1_ps(scale);
    for (packed, into) in packed.chunks_exact(VECTORS / 2).zip(into.chunks_exact_mut(VECTORS)) {
        // SAFETY: there are 16 bytes.
        let bytes = _mm512_cvtepu8_epi32(unsafe { _mm_loadu_si128(packed.as_ptr().cast()) });
        // A permutation looks at the lowest four bits of an index.
        let first = _mm512_permutexvar_ps(_mm512_srli_epi32::<4>(bytes), codebook);
        let second = _mm512_permutexvar_ps(bytes, codebook);
        let (first, second) = (_mm512_mul_ps(first, scale), _mm512_mul_ps(second, scale));
        for (half, order) in orders.into_iter().enumerate() {
            let values = _mm512_permutex2var_ps(first, order, second);
            // SAFETY: there are 32 values.
            unsafe { _mm512_storeu_ps(into.as_mut_ptr().add(half * 16), values) };
        }
    }
}

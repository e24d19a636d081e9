//! Packing with AVX-512: squares of 16 by 16 words are transposed in registers.

#![expect(unsafe_code, reason = "vector instructions")]

use std::arch::x86_64::{
    __m512, __m512i, __mmask16, _CMP_UNORD_Q, _mm512_add_epi32, _mm512_and_si512, _mm512_castpd_ps,
    _mm512_castps_pd, _mm512_castps_si512, _mm512_castsi512_ps, _mm512_cmp_ps_mask,
    _mm512_cvtne2ps_pbh, _mm512_mask_or_epi32, _mm512_mask_storeu_ps, _mm512_maskz_loadu_ps,
    _mm512_permutexvar_epi16, _mm512_set1_epi32, _mm512_set4_epi32, _mm512_setzero_ps,
    _mm512_shuffle_epi8, _mm512_shuffle_f32x4, _mm512_srli_epi32, _mm512_storeu_ps,
    _mm512_unpackhi_pd, _mm512_unpackhi_ps, _mm512_unpacklo_pd, _mm512_unpacklo_ps,
};

use super::Lanes;

/// Words of a vector.
const VECTOR: usize = 16;

/// See [`super::pack`]; words are f32, `round`ed to bf16 or not.
pub(super) fn pack_floats(source: Lanes<'_>, round: bool, width: usize, into: &mut [u32]) {
    // SAFETY: the caller chose this for the processor and checked both ends of the source and the
    // length of `into`.
    unsafe {
        match (source.inner_stride == 1, round) {
            (true, false) => transpose_floats::<false>(source, width, into.as_mut_ptr().cast()),
            (true, true) => transpose_floats::<true>(source, width, into.as_mut_ptr().cast()),
            (false, false) => copy_floats::<false>(source, width, into.as_mut_ptr().cast()),
            (false, true) => copy_floats::<true>(source, width, into.as_mut_ptr().cast()),
        }
    }
}

/// See [`super::pack`]; words are pairs of bf16.
pub(super) fn pack_pairs(source: Lanes<'_>, width: usize, into: &mut [u32]) {
    // SAFETY: as above.
    unsafe {
        if source.inner_stride == 1 {
            transpose_pairs(source, width, into.as_mut_ptr().cast());
        } else {
            interleave_pairs(source, width, into.as_mut_ptr().cast());
        }
    }
}

/// See [`super::turn_pairs`].
pub(super) fn turn_pairs(stored: &[u32], into: &mut [u32]) {
    // SAFETY: the caller chose this for the processor and checked that both have whole steps.
    unsafe { turn_squares(stored, into) }
}

/// Inner indices side by side.
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn transpose_floats<const ROUND: bool>(source: Lanes<'_>, width: usize, into: *mut f32) {
    for lane in (0..width).step_by(VECTOR) {
        let stored = mask(width - lane);
        for index in (0..source.inner).step_by(VECTOR) {
            let loaded = mask(source.inner - index);
            let mut square = [_mm512_setzero_ps(); VECTOR];
            for (at, row) in square.iter_mut().enumerate() {
                // SAFETY: lanes beyond the last are not loaded, nor what is behind a lane's end.
                let vector = unsafe { load(source, lane + at, index, loaded) };
                *row = if ROUND { round_to_bf16(vector) } else { vector };
            }
            transpose(&mut square);
            let steps = (source.inner - index).min(VECTOR);
            for (at, &step) in square.iter().enumerate() {
                if at < steps {
                    // SAFETY: `into` has `inner` steps of `width` words.
                    unsafe {
                        let into = into.add((index + at) * width + lane);
                        _mm512_mask_storeu_ps(into, stored, step);
                    }
                }
            }
        }
    }
}

/// Inner indices side by side.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn transpose_pairs(source: Lanes<'_>, width: usize, into: *mut f32) {
    for lane in (0..width).step_by(VECTOR) {
        let stored = mask(width - lane);
        for index in (0..source.inner).step_by(2 * VECTOR) {
            let loaded =
                [mask(source.inner - index), mask(source.inner.saturating_sub(index + VECTOR))];
            let mut square = [_mm512_setzero_ps(); VECTOR];
            for (at, row) in square.iter_mut().enumerate() {
                // SAFETY: lanes beyond the last are not loaded, nor what is behind a lane's end.
                let (low, high) = unsafe {
                    (
                        load(source, lane + at, index, loaded[0]),
                        load(source, lane + at, index + VECTOR, loaded[1]),
                    )
                };
                *row = to_bf16(low, high);
            }
            transpose(&mut square);
            let steps = (source.inner - index).div_ceil(2).min(VECTOR);
            for (at, &step) in square.iter().enumerate() {
                if at < steps {
                    // SAFETY: `into` has `inner` / 2 steps, rounded up, of `width` words.
                    unsafe {
                        let into = into.add((index / 2 + at) * width + lane);
                        _mm512_mask_storeu_ps(into, stored, step);
                    }
                }
            }
        }
    }
}

/// Lanes side by side.
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn copy_floats<const ROUND: bool>(source: Lanes<'_>, width: usize, into: *mut f32) {
    for lane in (0..width).step_by(VECTOR) {
        let (loaded, stored) = (mask(source.count.saturating_sub(lane)), mask(width - lane));
        for index in 0..source.inner {
            // SAFETY: what is beyond the last lane is not loaded; `into` has `inner` steps.
            unsafe {
                let vector = load_step(source, lane, index, loaded);
                let vector = if ROUND { round_to_bf16(vector) } else { vector };
                _mm512_mask_storeu_ps(into.add(index * width + lane), stored, vector);
            }
        }
    }
}

/// Lanes side by side.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn interleave_pairs(source: Lanes<'_>, width: usize, into: *mut f32) {
    for lane in (0..width).step_by(VECTOR) {
        let (loaded, stored) = (mask(source.count.saturating_sub(lane)), mask(width - lane));
        for index in (0..source.inner).step_by(2) {
            let second = if index + 1 < source.inner { loaded } else { 0 };
            // SAFETY: what is beyond the last lane or index is not loaded; `into` has `inner` / 2
            // steps, rounded up.
            unsafe {
                let low = load_step(source, lane, index, loaded);
                let high = load_step(source, lane, index + 1, second);
                let vector = interleave(to_bf16(low, high));
                _mm512_mask_storeu_ps(into.add(index / 2 * width + lane), stored, vector);
            }
        }
    }
}

/// Squares of 8 by 8 pairs of pairs.
#[target_feature(enable = "avx512f,avx512bw")]
unsafe fn turn_squares(stored: &[u32], into: &mut [u32]) {
    let (stored_steps, into_steps) = (stored.len() / 32, into.len() / 32);
    for (low, across) in [(0, 0), (0, 8), (8, 0), (8, 8)] {
        let mut square = [_mm512_setzero_ps(); 8];
        for (at, row) in square.iter_mut().enumerate() {
            let loaded = if low + at < stored_steps { !0 } else { 0 };
            let from = stored.as_ptr().wrapping_add((low + at) * 32 + across * 2);
            // SAFETY: only stored steps are loaded.
            let vector = unsafe { _mm512_maskz_loadu_ps(loaded, from.cast()) };
            *row = exchange_middle(vector);
        }
        transpose_doubles(&mut square);
        for (at, &step) in square.iter().enumerate() {
            if across + at < into_steps {
                let to = into.as_mut_ptr().wrapping_add((across + at) * 32 + low * 2);
                // SAFETY: there is such a step.
                unsafe { _mm512_storeu_ps(to.cast(), step) };
            }
        }
    }
}

/// Of each four halves of words, the second and the third exchanged.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn exchange_middle(words: __m512) -> __m512 {
    let order = _mm512_set4_epi32(0x0f0e_0b0a, 0x0d0c_0908, 0x0706_0302, 0x0504_0100);
    _mm512_castsi512_ps(_mm512_shuffle_epi8(_mm512_castps_si512(words), order))
}

/// Rows to columns, of doubles.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose_doubles(square: &mut [__m512; 8]) {
    let mut pairs = [_mm512_setzero_ps(); 8];
    for row in (0..8).step_by(2) {
        let (a, b) = (_mm512_castps_pd(square[row]), _mm512_castps_pd(square[row + 1]));
        pairs[row] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
        pairs[row + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
    }
    for part in 0..2 {
        let columns =
            transpose_lanes([pairs[part], pairs[2 + part], pairs[4 + part], pairs[6 + part]]);
        for (at, column) in columns.into_iter().enumerate() {
            square[2 * at + part] = column;
        }
    }
}

/// Rows to columns, of lanes of four words.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose_lanes([a, b, c, d]: [__m512; 4]) -> [__m512; 4] {
    let even = [_mm512_shuffle_f32x4::<0x88>(a, b), _mm512_shuffle_f32x4::<0x88>(c, d)];
    let odd = [_mm512_shuffle_f32x4::<0xdd>(a, b), _mm512_shuffle_f32x4::<0xdd>(c, d)];
    [
        _mm512_shuffle_f32x4::<0x88>(even[0], even[1]),
        _mm512_shuffle_f32x4::<0x88>(odd[0], odd[1]),
        _mm512_shuffle_f32x4::<0xdd>(even[0], even[1]),
        _mm512_shuffle_f32x4::<0xdd>(odd[0], odd[1]),
    ]
}

/// 16 inner indices of a lane, as far as there are.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load(source: Lanes<'_>, lane: usize, index: usize, loaded: __mmask16) -> __m512 {
    let loaded = if lane < source.count { loaded } else { 0 };
    let at = source.values.as_ptr().wrapping_add(lane * source.stride + index);
    // SAFETY: only what is in the source is loaded.
    unsafe { _mm512_maskz_loadu_ps(loaded, at) }
}

/// 16 lanes of an inner index, as far as there are.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load_step(source: Lanes<'_>, lane: usize, index: usize, loaded: __mmask16) -> __m512 {
    let at = source.values.as_ptr().wrapping_add(index * source.inner_stride + lane);
    // SAFETY: only what is in the source is loaded.
    unsafe { _mm512_maskz_loadu_ps(loaded, at) }
}

/// The first `count` words of a vector, at most all.
fn mask(count: usize) -> __mmask16 {
    if count >= VECTOR { !0 } else { (1 << count) - 1 }
}

/// Rows to columns.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(square: &mut [__m512; VECTOR]) {
    let mut pairs = [_mm512_setzero_ps(); VECTOR];
    for row in (0..VECTOR).step_by(2) {
        pairs[row] = _mm512_unpacklo_ps(square[row], square[row + 1]);
        pairs[row + 1] = _mm512_unpackhi_ps(square[row], square[row + 1]);
    }
    // Of rows `4 group` to `4 group + 3`, columns `4 lane + part` in each lane of 4.
    let mut fours = [_mm512_setzero_ps(); VECTOR];
    for group in 0..4 {
        for part in 0..2 {
            let (a, b) = (pairs[4 * group + part], pairs[4 * group + 2 + part]);
            let (a, b) = (_mm512_castps_pd(a), _mm512_castps_pd(b));
            fours[4 * group + 2 * part] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
            fours[4 * group + 2 * part + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
        }
    }
    for part in 0..4 {
        let columns =
            transpose_lanes([fours[part], fours[4 + part], fours[8 + part], fours[12 + part]]);
        for (at, column) in columns.into_iter().enumerate() {
            square[4 * at + part] = column;
        }
    }
}

/// Both vectors as bf16, one after the other.
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn to_bf16(low: __m512, high: __m512) -> __m512 {
    // SAFETY: both are 512 bits.
    unsafe { std::mem::transmute(_mm512_cvtne2ps_pbh(high, low)) }
}

/// Pairs of what lies in the lower and in the upper half.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn interleave(halves: __m512) -> __m512 {
    const ORDER: [u16; 32] = {
        let (mut order, mut at) = ([0; 32], 0);
        while at < 16 {
            order[2 * at as usize] = at;
            order[2 * at as usize + 1] = at + 16;
            at += 1;
        }
        order
    };
    // SAFETY: both are 512 bits.
    let order: __m512i = unsafe { std::mem::transmute(ORDER) };
    _mm512_castsi512_ps(_mm512_permutexvar_epi16(order, _mm512_castps_si512(halves)))
}

/// The nearest bf16, ties to even, as f32.
#[inline]
#[target_feature(enable = "avx512f")]
fn round_to_bf16(values: __m512) -> __m512 {
    let bits = _mm512_castps_si512(values);
    let is_odd = _mm512_and_si512(_mm512_srli_epi32::<16>(bits), _mm512_set1_epi32(1));
    let nearest = _mm512_add_epi32(bits, _mm512_add_epi32(is_odd, _mm512_set1_epi32(0x7fff)));
    let is_nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(values, values);
    let kept = _mm512_mask_or_epi32(nearest, is_nan, bits, _mm512_set1_epi32(0x0040_0000));
    _mm512_castsi512_ps(_mm512_and_si512(kept, _mm512_set1_epi32(!0xffff)))
}

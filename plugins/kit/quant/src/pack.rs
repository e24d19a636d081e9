//! Codes in bytes: 8-bit codes as they are, 4-bit codes in pairs, the earlier in the low nibble.

#![expect(clippy::inline_always, reason = "what is not inlined is compiled for SSE2")]

use pulp::NullaryFnOnce;

use crate::grid::Bits;

/// Packs `codes` into `bytes`, as far as they fill bytes.
pub(crate) fn pack(bits: Bits, codes: &[u8], bytes: &mut [u8]) {
    match bits {
        Bits::Four => pulp::Arch::new().dispatch(Pairs(codes, bytes)),
        Bits::Eight => bytes.copy_from_slice(codes),
    }
}

/// Packs pairs of codes.
struct Pairs<'a>(&'a [u8], &'a mut [u8]);

impl NullaryFnOnce for Pairs<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (byte, pair) in self.1.iter_mut().zip(self.0.as_chunks().0) {
            let pair = u16::from_le_bytes(*pair);
            *byte = (pair | pair >> 4).to_le_bytes()[0];
        }
    }
}

/// Packs `codes`; an unused nibble at the end holds the middle of the grid.
pub(crate) fn pack_filled(bits: Bits, codes: &[u8], bytes: &mut [u8]) {
    pack(bits, codes, bytes);
    if let (Bits::Four, [last]) = (bits, codes.as_chunks::<2>().1) {
        bytes[codes.len() / 2] = last | bits.middle() << 4;
    }
}

/// Packs codes of 4 bits; an unused nibble at the end is 0.
pub(crate) fn pack_all(codes: &[u8], bytes: &mut [u8]) {
    pack(Bits::Four, codes, bytes);
    if let [last] = codes.as_chunks::<2>().1 {
        bytes[codes.len() / 2] = *last;
    }
}

/// Unpacks `bytes` into `codes`.
pub(crate) fn unpack(bits: Bits, bytes: &[u8], codes: &mut [u8]) {
    for (index, code) in codes.iter_mut().enumerate() {
        *code = get(bits, bytes, index);
    }
}

/// The code at `index`.
pub(crate) fn get(bits: Bits, bytes: &[u8], index: usize) -> u8 {
    match bits {
        Bits::Four => (bytes[index / 2] >> (4 * (index % 2))) & 15,
        Bits::Eight => bytes[index],
    }
}

/// Puts `code` at `index`, where there has been 0.
pub(crate) fn set(bits: Bits, bytes: &mut [u8], index: usize, code: u8) {
    match bits {
        Bits::Four => bytes[index / 2] |= code << (4 * (index % 2)),
        Bits::Eight => bytes[index] = code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earlier_code_is_the_low_nibble() {
        let mut bytes = [0; 2];
        pack(Bits::Four, &[1, 2, 15, 0], &mut bytes);
        assert_eq!(bytes, [0x21, 0x0f]);
    }

    #[test]
    fn unpacking_undoes_packing() {
        for bits in [Bits::Four, Bits::Eight] {
            let codes: Vec<u8> = (0..=255).map(|index| index & bits.last_code()).collect();
            let mut bytes = vec![0; codes.len() * bits.count() / 8];
            pack(bits, &codes, &mut bytes);
            let mut unpacked = vec![0; codes.len()];
            unpack(bits, &bytes, &mut unpacked);
            assert_eq!(unpacked, codes);
        }
    }
}

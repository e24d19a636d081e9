//! Codes in bytes: 8-bit codes as they are, 4-bit codes in pairs, the earlier in the low nibble.

use crate::grid::Bits;

/// Packs `codes`, an even number when 4 bits wide, into `bytes`.
pub(crate) fn pack(bits: Bits, codes: &[u8], bytes: &mut [u8]) {
    match bits {
        Bits::Four => {
            for (byte, pair) in bytes.iter_mut().zip(codes.chunks_exact(2)) {
                *byte = pair[0] | pair[1] << 4;
            }
        }
        Bits::Eight => bytes.copy_from_slice(codes),
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

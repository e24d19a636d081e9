//! The sixteen values of 4-bit codes and the search for the nearest.

/// The sixteen values a code stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FourBitKind {
    /// Quantiles of a normal distribution.
    Nf4,
    /// A float of one sign, two exponent and one mantissa bit.
    Fp4,
}

/// Values of `nf4`: quantiles of a normal distribution, scaled to `-1..=1`, with a code for zero.
const NF4: [f32; 16] = [
    -1.0,
    -0.696_192_8,
    -0.525_073_05,
    -0.394_917_5,
    -0.284_441_38,
    -0.184_773_43,
    -0.091_050_036,
    0.0,
    0.079_580_3,
    0.160_930_2,
    0.246_112_3,
    0.337_915_24,
    0.440_709_83,
    0.562_617,
    0.722_956_84,
    1.0,
];

/// Values of `fp4`: sign, two exponent bits and one mantissa bit, scaled to `-1..=1`.
///
/// The order is bitsandbytes' own: exponents do not ascend with the bits.
const FP4: [f32; 16] = [
    0.0,
    0.0625 / 12.0,
    8.0 / 12.0,
    1.0,
    4.0 / 12.0,
    6.0 / 12.0,
    2.0 / 12.0,
    3.0 / 12.0,
    0.0,
    -0.0625 / 12.0,
    -8.0 / 12.0,
    -1.0,
    -4.0 / 12.0,
    -6.0 / 12.0,
    -2.0 / 12.0,
    -3.0 / 12.0,
];

/// Codes of `nf4` by ascending value.
const NF4_ORDER: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// Codes of `fp4` by ascending value; of the two zeros bitsandbytes gives 0 to zero itself.
const FP4_ORDER: [u8; 16] = [11, 10, 13, 12, 15, 14, 9, 0, 8, 1, 6, 7, 4, 5, 2, 3];

static NF4_TABLES: Codebook = Codebook::new(&NF4, NF4_ORDER);
static FP4_TABLES: Codebook = Codebook::new(&FP4, FP4_ORDER);

/// What rounding to codes and reading them back look up.
pub(crate) struct Codebook {
    /// Value of each code.
    pub(crate) values: [f32; 16],
    /// Codes by ascending value.
    order: [u8; 16],
    /// Midpoints between values that follow each other; a value on one goes down.
    bounds: [f32; 15],
    /// Values of the two codes in a byte.
    pairs: [[f32; 2]; 256],
}

impl FourBitKind {
    /// Value of each code, in `-1..=1`.
    pub fn codebook(self) -> &'static [f32; 16] {
        &Codebook::of(self).values
    }
}

impl Codebook {
    /// The tables of a codebook.
    pub(crate) fn of(kind: FourBitKind) -> &'static Self {
        match kind {
            FourBitKind::Nf4 => &NF4_TABLES,
            FourBitKind::Fp4 => &FP4_TABLES,
        }
    }

    const fn new(values: &[f32; 16], order: [u8; 16]) -> Self {
        let mut bounds = [0.0; 15];
        let mut index = 0;
        while index < 15 {
            let (low, high) = (order[index] as usize, order[index + 1] as usize);
            bounds[index] = f32::midpoint(values[low], values[high]);
            index += 1;
        }
        let mut pairs = [[0.0; 2]; 256];
        let mut byte = 0;
        while byte < 256 {
            pairs[byte] = [values[byte >> 4], values[byte & 15]];
            byte += 1;
        }
        Self { values: *values, order, bounds, pairs }
    }

    /// Packs the codes nearest to `values * factor`, which lie in `-1..=1`, two a byte, the first
    /// in the high nibble; after an odd number of values follows the code of zero.
    pub(crate) fn encode(&self, values: &[f32], factor: impl Fn(f32) -> f32, packed: &mut [u8]) {
        const LANES: usize = 16;
        let (lanes, rest) = values.as_chunks::<LANES>();
        let (bytes, rest_bytes) = packed.split_at_mut(lanes.len() * LANES / 2);
        for (values, bytes) in lanes.iter().zip(bytes.as_chunks_mut::<{ LANES / 2 }>().0) {
            *bytes = self.encode_lanes(&values.map(&factor));
        }
        if !rest.is_empty() {
            let mut padded = [0.0; LANES];
            padded[..rest.len()].copy_from_slice(rest);
            let bytes = self.encode_lanes(&padded.map(factor));
            rest_bytes.copy_from_slice(&bytes[..rest_bytes.len()]);
        }
    }

    /// Counts the bounds below each value: a loop without branches, made of vector instructions.
    fn encode_lanes(&self, values: &[f32; 16]) -> [u8; 8] {
        let mut ranks = [0_u32; 16];
        for bound in self.bounds {
            for (rank, value) in ranks.iter_mut().zip(values) {
                *rank = rank.wrapping_add(u32::from(*value > bound));
            }
        }
        std::array::from_fn(|index| {
            let code = |rank: u32| self.order[(rank & 15) as usize];
            code(ranks[2 * index]) << 4 | code(ranks[2 * index + 1])
        })
    }

    /// Writes `value * scale` for the codes in `packed` from the one at `start` on.
    pub(crate) fn decode(&self, packed: &[u8], start: usize, scale: f32, mut into: &mut [f32]) {
        let mut bytes = &packed[start / 2..];
        if start % 2 == 1
            && let Some((first, rest)) = std::mem::take(&mut into).split_first_mut()
        {
            *first = self.pairs[usize::from(bytes[0])][1] * scale;
            (bytes, into) = (&bytes[1..], rest);
        }
        let (pairs, last) = into.as_chunks_mut::<2>();
        for (into, &byte) in pairs.iter_mut().zip(bytes) {
            *into = self.pairs[usize::from(byte)].map(|value| value * scale);
        }
        if let [last] = last {
            *last = self.pairs[usize::from(bytes[pairs.len()])][0] * scale;
        }
    }
}

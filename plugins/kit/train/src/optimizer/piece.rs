//! A part of a parameter that is updated at once, with what is remembered of it.

use olive_kit_quant::{DYNAMIC_BLOCK_SIZE, DynamicCodes};

use super::rule::Rule;

/// Values of a piece: whole blocks of codes.
pub(super) const PIECE: usize = 64 * DYNAMIC_BLOCK_SIZE;

/// Some values of a parameter with all that moves them.
pub(super) struct Piece<'a> {
    pub(super) rule: &'a Rule,
    pub(super) values: &'a mut [f32],
    pub(super) gradient: &'a [f32],
    pub(super) memory: Memory<'a>,
}

/// What is remembered of a piece, one entry a tensor.
pub(super) enum Memory<'a> {
    /// As numbers of 32 bits.
    Full(Vec<&'a mut [f32]>),
    /// As codes of 8 bits.
    Codes(Vec<Codes<'a>>),
}

/// Codes of some values.
pub(super) struct Codes<'a> {
    pub(super) bytes: &'a mut [u8],
    /// One for each block.
    pub(super) scales: &'a mut [f32],
    pub(super) map: &'static DynamicCodes,
}

impl Piece<'_> {
    pub(super) fn update(&mut self) {
        match &mut self.memory {
            Memory::Full(tensors) => self.rule.update(self.values, self.gradient, tensors),
            Memory::Codes(tensors) => update_blocks(self.rule, self.values, self.gradient, tensors),
        }
    }
}

/// Updates block after block: the codes are read, moved as numbers and written back.
fn update_blocks(rule: &Rule, values: &mut [f32], gradient: &[f32], tensors: &mut [Codes<'_>]) {
    let mut numbers = vec![[0.0; DYNAMIC_BLOCK_SIZE]; tensors.len()];
    let blocks = values.chunks_mut(DYNAMIC_BLOCK_SIZE).zip(gradient.chunks(DYNAMIC_BLOCK_SIZE));
    for (block, (values, gradient)) in blocks.enumerate() {
        let mut memory: Vec<&mut [f32]> = Vec::with_capacity(tensors.len());
        for (tensor, numbers) in tensors.iter().zip(&mut numbers) {
            let (codes, scale) = (&tensor.bytes[places(block, values.len())], tensor.scales[block]);
            tensor.map.dequantize_block(codes, scale, &mut numbers[..values.len()]);
            memory.push(&mut numbers[..values.len()]);
        }
        rule.update(values, gradient, &mut memory);
        for (tensor, numbers) in tensors.iter_mut().zip(&memory) {
            let codes = &mut tensor.bytes[places(block, values.len())];
            tensor.scales[block] = tensor.map.quantize_block(numbers, codes);
        }
    }
}

fn places(block: usize, len: usize) -> std::ops::Range<usize> {
    let start = block * DYNAMIC_BLOCK_SIZE;
    start..start + len
}

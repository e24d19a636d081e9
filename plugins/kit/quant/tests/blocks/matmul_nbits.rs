//! Matrices packed by ONNX Runtime's `MatMulNBitsQuantizer`, reproduced byte for byte.

use olive_kit_quant::{Bits, BlockFormat, BlockQuantized, Rounding, ScaleType};
use olive_kit_testing::{Tensors, fixture};

#[test]
fn default_rounding_equals_onnx_runtimes() {
    let mut count = 0;
    for (k, n) in [(64, 32), (256, 48), (33, 8), (100, 17), (130, 24)] {
        for block_size in [32, 128] {
            for is_symmetric in [true, false] {
                check_fixture(k, n, BlockFormat { bits: Bits::Four, block_size, is_symmetric });
                count += 1;
            }
        }
    }
    assert_eq!(count, 20);
}

#[test]
fn dequantized_weights_times_activations_equal_onnx_runtimes_product() {
    for (k, n) in [(64, 32), (130, 24)] {
        for is_symmetric in [true, false] {
            check_product(k, n, BlockFormat { bits: Bits::Four, block_size: 32, is_symmetric });
        }
    }
}

struct Fixture {
    tensors: Tensors,
    name: String,
}

impl Fixture {
    fn read(k: usize, n: usize, format: BlockFormat) -> Self {
        let symmetry = if format.is_symmetric { "sym" } else { "asym" };
        let name = format!("k{k}_n{n}_b{}_{symmetry}", format.block_size);
        let path = fixture(&format!("int4/{name}.safetensors"));
        Self { tensors: Tensors::open(path), name }
    }

    /// The matrix, stored `[k, n]`, quantized as `[n, k]`.
    fn quantize(&self, k: usize, n: usize, format: BlockFormat) -> BlockQuantized {
        let weights = self.tensors.f32s("W");
        let fill = |row: usize, out: &mut [f32]| {
            for (column, weight) in out.iter_mut().enumerate() {
                *weight = weights[column * n + row];
            }
        };
        BlockQuantized::from_rows(n, k, format, Rounding::Default, ScaleType::F32, fill).unwrap()
    }
}

fn check_fixture(k: usize, n: usize, format: BlockFormat) {
    let fixture = Fixture::read(k, n, format);
    let ours = fixture.quantize(k, n, format);
    assert_eq!(ours.scales, fixture.tensors.bytes("scales"), "{}: scales", fixture.name);
    let mut expected = fixture.tensors.bytes("qweight");
    clear_leftover(&mut expected, k, format);
    assert_eq!(ours.qweight, expected, "{}: codes", fixture.name);
    if let Some(zero_points) = &ours.zero_points {
        assert_eq!(
            zero_points,
            &fixture.tensors.bytes("zero_points"),
            "{}: zero points",
            fixture.name
        );
    }
}

/// Clears the nibble after the last weight of an odd row: in ONNX Runtime it holds a left-over
/// that no kernel reads.
fn clear_leftover(qweight: &mut [u8], k: usize, format: BlockFormat) {
    if k % 2 == 1 {
        let row_bytes = format.blocks(k) * format.block_bytes();
        for row in qweight.chunks_exact_mut(row_bytes) {
            row[k / 2] &= 0x0f;
        }
    }
}

fn check_product(k: usize, n: usize, format: BlockFormat) {
    let fixture = Fixture::read(k, n, format);
    let weights = fixture.quantize(k, n, format).dequantize();
    let (input, expected) = (fixture.tensors.f32s("X"), fixture.tensors.f32s("Y_acc0"));
    for (x, expected) in input.chunks_exact(k).zip(expected.chunks_exact(n)) {
        for (row, expected) in weights.chunks_exact(k).zip(expected) {
            let product: f32 = row.iter().zip(x).map(|(weight, x)| weight * x).sum();
            assert!((product - expected).abs() < 1e-4, "{product} is not {expected}");
        }
    }
}

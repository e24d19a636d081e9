//! bitsandbytes' 8-bit codes of optimizer states, reproduced.

use olive_kit_quant::{DYNAMIC_BLOCK_SIZE, DynamicCodes};
use olive_kit_testing::{Tensors, fixture};

use crate::weights::weights;

fn maps() -> [(&'static str, &'static DynamicCodes); 2] {
    [("signed", DynamicCodes::signed()), ("unsigned", DynamicCodes::unsigned())]
}

#[test]
fn maps_equal_bitsandbytes() {
    let fixture = Tensors::open(fixture("four_bit/dynamic.safetensors"));
    for (name, codes) in maps() {
        assert_eq!(codes.values().to_vec(), fixture.f32s(&format!("{name}.map")), "{name}");
    }
}

#[test]
fn blocks_equal_bitsandbytes() {
    let fixture = Tensors::open(fixture("four_bit/dynamic.safetensors"));
    for (name, map) in maps() {
        let values = match name {
            "signed" => weights(25, 24),
            _ => weights(25, 24).iter().map(|value| value * value).collect(),
        };
        let (mut codes, mut scales) = (vec![0; values.len()], Vec::new());
        let blocks = codes.chunks_mut(DYNAMIC_BLOCK_SIZE).zip(values.chunks(DYNAMIC_BLOCK_SIZE));
        for (codes, values) in blocks {
            scales.push(map.quantize_block(values, codes));
        }
        assert_eq!(codes, fixture.bytes(&format!("{name}.codes")), "{name}");
        assert_eq!(scales, fixture.f32s(&format!("{name}.absmax")), "{name}");
    }
}

#[test]
fn values_on_a_bound_go_where_bitsandbytes_puts_them() {
    let fixture = Tensors::open(fixture("four_bit/dynamic.safetensors"));
    for (name, map) in maps() {
        let values = fixture.f32s(&format!("{name}.near"));
        let mut codes = vec![0; values.len()];
        assert_eq!(map.quantize_block(&values, &mut codes).to_bits(), 1.0_f32.to_bits());
        assert_eq!(codes, fixture.bytes(&format!("{name}.near.codes")), "{name}");
    }
}

#[test]
fn every_magnitude_gets_the_nearest_code() {
    for (name, map) in maps() {
        let signs: &[f32] = if name == "signed" { &[1.0, -1.0] } else { &[1.0] };
        // All leading bits, each at the start, the end and the middle of its numbers.
        for leading in 0..=0x3f80_u32 {
            for rest in [0, 1, 0x8000, 0xffff] {
                let magnitude = f32::from_bits(leading << 16 | rest).min(1.0);
                for sign in signs {
                    let values = [sign * magnitude, 1.0];
                    let mut codes = [0; 2];
                    map.quantize_block(&values, &mut codes);
                    let distance = |code: u8| (map.values()[usize::from(code)] - values[0]).abs();
                    // A midpoint is rounded to f32.
                    let bound = distance(codes[0]) - magnitude * f32::EPSILON;
                    let neighbors = [codes[0].saturating_sub(1), codes[0].saturating_add(1)];
                    let is_nearest = neighbors.iter().all(|near| bound <= distance(*near));
                    assert!(is_nearest, "{name}: {:e} as {}", values[0], codes[0]);
                }
            }
        }
    }
}

#[test]
fn codes_read_back_give_the_same_codes() {
    for (name, map) in maps() {
        let codes: Vec<u8> = (0..=255).collect();
        for scale in [1.0, 3e-7, 1e20] {
            let (mut values, mut again) = ([0.0; 256], [0; 256]);
            map.dequantize_block(&codes, scale, &mut values);
            let found = map.quantize_block(&values, &mut again);
            assert_eq!(found.to_bits(), scale.to_bits(), "{name}");
            assert_eq!(again.to_vec(), codes, "{name}");
        }
    }
}

#[test]
fn zeros_stay_zeros() {
    for (name, map) in maps() {
        let (mut codes, mut values) = ([1; 5], [1.0; 5]);
        let scale = map.quantize_block(&[0.0, -0.0, 0.0, 0.0, 0.0], &mut codes);
        map.dequantize_block(&codes, scale, &mut values);
        assert!(scale == 0.0 && values.iter().all(|value| *value == 0.0), "{name}");
        assert!(map.quantize_block(&[], &mut []) == 0.0, "{name}");
    }
}

#[test]
fn a_value_that_is_not_finite_spoils_its_block() {
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut values = [0.5; 100];
        values[70] = value;
        let mut codes = [0; 100];
        let scale = DynamicCodes::signed().quantize_block(&values, &mut codes);
        DynamicCodes::signed().dequantize_block(&codes, scale, &mut values);
        assert!(values.iter().all(|value| value.is_nan()));
    }
}

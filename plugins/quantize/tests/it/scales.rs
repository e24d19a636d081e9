//! AWQ's scales change no function: what is multiplied into a layer is divided out of what makes its
//! inputs.

use olive_kit_checkpoint::{Checkpoint, Linear};
use olive_kit_testing::fixture;
use serde_json::json;

use crate::{made, request_with};

/// Weights are multiplied and divided once each, in f32.
const CLOSE: f32 = 1e-5;

#[test]
fn norms_and_layers_take_each_others_scales() {
    // Tied and not, fused and not, norms with an offset, norms of outputs, of heads, with biases.
    for model in ["tiny-llama", "tiny-phi3", "tiny-gemma2", "tiny-qwen3", "tiny-llama-bias"] {
        let output = tempfile::tempdir().unwrap();
        let settings = json!({"export_compatible": true, "apply_clip": false});
        made(&request_with("Awq", model, &settings, output.path()));
        let (before, after) =
            (Checkpoint::open(fixture(model)).unwrap(), Checkpoint::open(output.path()).unwrap());
        after.validate().unwrap();
        let mut is_scaled = false;
        for layer in 0..before.decoder().num_layers {
            let linears = before.decoder().layer_linears(layer);
            let norms = before.decoder().norms(layer);
            for (norm, linears) in [(norms.attention, linears.qkv), (norms.mlp, linears.gate_up)] {
                is_scaled |=
                    before.tensor(&norm).unwrap().bytes != after.tensor(&norm).unwrap().bytes;
                for linear in &linears {
                    // Rows of value and up may be scaled for the layer after them.
                    let rows = rows_that_stay(&before, linear);
                    let [old, new] = [&before, &after].map(|it| product(it, &norm, linear));
                    check(model, &old[..rows * linear.in_features], &new);
                }
            }
        }
        assert!(is_scaled, "{model}");
    }
}

#[test]
fn rows_of_up_and_inputs_of_down_take_each_others_scales() {
    for model in ["tiny-llama", "tiny-phi3", "tiny-llama-bias"] {
        let output = tempfile::tempdir().unwrap();
        let settings = json!({"export_compatible": true, "apply_clip": false});
        made(&request_with("Awq", model, &settings, output.path()));
        let (before, after) =
            (Checkpoint::open(fixture(model)).unwrap(), Checkpoint::open(output.path()).unwrap());
        for layer in 0..before.decoder().num_layers {
            let [old, new] = [&before, &after].map(|checkpoint| {
                let decoder = checkpoint.decoder();
                let linears = decoder.layer_linears(layer);
                let norm = checkpoint.tensor(&decoder.norms(layer).mlp).unwrap().to_f32();
                let (up, width) = (linears.gate_up.last().unwrap(), decoder.intermediate_size);
                let up = checkpoint.linear(up).unwrap().to_f32().into_owned();
                let up = &up[up.len() - width * decoder.hidden_size..];
                let down = checkpoint.linear(&linears.down).unwrap().to_f32().into_owned();
                // One path through the MLP for each inner unit: first output, all inputs.
                let path = |inner: usize| {
                    let row = &up[inner * decoder.hidden_size..][..decoder.hidden_size];
                    let scaled = row.iter().zip(norm.iter());
                    scaled.map(|(weight, norm)| weight * norm * down[inner]).collect::<Vec<_>>()
                };
                (0..width).flat_map(path).collect::<Vec<f32>>()
            });
            check(model, &old, &new);
        }
    }
}

/// Rows of a layer that no scale of the layer after it changes.
fn rows_that_stay(checkpoint: &Checkpoint, linear: &Linear) -> usize {
    let decoder = checkpoint.decoder();
    match linear.name.rsplit('.').next() {
        Some("qkv_proj") => decoder.query_width() + decoder.kv_width(),
        Some("gate_up_proj") => decoder.intermediate_size,
        Some("up_proj") => 0,
        Some("v_proj") if decoder.num_heads == decoder.num_kv_heads => 0,
        _ => linear.out_features,
    }
}

/// What a norm and a layer after it multiply each input with, `[n, k]`.
fn product(checkpoint: &Checkpoint, norm: &str, linear: &Linear) -> Vec<f32> {
    let offset = if checkpoint.decoder().norm_adds_one { 1.0 } else { 0.0 };
    let norm = checkpoint.tensor(norm).unwrap().to_f32();
    let weight = checkpoint.linear(linear).unwrap().to_f32();
    let rows = weight.chunks_exact(linear.in_features);
    let scaled = |row: &[f32]| -> Vec<f32> {
        row.iter().zip(norm.iter()).map(|(weight, norm)| weight * (norm + offset)).collect()
    };
    rows.flat_map(scaled).collect()
}

#[track_caller]
fn check(model: &str, old: &[f32], new: &[f32]) {
    let largest = old.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
    for (old, new) in old.iter().zip(new) {
        assert!((old - new).abs() <= CLOSE * largest, "{model}: {old} {new}");
    }
}

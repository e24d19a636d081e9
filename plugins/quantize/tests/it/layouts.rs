//! How codes are written, and what is said about them.

use std::path::Path;

use olive_kit_checkpoint::{Checkpoint, Decoder, Linear, PackedCheckpoint};
use olive_kit_solve::{Grid, nearest};
use olive_kit_testing::fixture;
use serde_json::{Value, json};

use crate::{config, made, request_with};

/// A scale of 16 bits is off by 2^-11 of itself at most, and a weight is at most 15 steps or 255.
const OF_HALVES: f32 = 0.0005;

#[test]
fn every_layout_holds_the_same_weights() {
    for (format, bits, is_symmetric) in [
        ("gptq", 4, true),
        ("gptq", 8, true),
        ("gptq_v2", 4, false),
        ("gptq_v2", 8, false),
        ("awq", 4, false),
        ("awq", 4, true),
        ("olive", 4, false),
        ("olive", 8, true),
    ] {
        let output = tempfile::tempdir().unwrap();
        let settings = json!({"checkpoint_format": format, "bits": bits, "sym": is_symmetric});
        made(&request_with("Rtn", "tiny-phi3", &settings, output.path()));
        let grid = Grid { bits, group_size: Some(16), is_symmetric };
        let base = Checkpoint::open(fixture("tiny-phi3")).unwrap();
        let packed = PackedCheckpoint::open(output.path()).unwrap();
        for linear in base.decoder().linears_of_layers() {
            let weight = base.linear(&linear).unwrap().to_f32();
            let coded = nearest(&weight, linear.out_features, linear.in_features, grid).unwrap();
            check_close(&dequantized(&packed, &linear), &coded.dequantize(), format);
        }
    }
}

#[test]
fn a_tied_embedding_shares_its_codes_with_the_logits() {
    // GPTQ moves weights by some steps, the others round them.
    for (pass, least) in [("Rtn", 7.0), ("KQuant", 7.0), ("Gptq", 2.0)] {
        let output = tempfile::tempdir().unwrap();
        let settings = json!({"embeds": true});
        made(&request_with(pass, "tiny-llama", &settings, output.path()));
        let packed = PackedCheckpoint::open(output.path()).unwrap();
        packed.validate().unwrap();
        let head = packed.description().decoder.lm_head();
        assert_eq!(head.name, Decoder::EMBEDDING_MODULE);
        let (base, made) =
            (Checkpoint::open(fixture("tiny-llama")).unwrap(), dequantized(&packed, &head));
        let weight = base.linear(&head).unwrap().to_f32();
        let difference = weight.iter().zip(&made).map(|(one, other)| (one - other).abs());
        let largest = weight.iter().fold(0.0_f32, |max, weight| max.max(weight.abs()));
        assert!(difference.fold(0.0, f32::max) < largest / least, "{pass}");
        let said = &config(output.path())["quantization_config"];
        let keys = ["quant_method", "bits", "group_size", "symmetric", "embeds", "lm_head"];
        let said = keys.map(|key| said[key].clone());
        let expected =
            [json!("olive"), json!(4), json!(16), json!(false), json!(true), json!(true)];
        assert_eq!(said, expected, "{pass}");
    }
}

#[test]
fn logits_get_codes_of_their_own_where_only_they_are_asked_for() {
    for pass in ["Rtn", "Gptq", "Awq"] {
        let output = tempfile::tempdir().unwrap();
        let settings = json!({"lm_head": true});
        let events = made(&request_with(pass, "tiny-llama", &settings, output.path()));
        assert_eq!(config(output.path())["tie_word_embeddings"], json!(false));
        let packed = PackedCheckpoint::open(output.path()).unwrap();
        packed.validate().unwrap();
        assert!(packed.layer(Decoder::LM_HEAD_MODULE).is_some());
        assert!(packed.layer(Decoder::EMBEDDING_MODULE).is_none());
        let base = Checkpoint::open(fixture("tiny-llama")).unwrap();
        let embedding = base.tensor(Decoder::EMBEDDING).unwrap().bytes;
        assert!(packed.tensor(Decoder::EMBEDDING).unwrap().bytes == embedding);
        let has_line = |start: &str| events.logs().iter().any(|line| line.starts_with(start));
        assert!(has_line("embedding and `lm_head` share") && has_line("`lm_head`: error 0."));
    }
}

#[test]
fn overrides_and_exceptions_are_written_down_for_each_reader() {
    let down = "model.layers.1.mlp.down_proj";
    let settings = |format: &str| {
        json!({
            "checkpoint_format": format,
            "overrides": {
                "re:.*down_proj": {"bits": 8}, down: {"bits": 8, "group_size": 32},
            },
            "modules_to_not_convert": ["layers.0.self_attn.q_proj"],
        })
    };
    let said = |format: &str| {
        let output = tempfile::tempdir().unwrap();
        made(&request_with("Rtn", "tiny-llama", &settings(format), output.path()));
        check_override(output.path(), down);
        config(output.path())["quantization_config"].clone()
    };
    let left = json!(["model.layers.0.self_attn.q_proj", "lm_head"]);
    let of_olive = said("olive");
    assert_eq!(of_olive["modules_to_not_convert"], left);
    let others = json!({
        "model.layers.0.mlp.down_proj": {"bits": 8},
        "model.layers.1.mlp.down_proj": {"bits": 8, "group_size": 32},
    });
    assert_eq!(of_olive["overrides"], others);
    let of_gptq = said("gptq_v2");
    let dynamic = json!({
        r"+:^model\.layers\.0\.mlp\.down_proj$": {"bits": 8, "group_size": 16, "sym": false},
        r"+:^model\.layers\.1\.mlp\.down_proj$": {"bits": 8, "group_size": 32, "sym": false},
        r"-:^model\.layers\.0\.self_attn\.q_proj$": {},
    });
    assert_eq!(of_gptq["dynamic"], dynamic);
    assert_eq!(of_gptq["checkpoint_format"], json!("gptq_v2"));
}

#[test]
fn the_usual_layout_is_that_of_the_method() {
    let method = |pass: &str, settings: Value| {
        let output = tempfile::tempdir().unwrap();
        made(&request_with(pass, "tiny-llama", &settings, output.path()));
        let said = config(output.path())["quantization_config"].clone();
        (said["quant_method"].clone(), said["checkpoint_format"].clone(), said["version"].clone())
    };
    let gptq = |format: &str| (json!("gptq"), json!(format), Value::Null);
    assert_eq!(method("Gptq", json!({})), gptq("gptq_v2"));
    assert_eq!(method("Gptq", json!({"sym": true})), gptq("gptq"));
    assert_eq!(method("Awq", json!({})), (json!("awq"), Value::Null, json!("gemm")));
    assert_eq!(method("Awq", json!({"bits": 8})), gptq("gptq_v2"));
    assert_eq!(method("Rtn", json!({"embeds": true})), (json!("olive"), Value::Null, Value::Null));
}

#[test]
fn inputs_by_activation_have_their_groups_told() {
    let output = tempfile::tempdir().unwrap();
    let settings = json!({"desc_act": true});
    made(&request_with("Gptq", "tiny-llama", &settings, output.path()));
    assert_eq!(config(output.path())["quantization_config"]["desc_act"], json!(true));
    let packed = PackedCheckpoint::open(output.path()).unwrap();
    let layer = packed.layer("model.layers.0.mlp.down_proj").unwrap();
    let order = layer.order.as_ref().unwrap();
    assert!(!order.is_sorted());
    assert!((0..8).all(|group| order.iter().filter(|it| **it == group).count() == 16));
}

#[test]
fn groups_are_neighbors_where_the_settings_do_not_say() {
    let output = tempfile::tempdir().unwrap();
    made(&request_with("Gptq", "tiny-llama", &json!({}), output.path()));
    let said = config(output.path())["quantization_config"].clone();
    assert_eq!((&said["desc_act"], &said["static_groups"]), (&json!(false), &json!(true)));
    let packed = PackedCheckpoint::open(output.path()).unwrap();
    assert!(packed.layer("model.layers.0.mlp.down_proj").unwrap().order.is_none());
}

fn check_override(dir: &Path, down: &str) {
    let packed = PackedCheckpoint::open(dir).unwrap();
    packed.validate().unwrap();
    let layer = packed.layer(down).unwrap();
    assert_eq!((layer.format.bits.count(), layer.format.block_size), (8, 32));
    assert!(packed.layer("model.layers.0.self_attn.q_proj").is_none());
}

#[track_caller]
fn check_close(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        let is_close = (found - expected).abs() <= OF_HALVES * expected.abs() + 1e-7;
        assert!(is_close, "{what}: {found} {expected}");
    }
}

/// The weights that the codes of a layer stand for, by the reader of packed checkpoints.
pub(crate) fn dequantized(packed: &PackedCheckpoint, linear: &Linear) -> Vec<f32> {
    let layer = packed.layer(&linear.name).unwrap();
    let rows = packed.rows(linear, 0..linear.out_features).unwrap().unwrap();
    let bits = layer.format.bits.count();
    let (k, middle) = (linear.in_features, 1_u8 << (bits - 1));
    let groups = layer.format.blocks(k);
    let code = |bytes: &[u8], index: usize| match bits {
        4 => bytes[index / 2] >> (4 * (index % 2)) & 15,
        _ => bytes[index],
    };
    let mut weights = Vec::with_capacity(linear.out_features * k);
    for row in 0..linear.out_features {
        for input in 0..k {
            let order = layer.order.as_ref();
            let group = order.map_or(input / layer.format.block_size, |order| {
                usize::try_from(order[input]).unwrap()
            });
            let zero_point = rows
                .zero_points
                .as_ref()
                .map_or(middle, |bytes| code(&bytes[row * (groups * bits).div_ceil(8)..], group));
            let code = code(&rows.qweight, row * k + input);
            let scale = rows.scales[row * groups + group];
            weights.push((f32::from(code) - f32::from(zero_point)) * scale);
        }
    }
    weights
}

//! Embeddings in codes, which Olive alone packs: written as they are, and run.

use std::fs;
use std::path::Path;

use olive_kit_checkpoint::{
    Checkpoint, CheckpointWriter, Decoder, Dtype, PackedSpec, PackedWriter, TensorSpec,
};
use olive_kit_onnx::read_model;
use olive_kit_quant::{CodeMatrix, Packer};
use olive_kit_testing::{fixture, largest_difference};
use olive_plugin_api::testing::Recorder;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::runtime::{has_library, logits};
use crate::support::{copied, prepare, request, run};

const GROUP: usize = 32;
const TOKENS: [u32; 8] = [1, 17, 250, 33, 90, 411, 5, 62];

/// Largest difference of logits when products of floats are summed in another order.
const CLOSE: f32 = 1e-4;

/// A matrix `[n, k]` in codes of 4 bits.
struct Codes {
    quantized: Vec<u8>,
    scales: Vec<f32>,
    zero_points: Vec<u8>,
}

#[test]
fn a_tied_embedding_is_gathered_from_the_codes_that_make_logits() {
    for (model, scales) in [
        ("tiny-llama", "lm_head.MatMulNBits.scales"),
        ("tiny-phi3", "model.embed_tokens.GatherBlockQuantized.scales"),
    ] {
        let (packed, _) = folders(model);
        let output = built(packed.path(), "int4");
        let graph = read_model(&output.path().join("model.onnx")).unwrap().graph.unwrap();
        let node = |name: &str| graph.node.iter().find(|node| node.name() == name).unwrap();
        let gather = node("/model/embed_tokens/GatherBlockQuantized");
        assert_eq!(gather.input[2], scales, "{model}");
        assert_eq!(gather.input[3], scales.replace("scales", "qzeros"), "{model}");
        let table = graph.initializer.iter().find(|it| it.name() == scales).unwrap();
        assert_eq!(table.dims, [512, 2], "{model}");
        if model == "tiny-llama" {
            assert_eq!(node("/lm_head/MatMulNBits").input[2], scales);
        }
    }
}

#[test]
fn graphs_with_packed_embeddings_compute_what_the_codes_stand_for() {
    if !has_library() {
        return;
    }
    for model in ["tiny-llama", "tiny-phi3"] {
        let (packed, floats) = folders(model);
        let [found, expected] = [(packed, "int4"), (floats, "fp32")]
            .map(|(folder, precision)| logits(built(folder.path(), precision).path(), &TOKENS));
        let largest = expected.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
        let difference = largest_difference(&found, &expected);
        assert!(difference <= CLOSE * largest, "{model}: {difference} of {largest}");
    }
}

#[test]
fn an_embedding_in_codes_is_not_built_in_floats() {
    let (packed, _) = folders("tiny-llama");
    let output = tempfile::tempdir().unwrap();
    let request = request(packed.path(), &json!({"precision": "fp32"}), &output);
    let found = prepare(&request).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].message.ends_with("is packed, and `fp32` would have it in floats"));
}

/// The model in `folder`, built with arithmetic in 32-bit floats.
fn built(folder: &Path, precision: &str) -> TempDir {
    let output = tempfile::tempdir().unwrap();
    let config = match precision {
        "int4" => json!({"precision": "int4", "int4_accuracy_level": 1}),
        _ => json!({ "precision": precision }),
    };
    let request = request(folder, &config, &output);
    assert_eq!(prepare(&request).unwrap(), []);
    run(&request, &Recorder::default()).unwrap();
    output
}

/// A fixture with the embedding and every linear layer in codes, and with what they stand for.
fn folders(model: &str) -> (TempDir, TempDir) {
    let (packed, floats) = (copied(model), copied(model));
    let checkpoint = Checkpoint::open(fixture(model)).unwrap();
    let linears = checkpoint.decoder().all_linears();
    let is_matrix = |name: &str| {
        name == Decoder::EMBEDDING || linears.iter().any(|linear| linear.weight() == name)
    };
    let tensors = checkpoint.decoder().tensors();
    let plain = |name: &str, shape: &[usize]| TensorSpec::new(name, Dtype::F32, shape);
    let spec = |(name, shape): &(String, Vec<usize>)| {
        if !is_matrix(name) {
            return PackedSpec::Plain(plain(name, shape));
        }
        PackedSpec::Packed {
            name: name.trim_end_matches(".weight").to_owned(),
            bits: 4,
            n: shape[0],
            k: shape[1],
            groups: shape[1] / GROUP,
            is_symmetric: false,
        }
    };
    let specs: Vec<_> = tensors.iter().map(spec).collect();
    let dir = packed.path();
    let mut of_codes =
        PackedWriter::create(dir, &specs, Packer::Olive, Dtype::F32, usize::MAX).unwrap();
    let specs = tensors.iter().map(|(name, shape)| plain(name, shape)).collect();
    let mut of_floats = CheckpointWriter::create(floats.path(), specs, usize::MAX).unwrap();
    for (name, shape) in &tensors {
        let values = checkpoint.tensor(name).unwrap().to_f32();
        if !is_matrix(name) {
            of_codes.append_f32(name, &values).unwrap();
            of_floats.append_f32(name, &values).unwrap();
            continue;
        }
        let made = Codes::of(&values);
        let Codes { quantized: codes, scales, zero_points } = &made;
        let matrix = CodeMatrix { bits: 4, n: shape[0], k: shape[1], codes, scales, zero_points };
        let path = name.trim_end_matches(".weight");
        of_codes.append_layer(path, matrix, false, None).unwrap();
        of_floats.append_f32(name, &made.dequantized()).unwrap();
    }
    of_codes.finish().unwrap();
    of_floats.finish().unwrap();
    let path = dir.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    config["quantization_config"] =
        json!({"quant_method": "olive", "bits": 4, "group_size": GROUP, "symmetric": false});
    fs::write(path, config.to_string()).unwrap();
    (packed, floats)
}

impl Codes {
    /// Codes around a zero point that differs from group to group.
    fn of(values: &[f32]) -> Self {
        let mut made = Self { quantized: Vec::new(), scales: Vec::new(), zero_points: Vec::new() };
        for (index, group) in values.chunks_exact(GROUP).enumerate() {
            let zero_point = 5 + u8::try_from(index % 6).unwrap();
            let largest = group.iter().fold(1e-6_f32, |max, value| max.max(value.abs()));
            let scale = largest / 5.0;
            let code = |value: &f32| {
                let code = (value / scale).round() + f32::from(zero_point);
                (0..16_u8).find(|it| f32::from(*it) >= code).unwrap_or(15)
            };
            made.quantized.extend(group.iter().map(code));
            made.scales.push(scale);
            made.zero_points.push(zero_point);
        }
        made
    }

    fn dequantized(&self) -> Vec<f32> {
        let groups = self.quantized.chunks_exact(GROUP).enumerate();
        let values = groups.flat_map(|(group, codes)| {
            let zero_point = f32::from(self.zero_points[group]);
            codes.iter().map(move |code| (f32::from(*code) - zero_point) * self.scales[group])
        });
        values.collect()
    }
}

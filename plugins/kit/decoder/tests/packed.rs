//! Packed checkpoints against dense ones of the same codes, decoded here by what the packers say.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

use std::fs;
use std::path::Path;

use olive_kit_adapters::Adapters;
use olive_kit_checkpoint::{
    Checkpoint, CheckpointWriter, DEFAULT_SHARD_BYTES, Dtype, PackedCheckpoint, TensorSpec,
};
use olive_kit_decoder::{Batch, Storage, Transformer};
use olive_kit_testing::{Tensors, fixture, random_tokens, write_packed_model};
use serde_json::Value;
use tempfile::TempDir;

/// Where in a word of AWQ each of its codes stands.
const AWQ: [usize; 8] = [0, 4, 1, 5, 2, 6, 3, 7];

#[test]
fn packed_layers_compute_with_what_their_codes_stand_for() {
    for name in [
        "tiny-llama-gptq",
        "tiny-llama-gptq-8",
        "tiny-llama-gptq-act",
        "tiny-phi3-gptq",
        "tiny-qwen2-awq",
        "tiny-phi3-awq",
        "tiny-llama-olive",
    ] {
        let base: Vec<_> = name.splitn(3, '-').take(2).collect();
        let base = fixture(&base.join("-"));
        let folder = tempfile::tempdir().unwrap();
        write_packed_model(name, folder.path());
        let dense = dense(&fixture("packed").join(name), &base);
        let packed = PackedCheckpoint::open(folder.path()).unwrap();
        let dense = Checkpoint::open(dense.path()).unwrap();
        let mut packed = Transformer::load(&packed, Storage::default()).unwrap();
        let mut dense = Transformer::load(&dense, Storage::default()).unwrap();
        let vocab_size = u32::try_from(dense.decoder().vocab_size).unwrap();
        let batch = Batch::causal(random_tokens(24, vocab_size, 1), 2);
        let found = packed.logits(&batch, &Adapters::none()).unwrap();
        let expected = dense.logits(&batch, &Adapters::none()).unwrap();
        assert!(found == expected, "{name}");
        let mut whole = Transformer::load(&Checkpoint::open(&base).unwrap(), Storage::default());
        let whole = whole.as_mut().unwrap().logits(&batch, &Adapters::none()).unwrap();
        assert!(found != whole, "{name}: codes make a difference");
    }
}

/// A packed checkpoint in floats.
fn dense(codes: &Path, base: &Path) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(base.join("config.json"), folder.path().join("config.json")).unwrap();
    let config = fs::read(codes.join("config.json")).unwrap();
    let config: Value = serde_json::from_slice(&config).unwrap();
    let method = config["quantization_config"]["quant_method"].as_str().unwrap().to_owned();
    let (whole, codes) =
        (Checkpoint::open(base).unwrap(), Tensors::open(codes.join("codes.safetensors")));
    let names = codes.names();
    let tensors = whole.decoder().tensors();
    let spec = |(name, shape): &(String, Vec<usize>)| {
        TensorSpec::new(name.as_str(), Dtype::F32, shape.as_slice())
    };
    let specs = tensors.iter().map(spec).collect();
    let mut writer = CheckpointWriter::create(folder.path(), specs, DEFAULT_SHARD_BYTES).unwrap();
    for (name, shape) in &tensors {
        let path = name.trim_end_matches(".weight");
        let values = if names.contains(&format!("{path}.qweight")) {
            decoded(&method, &codes, path, (shape[0], shape[1]))
        } else {
            whole.tensor(name).unwrap().to_f32().into_owned()
        };
        writer.append_f32(name, &values).unwrap();
    }
    writer.finish().unwrap();
    folder
}

/// The weight `[n, k]` of a layer's codes.
fn decoded(method: &str, tensors: &Tensors, path: &str, (n, k): (usize, usize)) -> Vec<f32> {
    let part = |part: &str| format!("{path}.{part}");
    let (codes, zeros) = (tensors.bytes(&part("qweight")), tensors.bytes(&part("qzeros")));
    let scales = Dtype::F16.decode(&tensors.bytes(&part("scales"))).into_owned();
    let groups = scales.len() / n;
    let bits = codes.len() * 8 / (n * k);
    let mask = u8::try_from((1_u32 << bits) - 1).unwrap();
    let per_byte = 8 / bits;
    let code = |bytes: &[u8], at: usize| (bytes[at / per_byte] >> (at % per_byte * bits)) & mask;
    let group = |input: usize| -> usize {
        if method != "gptq" {
            return input / (k / groups);
        }
        let bytes = &tensors.bytes(&part("g_idx"))[4 * input..][..4];
        usize::try_from(i32::from_le_bytes(bytes.try_into().unwrap())).unwrap()
    };
    let inputs: Vec<usize> = (0..k).map(group).collect();
    let (per_word, mut values) = (32 / bits, Vec::new());
    for row in 0..n {
        for (input, &group) in inputs.iter().enumerate() {
            let in_word = row / 8 * 8 + AWQ[row % 8];
            let (code, zero, scale) = match method {
                "gptq" => (
                    code(&codes, (input / per_word * n + row) * per_word + input % per_word),
                    code(&zeros, group * n + row).wrapping_add(1) & mask,
                    scales[group * n + row],
                ),
                "awq" => (
                    code(&codes, input * n + in_word),
                    code(&zeros, group * n + in_word),
                    scales[group * n + row],
                ),
                _ => (
                    code(&codes, row * k + input),
                    code(&zeros, row * groups.next_multiple_of(per_byte) + group),
                    scales[row * groups + group],
                ),
            };
            values.push((f32::from(code) - f32::from(zero)) * scale);
        }
    }
    values
}

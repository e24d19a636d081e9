//! Packed checkpoints that are written: read back, and refused where a layout has no place.

use std::fs;
use std::path::Path;

use olive_kit_checkpoint::{
    Checkpoint, CheckpointError, Decoder, Dtype, PackedCheckpoint, PackedSpec, PackedWriter,
    TensorSpec,
};
use olive_kit_quant::{CodeMatrix, Packer};
use olive_kit_testing::fixture;
use serde_json::{Value, json};

const GROUP: usize = 32;

#[test]
fn every_layer_and_the_embedding_are_read_back() {
    let olive = json!({"quant_method": "olive"});
    for (packer, settings, packs_embedding) in [
        (Packer::Gptq { zero_offset: 1 }, json!({"quant_method": "gptq"}), false),
        (
            Packer::Gptq { zero_offset: 0 },
            json!({"quant_method": "gptq", "checkpoint_format": "gptq_v2"}),
            false,
        ),
        (Packer::Awq, json!({"quant_method": "awq"}), false),
        (Packer::Olive, olive, true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), packer, packs_embedding, 100_000);
        check_read(folder.path(), &settings, packs_embedding);
    }
}

#[test]
fn olives_other_names_are_read_too() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), Packer::Olive, true, usize::MAX);
    let path = folder.path().join("model.safetensors");
    let bytes = fs::read(&path).unwrap();
    let length = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let mut header = String::from_utf8(bytes[8..8 + length].to_vec()).unwrap();
    for part in ["qweight", "qzeros", "scales"] {
        header = header.replace(&format!(".{part}\""), &format!(".weight_{part}\""));
    }
    let mut renamed = (header.len() as u64).to_le_bytes().to_vec();
    renamed.extend(header.as_bytes());
    renamed.extend(&bytes[8 + length..]);
    fs::write(path, renamed).unwrap();
    check_read(folder.path(), &json!({"quant_method": "olive"}), true);
}

#[test]
fn what_a_layout_has_no_place_for_is_named() {
    for (packer, bits, shape, problem) in [
        (Packer::Awq, 8, [64, 64], "its codes have 8 bits, and this layout is for 4"),
        (Packer::Olive, 3, [64, 64], "its codes have 3 bits, and this layout is for 2, 4, 8"),
        (Packer::Awq, 4, [60, 64], "its 60 outputs are no multiple of 8"),
        (Packer::Gptq { zero_offset: 1 }, 3, [64, 48], "its 48 inputs are no multiple of 32"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let [n, k] = shape;
        let spec = PackedSpec::Packed {
            name: "lm_head".into(),
            bits,
            n,
            k,
            groups: 1,
            is_symmetric: false,
        };
        let made = PackedWriter::create(folder.path(), &[spec], packer, Dtype::F16, usize::MAX);
        let Err(CheckpointError::Packed { problem: found, .. }) = made else {
            panic!("{packer:?}")
        };
        assert_eq!(found, problem);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

/// The tiny Llama with every linear layer in codes of 4 bits that say where they are.
fn write(dir: &Path, packer: Packer, packs_embedding: bool, max_shard_bytes: usize) {
    let checkpoint = Checkpoint::open(fixture("tiny-llama")).unwrap();
    let linears = checkpoint.decoder().linears_of_layers().collect::<Vec<_>>();
    let is_packed = |name: &str| {
        packs_embedding && name == Decoder::EMBEDDING
            || linears.iter().any(|linear| linear.weight() == name)
    };
    let tensors = checkpoint.decoder().tensors();
    let specs = tensors.iter().map(|(name, shape)| {
        if !is_packed(name) {
            return PackedSpec::Plain(TensorSpec::new(&**name, Dtype::F32, shape.clone()));
        }
        PackedSpec::Packed {
            name: name.trim_end_matches(".weight").to_owned(),
            bits: 4,
            n: shape[0],
            k: shape[1],
            groups: shape[1] / GROUP,
            is_symmetric: false,
        }
    });
    let specs: Vec<_> = specs.collect();
    let mut writer =
        PackedWriter::create(dir, &specs, packer, Dtype::F32, max_shard_bytes).unwrap();
    for (name, shape) in &tensors {
        if !is_packed(name) {
            writer.append_f32(name, &checkpoint.tensor(name).unwrap().to_f32()).unwrap();
            continue;
        }
        let (n, k) = (shape[0], shape[1]);
        let (codes, scales, zero_points) = numbers(n, k);
        let matrix =
            CodeMatrix { bits: 4, n, k, codes: &codes, scales: &scales, zero_points: &zero_points };
        let path = name.trim_end_matches(".weight");
        writer.append_layer(path, matrix, false, None).unwrap();
    }
    writer.finish().unwrap();
}

/// Codes, scales and zero points of a matrix `[n, k]`; no zero point is 0, which the first of GPTQ's
/// layouts has no place for.
fn numbers(n: usize, k: usize) -> (Vec<u8>, Vec<f32>, Vec<u8>) {
    let low = |number: usize| number.to_le_bytes()[0];
    let codes = (0..n * k).map(|at| low(at * 7 + at / k) & 15).collect();
    let groups = n * k / GROUP;
    let scales = (0..groups).map(|at| f32::from(low(at)) + 1.0).collect();
    let zero_points = (0..groups).map(|at| low(at) % 15 + 1).collect();
    (codes, scales, zero_points)
}

fn check_read(dir: &Path, settings: &Value, packs_embedding: bool) {
    let path = fixture("tiny-llama").join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    config["quantization_config"] = settings.clone();
    fs::write(dir.join("config.json"), config.to_string()).unwrap();
    let packed = PackedCheckpoint::open(dir).unwrap();
    packed.validate().unwrap();
    let decoder = &packed.description().decoder;
    let embedding = packs_embedding.then(|| decoder.embedding_table());
    for linear in decoder.linears_of_layers().chain(embedding) {
        let (n, k) = (linear.out_features, linear.in_features);
        let (codes, scales, zero_points) = numbers(n, k);
        let rows = packed.rows(&linear, 0..n).unwrap().unwrap();
        let nibble = |bytes: &[u8], at: usize| bytes[at / 2] >> (4 * (at % 2)) & 15;
        assert!((0..n * k).all(|at| nibble(&rows.qweight, at) == codes[at]), "{}", linear.name);
        assert_eq!(rows.scales, scales, "{}", linear.name);
        let (groups, found) = (k / GROUP, rows.zero_points.unwrap());
        let row_bytes = groups.div_ceil(2);
        for (at, expected) in zero_points.iter().enumerate() {
            let row = &found[at / groups * row_bytes..];
            assert_eq!(nibble(row, at % groups), *expected, "{} {at}", linear.name);
        }
    }
    assert_eq!(packed.layer(Decoder::EMBEDDING_MODULE).is_some(), packs_embedding);
}

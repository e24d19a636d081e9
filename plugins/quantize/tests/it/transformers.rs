//! Our folders in the layouts of GPTQ and AWQ in transformers; `OLIVE_TRANSFORMERS_PYTHON` names a
//! Python with `transformers`, `optimum` and `gptqmodel`.

use std::fs;
use std::path::Path;
use std::process::Command;

use olive_kit_checkpoint::{CheckpointWriter, PackedCheckpoint, TensorSpec};
use serde_json::json;

use crate::layouts::dequantized;
use crate::{config, made, request_with};

/// Products of 16-bit floats.
const HALVES: f64 = 0.01;

#[test]
fn logits_are_those_of_the_weights_that_codes_stand_for() {
    let Some(python) = std::env::var_os("OLIVE_TRANSFORMERS_PYTHON") else {
        println!("skipped: OLIVE_TRANSFORMERS_PYTHON names no Python with gptqmodel");
        return;
    };
    for (pass, settings) in [
        ("Gptq", json!({"sym": true, "group_size": 32})),
        ("Gptq", json!({"group_size": 32})),
        ("Gptq", json!({"group_size": 32, "desc_act": true})),
        ("Gptq", json!({"group_size": 32, "desc_act": false})),
        ("Rtn", json!({"group_size": 32, "bits": 8, "sym": true})),
        ("Awq", json!({"group_size": 32})),
    ] {
        let (packed, floats) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        made(&request_with(pass, "tiny-llama", &settings, packed.path()));
        in_floats(packed.path(), floats.path());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/load.py");
        let mut command = Command::new(&python);
        let output = command.arg(script).args([packed.path(), floats.path()]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{error}");
        let difference: f64 = said.lines().last().unwrap().trim().parse().unwrap();
        assert!(difference <= HALVES, "{pass} {settings}: {difference}");
    }
}

/// The model in `packed` with its codes made floats.
fn in_floats(packed: &Path, output: &Path) {
    let mut description = config(packed);
    description.as_object_mut().unwrap().remove("quantization_config");
    fs::write(output.join("config.json"), description.to_string()).unwrap();
    let checkpoint = PackedCheckpoint::open(packed).unwrap();
    let decoder = &checkpoint.description().decoder;
    let linears = decoder.all_linears();
    let values = |name: &str| {
        let linear = linears.iter().find(|linear| linear.weight() == name);
        match linear.filter(|linear| checkpoint.layer(&linear.name).is_some()) {
            Some(linear) => dequantized(&checkpoint, linear),
            None => checkpoint.tensor(name).unwrap().to_f32().into_owned(),
        }
    };
    let tensors = decoder.tensors();
    let specs = tensors.iter().map(|(name, shape)| {
        TensorSpec::new(&**name, olive_kit_checkpoint::Dtype::F32, shape.clone())
    });
    let mut writer = CheckpointWriter::create(output, specs.collect(), usize::MAX).unwrap();
    for (name, _) in &tensors {
        writer.append_f32(name, &values(name)).unwrap();
    }
    writer.finish().unwrap();
}

//! Packed checkpoints as GGUF files: codes that a type of GGUF holds are those of the checkpoint.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use olive_kit_checkpoint::{Decoder, Dtype, Linear, PackedCheckpoint};
use olive_kit_gguf::{Gguf, GgufModel, Layout};
use olive_kit_testing::{file_names, fixture, write_packed_model};
use olive_plugin_api::testing::Recorder;
use olive_plugin_api::{Plugin, PluginError, StepOutcome};
use olive_plugin_import::ConvertHfToGguf;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Names a Python with the package `gguf`.
const PYTHON: &str = "OLIVE_GGUF_PYTHON";
/// Part of a step that an offset in halves is off by at most: 15 steps to 11 bits.
const OF_OFFSETS: f32 = 0.01;

#[test]
fn codes_that_a_type_holds_go_over_as_they_are() {
    for (name, outtype, dtype) in [
        ("tiny-llama-gptq", "q4_0", "Q4_1"),
        ("tiny-llama-gptq", "q4_k", "Q4_1"),
        (CENTERED, "q4_0", "Q4_0"),
        ("tiny-llama-gptq-8", "q8_0", "Q8_0"),
        ("tiny-llama-gptq-8", "q4_0", "Q8_0"),
    ] {
        let (model, output) = (packed(name), tempfile::tempdir().unwrap());
        let (path, logs) = exported(model.path(), outtype, output.path());
        let checkpoint = PackedCheckpoint::open(model.path()).unwrap();
        let (file, rows) = (Gguf::open(&path).unwrap(), reader(&path));
        let decoder = &checkpoint.description().decoder;
        let is_exact = dtype != "Q4_1";
        for linear in decoder.linears_of_layers() {
            check_codes(&checkpoint, &linear, &rows.of(&linear), is_exact);
        }
        assert_eq!(type_of(&file, "blk.1.attn_q.weight"), dtype, "{name} {outtype}");
        assert_eq!(file.metadata().count("general.file_type").unwrap(), number(dtype));
        let count = decoder.linears_of_layers().count();
        assert_eq!(logs, [format!("{count} packed matrices keep their codes")], "{name} {outtype}");
    }
}

#[test]
fn groups_of_64_give_their_scale_to_two_blocks() {
    let (model, output) = (packed("tiny-qwen2-awq"), tempfile::tempdir().unwrap());
    let (path, _) = exported(model.path(), "q4_1", output.path());
    let checkpoint = PackedCheckpoint::open(model.path()).unwrap();
    let file = Gguf::open(&path).unwrap();
    for (part, linear) in [("ffn_down", "mlp.down_proj"), ("attn_k", "self_attn.k_proj")] {
        let name = format!("blk.0.{part}.weight");
        assert_eq!(type_of(&file, &name), "Q4_1");
        let tensor = file.tensor(&name).unwrap();
        let values = file.rows(tensor, 0..tensor.num_rows()).unwrap();
        let decoder = &checkpoint.description().decoder;
        let name = format!("model.layers.0.{linear}");
        let linear = decoder.linears(0).into_iter().find(|linear| linear.name == name).unwrap();
        check_codes(&checkpoint, &linear, &values, false);
    }
}

#[test]
fn an_lm_head_in_codes_keeps_them() {
    let (model, output) = (packed("tiny-phi3-gptq"), tempfile::tempdir().unwrap());
    let (path, _) = exported(model.path(), "q4_0", output.path());
    let checkpoint = PackedCheckpoint::open(model.path()).unwrap();
    let file = Gguf::open(&path).unwrap();
    let tensor = file.tensor("output.weight").unwrap();
    let values = file.rows(tensor, 0..tensor.num_rows()).unwrap();
    assert_eq!(checkpoint.description().decoder.lm_head().name, Decoder::LM_HEAD_MODULE);
    check_codes(&checkpoint, &checkpoint.description().decoder.lm_head(), &values, false);
}

#[test]
fn what_no_type_holds_is_stored_anew_and_told() {
    let scattered = "14 packed matrices are stored anew, dequantized: groups are of inputs here \
                     and there";
    let few = "1 packed matrices are stored anew, dequantized: groups are smaller than a block of \
               32 weights";
    let floats = "14 packed matrices are stored anew, dequantized: the file is one of floats";
    let narrow = "14 packed matrices are stored anew, dequantized: 8 bits are asked for, and the \
                  codes have fewer";
    for (name, outtype, told) in [
        ("tiny-llama-gptq-act", "q4_0", vec![scattered]),
        ("tiny-llama-olive", "q4_0", vec!["13 packed matrices keep their codes", few]),
        ("tiny-llama-gptq", "f32", vec![floats]),
        ("tiny-llama-gptq", "q8_0", vec![narrow]),
    ] {
        let (model, output) = (packed(name), tempfile::tempdir().unwrap());
        let (path, logs) = exported(model.path(), outtype, output.path());
        assert_eq!(logs, told, "{name} {outtype}");
        let checkpoint = PackedCheckpoint::open(model.path()).unwrap();
        let down = checkpoint.description().decoder.layer_linears(1).down;
        let (found, expected) = (reader(&path).of(&down), dequantized(&checkpoint, &down).0);
        // Parts of a block's largest value, as for weights in floats.
        let tolerance = match outtype {
            "f32" => 0.0,
            "q8_0" => 0.51 / 127.0 + 1.0 / 1024.0,
            _ => 1.01 / 8.0 + 1.0 / 1024.0,
        };
        for (found, expected) in found.chunks(32).zip(expected.chunks(32)) {
            let largest = expected.iter().fold(0.0_f32, |max, value| max.max(value.abs()));
            let close = |(a, b): (&f32, &f32)| (a - b).abs() <= tolerance * largest;
            assert!(found.iter().zip(expected).all(close), "{name} {outtype}");
        }
    }
}

#[test]
fn a_file_that_is_stopped_is_not_left() {
    let codes = packed("tiny-llama-gptq");
    for model in [fixture("tiny-llama"), codes.path().to_owned()] {
        let output = tempfile::tempdir().unwrap();
        let error = run(&model, "q4_0", output.path(), &Recorder::stopping_after(4)).unwrap_err();
        assert_eq!(error.code, PluginError::CANCELLED, "{error}");
        assert_eq!(file_names(output.path()), [""; 0]);
    }
}

#[test]
fn llama_cpp_reads_codes_as_our_reader_does() {
    let Some(python) = std::env::var_os(PYTHON) else {
        println!("skipped: {PYTHON} is not set to a Python with gguf");
        return;
    };
    let program = "
import sys, gguf, numpy
reader = gguf.GGUFReader(sys.argv[1])
tensor = next(t for t in reader.tensors if t.name == 'blk.0.ffn_down.weight')
values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
sys.stdout.buffer.write(values.astype('<f4').tobytes())
";
    for (name, outtype) in
        [("tiny-llama-gptq", "q4_0"), (CENTERED, "q4_0"), ("tiny-llama-gptq-8", "q8_0")]
    {
        let (model, output) = (packed(name), tempfile::tempdir().unwrap());
        let (path, _) = exported(model.path(), outtype, output.path());
        let told = Command::new(&python).args(["-c", program]).arg(&path).output().unwrap();
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        let found = Dtype::F32.decode(&told.stdout).into_owned();
        let checkpoint = PackedCheckpoint::open(model.path()).unwrap();
        let down = checkpoint.description().decoder.layer_linears(0).down;
        check_codes(&checkpoint, &down, &found, name != "tiny-llama-gptq");
    }
}

/// `tiny-llama-gptq` with all zero points in the middle.
const CENTERED: &str = "tiny-llama-gptq centered";

/// A packed fixture, as long as the folder lives.
fn packed(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let base = name.strip_suffix(" centered");
    write_packed_model(base.unwrap_or(name), folder.path());
    if base.is_some() {
        center(&folder.path().join("codes.safetensors"));
    }
    folder
}

/// Puts every zero point of 4 bits, which GPTQ stores less 1, in the middle.
fn center(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let length = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    for (name, tensor) in header.as_object().unwrap() {
        if name.ends_with(".qzeros") {
            let place = |at: usize| {
                let offset = tensor["data_offsets"][at].as_u64().unwrap();
                8 + length + usize::try_from(offset).unwrap()
            };
            bytes[place(0)..place(1)].fill(0x77);
        }
    }
    fs::write(path, bytes).unwrap();
}

/// Our reader of files of Llama models, which puts rows in the order of the checkpoint.
struct Reader(GgufModel);

fn reader(path: &Path) -> Reader {
    Reader(GgufModel::open(path, Layout::Llama, Dtype::F32).unwrap())
}

impl Reader {
    fn of(&self, linear: &Linear) -> Vec<f32> {
        let target = self.0.target(&linear.weight()).unwrap();
        self.0.rows(target, 0..target.num_rows()).unwrap()
    }
}

/// Values of a matrix are those of the checkpoint's codes: to less than a step, which could not be
/// if a code were another.
#[track_caller]
fn check_codes(checkpoint: &PackedCheckpoint, linear: &Linear, found: &[f32], is_exact: bool) {
    let (expected, steps) = dequantized(checkpoint, linear);
    assert_eq!(found.len(), expected.len());
    for ((found, expected), step) in found.iter().zip(&expected).zip(&steps) {
        let tolerance = if is_exact { 0.0 } else { OF_OFFSETS * step };
        assert!((found - expected).abs() <= tolerance, "{}: {found} {expected}", linear.name);
    }
}

/// The weights that the codes of a layer stand for, and the step of each.
fn dequantized(checkpoint: &PackedCheckpoint, linear: &Linear) -> (Vec<f32>, Vec<f32>) {
    let layer = checkpoint.layer(&linear.name).unwrap();
    let rows = checkpoint.rows(linear, 0..linear.out_features).unwrap().unwrap();
    let (k, bits) = (linear.in_features, layer.format.bits.count());
    let groups = layer.format.blocks(k);
    let code = |bytes: &[u8], index: usize| match bits {
        4 => bytes[index / 2] >> (4 * (index % 2)) & 15,
        _ => bytes[index],
    };
    let places = (0..linear.out_features).flat_map(|row| (0..k).map(move |input| (row, input)));
    let value = |(row, input): (usize, usize)| {
        let plain = input / layer.format.block_size;
        let group = layer.order.as_ref().map_or(plain, |it| usize::try_from(it[input]).unwrap());
        let zero_point = rows.zero_points.as_ref().map_or(1 << (bits - 1), |bytes| {
            code(&bytes[row * layer.format.zero_point_bytes(k)..], group)
        });
        let step = rows.scales[row * groups + group];
        ((f32::from(code(&rows.qweight, row * k + input)) - f32::from(zero_point)) * step, step)
    };
    places.map(value).unzip()
}

fn type_of(file: &Gguf, name: &str) -> String {
    format!("{:?}", file.tensor(name).unwrap().dtype)
}

/// The number of a file mostly of this type.
fn number(dtype: &str) -> usize {
    match dtype {
        "Q4_0" => 2,
        "Q4_1" => 3,
        "Q8_0" => 7,
        other => panic!("no file here is of {other}"),
    }
}

/// The file of a model, and what is told of its packed matrices together.
fn exported(model: &Path, outtype: &str, output: &Path) -> (PathBuf, Vec<String>) {
    let events = Recorder::default();
    let StepOutcome::Model(model) = run(model, outtype, output, &events).unwrap() else {
        panic!("no model")
    };
    let logs = events.logs().into_iter().filter(|line| line.contains("packed matrices"));
    (model.model_path.clone(), logs.collect())
}

fn run(
    model: &Path,
    outtype: &str,
    output: &Path,
    events: &Recorder,
) -> Result<StepOutcome, PluginError> {
    let input = json!({"type": "HfModel", "model_path": model});
    let mut request = olive_kit_testing::request("pass", "ConvertHfToGGUF", &input, output);
    request["config"] = json!({"outtype": outtype});
    let plugin = Plugin::new("import", "0.1.0").with_pass::<ConvertHfToGguf>();
    plugin.run(&serde_json::from_value(request).unwrap(), events)
}

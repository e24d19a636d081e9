//! What the passes hold in memory: a few pieces of a weight, or one weight; never the model.
//!
//! Each pass runs in a process of its own, whose largest resident memory is read afterwards.

use std::path::{Path, PathBuf};
use std::process::Command;

use olive_kit_onnx::proto::ModelProto;
use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::{ExternalDataWriter, GraphBuilder, Node, write_model};
use olive_plugin_api::StepRequest;
use serde_json::{Value, json};

use crate::{request, run};

/// Tells the process of its own what to run.
const REQUEST: &str = "OLIVE_TEST_REQUEST";
/// Rows of the matrices, a multiple of 128.
const WIDTH: usize = 1024;
const MATRIX_BYTES: u64 = 4 << 20;
/// Code, threads, buffers: what a pass takes that holds no weight.
const BASE_BYTES: u64 = 24 << 20;

#[test]
fn weights_pass_through_in_pieces() {
    // One weight that is larger than the limit.
    let model = model(1, 24 * WIDTH);
    check(
        &model,
        0,
        &[
            ("OnnxPeepholeOptimizer", json!({"save_as_external_data": true})),
            ("OnnxPeepholeOptimizer", json!({})),
            ("GraphSurgeries", json!({"surgeries": [{"surgeon": "RemoveShapes"}]})),
            ("DynamicToFixedShape", json!({"dim_param": ["n"], "dim_value": [1]})),
            ("OnnxIODataTypeConverter", json!({"source_dtype": 1, "target_dtype": 10})),
            ("AddOliveMetadata", json!({"graph_name": "large"})),
            ("OnnxFloatToFloat16", json!({"save_as_external_data": true})),
            ("OnnxOpVersionConversion", json!({"target_opset": 22})),
        ],
    );
}

#[test]
fn weights_are_computed_one_by_one() {
    let model = model(40, WIDTH);
    let kept = check(
        &model,
        MATRIX_BYTES,
        &[
            ("OnnxBlockWiseRtnQuantization", json!({})),
            ("OnnxKQuantQuantization", json!({})),
            ("GraphSurgeries", json!({"surgeries": [{"surgeon": "GemmToMatMulAdd"}]})),
        ],
    );
    let splits = json!({"split_assignments": {"0": 0, "20": 1}});
    check(&kept[0], MATRIX_BYTES / 8, &[("MatMulNBitsToQDQ", json!({}))]);
    // A graph with its weights in it, which is mapped.
    check(&kept[2], 0, &[("OnnxPeepholeOptimizer", json!({})), ("SplitModel", splits)]);
}

/// Runs what [`check`] asks for, and tells the largest memory of this process.
#[test]
#[ignore = "another test starts it"]
fn measured_alone() {
    let request: StepRequest = serde_json::from_str(&std::env::var(REQUEST).unwrap()).unwrap();
    run(&request).unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap());
}

/// A model of `count` products, with matrices of `columns` columns, and its data beside it.
struct Large {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn model(count: usize, columns: usize) -> Large {
    let folder = tempfile::tempdir().unwrap();
    let mut graph = GraphBuilder::new("large");
    graph.input("v0", DataType::Float, &["n".into(), size(WIDTH).into()]);
    graph.output(&format!("v{count}"), DataType::Float, &["n".into(), size(columns).into()]);
    let mut data = ExternalDataWriter::create(folder.path(), "model.onnx.data").unwrap();
    let mut weights = Vec::new();
    for index in 0..count {
        let name = format!("w{index}");
        let product = if index % 2 == 0 { "MatMul" } else { "Gemm" };
        let node = Node::new(product, format!("/{index}/{product}"));
        let (input, output) = (format!("v{index}"), format!("v{}", index + 1));
        let node = node.inputs([&input, &name]).outputs([output]);
        let is_turned = product == "Gemm";
        graph.node(if is_turned { node.attribute("transB", 1) } else { node });
        let dims = [size(WIDTH), size(columns)];
        let mut weight = data.tensor(&name, DataType::Float, &dims);
        for row in 0..WIDTH {
            let start = (index * WIDTH + row) as f32;
            let row: Vec<f32> = (0..columns).map(|column| (start + column as f32).sin()).collect();
            weight.write_floats(&row).unwrap();
        }
        weights.push(weight.finish().unwrap());
    }
    data.finish().unwrap();
    let mut model = ModelProto { ir_version: Some(10), ..ModelProto::default() };
    model.set_opset("", 21);
    model.graph = Some(graph.finish(weights));
    let path = folder.path().join("model.onnx");
    write_model(&model, &path).unwrap();
    Large { _folder: folder, path }
}

fn size(count: usize) -> i64 {
    count.try_into().unwrap()
}

/// Runs each pass with its settings, whose peak must leave no room for four weights of
/// `weight_bytes` more; gives what they made.
fn check(model: &Large, weight_bytes: u64, passes: &[(&str, Value)]) -> Vec<Large> {
    let limit = BASE_BYTES + 4 * weight_bytes;
    let mut made = Vec::new();
    for (pass, config) in passes {
        let folder = tempfile::tempdir().unwrap();
        let Some(peak) = peak_bytes(&request(pass, &model.path, config, folder.path())) else {
            println!("skipped: this system does not tell the memory of a process");
            return made;
        };
        println!("{pass} {config}: {} of {} MiB", peak >> 20, limit >> 20);
        assert!(peak <= limit, "{pass} {config}: {} of {} MiB", peak >> 20, limit >> 20);
        let path = folder.path().join("model.onnx");
        made.push(Large { _folder: folder, path });
    }
    made
}

fn peak_bytes(request: &StepRequest) -> Option<u64> {
    if !Path::new("/proc/self/status").exists() {
        return None;
    }
    let program = std::env::current_exe().unwrap();
    let said = Command::new(program)
        .args(["--exact", "memory::measured_alone", "--ignored", "--nocapture"])
        .env(REQUEST, serde_json::to_string(request).unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let line = said.lines().find_map(|line| line.split_once("VmHWM:"));
    let (_, kilobytes) = line.unwrap_or_else(|| panic!("{request:?}\n{said}"));
    Some(kilobytes.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024)
}

//! `olive onnx inspect`: what an ONNX model holds.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::playground::{Playground, Said};

/// An ONNX folder of the builder's fixtures in `model`.
fn playground() -> Playground {
    let playground = Playground::bare();
    playground.install("olive_plugin_onnx", "olive_plugin_onnx");
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/builder/tiny-llama-int4");
    fs::create_dir_all(playground.path("model")).unwrap();
    for entry in fs::read_dir(fixtures).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), playground.path("model").join(entry.file_name())).unwrap();
    }
    playground
}

fn inspect(playground: &Playground, args: &[&str]) -> Said {
    playground.olive(&[&["onnx", "inspect"], args].concat())
}

#[test]
fn a_model_is_told_in_eighty_columns() {
    let playground = playground();
    let said = inspect(&playground, &["@/model/model.onnx", "--nodes", "--weights"]);
    said.check(
        0,
        &[
            "  producer    onnxruntime-genai ",
            "  IR version  ",
            "\ninputs: ",
            "\n  input_ids",
            "INT64 [batch_size, sequence_length]\n",
            "\noutputs: ",
            "com.microsoft.MatMulNBits × ",
            "\nall weights\n",
            "\nfiles\n  model.onnx ",
            "\nnodes of graph 0\n      0  ",
        ],
    );
    let long = said.out.lines().find(|line| line.chars().count() > 80);
    assert_eq!(long.filter(|line| !line.contains("model `")), None);
}

#[test]
fn a_folder_is_told_like_its_file_and_long_lists_are_short() {
    let playground = playground();
    let (file, folder) =
        (inspect(&playground, &["@/model/model.onnx"]), inspect(&playground, &["@/model"]));
    folder.check(0, &["\nlargest weights\n"]);
    assert!(!folder.out.contains("nodes of graph") && !folder.out.contains("all weights"));
    let below = |said: &Said| said.out.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(below(&file), below(&folder));
}

#[test]
fn programs_get_the_view() {
    let playground = playground();
    let said = inspect(&playground, &["@/model", "--json"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let line: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(line["event"], "graph");
    let graph = &line["view"]["graph"];
    assert_eq!(graph["inputs"][0]["name"], "input_ids");
    assert_eq!(graph["nodes"][0]["id"], 0);
}

#[test]
fn what_is_no_graph_is_one_sentence() {
    let playground = playground();
    let whole = fs::read(playground.path("model/model.onnx")).unwrap();
    fs::write(playground.path("model/cut.onnx"), &whole[..whole.len() / 2]).unwrap();
    playground.write("model/text.onnx", "a text");
    playground.write("model/empty.onnx", "");
    let rows = [
        ("@/model/cut.onnx", "cut.onnx` is not an ONNX graph"),
        ("@/model/text.onnx", "text.onnx` is not an ONNX graph"),
        ("@/model/empty.onnx", "empty.onnx` has no graph"),
    ];
    for (file, sentence) in rows {
        inspect(&playground, &[file]).check(20, &[sentence]);
    }
    inspect(&playground, &["@/nowhere"]).check(13, &["does not exist"]);
    inspect(&playground, &["@/base"]).check(2, &["is a model of type HfModel"]);
}

#[test]
fn a_graph_is_shown_without_the_file_of_its_weights() {
    let playground = playground();
    fs::remove_file(playground.path("model/model.onnx.data")).unwrap();
    let said = inspect(&playground, &["@/model/model.onnx"]);
    said.check(0, &["operators", "model.onnx.data  missing"]);
    fs::write(playground.path("model/model.onnx.data"), "cut").unwrap();
    let said = inspect(&playground, &["@/model/model.onnx"]);
    said.check(20, &["is no sound model"]);
}

#[test]
fn without_a_plugin_for_graphs_that_is_said() {
    let playground = Playground::new();
    playground.write("model.onnx", "");
    inspect(&playground, &["@/model.onnx"]).check(12, &["no installed plugin shows ONNX graphs"]);
}

#[test]
fn a_graph_of_twenty_thousand_nodes_passes_the_channel() {
    let playground = playground();
    let mut nodes = Vec::new();
    for index in 0..20_000 {
        let mut node = Vec::new();
        field(&mut node, 1, format!("value_number_{index}").as_bytes());
        field(&mut node, 2, format!("value_number_{}", index + 1).as_bytes());
        field(&mut node, 3, format!("/model/layers/{index}/Neg").as_bytes());
        field(&mut node, 4, b"Neg");
        field(&mut nodes, 1, &node);
    }
    let mut input = Vec::new();
    field(&mut input, 1, b"value_number_0");
    field(&mut nodes, 11, &input);
    let mut model = Vec::new();
    field(&mut model, 7, &nodes);
    fs::write(playground.path("large.onnx"), model).unwrap();
    inspect(&playground, &["@/large.onnx"]).check(0, &["20,000 nodes", "Neg × 20,000"]);
}

/// Appends a protobuf field of bytes: key, length, content.
fn field(message: &mut Vec<u8>, number: u8, content: &[u8]) {
    message.push(number << 3 | 2);
    let mut length = content.len();
    while length > 127 {
        message.push(u8::try_from(length % 128).unwrap() | 128);
        length /= 128;
    }
    message.push(u8::try_from(length).unwrap());
    message.extend_from_slice(content);
}

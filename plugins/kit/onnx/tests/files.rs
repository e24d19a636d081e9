//! Graph files and external data, against models written by ONNX's own library and in round trips.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::path::{Path, PathBuf};

use olive_kit_onnx::proto::tensor_proto::DataType;
use olive_kit_onnx::proto::{ModelProto, TensorProto};
use olive_kit_onnx::{
    ExternalDataWriter, GraphBuilder, Node, OnnxError, read_model, tensor_bytes, write_model,
};
use olive_kit_testing::file_names;

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/fixtures/builder");

#[test]
fn models_of_onnxs_own_library_are_written_back_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    for path in reference_models() {
        let model = read_model(&path).unwrap();
        assert!(!model.graph.as_ref().unwrap().node.is_empty());
        let copy = folder.path().join("model.onnx");
        write_model(&model, &copy).unwrap();
        assert!(std::fs::read(&path).unwrap() == std::fs::read(&copy).unwrap(), "{path:?}");
    }
}

#[test]
fn external_data_of_onnxs_own_library_is_read_to_the_last_byte() {
    for path in reference_models() {
        let folder = path.parent().unwrap();
        let graph = read_model(&path).unwrap().graph.unwrap();
        let bytes = graph.initializer.iter().map(|tensor| tensor_bytes(tensor, folder).unwrap());
        let data = std::fs::read(folder.join("model.onnx.data")).unwrap();
        assert!(bytes.flatten().eq(data), "{path:?}");
    }
}

#[test]
fn tensors_come_back_from_external_data() {
    let folder = tempfile::tempdir().unwrap();
    let mut data = ExternalDataWriter::create(folder.path(), "m.onnx.data").unwrap();
    let values: Vec<f32> = (0_u16..10_000).map(f32::from).collect();
    let mut floats = data.tensor("floats", DataType::Float, &[100, 100]);
    floats.write_floats(&values).unwrap();
    let floats = floats.finish().unwrap();
    let mut codes = data.tensor("codes", DataType::Uint8, &[3]);
    codes.write(&[1]).unwrap();
    codes.write(&[2, 3]).unwrap();
    let codes = codes.finish().unwrap();
    assert_eq!(file_names(folder.path()), ["m.onnx.data.partial"]);
    data.finish().unwrap();
    assert_eq!(file_names(folder.path()), ["m.onnx.data"]);

    let back = tensor_bytes(&floats, folder.path()).unwrap();
    assert!(
        back.iter().eq(&values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())
    );
    assert_eq!(tensor_bytes(&codes, folder.path()).unwrap(), [1, 2, 3]);
}

#[test]
fn unfinished_external_data_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut data = ExternalDataWriter::create(folder.path(), "m.onnx.data").unwrap();
    data.tensor("codes", DataType::Uint8, &[1]).write(&[1]).unwrap();
    drop(data);
    assert!(file_names(folder.path()).is_empty());
}

#[test]
fn a_tensor_of_the_wrong_length_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut data = ExternalDataWriter::create(folder.path(), "m.onnx.data").unwrap();
    let mut tensor = data.tensor("scales", DataType::Float, &[2, 3]);
    tensor.write_floats(&[1.0; 5]).unwrap();
    let message = tensor.finish().unwrap_err().to_string();
    assert_eq!(message, "tensor `scales` takes 24 bytes but has 20");
}

#[test]
fn external_data_is_not_followed_out_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    for location in ["../secret", "/etc/passwd", ""] {
        let mut tensor = external_tensor(folder.path());
        tensor.external_data[0].value = Some(location.to_owned());
        let error = tensor_bytes(&tensor, folder.path()).unwrap_err();
        assert!(matches!(error, OnnxError::ExternalData { key: "location", .. }), "{location}");
    }
}

#[test]
fn truncated_external_data_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let tensor = external_tensor(folder.path());
    std::fs::write(folder.path().join("m.onnx.data"), [0; 3]).unwrap();
    let error = tensor_bytes(&tensor, folder.path()).unwrap_err();
    assert!(matches!(error, OnnxError::TensorLength { expected: 4, actual: 3, .. }), "{error}");
}

#[test]
fn a_file_that_is_no_graph_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    std::fs::write(&path, b"not a graph").unwrap();
    assert!(matches!(read_model(&path).unwrap_err(), OnnxError::Decode { .. }));
}

#[test]
fn a_graph_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut graph = GraphBuilder::new("main_graph");
    graph.input("x", DataType::Float, &["n".into(), 4.into()]);
    graph.output("y", DataType::Float, &["n".into(), 4.into()]);
    let node = Node::new("Gelu", "gelu").domain(Node::MICROSOFT).inputs(["x"]).outputs(["y"]);
    graph.node(node.attribute("axis", -1).attribute("epsilon", 1e-5).attribute("perm", vec![1, 0]));
    let graph = Some(graph.finish(vec![external_tensor(folder.path())]));
    let model = ModelProto { ir_version: Some(10), graph, ..ModelProto::default() };
    let path = folder.path().join("model.onnx");
    write_model(&model, &path).unwrap();
    assert_eq!(read_model(&path).unwrap(), model);
    assert_eq!(file_names(folder.path()), ["m.onnx.data", "model.onnx"]);
}

fn reference_models() -> Vec<PathBuf> {
    let folders = std::fs::read_dir(MODELS).unwrap();
    let paths = folders.map(|entry| entry.unwrap().path().join("model.onnx"));
    // Of some only the graph is kept.
    let models: Vec<_> = paths.filter(|path| path.with_extension("onnx.data").is_file()).collect();
    assert!(models.len() >= 7);
    models
}

fn external_tensor(folder: &Path) -> TensorProto {
    let mut data = ExternalDataWriter::create(folder, "m.onnx.data").unwrap();
    let mut tensor = data.tensor("t", DataType::Uint8, &[4]);
    tensor.write(&[1, 2, 3, 4]).unwrap();
    let tensor = tensor.finish().unwrap();
    data.finish().unwrap();
    tensor
}

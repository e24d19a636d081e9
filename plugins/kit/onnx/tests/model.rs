//! Models under edit: opened, checked, changed and written, with their weights by reference.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use olive_kit_onnx::proto::tensor_proto::{DataLocation, DataType};
use olive_kit_onnx::proto::{
    GraphProto, ModelProto, NodeProto, StringStringEntryProto, TensorProto,
};
use olive_kit_onnx::{
    DataPolicy, Dim, GraphBuilder, MakeWeight, Model, Node, OnnxError, raw_tensor, sort,
    write_model,
};
use olive_kit_testing::file_names;
use tempfile::TempDir;

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tests/fixtures/builder");

const INLINE: DataPolicy = DataPolicy {
    is_external: false,
    one_file: true,
    file_name: None,
    threshold_bytes: 1024,
    attributes: false,
};

#[test]
fn reference_models_are_written_back_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let policy = DataPolicy { is_external: true, threshold_bytes: 0, ..INLINE };
    for path in reference_models() {
        let model = Model::open(&path).unwrap();
        assert!(model.check().is_empty(), "{path:?}: {:?}", model.check());
        let copy = folder.path().join("model.onnx");
        write(&model, &copy, &policy).unwrap();
        assert!(same(&path, &copy), "{path:?}");
        assert!(same(&data_of(&path), &data_of(&copy)), "{path:?}");
    }
}

#[test]
fn weights_go_into_the_graph_and_out_again() {
    let folder = tempfile::tempdir().unwrap();
    let (inside, again, outside) =
        (folder.path().join("i.onnx"), folder.path().join("a.onnx"), folder.path().join("o.onnx"));
    for path in reference_models() {
        write(&Model::open(&path).unwrap(), &inside, &INLINE).unwrap();
        let model = Model::open(&inside).unwrap();
        write(&model, &again, &INLINE).unwrap();
        assert!(same(&inside, &again), "{path:?}");
        let policy = DataPolicy { is_external: true, threshold_bytes: 0, ..INLINE };
        write(&model, &outside, &policy).unwrap();
        assert!(same(&data_of(&path), &data_of(&outside)), "{path:?}");
    }
}

#[test]
fn what_is_written_by_pieces_is_what_is_encoded_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let mut typed = tensor("typed", DataType::Float, &[2]);
    typed.float_data = vec![1.0, 2.0];
    typed.doc_string = Some("numbers of a field of their own".to_owned());
    let mut raw = raw_tensor("raw", DataType::Int8, &[3], vec![1, 2, 3]);
    raw.doc_string = Some("raw".to_owned());
    let mut graph = identity(&[typed, raw, raw_tensor("none", DataType::Float, &[0], vec![])]);
    graph.doc_string = Some("a graph".to_owned());
    let mut model = ModelProto { ir_version: Some(10), graph: Some(graph), ..Default::default() };
    model.set_opset("", 21);
    model.set_metadata("key", "value");
    write_model(&model, &path).unwrap();
    let copy = folder.path().join("copy.onnx");
    write(&Model::open(&path).unwrap(), &copy, &INLINE).unwrap();
    assert!(same(&path, &copy));
}

#[test]
fn each_field_of_numbers_is_read() {
    let read = |dtype, dims: &[i64], fill: &dyn Fn(&mut TensorProto)| {
        let mut tensor = tensor("t", dtype, dims);
        fill(&mut tensor);
        olive_kit_onnx::tensor_bytes(&tensor, Path::new("")).unwrap()
    };
    let halves = [0x80, 0x3f, 0x00, 0xc0];
    assert_eq!(read(DataType::Float, &[1], &|t| t.float_data = vec![1.0]), [0, 0, 0x80, 0x3f]);
    assert_eq!(read(DataType::Complex64, &[1], &|t| t.float_data = vec![0.0, 0.0]), [0; 8]);
    assert_eq!(read(DataType::Double, &[1], &|t| t.double_data = vec![0.0]), [0; 8]);
    assert_eq!(read(DataType::Int64, &[1], &|t| t.int64_data = vec![-1]), [255; 8]);
    assert_eq!(
        read(DataType::Uint64, &[1], &|t| t.uint64_data = vec![3]),
        [3, 0, 0, 0, 0, 0, 0, 0]
    );
    assert_eq!(read(DataType::Uint32, &[1], &|t| t.uint64_data = vec![3]), [3, 0, 0, 0]);
    assert_eq!(read(DataType::Int32, &[1], &|t| t.int32_data = vec![-2]), [254, 255, 255, 255]);
    assert_eq!(read(DataType::Int16, &[1], &|t| t.int32_data = vec![-2]), [254, 255]);
    let bits = &|t: &mut TensorProto| t.int32_data = vec![0x3f80, 0xc000];
    assert_eq!(read(DataType::Bfloat16, &[2], bits), halves);
    assert_eq!(read(DataType::Bool, &[2], &|t| t.int32_data = vec![1, 0]), [1, 0]);
    assert_eq!(read(DataType::Int8, &[1], &|t| t.int32_data = vec![-1]), [255]);
    assert_eq!(read(DataType::Uint4, &[3], &|t| t.int32_data = vec![0x21, 3]), [0x21, 3]);
    assert_eq!(read(DataType::Int4, &[3], &|t| t.raw_data = Some(vec![1, 2].into())), [1, 2]);
}

#[test]
fn offset_and_length_of_external_data_may_be_left_out() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("data"), [1, 2, 3, 4, 5, 6]).unwrap();
    let read = |entries: &[(&str, &str)]| {
        let tensor = external("t", &[4], entries);
        olive_kit_onnx::tensor_bytes(&tensor, folder.path()).map_err(|error| error.to_string())
    };
    assert_eq!(read(&[("location", "data")]).unwrap(), [1, 2, 3, 4]);
    assert_eq!(read(&[("location", "./data"), ("offset", "1")]).unwrap(), [2, 3, 4, 5]);
    assert_eq!(read(&[("location", "data"), ("offset", "2"), ("length", "4")]).unwrap()[3], 6);
    let error = read(&[("location", "data"), ("offset", "3")]).unwrap_err();
    assert_eq!(error, "tensor `t` takes 4 bytes but has 3");
    let error = read(&[("location", "data"), ("offset", "-1")]).unwrap_err();
    assert_eq!(error, "external data of tensor `t` has offset `-1`");
    let error = read(&[("location", "."), ("offset", "0")]).unwrap_err();
    assert_eq!(error, "external data of tensor `t` has location `.`");
}

#[cfg(unix)]
#[test]
fn links_that_lead_out_of_the_folder_are_not_followed() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(other.path().join("secret"), [0; 4]).unwrap();
    std::fs::write(folder.path().join("real"), [7; 4]).unwrap();
    std::os::unix::fs::symlink(other.path().join("secret"), folder.path().join("out")).unwrap();
    std::os::unix::fs::symlink("real", folder.path().join("in")).unwrap();
    let read = |name| {
        let tensor = external("t", &[4], &[("location", name)]);
        olive_kit_onnx::tensor_bytes(&tensor, folder.path())
    };
    assert_eq!(read("in").unwrap(), [7; 4]);
    assert!(matches!(read("out").unwrap_err(), OnnxError::LinkOut { .. }));
}

#[test]
fn each_thing_wrong_with_a_graph_is_one_sentence() {
    let weight = |name| raw_tensor(name, DataType::Float, &[1], vec![0; 4]);
    let node = |name: &str, inputs: &[&str], output: &str| {
        Node::new("Add", name).inputs(inputs.iter().copied()).outputs([output])
    };
    let rows: [(&str, Vec<Node>, Vec<TensorProto>); 7] = [
        (
            "node `a` takes `gone`, which nothing makes",
            vec![node("a", &["x", "gone"], "y")],
            vec![],
        ),
        ("the output `y` of graph `g` is made by nothing", vec![], vec![]),
        (
            "the value `y` is made twice",
            vec![node("a", &["x", "x"], "y"), node("b", &["x", "x"], "y")],
            vec![],
        ),
        (
            "node `a` needs its own output",
            vec![node("a", &["x", "z"], "y"), node("b", &["y", "y"], "z")],
            vec![],
        ),
        (
            "the value `w` is made twice",
            vec![node("a", &["x", "w"], "y")],
            vec![weight("w"), weight("w")],
        ),
        (
            "tensor `w` takes 8 bytes but has 4",
            vec![node("a", &["x", "w"], "y")],
            vec![raw_tensor("w", DataType::Float, &[2], vec![0; 4])],
        ),
        (
            "external data of tensor `w` has location `../w`",
            vec![node("a", &["x", "w"], "y")],
            vec![external("w", &[4], &[("location", "../w")])],
        ),
    ];
    for (expected, nodes, weights) in rows {
        let mut graph = builder();
        for node in nodes {
            graph.node(node);
        }
        let model = Model::new(ModelProto::default(), graph.finish(weights));
        let found: Vec<_> = model.check().iter().map(ToString::to_string).collect();
        assert_eq!(found, [expected]);
    }
}

#[test]
fn files_that_are_no_models_are_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let open = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        Model::open(&path).unwrap_err()
    };
    assert!(matches!(open(b""), OnnxError::NoGraph { .. }));
    assert!(matches!(open(&[8, 10]), OnnxError::NoGraph { .. }));
    assert!(matches!(open(b"no graph"), OnnxError::Decode { .. }));
    let whole = std::fs::read(&reference_models()[0]).unwrap();
    assert!(matches!(open(&whole[..whole.len() / 2]), OnnxError::Decode { .. }));
    let mut deep = identity(&[]);
    for _ in 0..200 {
        let mut graph = builder();
        graph.node(Node::new("If", "if").inputs(["x"]).outputs(["y"]).attribute("then", deep));
        deep = graph.finish(vec![]);
    }
    let model = ModelProto { graph: Some(deep), ..ModelProto::default() };
    write_model(&model, &path).unwrap();
    assert!(matches!(Model::open(&path).unwrap_err(), OnnxError::Decode { .. }));
}

#[test]
fn graphs_inside_see_what_is_around_them() {
    let mut inner = GraphBuilder::new("inner");
    inner.output("inner_y", DataType::Float, &["n".into()]);
    inner.node(Node::new("Add", "add").inputs(["x", "late"]).outputs(["inner_y"]));
    let mut graph = builder();
    let branch = Node::new("If", "if").inputs(["x"]).outputs(["y"]);
    graph.node(branch.attribute("then_branch", inner.finish(vec![])));
    graph.node(Node::new("Neg", "neg").inputs(["x"]).outputs(["late"]));
    let mut graph = graph.finish(vec![]);
    let model = Model::new(ModelProto::default(), graph.clone());
    assert!(model.check().is_empty());
    sort(&mut graph).unwrap();
    let names: Vec<_> = graph.node.iter().map(NodeProto::name).collect();
    assert_eq!(names, ["neg", "if"]);
    olive_kit_onnx::rename_value(&mut graph, "late", "early");
    assert_eq!(graph.node[1].attribute[0].g.as_ref().unwrap().node[0].input, ["x", "early"]);
}

#[test]
fn weights_go_where_the_policy_says() {
    let folder = tempfile::tempdir().unwrap();
    let constant = raw_tensor("", DataType::Int8, &[8], vec![9; 8]);
    let mut graph = builder();
    graph.node(Node::new("Constant", "c").outputs(["c"]).attribute("value", constant));
    graph.node(Node::new("Sum", "s").inputs(["x", "a/b", "small", "c"]).outputs(["y"]));
    let graph = graph.finish(vec![
        raw_tensor("a/b", DataType::Int8, &[4], vec![1; 4]),
        raw_tensor("small", DataType::Int8, &[1], vec![2]),
    ]);
    let model = Model::new(ModelProto::default(), graph);
    let external = DataPolicy { is_external: true, threshold_bytes: 4, ..INLINE };
    let named = DataPolicy { file_name: Some("d".to_owned()), ..external.clone() };
    let apart = DataPolicy { one_file: false, ..external.clone() };
    let attributes = DataPolicy { attributes: true, ..external.clone() };
    let rows = [
        (INLINE, vec![("m.onnx", None)]),
        (external, vec![("m.onnx", None), ("m.onnx.data", Some(4))]),
        (attributes, vec![("m.onnx", None), ("m.onnx.data", Some(12))]),
        (named, vec![("d", Some(4)), ("m.onnx", None)]),
        (apart, vec![("a_b", Some(4)), ("m.onnx", None)]),
    ];
    for (policy, files) in rows {
        let folder = TempDir::new_in(folder.path()).unwrap();
        write(&model, &folder.path().join("m.onnx"), &policy).unwrap();
        let names: Vec<_> = files.iter().map(|(name, _)| *name).collect();
        assert_eq!(file_names(folder.path()), names, "{policy:?}");
        for &(name, size) in &files {
            let length = std::fs::metadata(folder.path().join(name)).unwrap().len();
            assert!(size.is_none_or(|size| size == length), "{name}: {length}");
        }
        let back = Model::open(&folder.path().join("m.onnx")).unwrap();
        assert!(back.check().is_empty());
        let alike = TempDir::new_in(folder.path()).unwrap();
        let written = alike.path().join("m.onnx");
        back.write_alike(&written, &mut |_, _| ControlFlow::Continue(())).unwrap();
        for name in file_names(alike.path()) {
            assert!(same(&folder.path().join(&name), &alike.path().join(&name)), "{name}");
        }
        assert_eq!(file_names(alike.path()).len(), files.len(), "{policy:?}");
        assert_eq!(*back.bytes(back.weight("a/b").unwrap()).unwrap(), [1; 4]);
        assert_eq!(
            *back.data().bytes(back.graph.node[0].tensor("value").unwrap()).unwrap(),
            [9; 8]
        );
    }
}

#[test]
fn made_weights_are_written_like_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.onnx");
    let mut model = Model::new(ModelProto::default(), identity(&[]));
    model.add_made("made", DataType::Uint8, &[6], Arc::new(Counting(6)));
    for is_external in [false, true] {
        write(&model, &path, &DataPolicy { is_external, threshold_bytes: 0, ..INLINE }).unwrap();
        let back = Model::open(&path).unwrap();
        assert_eq!(*back.bytes(back.weight("made").unwrap()).unwrap(), [0, 1, 2, 3, 4, 5]);
    }
    model.add_made("made", DataType::Uint8, &[7], Arc::new(Counting(6)));
    let error = write(&model, &path, &INLINE).unwrap_err();
    assert_eq!(error.to_string(), "tensor `made` takes 7 bytes but has 6");
}

#[test]
fn a_stopped_writing_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.onnx");
    let model = Model::open(&reference_models()[0]).unwrap();
    for is_external in [false, true] {
        let policy = DataPolicy { is_external, ..INLINE };
        let error = model.write(&path, &policy, &mut |_, _| ControlFlow::Break(())).unwrap_err();
        assert!(matches!(error, OnnxError::Stopped));
        assert!(file_names(folder.path()).is_empty());
    }
}

/// A weight of the bytes 0, 1, 2 and so on.
#[derive(Debug)]
struct Counting(u8);

impl MakeWeight for Counting {
    fn make(&self, piece: &mut dyn FnMut(&[u8]) -> Result<(), OnnxError>) -> Result<(), OnnxError> {
        (0..self.0).try_for_each(|byte| piece(&[byte]))
    }
}

fn write(model: &Model, path: &Path, policy: &DataPolicy) -> Result<(), OnnxError> {
    model.write(path, policy, &mut |_, _| ControlFlow::Continue(()))
}

fn reference_models() -> Vec<PathBuf> {
    let folders = std::fs::read_dir(MODELS).unwrap();
    let paths = folders.map(|entry| entry.unwrap().path().join("model.onnx"));
    let models: Vec<_> = paths.filter(|path| data_of(path).is_file()).collect();
    assert!(models.len() >= 7);
    models
}

fn data_of(path: &Path) -> PathBuf {
    path.with_extension("onnx.data")
}

fn same(one: &Path, other: &Path) -> bool {
    std::fs::read(one).unwrap() == std::fs::read(other).unwrap()
}

fn builder() -> GraphBuilder {
    let shape: [Dim; 1] = ["n".into()];
    let mut graph = GraphBuilder::new("g");
    graph.input("x", DataType::Float, &shape);
    graph.output("y", DataType::Float, &shape);
    graph
}

fn identity(weights: &[TensorProto]) -> GraphProto {
    let mut graph = builder();
    graph.node(Node::new("Identity", "id").inputs(["x"]).outputs(["y"]));
    graph.finish(weights.to_vec())
}

fn tensor(name: &str, dtype: DataType, dims: &[i64]) -> TensorProto {
    let mut tensor = raw_tensor(name, dtype, dims, vec![]);
    tensor.raw_data = None;
    tensor
}

fn external(name: &str, dims: &[i64], entries: &[(&str, &str)]) -> TensorProto {
    let entry = |&(key, value): &(&str, &str)| StringStringEntryProto {
        key: Some(key.to_owned()),
        value: Some(value.to_owned()),
    };
    TensorProto {
        external_data: entries.iter().map(entry).collect(),
        data_location: Some(DataLocation::External.into()),
        ..tensor(name, DataType::Uint8, dims)
    }
}

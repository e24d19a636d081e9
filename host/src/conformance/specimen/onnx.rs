//! An ONNX graph of one node, `y = Identity(x)`: the least that a runtime loads.

use std::fs;
use std::io;
use std::path::Path;

use olive_schemas::model::{Model, ModelKind};

/// Number of the element type f32.
const FLOAT: u8 = 1;

/// Writes the file into `folder`.
pub(super) fn write(folder: &Path) -> io::Result<Model> {
    fs::write(folder.join("model.onnx"), model())?;
    let name = Some("model.onnx".into());
    Ok(Model { onnx_file_name: name, ..Model::new(ModelKind::Onnx, folder) })
}

/// `ModelProto`: version 8 of the format, the graph, version 17 of the operators.
fn model() -> Vec<u8> {
    let mut bytes = varint(1, 8);
    bytes.extend(field(7, &graph()));
    bytes.extend(field(8, &[field(1, b""), varint(2, 17)].concat()));
    bytes
}

/// `GraphProto` with its node, its input and its output.
fn graph() -> Vec<u8> {
    let node = [field(1, b"x"), field(2, b"y"), field(4, b"Identity")].concat();
    [field(1, &node), field(2, b"identity"), field(11, &value(b"x")), field(12, &value(b"y"))]
        .concat()
}

/// `ValueInfoProto` of a tensor with one f32.
fn value(name: &[u8]) -> Vec<u8> {
    let shape = field(1, &varint(1, 1));
    let tensor = [varint(1, FLOAT), field(2, &shape)].concat();
    [field(1, name), field(2, &field(1, &tensor))].concat()
}

/// A protobuf field of bytes; all here are shorter than 128.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    bytes.extend(u8::try_from(content.len()));
    bytes.extend(content);
    bytes
}

/// A protobuf field with a number below 128.
fn varint(number: u8, value: u8) -> Vec<u8> {
    vec![number << 3, value]
}

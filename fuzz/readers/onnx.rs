//! No graph makes its reader panic, and what is read is written back the same.
//!
//! The graph lies beside a file of 16 bytes, `data`, for its external data.

use std::fs;

use olive_kit_onnx::{read_model, tensor_bytes, write_model};

use crate::{check_words, file, folder};

/// Reads `input` and the tensors in it.
///
/// # Panics
/// When a graph is not written back the same.
pub fn read(input: &[u8]) {
    let folder = folder();
    let path = file(&folder, "model.onnx", input);
    file(&folder, "data", &[7; 16]);
    let model = match read_model(&path) {
        Ok(model) => model,
        Err(error) => return check_words(&error),
    };
    for tensor in model.graph.iter().flat_map(|graph| &graph.initializer) {
        if let Err(error) = tensor_bytes(tensor, folder.path()) {
            check_words(&error);
        }
    }
    let copies = ["one", "two"].map(|name| folder.path().join(name));
    write_model(&model, &copies[0]).expect("a graph that was read can be written");
    let again = read_model(&copies[0]).expect("a graph that was written can be read");
    write_model(&again, &copies[1]).expect("a graph that was read can be written");
    let [one, two] = copies.map(|path| fs::read(path).expect("a file can be read"));
    assert_eq!(one, two);
}

//! No graph makes its reader panic, and what is read is written back the same.
//!
//! The graph lies beside a file of 16 bytes, `data`, for its external data.

use std::fs;
use std::ops::ControlFlow;

use olive_kit_onnx::{DataPolicy, Model, read_model, sort, write_model};

use crate::{check_words, file, folder};

/// Reads `input` and the tensors in it, and writes it anew.
///
/// # Panics
/// When a graph is not written back the same, or one without problems is another when it was edited.
pub fn read(input: &[u8]) {
    let folder = folder();
    let path = file(&folder, "model.onnx", input);
    file(&folder, "data", &[7; 16]);
    let model = match read_model(&path) {
        Ok(model) => model,
        Err(error) => return check_words(&error),
    };
    let copies = ["one", "two"].map(|name| folder.path().join(name));
    write_model(&model, &copies[0]).expect("a graph that was read can be written");
    let again = read_model(&copies[0]).expect("a graph that was written can be read");
    write_model(&again, &copies[1]).expect("a graph that was read can be written");
    let [one, two] = copies.map(|path| fs::read(path).expect("a file can be read"));
    assert_eq!(one, two);
    match Model::open(&path) {
        Ok(model) => edit(&model, &folder),
        Err(error) => check_words(&error),
    }
}

/// Checks and sorts `model`, and writes it with its weights inside and beside it.
fn edit(model: &Model, folder: &tempfile::TempDir) {
    for weight in &model.graph.initializer {
        if let Err(error) = model.bytes(weight) {
            check_words(&error);
        }
    }
    let problems = model.check();
    for problem in &problems {
        check_words(problem);
    }
    let mut sorted = model.clone();
    if sort(&mut sorted.graph).is_err() {
        assert!(!problems.is_empty());
    }
    for is_external in [false, true] {
        let policy = DataPolicy {
            is_external,
            one_file: true,
            file_name: None,
            threshold_bytes: 8,
            attributes: is_external,
        };
        let path = folder.path().join("edited.onnx");
        let written = sorted.write(&path, &policy, &mut |_, _| ControlFlow::Continue(()));
        match written.and_then(|()| Model::open(&path)) {
            Ok(again) => assert_eq!(again.check().is_empty(), problems.is_empty()),
            Err(error) => {
                assert!(!problems.is_empty(), "{error}");
                check_words(&error);
            }
        }
    }
}

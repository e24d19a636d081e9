//! No GGUF file makes its reader or the pass that imports it panic.

use std::path::Path;

use olive_kit_gguf::Gguf;
use olive_plugin_api::testing::{Recorder, TestStep, run_pass};
use olive_plugin_api::{Model, ModelKind};
use olive_plugin_import::ImportGguf;
use serde_json::json;

use crate::{check_words, file, folder};

/// Reads `input` to the last value, then imports it.
///
/// # Panics
/// When a tensor has not as many values as its shape says.
pub fn read(input: &[u8]) {
    let folder = folder();
    let path = file(&folder, "model.gguf", input);
    match Gguf::open(&path) {
        Ok(gguf) => read_rows(&gguf),
        Err(error) => return check_words(&error),
    }
    import(&path);
}

fn read_rows(gguf: &Gguf) {
    for name in gguf.tensor_names() {
        let tensor = gguf.tensor(name).expect("a tensor that is listed");
        for row in [0, tensor.num_rows().saturating_sub(1)] {
            let rows = row..(row + 1).min(tensor.num_rows());
            let count = rows.len() * tensor.row_len();
            match gguf.rows(tensor, rows) {
                Ok(values) => assert_eq!(values.len(), count, "{name}"),
                Err(error) => check_words(&error),
            }
        }
    }
}

fn import(path: &Path) {
    let input = Model::new(ModelKind::Gguf, path);
    let step = TestStep::pass::<ImportGguf>(input, json!({}));
    if let Err(error) = run_pass::<ImportGguf>(&step, &Recorder::default()) {
        assert_ne!(error.code, "panic", "{error}");
        check_words(&error);
    }
}

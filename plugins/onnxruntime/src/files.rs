//! The files of an ONNX model.

use std::path::{Path, PathBuf};

use olive_kit_onnx::{Model as Graph, data_files};
use olive_plugin_api::Model;

use crate::error::OnnxError;
use crate::genai_config::GenaiConfig;

/// The graph of `model`: the file the model names, else the one of its `genai_config.json`.
pub(crate) fn graph_path(model: &Model, config: &GenaiConfig) -> PathBuf {
    let named = model.onnx_file_name.as_deref();
    model.model_path.join(named.unwrap_or(&config.model.decoder.filename))
}

/// The graph at `path` and the files that hold its external data, in order of their names.
///
/// # Errors
/// When the graph cannot be read.
pub(crate) fn weight_files(path: &Path) -> Result<Vec<PathBuf>, OnnxError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let data = data_files(&Graph::open(path)?.graph).into_iter().map(|name| folder.join(name));
    Ok([path.to_path_buf()].into_iter().chain(data).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::weight_files;

    #[test]
    fn external_data_lies_beside_the_graph() {
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/builder");
        let folder = Path::new(fixtures).join("tiny-phi3-longrope-fp32");
        let files = weight_files(&folder.join("model.onnx")).unwrap();
        assert_eq!(files, [folder.join("model.onnx"), folder.join("model.onnx.data")]);
    }
}

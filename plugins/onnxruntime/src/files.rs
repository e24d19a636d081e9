//! The files of an ONNX model.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use olive_kit_onnx::proto::{GraphProto, TensorProto};
use olive_kit_onnx::read_model;
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
    let graph = read_model(path)?.graph.unwrap_or_default();
    let mut locations = BTreeSet::new();
    external_data(&graph, &mut locations);
    let folder = path.parent().unwrap_or(Path::new(""));
    let data = locations.into_iter().map(|location| folder.join(location));
    Ok([path.to_path_buf()].into_iter().chain(data).collect())
}

/// Gathers where the tensors of `graph`, and of the graphs inside its nodes, are.
fn external_data(graph: &GraphProto, locations: &mut BTreeSet<String>) {
    let attributes = graph.node.iter().flat_map(|node| &node.attribute);
    let constants =
        attributes.clone().flat_map(|attribute| attribute.t.iter().chain(&attribute.tensors));
    locations.extend(graph.initializer.iter().chain(constants).filter_map(location));
    for inner in attributes.flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs)) {
        external_data(inner, locations);
    }
}

fn location(tensor: &TensorProto) -> Option<String> {
    let entry = tensor.external_data.iter().find(|entry| entry.key() == "location")?;
    Some(entry.value().to_owned())
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

//! The pass `AddOliveMetadata`: a name for the graph, and facts about how it was made.
//!
//! In and out: a folder with an ONNX model. The graph computes what it did; weights stay in files of
//! their own when they were.

use indexmap::IndexMap;
use olive_kit_onnx::{DataPolicy, OnnxError, is_external};
use olive_plugin_api::{Model, ModelKind, Pass, PluginError, StepContext};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::error::RewriteError;
use crate::rewrite::{Folder, graph_paths};

/// Writes a name and facts into an ONNX graph.
#[derive(Debug, Default)]
pub struct AddOliveMetadata;

olive_kit_onnx::settings_with_external_data! {
    /// Settings of the `AddOliveMetadata` pass: a name and facts for an ONNX graph.
    pub struct AddOliveMetadataConfig {
        /// Name of the graph.
        pub graph_name: String,
        /// Facts by name; values that are no text are written as JSON.
        #[serde(default)]
        pub custom_metadata: IndexMap<String, Value>,
        /// Whether facts that passes have left in the model's attributes are written too.
        ///
        /// They are `optimization_passes`, `hf_task` and `quantization_config`.
        #[serde(default = "olive_kit_onnx::settings::yes")]
        pub add_optimization_info: bool,
    }
}

impl Pass for AddOliveMetadata {
    type Config = AddOliveMetadataConfig;

    const NAME: &'static str = "AddOliveMetadata";
    const SUMMARY: &'static str = "Write a name and facts into an ONNX graph.";
    const THREADS_CHANGE_RESULT: bool = false;

    fn accepts() -> &'static [ModelKind] {
        &[ModelKind::Onnx]
    }

    fn produces() -> ModelKind {
        ModelKind::Onnx
    }

    fn run(
        &self,
        input: &Model,
        config: &AddOliveMetadataConfig,
        ctx: &StepContext<'_>,
    ) -> Result<Model, PluginError> {
        let mut folder = Folder::open(input)?;
        let mut weights = folder.graphs.iter().flat_map(|(_, model)| &model.graph.initializer);
        let had_data = weights.any(is_external);
        let threshold_bytes = if config.save_as_external_data { config.size_threshold } else { 0 };
        let policy = DataPolicy {
            is_external: config.save_as_external_data || had_data,
            threshold_bytes,
            ..config.policy()
        };
        for (path, (_, model)) in graph_paths(input)?.iter().zip(&mut folder.graphs) {
            model.graph.name = Some(config.graph_name.clone());
            facts(input, config).for_each(|(key, value)| model.header.set_metadata(&key, &value));
            model.header.set_metadata("model_hash", &digest(path)?);
        }
        Ok(folder.write(input, Some(&policy), ctx)?)
    }
}

/// What is written, in order.
fn facts<'a>(
    input: &'a Model,
    config: &'a AddOliveMetadataConfig,
) -> impl Iterator<Item = (String, String)> + 'a {
    let custom = config.custom_metadata.iter().map(|(key, value)| (key.clone(), text(value)));
    let version = ("olive_version".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
    let name = input.model_attributes.get("_name_or_path");
    let name = name.map(|name| ("hf_model_name".to_owned(), text(name)));
    let known = ["optimization_passes", "hf_task", "quantization_config"];
    let known = known.into_iter().filter(|_| config.add_optimization_info);
    let known =
        known.filter_map(|key| Some((key.to_owned(), text(input.model_attributes.get(key)?))));
    custom.chain([version]).chain(name).chain(known)
}

/// A value as metadata holds it: a list of texts is one text.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// SHA-256 of the graph file that came in, in hexadecimal.
fn digest(path: &std::path::Path) -> Result<String, RewriteError> {
    let copy_error = |source| OnnxError::Copy { path: path.to_owned(), source };
    let mut hasher = Sha256::new();
    let mut file = std::fs::File::open(path).map_err(copy_error)?;
    std::io::copy(&mut file, &mut HashWriter(&mut hasher)).map_err(copy_error)?;
    let digits = hasher.finalize();
    Ok(digits.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}")))
}

/// Hashes what is written.
struct HashWriter<'a>(&'a mut Sha256);

impl std::io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

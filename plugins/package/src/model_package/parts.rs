//! The parts of a model by its `genai_config.json`: which files each has, and what runs it.

use std::path::Path;

use olive_kit_onnx::proto::ModelProto;
use olive_kit_onnx::read_model;
use olive_plugin_api::Candidate;
use serde_json::{Map, Value};

use crate::error::PackageError;
use crate::genai;

/// Endings of files that belong to a graph.
const OF_GRAPHS: [&str; 4] = ["onnx", "bin", "data", "xml"];
/// Names of ONNX Runtime's execution providers, and what `genai_config.json` calls them.
const PROVIDERS: [(&str, &str); 17] = [
    ("CPUExecutionProvider", "CPU"),
    ("CUDAExecutionProvider", "cuda"),
    ("DmlExecutionProvider", "DML"),
    ("WebGpuExecutionProvider", "WebGPU"),
    ("JsExecutionProvider", "JS"),
    ("QNNExecutionProvider", "qnn"),
    ("OpenVINOExecutionProvider", "OpenVINO"),
    ("ROCMExecutionProvider", "rocm"),
    ("TensorrtExecutionProvider", "tensorrt"),
    ("NvTensorRTRTXExecutionProvider", "NvTensorRtRtx"),
    ("XnnpackExecutionProvider", "XNNPACK"),
    ("WebNNExecutionProvider", "WEBNN"),
    ("AzureExecutionProvider", "AZURE"),
    ("VitisAIExecutionProvider", "VitisAI"),
    ("CoreMLExecutionProvider", "CoreML"),
    ("MIGraphXExecutionProvider", "MIGraphX"),
    ("SNPEExecutionProvider", "SNPE"),
];

/// A part of a model, which is a session of its own.
pub(super) struct Part {
    /// Key below `model` of `genai_config.json`: `decoder`.
    pub(super) role: String,
    /// Names of its files, graphs first.
    pub(super) files: Vec<String>,
    /// Execution provider that it is made for.
    pub(super) provider: String,
    /// What the graph says of the devices that it is compiled for.
    pub(super) compatibility: Option<String>,
}

/// The parts of the model that `genai` is about.
pub(super) fn parts(
    genai: &Map<String, Value>,
    candidate: &Candidate,
) -> Result<Vec<Part>, PackageError> {
    let model = genai.get("model").and_then(Value::as_object);
    let model = model.ok_or_else(|| PackageError::Genai { why: "has no `model`".into() })?;
    let mut parts = Vec::new();
    for (role, body) in model.iter().filter(|(_, body)| body.is_object()) {
        let graphs = graphs(body);
        if graphs.is_empty() {
            continue;
        }
        check_name(role)?;
        let mut files: Vec<String> = Vec::new();
        for graph in &graphs {
            if !is_below(graph) || genai::file(candidate, graph).is_none() {
                return Err(PackageError::NoGraph { name: graph.clone() });
            }
            files.push(graph.clone());
        }
        let provider = provider(body);
        let mut compatibility = None;
        for graph in &graphs {
            let Some(file) = genai::file(candidate, graph) else { continue };
            let read = read_model(&file.path)?;
            compatibility = compatibility.or_else(|| compatible(&read, &provider));
            files.extend(companions(graph, &read, candidate));
        }
        let mut distinct: Vec<String> = Vec::new();
        for file in files {
            if !distinct.contains(&file) {
                distinct.push(file);
            }
        }
        parts.push(Part { role: role.clone(), files: distinct, provider, compatibility });
    }
    if parts.is_empty() {
        return Err(PackageError::Genai { why: "names no graph of any part".into() });
    }
    Ok(parts)
}

/// Whether a file of this name belongs to some graph.
pub(super) fn is_of_graph(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| OF_GRAPHS.contains(&ending))
}

/// The bodies of the stages of a part that runs in stages.
pub(super) fn stages(body: &Value) -> impl Iterator<Item = &Value> {
    let pipeline = body.get("pipeline").and_then(Value::as_array).into_iter().flatten();
    pipeline.filter_map(Value::as_object).flat_map(|stage| stage.values())
}

/// Names of the graphs of a part: those of its stages, else its own.
fn graphs(body: &Value) -> Vec<String> {
    let named = |body: &Value| Some(body.get("filename")?.as_str()?.to_owned());
    let staged: Vec<String> = stages(body).filter_map(named).collect();
    if staged.is_empty() { named(body).into_iter().collect() } else { staged }
}

/// Files that go along with a graph: the data it names, and what is called as it is.
fn companions(graph: &str, read: &ModelProto, candidate: &Candidate) -> Vec<String> {
    let (folder, base) =
        graph.rsplit_once('/').map_or(("", graph), |(folder, base)| (folder, base));
    let stem = base.rsplit_once('.').map_or(base, |(stem, _)| stem);
    let data = data_files(read);
    let belongs = |name: &&str| {
        let (beside, own) =
            name.rsplit_once('/').map_or(("", *name), |(folder, own)| (folder, own));
        let rest = own.strip_prefix(stem);
        let is_called_so = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '_']));
        beside == folder
            && own != base
            && (data.iter().any(|data| data == own) || (is_of_graph(own) && is_called_so))
    };
    let names = candidate.files.iter().map(|file| file.name.as_str());
    names.filter(belongs).map(str::to_owned).collect()
}

/// Names of the files that hold weights of the graph.
fn data_files(read: &ModelProto) -> Vec<String> {
    let weights = read.graph.iter().flat_map(|graph| &graph.initializer);
    let entries = weights.flat_map(|weight| &weight.external_data);
    let mut names: Vec<String> = entries
        .filter(|entry| entry.key.as_deref() == Some("location"))
        .filter_map(|entry| entry.value.clone())
        .collect();
    names.sort();
    names.dedup();
    names
}

/// What the graph says of the devices that it is compiled for with `provider`.
fn compatible(read: &ModelProto, provider: &str) -> Option<String> {
    let own = format!("ep_compatibility_info.{provider}");
    let entries = &read.metadata_props;
    let told = entries.iter().find(|entry| entry.key.as_deref() == Some(own.as_str()))?;
    let text = told.value.as_deref()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The first provider of a part that is not the processor's own.
fn provider(body: &Value) -> String {
    let options = std::iter::once(body).chain(stages(body));
    let listed = options.filter_map(|body| body.pointer("/session_options/provider_options"));
    let names = listed.filter_map(Value::as_array).flatten().filter_map(Value::as_object);
    let names = names.flat_map(|entry| entry.keys());
    let known = names.filter_map(|name| {
        PROVIDERS.iter().find(|(_, short)| short.eq_ignore_ascii_case(name)).map(|(full, _)| *full)
    });
    let processor = PROVIDERS[0].0;
    known.into_iter().find(|name| *name != processor).unwrap_or(processor).to_owned()
}

/// Whether `name` stays below the folder that it is looked for in, on every system.
fn is_below(name: &str) -> bool {
    let is_plain = |part: &str| !part.is_empty() && part != ".." && !part.contains([':', '\\']);
    !Path::new(name).is_absolute() && name.split('/').all(is_plain)
}

/// A part's name becomes that of a folder.
fn check_name(role: &str) -> Result<(), PackageError> {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || ".-_ ".contains(c);
    if role.starts_with(['.', ' ']) || !role.chars().all(is_letter) {
        let why = format!("has a part `{role}`, which is no name of a folder");
        return Err(PackageError::Genai { why });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{graphs, is_below, provider};

    #[test]
    fn graphs_of_stages_go_before_that_of_the_part() {
        let staged = json!({"filename": "a.onnx", "pipeline": [{"one": {"filename": "b.onnx"}}]});
        assert_eq!(graphs(&staged), ["b.onnx"]);
        assert_eq!(graphs(&json!({"filename": "a.onnx"})), ["a.onnx"]);
    }

    #[test]
    fn the_provider_is_the_first_that_is_not_the_processor() {
        let of = |options| provider(&json!({"session_options": {"provider_options": options}}));
        assert_eq!(of(json!([])), "CPUExecutionProvider");
        assert_eq!(of(json!([{"cpu": {}}, {"QNN": {}}])), "QNNExecutionProvider");
        let staged =
            json!({"pipeline": [{"a": {"session_options": {"provider_options": [{"cuda": {}}]}}}]});
        assert_eq!(provider(&staged), "CUDAExecutionProvider");
    }

    #[test]
    fn names_that_lead_out_of_the_folder_are_refused() {
        for (name, is_right) in
            [("a.onnx", true), ("d/a.onnx", true), ("../a", false), ("/a", false), ("c:\\a", false)]
        {
            assert_eq!(is_below(name), is_right, "{name}");
        }
    }
}

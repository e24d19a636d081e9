//! The parts of a model by its `genai_config.json`: which files each has, and what runs it.

use std::collections::BTreeMap;
use std::path::Path;

use olive_kit_onnx::proto::ModelProto;
use olive_kit_onnx::{Model, data_files};
use olive_plugin_api::{Candidate, CandidateFile};
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
pub(super) struct Part<'a> {
    /// Key below `model` of `genai_config.json`: `decoder`.
    pub(super) role: String,
    /// Its files by their places in the variant's folder: graphs on top, weights where their graph
    /// looks for them.
    pub(super) files: BTreeMap<String, &'a CandidateFile>,
    /// Execution provider that it is made for.
    pub(super) provider: String,
    /// What the graph says of the devices that it is compiled for.
    pub(super) compatibility: Option<String>,
}

/// The parts of the model that `genai` is about.
pub(super) fn parts<'a>(
    genai: &Map<String, Value>,
    candidate: &'a Candidate,
) -> Result<Vec<Part<'a>>, PackageError> {
    let model = genai.get("model").and_then(Value::as_object);
    let model = model.ok_or_else(|| PackageError::Genai { why: "has no `model`".into() })?;
    let mut parts = Vec::new();
    for (role, body) in model.iter().filter(|(_, body)| body.is_object()) {
        let graphs = graphs(body);
        if !graphs.is_empty() {
            check_name(role)?;
            parts.push(part(role, body, &graphs, candidate)?);
        }
    }
    if parts.is_empty() {
        return Err(PackageError::Genai { why: "names no graph of any part".into() });
    }
    Ok(parts)
}

/// The part called `role`, which runs `graphs`.
fn part<'a>(
    role: &str,
    body: &Value,
    graphs: &[String],
    candidate: &'a Candidate,
) -> Result<Part<'a>, PackageError> {
    let provider = provider(body);
    let mut compatibility = None;
    let mut files = BTreeMap::new();
    for graph in graphs {
        let file = genai::file(candidate, graph).filter(|_| is_below(graph));
        let file = file.ok_or_else(|| PackageError::NoGraph { name: graph.clone() })?;
        let read = Model::open(&file.path)?;
        compatibility = compatibility.or_else(|| compatible(&read.header, &provider));
        add(&mut files, base(graph).to_owned(), file)?;
        for weights in data_files(&read.graph) {
            let name = format!("{}{weights}", folder(graph));
            let file = genai::file(candidate, &name).filter(|_| is_below(&weights));
            let missing =
                || PackageError::NoWeights { graph: graph.clone(), name: weights.clone() };
            add(&mut files, weights.clone(), file.ok_or_else(missing)?)?;
        }
        for file in named_alike(graph, candidate) {
            add(&mut files, base(&file.name).to_owned(), file)?;
        }
    }
    Ok(Part { role: role.to_owned(), files, provider, compatibility })
}

/// Puts `file` at `place`, where no other one may be.
fn add<'a>(
    files: &mut BTreeMap<String, &'a CandidateFile>,
    place: String,
    file: &'a CandidateFile,
) -> Result<(), PackageError> {
    match files.get(&place) {
        Some(other) if other.name != file.name => Err(PackageError::Twice { name: place }),
        Some(_) => Ok(()),
        None => {
            files.insert(place, file);
            Ok(())
        }
    }
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

/// Files beside a graph that are called as it is, such as what it was compiled to.
fn named_alike<'a>(
    graph: &str,
    candidate: &'a Candidate,
) -> impl Iterator<Item = &'a CandidateFile> {
    let stem = base(graph).rsplit_once('.').map_or(base(graph), |(stem, _)| stem);
    candidate.files.iter().filter(move |file| {
        let own = base(&file.name);
        let rest = own.strip_prefix(stem);
        folder(&file.name) == folder(graph)
            && is_of_graph(own)
            && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '_']))
    })
}

/// What comes before the last part of a name, with the `/` at its end.
fn folder(name: &str) -> &str {
    &name[..name.len() - base(name).len()]
}

/// The last part of a name.
fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
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

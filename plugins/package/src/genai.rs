//! What a model's folder says about how it is run: its graph, and `genai_config.json`.

use std::fs;

use olive_plugin_api::{Candidate, CandidateFile};
use serde_json::{Map, Value};

use crate::contents::unread;
use crate::error::PackageError;

/// The file in a model's folder by which it can generate.
pub(crate) const FILE: &str = "genai_config.json";

/// The graph of a model that has several and names none.
const USUAL_GRAPH: &str = "model.onnx";

/// The file of the model called `name`.
pub(crate) fn file<'a>(candidate: &'a Candidate, name: &str) -> Option<&'a CandidateFile> {
    candidate.files.iter().find(|file| file.name == name)
}

/// Name of the graph's file: the one that the model names, its only one, or `model.onnx`.
pub(crate) fn graph_of(candidate: &Candidate) -> Result<String, PackageError> {
    if let Some(name) = &candidate.model.onnx_file_name {
        let found = file(candidate, name).map(|file| file.name.clone());
        return found.ok_or_else(|| PackageError::NoGraph { name: name.clone() });
    }
    let is_graph = |name: &&str| name.rsplit_once('.').is_some_and(|(_, end)| end == "onnx");
    let names = candidate.files.iter().map(|file| file.name.as_str());
    let graphs: Vec<&str> = names.filter(is_graph).collect();
    match &graphs[..] {
        [only] => Ok((*only).to_owned()),
        several if several.contains(&USUAL_GRAPH) => Ok(USUAL_GRAPH.to_owned()),
        others => Err(PackageError::WhichGraph { found: others.len() }),
    }
}

/// What `genai_config.json` of the model says; none when there is no such file.
pub(crate) fn config(candidate: &Candidate) -> Result<Option<Map<String, Value>>, PackageError> {
    let Some(file) = file(candidate, FILE) else { return Ok(None) };
    let text = fs::read(&file.path).map_err(unread(&file.path))?;
    match serde_json::from_slice(&text) {
        Ok(Value::Object(config)) => Ok(Some(config)),
        Ok(_) => Err(PackageError::Genai { why: "is no object".into() }),
        Err(error) => Err(PackageError::Genai { why: format!("is no JSON: {error}") }),
    }
}

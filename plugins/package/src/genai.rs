//! What a model's folder says about how it is run: its graph, and `genai_config.json`.

use std::fs;

use olive_plugin_api::{Candidate, CandidateFile};
use serde_json::{Map, Value};

use crate::contents::unread;
use crate::error::PackageError;

/// The file in a model's folder by which it can generate.
pub(crate) const FILE: &str = "genai_config.json";

/// The file of the model called `name`.
pub(crate) fn file<'a>(candidate: &'a Candidate, name: &str) -> Option<&'a CandidateFile> {
    candidate.files.iter().find(|file| file.name == name)
}

/// Name of the graph's file.
pub(crate) fn graph_of(candidate: &Candidate) -> Result<String, PackageError> {
    let written = candidate.model.onnx_file_name.clone();
    let only = || {
        let is_graph = |file: &&CandidateFile| {
            file.name.rsplit_once('.').is_some_and(|(_, ending)| ending == "onnx")
        };
        let mut graphs = candidate.files.iter().filter(is_graph);
        match (graphs.next(), graphs.next()) {
            (Some(graph), None) => Some(graph.name.clone()),
            _ => None,
        }
    };
    let name = written.or_else(only).unwrap_or_else(|| "model.onnx".to_owned());
    if file(candidate, &name).is_some() { Ok(name) } else { Err(PackageError::NoGraph { name }) }
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

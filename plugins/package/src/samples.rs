//! Sample code that goes along: programs that run the model of a package.

use olive_plugin_api::{Candidate, ModelKind};

use crate::contents::Contents;
use crate::error::PackageError;
use crate::genai;

/// A sample's file: its name, and its text, in which [`MODEL`] and [`GRAPH`] are places.
pub(crate) type Sample = (&'static str, &'static str);

/// Stands in a sample for the folder of the model.
const MODEL: &str = "MODEL_DIR";
/// Stands in a sample for the file of the graph.
const GRAPH: &str = "GRAPH";

macro_rules! sample {
    ($folder:literal, $name:literal) => {
        ($name, include_str!(concat!("../samples/", $folder, "/", $name)))
    };
}

/// Python for models that generate.
pub(crate) const PYTHON: [Sample; 4] = [
    sample!("python", "README.md"),
    sample!("python", "generate.py"),
    sample!("python", "requirements.txt"),
    sample!("python", "serve.py"),
];

/// Python for any other graph.
pub(crate) const PLAIN: [Sample; 3] = [
    sample!("plain", "README.md"),
    sample!("plain", "infer.py"),
    sample!("plain", "requirements.txt"),
];

const CSHARP: [Sample; 3] = [
    sample!("csharp", "Program.cs"),
    sample!("csharp", "README.md"),
    sample!("csharp", "sample.csproj"),
];

const RUST: [Sample; 3] =
    [sample!("rust", "Cargo.toml"), sample!("rust", "README.md"), sample!("rust", "src/main.rs")];

/// Whether the model can generate through ONNX Runtime GenAI.
pub(crate) fn generates(candidate: &Candidate) -> bool {
    candidate.model.kind == ModelKind::Onnx && genai::file(candidate, genai::FILE).is_some()
}

/// Adds the programs that run the model of `candidate`, which lies at `model` as seen from each of
/// their folders; none when nothing runs its kind.
pub(crate) fn add(
    candidate: &Candidate,
    model: &str,
    folder: &str,
    contents: &mut Contents,
) -> Result<(), PackageError> {
    if candidate.model.kind != ModelKind::Onnx {
        return Ok(());
    }
    let mut add = |language: &str, samples: &[Sample], place: &str, value: &str| {
        samples.iter().try_for_each(|(name, text)| {
            let is_page = *name == "README.md";
            let text = if is_page { text.replace(place, value) } else { (*text).to_owned() };
            contents.add_text(format!("{folder}/{language}/{name}"), text)
        })
    };
    if !generates(candidate) {
        let graph = format!("{model}/{}", genai::graph_of(candidate)?);
        return add("python", &PLAIN, GRAPH, &graph);
    }
    add("csharp", &CSHARP, MODEL, model)?;
    add("python", &PYTHON, MODEL, model)?;
    add("rust", &RUST, MODEL, model)
}

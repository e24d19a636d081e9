//! `MLflow`'s form of an ONNX model: a file `MLmodel` beside the graph, and what it takes to load it.
//!
//! It is the form of `mlflow.onnx.save_model` without what differs each time: id and time.

use olive_plugin_api::{Candidate, InferenceSettings, ModelKind};
use serde_json::{Map, Value, json};

use crate::contents::Contents;
use crate::error::PackageError;
use crate::genai::graph_of;

/// Version of `MLflow` whose form this is.
const MLFLOW: &str = "2.4.0";
/// Version of Python that the environment asks for.
const PYTHON: &str = "3.11.9";
/// What is needed to load the model.
const REQUIREMENTS: [&str; 4] = ["mlflow>=2.4", "onnx>=1.16", "onnxruntime>=1.20", "numpy"];

/// Adds what `MLflow` reads of the model, which lies in `folder`.
pub(crate) fn describe(
    candidate: &Candidate,
    folder: &str,
    contents: &mut Contents,
) -> Result<(), PackageError> {
    let kind = candidate.model.kind;
    if kind != ModelKind::Onnx {
        return Err(PackageError::Mlflow { kind });
    }
    let graph = graph_of(candidate)?;
    // Every JSON document is one of YAML.
    let model = mlmodel(&graph, candidate);
    contents.add_json(format!("{folder}/MLmodel"), &model)?;
    contents.add_text(format!("{folder}/requirements.txt"), lines(&REQUIREMENTS))?;
    let environment = json!({"python": PYTHON, "build_dependencies": ["pip"], "dependencies": ["-r requirements.txt"]});
    contents.add_json(format!("{folder}/python_env.yaml"), &environment)?;
    let conda = json!({
        "name": "mlflow-env",
        "channels": ["conda-forge"],
        "dependencies": [format!("python={PYTHON}"), "pip", {"pip": REQUIREMENTS}],
    });
    contents.add_json(format!("{folder}/conda.yaml"), &conda)
}

fn mlmodel(graph: &str, candidate: &Candidate) -> Value {
    let settings = candidate.model.inference_settings.clone().unwrap_or_default();
    json!({
        "flavors": {
            "onnx": {
                "code": null,
                "data": graph,
                "onnx_version": "1.16.0",
                "onnx_session_options": session_options(&settings),
                "providers": providers(candidate, &settings),
                "save_as_external_data": true,
            },
            "python_function": {
                "data": graph,
                "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
                "loader_module": "mlflow.onnx",
                "python_version": PYTHON,
            },
        },
        "mlflow_version": MLFLOW,
    })
}

/// Session options under the names that `MLflow` has for them.
fn session_options(settings: &InferenceSettings) -> Value {
    let options = settings.session_options.as_ref().map(|options| json!(options));
    let Some(Value::Object(mut options)) = options else { return Value::Null };
    if let Some(mode) = options.get_mut("execution_mode") {
        let name = if *mode == json!(1) { "parallel" } else { "sequential" };
        *mode = name.into();
    }
    let known = [
        "execution_mode",
        "graph_optimization_level",
        "intra_op_num_threads",
        "inter_op_num_threads",
    ];
    let mut kept: Map<String, Value> = Map::new();
    let mut extra: Map<String, Value> = Map::new();
    for (key, value) in options {
        match key.as_str() {
            "extra_session_config" => extra.extend(value.as_object().cloned().unwrap_or_default()),
            name if known.contains(&name) => drop(kept.insert(key, value)),
            // The others have no place in the file.
            _ => {}
        }
    }
    if !extra.is_empty() {
        kept.insert("extra_session_config".into(), extra.into());
    }
    if kept.is_empty() { Value::Null } else { kept.into() }
}

/// Execution providers in the order in which they are tried.
fn providers(candidate: &Candidate, settings: &InferenceSettings) -> Vec<String> {
    match &settings.execution_provider {
        Some(providers) => providers.names().to_vec(),
        None => vec![candidate.accelerator.execution_provider.clone()],
    }
}

fn lines(lines: &[&str]) -> String {
    lines.join("\n") + "\n"
}

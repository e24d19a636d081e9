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

/// Session options under the names that `MLflow` has for them; the others have no place there.
fn session_options(settings: &InferenceSettings) -> Value {
    let Some(options) = &settings.session_options else { return Value::Null };
    let mode = options.execution_mode.map(|mode| if mode == 1 { "parallel" } else { "sequential" });
    // The runtime takes entries as text alone.
    let entries = options.extra_session_config.iter().flatten();
    let entries = entries.map(|(key, value)| (key.clone(), value.to_string().into()));
    let entries: Map<String, Value> = entries.collect();
    let told = [
        ("execution_mode", json!(mode)),
        ("extra_session_config", if entries.is_empty() { Value::Null } else { entries.into() }),
        ("graph_optimization_level", json!(options.graph_optimization_level)),
        ("inter_op_num_threads", json!(options.inter_op_num_threads)),
        ("intra_op_num_threads", json!(options.intra_op_num_threads)),
    ];
    let told = told.into_iter().filter(|(_, value)| !value.is_null());
    let told: Map<String, Value> = told.map(|(key, value)| (key.to_owned(), value)).collect();
    if told.is_empty() { Value::Null } else { told.into() }
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

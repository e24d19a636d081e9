//! The sections of a config with their schemas, and what a key needs beside it to mean something.

use olive_plugin_api::testing::{Companion, merge};
use olive_schemas::engine::EngineConfig;
use olive_schemas::model::ModelKind;
use olive_schemas::types::{self, schema_of};
use olive_schemas::validation::ValidatorsConfig;
use olive_schemas::workflow::{
    AzureMlClient, Build, Component, DataSection, EvaluatorSection, PassConfig, Workflow,
};
use serde_json::{Value, json};

use crate::real;

/// Only the planner among the rules reads it.
pub(super) const MEMORY: &str = "/systems/here/accelerators/0/memory";

/// Keys of a search, which needs an evaluator.
const SEARCH: [&str; 12] = [
    "",
    "/execution_order",
    "/sampler",
    "/max_samples",
    "/seed",
    "/output_model_num",
    "/stop_when_goals_met",
    "/stop_worse",
    "/max_iter",
    "/max_time",
    "/include_pass_params",
    "/parallel_trials",
];

/// A part of a config that one schema describes.
pub(super) struct Section {
    /// Where it stands.
    pub(super) place: &'static str,
    /// What it takes.
    pub(super) schema: Value,
    /// What the workflow has, beside [`base`].
    pub(super) world: Value,
    /// Rows for this world only.
    pub(super) own: Vec<Companion>,
}

/// A workflow in which most keys mean something.
pub(super) fn base() -> Value {
    let mut workflow = real::workflow();
    let system = |device: &str, provider: &str| {
        let accelerators = json!([{"device": device, "execution_providers": [provider]}]);
        json!({"type": "LocalSystem", "accelerators": accelerators})
    };
    let size = json!({"name": "size", "type": "size_on_disk", "sub_types": [{"name": "bytes"}]});
    merge(
        &mut workflow,
        &json!({
            "systems": {
                "here": system("cpu", "CPUExecutionProvider"),
                "there": system("gpu", "CUDAExecutionProvider"),
                "shell": {"type": "ToyShell"}
            },
            "evaluators": {"size": {"metrics": [size]}},
            "passes": {"toy": {"type": "Toy"}},
            "validators": {"on_failure": "warn"},
            "engine": {"host": "here", "target": "here"}
        }),
    );
    workflow["passes"].as_object_mut().unwrap().retain(|name, _| name == "lora" || name == "toy");
    workflow
}

/// Every section of a config.
pub(super) fn sections() -> Vec<Section> {
    let builds = json!({"builds": {"b": {"pipeline": ["toy"]}}});
    let mut all = models();
    for (place, schema, world) in [
        ("", root(), json!({})),
        ("/engine", schema_of::<EngineConfig>(), json!({})),
        ("/validators", schema_of::<ValidatorsConfig>(), json!({})),
        ("/azureml_client", schema_of::<AzureMlClient>(), json!({})),
        ("/systems/here", types::systems()[0].schema.clone(), json!({})),
        ("/data_configs/0", functions(), json!({})),
        ("/data_configs/0/load_dataset_config", schema_of::<Component>(), json!({})),
        ("/data_configs/0/pre_process_data_config", schema_of::<Component>(), json!({})),
        ("/data_configs/0", types::data_containers()[0].schema.clone(), json!({})),
        ("/evaluators/tone", schema_of::<EvaluatorSection>(), json!({})),
        ("/evaluators/tone", types::evaluator().clone(), json!({})),
        ("/passes/toy", schema_of::<PassConfig>(), json!({})),
        ("/builds/b", schema_of::<Build>(), builds),
    ] {
        all.push(Section { place, schema, world, own: Vec::new() });
    }
    all
}

/// The input model as each type that plugins work on.
fn models() -> Vec<Section> {
    let alone = |input: Value, evaluator: Value, passes: Value| {
        let mut world = json!({"input_model": input, "engine": {"evaluator": evaluator}});
        world["passes"] = json!({"lora": null, "toy": null});
        merge(&mut world["passes"], &passes);
        world
    };
    let onnx = json!({"type": "ONNXModel", "model_path": "onnx", "onnx_file_name": "model.onnx"});
    let gguf = json!({"type": "GgufModel", "model_path": "model.gguf"});
    let worlds = [
        ("HfModel", "base", json!({})),
        ("ONNXModel", "base", alone(onnx, json!("tone"), json!({}))),
        ("GgufModel", "other", alone(gguf, Value::Null, json!({"import": {"type": "ImportGguf"}}))),
    ];
    let section = |(name, other, world)| {
        let known = types::models().iter().find(|entry| entry.name == name).unwrap();
        let own = vec![Companion::value("/input_model/model_path", json!(other))];
        Section { place: "/input_model", schema: known.schema.clone(), world, own }
    };
    worlds.map(section).into()
}

/// Types of models that no plugin here works on.
pub(super) fn foreign_models() -> Vec<&'static str> {
    let names = types::models().iter().map(|entry| entry.name);
    names.filter(|name| ModelKind::ALL.iter().all(|kind| kind.name() != *name)).collect()
}

/// The keys of the root that are no section.
fn root() -> Value {
    let mut schema = schema_of::<Workflow>();
    let properties = schema["properties"].as_object_mut().unwrap();
    properties.retain(|key, _| key == "workflow_id");
    schema
}

/// The keys of a data config that only say what Python code does.
fn functions() -> Value {
    let mut schema = schema_of::<DataSection>();
    let properties = schema["properties"].as_object_mut().unwrap();
    properties.retain(|key, _| !key.ends_with("_config"));
    schema
}

/// The keys of searches, each beside an evaluator.
fn of_searches() -> Vec<Companion> {
    let ranked = || json!({"engine": {"evaluator": "size"}});
    let of_engine =
        SEARCH.map(|key| Companion::with(format!("/engine/search_strategy{key}"), ranked()));
    let searched = json!({"engine": {"search_strategy": true, "evaluator": "size"}});
    let others = [
        Companion::with("/builds/b/search_strategy", ranked()).to(json!(true)),
        Companion::with("/passes/toy/search_space", searched).to(json!({"score": [0.1, 0.2]})),
    ];
    of_engine.into_iter().chain(others).collect()
}

/// Every key that needs others, or a value that its schema does not tell.
pub(super) fn companions() -> Vec<Companion> {
    let (with, value) = (Companion::with, Companion::value);
    let speed = json!([{"name": "speed", "type": "latency", "sub_types": [{"name": "avg"}]}]);
    let goal = json!({"name": "bytes", "goal": {"type": "threshold", "value": 1e12}});
    let size = json!([{"name": "size", "type": "size_on_disk", "sub_types": [goal]}]);
    let held = json!({"evaluators": {"tone": {"metrics": size}}});
    let sampled = json!([{
        "name": "size", "type": "size_on_disk", "sub_types": [{"name": "bytes"}],
        "sample_log_num": 5, "sample_log_dir": "samples"
    }]);
    let sampled = json!({"evaluators": {"tone": {"metrics": sampled}}});
    let bare = json!({"systems": {"here": {"accelerators": [{"device": "cpu"}]}}});
    let untrained = json!({"passes": {"lora": null}});
    let mut rows = vec![
        with("/engine/host", json!({"engine": {"target": null}})).to(json!("there")),
        value("/engine/target", json!("there")),
        value("/engine/evaluator", json!("size")),
        value("/input_model/model_path/type", json!("elsewhere")),
        with("/input_model/adapter_path", untrained).to(json!("adapter")),
        value("/input_model/adapter_path/type", json!("elsewhere")),
        value("/input_model/onnx_file_name", json!("other.onnx")),
        value("/input_model/load_kwargs/revision", json!("main")),
        value("/input_model/load_kwargs/token", json!("HF_TOKEN")),
        with("/systems/here/accelerators/0/device", bare),
        value(MEMORY, json!("1KB")),
        value("/data_configs/0/name", json!("renamed")),
        value("/data_configs/0/type", json!("DummyDataContainer")),
        value("/data_configs/0/load_dataset_config/data_files", json!("test.json")),
        value("/data_configs/0/load_dataset_config/sep", json!(";")),
        value("/data_configs/0/pre_process_data_config/chat_template_date", json!("2026-01-31")),
        value("/evaluators/tone/type", json!("LMEvaluator")),
        with(
            "/evaluators/tone/metrics/0/type",
            json!({"evaluators": {"tone": {"metrics": speed}}}),
        )
        .to(json!("throughput")),
        value("/evaluators/tone/metrics/0/data_config", json!("train")),
        value("/evaluators/tone/metrics/0/user_config/labels", json!(["joy", "fear"])),
        value("/evaluators/tone/metrics/0/user_config/reference_model", json!("base")),
        value("/evaluators/tone/metrics/0/user_config/fewshot_data_config", json!("nobody's")),
        with("/evaluators/tone/metrics/0/sample_log_num", sampled.clone()).to(json!(7)),
        with("/evaluators/tone/metrics/0/sample_log_dir", sampled).to(json!("others")),
        value("/evaluators/tone/metrics/0/sub_types/0/name", json!("perplexity")),
        with("/evaluators/tone/metrics/0/sub_types/0/goal/type", held.clone())
            .to(json!("max-degradation")),
        with("/evaluators/tone/metrics/0/sub_types/0/goal/value", held).to(json!(2e12)),
        value("/passes/toy/type", json!("MergeAdapterWeights")),
        value("/passes/toy/host", json!("shell")),
        value("/passes/toy/evaluator", json!("size")),
        value("/builds/b/pipeline", json!(["lora"])),
        value("/builds/b/host", json!("shell")),
        value("/builds/b/target", json!("there")),
        value("/builds/b/evaluator", json!("size")),
    ];
    rows.extend(of_plugins());
    rows.extend(of_searches());
    rows
}

/// Keys that parts of plugins give a meaning.
fn of_plugins() -> Vec<Companion> {
    let custom = json!([{
        "name": "own", "type": "custom", "sub_types": [{"name": "merit"}],
        "user_config": {"evaluator": "ToyEvaluator", "settings": {"factor": 3.0}}
    }]);
    let custom = json!({"evaluators": {"tone": {"metrics": custom}}});
    let crated = json!({"engine": {"packaging_config": [{"type": "ToyCrate"}]}});
    let settings = "/evaluators/tone/metrics/0/user_config";
    vec![
        Companion::with(format!("{settings}/evaluator"), custom.clone()).to(json!("Nobody")),
        Companion::with(format!("{settings}/settings"), custom).to(json!({"factor": 2.0})),
        Companion::with("/engine/packaging_config/0/type", crated.clone()).to(json!("AzureMLData")),
        Companion::with("/engine/packaging_config/0/name", crated).to(json!("renamed")),
    ]
}

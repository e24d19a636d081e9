//! Whether the passes fit each other, the device and the execution provider.

use olive_schemas::model::ModelKind;
use olive_schemas::step::Device;
use olive_schemas::workflow::Workflow;
use serde_json::Value;

use super::shape::{below, own_settings, passes};
use super::{Problem, Problems, Scope};
use crate::config::fit::misfits;
use crate::config::schema::quoted;
use crate::config::defaults::fill;
use crate::plugin::Catalog;

/// Execution providers and the devices they run on; providers that run on several are left out.
const DEVICES: [(&str, &[&str]); 9] = [
    ("CPUExecutionProvider", &["cpu"]),
    ("CUDAExecutionProvider", &["gpu"]),
    ("TensorrtExecutionProvider", &["gpu"]),
    ("NvTensorRTRTXExecutionProvider", &["gpu"]),
    ("ROCMExecutionProvider", &["gpu"]),
    ("MIGraphXExecutionProvider", &["gpu"]),
    ("WebGpuExecutionProvider", &["gpu"]),
    ("DmlExecutionProvider", &["gpu", "npu"]),
    ("VitisAIExecutionProvider", &["npu"]),
];

/// Checks the passes of the normalized config `value` in the order they run.
pub(super) fn check(value: &Value, catalog: &Catalog, scope: Scope, problems: &mut Problems) {
    let alternatives = value.get("passes").and_then(Value::as_object);
    for (name, pass) in alternatives.into_iter().flatten() {
        if pass.as_array().is_some_and(|items| items.len() > 1) {
            let pointer = format!("/passes/{}", crate::config::node::escape(name));
            let count = pass.as_array().map_or(0, Vec::len);
            let message = format!(
                "pass `{name}` lists {count} alternatives, and search is not available yet"
            );
            let help = Some("keep one of them".to_owned());
            problems.push(Problem::error("not-available", &pointer, message, help));
        }
    }
    check_search(value, problems);
    check_accelerators(value, problems);
    for pipeline in pipelines(value) {
        check_pipeline(value, &pipeline, catalog, scope, problems);
    }
    for (pointer, pass) in passes(value) {
        check_fit(value, &pointer, pass, catalog, problems);
    }
}

fn check_search(value: &Value, problems: &mut Problems) {
    let strategy = value.pointer("/engine/search_strategy");
    if strategy.is_some_and(|strategy| strategy.is_object() || *strategy == Value::Bool(true)) {
        let message = "`search_strategy` asks for a search, which is not available yet".to_owned();
        let help = Some("set it to false: the passes run once, in order".to_owned());
        let pointer = "/engine/search_strategy";
        problems.push(Problem::error("not-available", pointer, message, help).about_key());
    }
}

/// A device and a provider of another device are a slip.
fn check_accelerators(value: &Value, problems: &mut Problems) {
    let systems = value.get("systems").and_then(Value::as_object);
    for (name, system) in systems.into_iter().flatten() {
        let Some(first) = system.pointer("/accelerators/0") else { continue };
        let Some(device) = first.get("device").and_then(Value::as_str) else { continue };
        let Some(provider) = first.pointer("/execution_providers/0") else { continue };
        let provider = provider.as_str().unwrap_or_default();
        let Some((_, devices)) = DEVICES.iter().find(|(name, _)| *name == provider) else {
            continue;
        };
        if !devices.contains(&device) {
            let message = format!(
                "execution provider `{provider}` runs on {}, not on {device}",
                devices.join(" or ")
            );
            let help = format!("set `device` to `{}`, or choose another provider", devices[0]);
            let name = crate::config::node::escape(name);
            let pointer = format!("/systems/{name}/accelerators/0/execution_providers/0");
            let mut problem =
                Problem::error("accelerator-mismatch", &pointer, message, Some(help));
            problem.diagnostic = problem
                .diagnostic
                .with_related(format!("/systems/{name}/accelerators/0/device"), "the device");
            problems.push(problem);
        }
    }
}

/// Names of the passes of each chain that runs, in order.
fn pipelines(value: &Value) -> Vec<Vec<&str>> {
    let names = |list: &'static str| {
        value.get(list).and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key)
    };
    let all: Vec<&str> = names("passes").map(String::as_str).collect();
    let builds = value.get("builds").and_then(Value::as_object).into_iter().flatten();
    let chains: Vec<Vec<&str>> = builds
        .filter_map(|(_, build)| build.get("pipeline")?.as_array())
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .collect();
    if chains.is_empty() { vec![all] } else { chains }
}

fn check_pipeline(
    value: &Value,
    pipeline: &[&str],
    catalog: &Catalog,
    scope: Scope,
    problems: &mut Problems,
) {
    let written = value.pointer("/input_model/type").and_then(Value::as_str);
    let mut kind = Kind::of_input(scope.model, written);
    let mut before = "the input model is".to_owned();
    for name in pipeline {
        let pointer = format!("/passes/{}", crate::config::node::escape(name));
        let pass = value.pointer(&pointer).and_then(|pass| pass.get("type"));
        let Some(pass) = pass.and_then(Value::as_str) else {
            kind = Kind::Unknown;
            continue;
        };
        let Some(known) = catalog.pass(pass) else {
            kind = Kind::Unknown;
            continue;
        };
        let descriptor = known.descriptor;
        if let Some(wrong) = kind.not_among(&descriptor.accepts) {
            let accepted: Vec<&str> = descriptor.accepts.iter().map(|kind| kind.name()).collect();
            let message = format!(
                "pass `{name}` ({}) takes {}, but {before} {wrong}",
                descriptor.name,
                accepted.join(" or ")
            );
            let help = bridge(catalog, &kind, &descriptor.accepts);
            let pointer = format!("{pointer}/type");
            problems.push(Problem::error("model-kind", &pointer, message, Some(help)));
        }
        kind = Kind::Known(descriptor.produces);
        before = format!("pass `{name}` ({}) makes", descriptor.name);
    }
}

/// What is known about the model at some point of a chain.
enum Kind {
    Known(ModelKind),
    Foreign(String),
    Unknown,
}

impl Kind {
    fn of_input(given: Option<ModelKind>, written: Option<&str>) -> Self {
        let known = |name: &str| ModelKind::ALL.into_iter().find(|kind| kind.name() == name);
        match (given, written) {
            (Some(kind), _) => Self::Known(kind),
            (None, Some(name)) => {
                known(name).map_or_else(|| Self::Foreign(name.to_owned()), Self::Known)
            }
            (None, None) => Self::Unknown,
        }
    }

    /// The name of this kind, when it is none of `accepted`.
    fn not_among(&self, accepted: &[ModelKind]) -> Option<&str> {
        match self {
            Self::Known(kind) if !accepted.contains(kind) => Some(kind.name()),
            Self::Foreign(name) => Some(name),
            Self::Known(_) | Self::Unknown => None,
        }
    }
}

/// What would fit between a model of `kind` and a pass that takes `accepts`.
fn bridge(catalog: &Catalog, kind: &Kind, accepts: &[ModelKind]) -> String {
    let Kind::Known(kind) = kind else {
        return "use a model of a type that the pass takes".into();
    };
    let fits = || catalog.passes().filter(|pass| pass.descriptor.accepts.contains(kind));
    let between = fits().filter(|pass| accepts.contains(&pass.descriptor.produces));
    let between: Vec<&str> = between.map(|pass| pass.descriptor.name.as_str()).collect();
    if !between.is_empty() {
        return format!("put one of these before it: {}", quoted(&between));
    }
    let next: Vec<&str> = fits().map(|pass| pass.descriptor.name.as_str()).collect();
    match next.as_slice() {
        [] => format!("no installed pass takes {kind}; change the order of the passes"),
        names => format!("passes that take {kind}: {}", quoted(names)),
    }
}

/// Whether a pass can work for the accelerator that the workflow is meant for.
fn check_fit(
    value: &Value,
    pointer: &str,
    pass: &Value,
    catalog: &Catalog,
    problems: &mut Problems,
) {
    let kind = pass.get("type").and_then(Value::as_str).unwrap_or_default();
    let Some(known) = catalog.pass(kind) else { return };
    if problems.has_error_in("/systems") || problems.has_error_in(pointer) {
        return;
    }
    let Ok(accelerator) = accelerator_of(value) else { return };
    let schema = &known.descriptor.schema;
    let mut settings = own_settings(pass, &["type", "host", "evaluator"]);
    fill(&mut settings, schema);
    let (device, provider) = accelerator;
    let found = misfits(&settings, schema, device.name(), &provider);
    problems.extend(below(pointer, found.into_iter().map(Problem::new)).collect::<Vec<_>>());
}

fn accelerator_of(value: &Value) -> Result<(Device, String), serde_json::Error> {
    let systems = value.get("systems").cloned().unwrap_or_else(|| serde_json::json!({}));
    let mut engine = value.get("engine").cloned().unwrap_or_else(|| serde_json::json!({}));
    if let Some(engine) = engine.as_object_mut() {
        engine.retain(|key, _| key == "host" || key == "target");
    }
    let workflow: Workflow = serde_json::from_value(serde_json::json!({
        "input_model": {"type": ""}, "systems": systems, "engine": engine
    }))?;
    let accelerator = workflow.accelerator();
    Ok((accelerator.device, accelerator.execution_provider))
}

//! Whether passes, device and execution provider fit each other.

use olive_schemas::model::ModelKind;
use olive_schemas::pointer::escape;
use olive_schemas::step::{Accelerator, Device};
use olive_schemas::workflow::Workflow;
use serde_json::{Value, json};

use super::absent::homes::of_holders;
use super::shape::{below, entries, own_settings, passes};
use super::{Problem, Problems, Scope};
use crate::config::defaults::fill;
use crate::config::fit::misfits;
use crate::plugin::Catalog;
use crate::plugin::providers::InstalledProvider;

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

/// Checks the accelerators of the normalized config `value`.
pub(super) fn check(value: &Value, catalog: &Catalog, scope: Scope, problems: &mut Problems) {
    check_devices(value, catalog, problems);
    check_paths(value, problems);
    if scope.has_passes {
        for (pointer, pass) in passes(value) {
            check_fit(value, &pointer, pass, catalog, problems);
        }
    }
    check_provider(value, catalog, scope, problems);
}

/// A device and a provider of another device are a slip.
fn check_devices(value: &Value, catalog: &Catalog, problems: &mut Problems) {
    let systems = value.get("systems").and_then(Value::as_object);
    for (name, system) in systems.into_iter().flatten() {
        let Some(first) = system.pointer("/accelerators/0") else { continue };
        let Some(device) = first.get("device").and_then(Value::as_str) else { continue };
        let Some(provider) = first.pointer("/execution_providers/0").and_then(name_of) else {
            continue;
        };
        let devices = devices_of(provider, catalog);
        if devices.is_empty() || Device::ALL.iter().all(|known| known.name() != device) {
            continue;
        }
        if !devices.contains(&device) {
            let message = format!(
                "execution provider `{provider}` runs on {}, not on {device}",
                devices.join(" or ")
            );
            let help = format!("set `device` to `{}`, or choose another provider", devices[0]);
            let name = escape(name);
            let pointer = format!("/systems/{name}/accelerators/0/execution_providers/0");
            let mut problem = Problem::error("accelerator-mismatch", &pointer, message, Some(help));
            problem.diagnostic = problem
                .diagnostic
                .with_related(format!("/systems/{name}/accelerators/0/device"), "the device");
            problems.push(problem);
        }
    }
}

/// Devices that the provider runs on, as far as they are known.
fn devices_of(provider: &str, catalog: &Catalog) -> Vec<&'static str> {
    let installed = catalog.provider(provider);
    let said = installed.iter().flat_map(InstalledProvider::devices);
    let said: Vec<_> = said.map(|device| device.name()).collect();
    if !said.is_empty() {
        return said;
    }
    let known = DEVICES.iter().find(|(name, _)| *name == provider);
    known.map(|(_, devices)| devices.to_vec()).unwrap_or_default()
}

/// A provider is written as its name, or as its name and the path of its library.
fn name_of(provider: &Value) -> Option<&str> {
    provider.as_str().or_else(|| provider.get(0)?.as_str())
}

/// A config does not say which code is run: libraries come from packs.
fn check_paths(value: &Value, problems: &mut Problems) {
    for (name, system) in entries(value, "systems") {
        let Some(provider) = system.pointer("/accelerators/0/execution_providers/0") else {
            continue;
        };
        let (Some(known), true) = (name_of(provider), provider.is_array()) else { continue };
        let name = escape(name);
        let pointer = format!("/systems/{name}/accelerators/0/execution_providers/0/1");
        let message = format!("the path of the library of `{known}` is ignored");
        let help = format!(
            "the library comes from an installed pack: `olive plugin search {known}` finds one"
        );
        problems.push(Problem::warning("ignored-key", &pointer, message, &help));
    }
}

/// An ONNX model is measured with an execution provider that no installed pack has.
///
/// No error: the ONNX Runtime library may have been built with it, which shows before the first step
/// of a run.
fn check_provider(value: &Value, catalog: &Catalog, scope: Scope, problems: &mut Problems) {
    let system = ["target", "host"].into_iter().find_map(|role| value["engine"][role].as_str());
    let Some(system) = system.filter(|_| measures_onnx(value, catalog, scope)) else { return };
    let pointer = format!("/systems/{}/accelerators/0", escape(system));
    let Ok((_, provider)) = accelerator_of(value) else { return };
    let is_usual = provider == Accelerator::default().execution_provider;
    if is_usual || catalog.provider(&provider).is_some() || problems.has_error_in("/systems") {
        return;
    }
    let written = format!("{pointer}/execution_providers/0");
    let place = if value.pointer(&written).is_some() { written } else { pointer };
    let none_has = format!(
        "no installed pack has the execution provider `{provider}`, with which ONNX models are \
         measured here"
    );
    let (message, help) = match of_holders(&catalog.holders("execution provider", &provider)) {
        Some(home) => (format!("{none_has}; it is in {}", home.told), home.help),
        None => (
            none_has,
            "measuring fails unless the ONNX Runtime library has been built with it".to_owned(),
        ),
    };
    problems.push(Problem::warning("plugin-missing", &place, message, &help));
}

/// Whether a model in ONNX is measured.
fn measures_onnx(value: &Value, catalog: &Catalog, scope: Scope) -> bool {
    let onnx = ModelKind::Onnx;
    let is_input = match scope.model {
        Some(given) => given == onnx,
        None => value.pointer("/input_model/type").is_some_and(|kind| kind == onnx.name()),
    };
    if !scope.has_passes {
        return is_input;
    }
    let makes_onnx = |pass: &Value| {
        let kind = pass.get("type").and_then(Value::as_str).unwrap_or_default();
        catalog.pass(kind).is_some_and(|known| known.descriptor.produces == onnx)
    };
    let passes = passes(value);
    let is_set = |evaluator: Option<&Value>| evaluator.is_some_and(|it| !it.is_null());
    let measures = is_set(value.pointer("/engine/evaluator"))
        || passes.iter().any(|(_, pass)| is_set(pass.get("evaluator")));
    measures && (is_input || passes.iter().any(|(_, pass)| makes_onnx(pass)))
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
    let systems = value.get("systems").cloned().unwrap_or_else(|| json!({}));
    let mut engine = value.get("engine").cloned().unwrap_or_else(|| json!({}));
    if let Some(engine) = engine.as_object_mut() {
        engine.retain(|key, _| key == "host" || key == "target");
    }
    let workflow: Workflow = serde_json::from_value(json!({
        "input_model": {"type": ""}, "systems": systems, "engine": engine
    }))?;
    let accelerator = workflow.accelerator();
    Ok((accelerator.device, accelerator.execution_provider))
}

//! Whether passes, device and execution provider fit each other.

use olive_schemas::step::Device;
use olive_schemas::workflow::Workflow;
use serde_json::{Value, json};

use super::shape::{below, own_settings, passes};
use super::{Problem, Problems};
use crate::config::defaults::fill;
use crate::config::fit::misfits;
use crate::config::node::escape;
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

/// Checks the accelerators of the normalized config `value`.
pub(super) fn check(value: &Value, catalog: &Catalog, problems: &mut Problems) {
    check_devices(value, problems);
    for (pointer, pass) in passes(value) {
        check_fit(value, &pointer, pass, catalog, problems);
    }
}

/// A device and a provider of another device are a slip.
fn check_devices(value: &Value, problems: &mut Problems) {
    let systems = value.get("systems").and_then(Value::as_object);
    for (name, system) in systems.into_iter().flatten() {
        let Some(first) = system.pointer("/accelerators/0") else { continue };
        let Some(device) = first.get("device").and_then(Value::as_str) else { continue };
        let Some(provider) = first.pointer("/execution_providers/0") else { continue };
        let provider = provider.as_str().unwrap_or_default();
        let Some((_, devices)) = DEVICES.iter().find(|(name, _)| *name == provider) else {
            continue;
        };
        if Device::ALL.iter().all(|known| known.name() != device) {
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

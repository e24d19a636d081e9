//! Where the result of a command is meant to run.

use olive_schemas::step::Accelerator;
use olive_schemas::workflow::Workflow;
use serde_json::json;

use crate::cli::shortcuts::common::AcceleratorArgs;
use crate::shortcut::Draft;

/// Puts device and provider into `draft` where they are named, and gives what the config then means.
pub(super) fn put(draft: &mut Draft, args: &AcceleratorArgs) -> Accelerator {
    const ACCELERATOR: &str = "/systems/local_system/accelerators";
    if args.device.is_none() && args.provider.is_none() {
        return Accelerator::default();
    }
    let mut accelerator = json!({});
    if let Some(device) = args.device {
        accelerator["device"] = device.name().into();
    }
    if let Some(provider) = &args.provider {
        accelerator["execution_providers"] = json!([provider]);
    }
    draft.put("/systems/local_system/type", "LocalSystem");
    draft.put(ACCELERATOR, vec![accelerator]);
    draft.put("/engine/target", "local_system");
    let first = if args.device.is_some() { "device" } else { "provider" };
    draft.trace(first, ACCELERATOR);
    if args.device.is_some() {
        draft.trace("device", &format!("{ACCELERATOR}/0/device"));
    }
    if args.provider.is_some() {
        draft.trace("provider", &format!("{ACCELERATOR}/0/execution_providers"));
    }
    let config = draft.config();
    let systems = &config["systems"];
    let workflow = json!({
        "input_model": {"type": ""}, "systems": systems, "engine": {"target": "local_system"}
    });
    let workflow = serde_json::from_value::<Workflow>(workflow);
    workflow.map(|workflow| workflow.accelerator()).unwrap_or_default()
}

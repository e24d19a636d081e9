//! A graph of a precision for a device that graphs of that precision are not made for.

use olive_validator_api::{
    Accelerator, Applicability, Device, Diagnostic, Document, PlannedStep, Severity, at, setting,
    text,
};

use crate::parts::{builds_graph, told};
use crate::rule::{BuiltIn, listed, set};

/// A graph of a precision for a device that graphs of that precision are not made for.
pub(crate) const RULE: BuiltIn = BuiltIn {
    code: "precision-accelerator",
    severity: Severity::Error,
    summary: "`ModelBuilder` makes no graph of this precision for this device",
    explanation: "\
ONNX Runtime GenAI's builder makes graphs of some precisions for each execution provider:

| execution provider | device | precisions |
| --- | --- | --- |
| `CPUExecutionProvider` | cpu | `fp32`, `int8`, `int4` |
| `CUDAExecutionProvider` | gpu | `fp16`, `bf16`, `int8`, `int4` |
| `DmlExecutionProvider` | gpu | `fp16`, `int8`, `int4` |
| `NvTensorRTRTXExecutionProvider` | gpu | `fp16`, `bf16`, `int4` |
| `WebGpuExecutionProvider` | gpu | `fp32`, `fp16`, `int8`, `int4` |
| `JsExecutionProvider` | gpu | `fp16`, `int4` |

For any other provider it makes the graph of the CPU, which later passes may convert.
The built-in `ModelBuilder` says itself what of this it does not make.",
    check,
};

/// What graphs are made of for an execution provider.
struct Graphs {
    provider: &'static str,
    /// Nothing where later passes decide about the device.
    device: Option<Device>,
    precisions: &'static [&'static str],
}

/// The execution providers that graphs of their own are made for.
const TABLE: [Graphs; 6] = [
    graphs("CPUExecutionProvider", Some(Device::Cpu), &["fp32", "int8", "int4"]),
    graphs("CUDAExecutionProvider", Some(Device::Gpu), &["fp16", "bf16", "int8", "int4"]),
    graphs("DmlExecutionProvider", Some(Device::Gpu), &["fp16", "int8", "int4"]),
    graphs("NvTensorRTRTXExecutionProvider", Some(Device::Gpu), &["fp16", "bf16", "int4"]),
    graphs("WebGpuExecutionProvider", Some(Device::Gpu), &["fp32", "fp16", "int8", "int4"]),
    graphs("JsExecutionProvider", Some(Device::Gpu), &["fp16", "int4"]),
];

/// What is made for every other provider: the graphs of the CPU.
const OTHERS: Graphs = graphs("", None, &["fp32", "int8", "int4"]);

const fn graphs(
    provider: &'static str,
    device: Option<Device>,
    precisions: &'static [&'static str],
) -> Graphs {
    Graphs { provider, device, precisions }
}

fn check(document: &Document) -> Vec<Diagnostic> {
    let builders = document.steps.iter().filter(|step| builds_graph(step));
    let builders = builders.filter(|step| !has_own_target(document, step));
    builders.filter_map(|step| misfit(step, &document.accelerator)).collect()
}

fn misfit(step: &PlannedStep, accelerator: &Accelerator) -> Option<Diagnostic> {
    let precision = text(&step.config, "precision")?;
    let Accelerator { device, execution_provider: provider } = accelerator;
    let graphs = TABLE.iter().find(|row| row.provider == provider).unwrap_or(&OTHERS);
    let pointer = setting(step, "precision");
    if graphs.device.is_some_and(|known| known != *device) {
        let message =
            format!("{} makes no graph for `{provider}` on device `{}`", told(step), device.name());
        let help = "choose another execution provider for the target";
        return Some(RULE.finding(pointer, message).with_help(help));
    }
    if graphs.precisions.contains(&precision) {
        return None;
    }
    let message =
        format!("{} makes no graph of precision `{precision}` for `{provider}`", told(step));
    let help = format!("set `precision` to one of {}", listed(graphs.precisions));
    let finding = RULE.finding(&pointer, message).with_help(help);
    // Half precision is asked for its size: of the others, `int4` is what makes a graph small.
    let patch = set(&pointer, "int4");
    Some(finding.with_fix("set `precision` to `int4`", patch, Applicability::MaybeIncorrect))
}

/// Whether the step's build is for another system than the workflow.
fn has_own_target(document: &Document, step: &PlannedStep) -> bool {
    let Some(build) = &step.build else { return false };
    let names_system = |build: &str| {
        let build = at(&document.workflow, "/builds").and_then(|builds| builds.get(build));
        build.is_some_and(|build| build.get("target").or(build.get("host")).is_some())
    };
    names_system(build) || names_system("_default")
}

//! What steps will need, as the installed planners estimate it.

use olive_sandbox::Failure;
use olive_schemas::diagnostic::{Diagnostic, Severity};
use olive_schemas::step::Device;
use olive_schemas::validation::{Cost, Document, PlannedStep};
use serde_json::Value;

use super::document::{document, memory_pointer, model, settings, spell};
use super::{ask, context, failed};
use crate::config::{CheckedWorkflow, Scope, Source};
use crate::plugin::{Catalog, InstalledValidator};
use crate::units::bytes;

/// Confidence from which on an estimate is reason for a warning.
const SURE: f64 = 0.5;
/// Parts of an estimate that a hint names.
const PARTS: usize = 3;

/// What the passes of `checked` will need, one build after the other, each with its name; nothing
/// where no planner knows.
///
/// A planner that gives no answer is left out: the check has told it.
pub fn estimates(
    checked: &CheckedWorkflow,
    source: &Source,
    catalog: &Catalog,
    scope: Scope,
) -> Vec<(String, Option<Cost>)> {
    let planners = planners(catalog);
    if planners.is_empty() {
        return Vec::new();
    }
    let model = model(checked, &source.folder(), scope);
    let document = document(checked, model, catalog);
    let (costs, _) = costs(&planners, &document, checked, scope);
    document.steps.into_iter().map(|step| step.name).zip(costs).collect()
}

/// Warnings about steps of `checked` that need more memory than their accelerator declares, and
/// the failures of planners; `whole` is the document of all builds.
pub(super) fn check(
    checked: &CheckedWorkflow,
    whole: &Document,
    catalog: &Catalog,
    scope: Scope,
) -> Vec<Diagnostic> {
    let planners = planners(catalog);
    if planners.is_empty() {
        return Vec::new();
    }
    let mut told = Vec::new();
    for build in checked.builds() {
        let document = document(&build, whole.model.clone(), catalog);
        let (costs, failures) = costs(&planners, &document, &build, scope);
        let place = memory_pointer(build.workflow());
        if let Some(declared) = document.accelerator_memory_bytes {
            let steps = document.steps.iter().zip(&costs);
            let known = steps.filter_map(|(step, cost)| Some((step, cost.as_ref()?)));
            let device = document.accelerator.device;
            let short = known.filter_map(|(step, cost)| short(step, cost, device, declared));
            told.extend(short.map(|found| match &place {
                Some(place) => found.with_related(place, "the memory that is declared"),
                None => found,
            }));
        }
        told.extend(failures);
    }
    told.dedup();
    told
}

fn planners(catalog: &Catalog) -> Vec<&InstalledValidator> {
    catalog.validators().iter().filter(|validator| validator.provides("planner")).collect()
}

/// For each step of `document` the estimate that is most confident, and the failures of planners.
fn costs(
    planners: &[&InstalledValidator],
    document: &Document,
    checked: &CheckedWorkflow,
    scope: Scope,
) -> (Vec<Option<Cost>>, Vec<Diagnostic>) {
    let ctx = context(scope);
    let workflow = checked.workflow();
    let answers = ask::each(planners, |planner| {
        let text = spell(document, settings(workflow, planner))?;
        let costs = planner.component()?.estimate(&text, &ctx)?;
        accept(costs, document.steps.len())
    });
    let mut best: Vec<Option<Cost>> = vec![None; document.steps.len()];
    let mut failures = Vec::new();
    for (planner, answer) in planners.iter().zip(answers) {
        match answer {
            Ok(costs) => {
                for (best, cost) in best.iter_mut().zip(costs) {
                    let confidence = |cost: &Option<Cost>| cost.as_ref().map(|c| c.confidence);
                    if confidence(&cost) > confidence(best) {
                        *best = cost;
                    }
                }
            }
            Err(failure) => {
                failures.push(failed(planner, &failure, workflow.validators.on_failure));
            }
        }
    }
    (best, failures)
}

/// The costs when there is one for each step.
fn accept(costs: Vec<Option<Cost>>, num_steps: usize) -> Result<Vec<Option<Cost>>, Failure> {
    if costs.len() == num_steps {
        return Ok(costs);
    }
    let told = costs.len();
    Err(Failure::BadOutput(format!("{told} estimates are told for {num_steps} steps")))
}

/// The warning that `step` needs more memory than the `declared` one.
fn short(step: &PlannedStep, cost: &Cost, device: Device, declared: u64) -> Option<Diagnostic> {
    let needed = match device {
        Device::Cpu => cost.peak_host_bytes,
        Device::Gpu | Device::Npu => cost.peak_device_bytes,
    };
    if needed <= declared || cost.confidence < SURE {
        return None;
    }
    let PlannedStep { name, kind, pointer, .. } = step;
    let message = format!(
        "`{name}` ({kind}) will need about {}, and the {} has {}",
        shown(needed),
        device.name(),
        shown(declared)
    );
    let help = match largest(cost) {
        Some(parts) => format!("most of it is {parts}; reduce that, or choose another accelerator"),
        None => "reduce what the step holds, or choose another accelerator".to_owned(),
    };
    Some(Diagnostic::new(Severity::Warning, "memory-short", pointer, message).with_help(help))
}

/// The largest parts of an estimate in words: `weights (6.00 GiB), optimizer (2.00 GiB)`.
fn largest(cost: &Cost) -> Option<String> {
    let parts = cost.breakdown.iter();
    let mut parts: Vec<(&String, u64)> =
        parts.filter_map(|(name, bytes)| Some((name, Value::as_u64(bytes)?))).collect();
    parts.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    let parts = parts.iter().take(PARTS).filter(|(_, bytes)| *bytes > 0);
    let told: Vec<String> = parts
        .map(|(name, bytes)| format!("{} ({})", name.replace('_', " "), shown(*bytes)))
        .collect();
    (!told.is_empty()).then(|| told.join(", "))
}

fn shown(count: u64) -> String {
    bytes(count as f64)
}

#[cfg(test)]
mod tests {
    use olive_schemas::step::Device;
    use olive_schemas::validation::{Cost, PlannedStep};
    use serde_json::{Map, json};

    use super::{accept, short};

    fn cost(host: u64, device: u64, confidence: f64) -> Cost {
        let breakdown = json!({"base_weights": 3_u64 << 30, "optimizer": 1 << 30, "other": 0});
        Cost {
            peak_host_bytes: host,
            peak_device_bytes: device,
            disk_bytes: 0,
            flops: 0.0,
            confidence,
            breakdown: breakdown.as_object().cloned().unwrap_or_default(),
        }
    }

    #[test]
    fn a_step_is_told_of_whose_device_is_too_small() {
        let step = PlannedStep {
            build: None,
            name: "tune".into(),
            pointer: "/passes/tune".into(),
            kind: "Tuner".into(),
            config: Map::new(),
            produces: None,
            adapter: None,
            evaluator: None,
        };
        let declared = 2 << 30;
        for (cost, device, is_told) in [
            (cost(4 << 30, 1, 0.5), Device::Cpu, true),
            (cost(4 << 30, 1, 0.4), Device::Cpu, false),
            (cost(4 << 30, 1, 0.9), Device::Gpu, false),
            (cost(1, 4 << 30, 0.9), Device::Gpu, true),
            (cost(2 << 30, 1, 0.9), Device::Cpu, false),
        ] {
            let told = short(&step, &cost, device, declared);
            assert_eq!(told.is_some(), is_told, "{told:?}");
        }
        let told = short(&step, &cost(4 << 30, 1, 0.5), Device::Cpu, declared).unwrap();
        let expected = "`tune` (Tuner) will need about 4.00 GiB, and the cpu has 2.00 GiB";
        assert_eq!(told.message, expected);
        let help = told.help.unwrap();
        assert!(help.contains("base weights (3.00 GiB), optimizer (1.00 GiB);"), "{help}");
    }

    #[test]
    fn every_step_has_its_estimate() {
        assert_eq!(accept(vec![None], 1), Ok(vec![None]));
        assert_eq!(accept(Vec::new(), 1).unwrap_err().code(), "validator-bad-output");
    }
}

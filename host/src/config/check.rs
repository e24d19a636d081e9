//! Checking a config: every problem with its place, or the proof that there is none.

use olive_schemas::diagnostic::{Diagnostic, Severity};
use olive_schemas::metric::{Metric, MetricKind};
use olive_schemas::workflow::{PassConfig, Workflow};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::node::{Node, escape};
use super::references::{REFERENCE, marked};
use super::schema::{Violation, nearest, suggest, violations};
use super::{Finding, upgrade};
use crate::plugin::Catalog;

/// A workflow without errors. Only [`check`] makes one.
#[derive(Debug, Clone)]
pub struct CheckedWorkflow {
    workflow: Workflow,
    tree: Node,
    written: Node,
}

impl CheckedWorkflow {
    /// The workflow.
    pub fn workflow(&self) -> &Workflow {
        &self.workflow
    }

    /// Gives a diagnostic of a later stage, whose pointer leads into the workflow, its place.
    pub fn finding(&self, diagnostic: Diagnostic) -> Finding {
        let mut finding = locate(Violation { diagnostic, is_about_key: false }, &self.tree);
        point_into(&self.written, &mut finding);
        finding
    }
}

/// Upgrades and checks the config `written`.
///
/// Gives every finding, errors and others, in the order of the text; the workflow only when none
/// of them is an error.
pub fn check(written: &Node, catalog: &Catalog) -> (Option<CheckedWorkflow>, Vec<Finding>) {
    let mut tree = written.clone();
    let mut findings = upgrade::upgrade(&mut tree, catalog);
    let value = tree.to_value();
    let mut problems = violations(&value, &workflow_schema());
    suggest_root_keys(&mut problems);
    check_passes(&value, catalog, &mut problems);
    let workflow = match serde_json::from_value::<Workflow>(value) {
        Ok(workflow) => {
            check_names(&workflow, catalog, &mut problems);
            Some(workflow)
        }
        Err(error) if problems.is_empty() => {
            problems.push(problem("wrong-value", "", error.to_string(), None));
            None
        }
        Err(_) => None,
    };
    findings.extend(problems.into_iter().map(|violation| locate(violation, &tree)));
    finish(&mut findings, written);
    let has_errors = findings.iter().any(Finding::is_error);
    let workflow = workflow.filter(|_| !has_errors);
    let checked =
        workflow.map(|workflow| CheckedWorkflow { workflow, tree, written: written.clone() });
    (checked, findings)
}

/// Gives a violation its place: the nearest part of the tree that was written.
fn locate(violation: Violation, tree: &Node) -> Finding {
    let Violation { diagnostic, is_about_key } = violation;
    let mut pointer = diagnostic.pointer.as_str();
    loop {
        if let Some((node, key_range)) = tree.find(pointer) {
            let range = match key_range {
                Some(key_range) if is_about_key || node.entries().is_some() => key_range,
                _ => &node.range,
            };
            let is_whole_file = pointer.is_empty() && key_range.is_none();
            let end = if is_whole_file { range.start + 1 } else { range.end };
            return Finding::new(diagnostic.clone(), range.start..end);
        }
        pointer = &pointer[..pointer.rfind('/').unwrap_or(0)];
    }
}

/// JSON schema (draft-07) of the normalized workflow, pass settings left open.
pub fn workflow_schema() -> Value {
    SchemaSettings::draft07().into_generator().into_root_schema_for::<Workflow>().to_value()
}

/// Sorts findings by place, points them into the text as written, drops what is said twice.
fn finish(findings: &mut Vec<Finding>, written: &Node) {
    for finding in findings.iter_mut() {
        point_into(written, finding);
    }
    findings.sort_by_key(|finding| (finding.range.start, finding.diagnostic.severity));
    findings.dedup();
}

fn point_into(written: &Node, finding: &mut Finding) {
    if let Some(pointer) = written.pointer_of(&finding.range) {
        finding.diagnostic.pointer = pointer;
    }
}

/// Engine settings may stand at the root, which the schema of the normalized form does not know.
fn suggest_root_keys(problems: &mut [Violation]) {
    for Violation { diagnostic, is_about_key } in problems {
        let key = diagnostic.pointer.trim_start_matches('/');
        if *is_about_key && !key.contains('/') {
            diagnostic.help = suggest(key, upgrade::root_keys());
        }
    }
}

/// Checks each pass against the schema its plugin publishes.
fn check_passes(value: &Value, catalog: &Catalog, problems: &mut Vec<Violation>) {
    let passes = value.get("passes").and_then(Value::as_object);
    for (name, pass) in passes.into_iter().flatten() {
        let Ok(PassConfig { kind, config, .. }) = serde_json::from_value(pass.clone()) else {
            continue;
        };
        let pointer = format!("/passes/{}", escape(name));
        if let Some(known) = catalog.pass(&kind) {
            check_settings(&config, &known.descriptor.schema, &pointer, value, problems);
            continue;
        }
        let known: Vec<&str> = catalog.passes().map(|p| p.descriptor.name.as_str()).collect();
        let slip = nearest(&kind, known.iter().copied());
        let help = slip.map(|name| format!("did you mean `{name}`?"));
        let help = help.or_else(|| catalog.absence_help()).or_else(|| suggest(&kind, known));
        let message = format!("no installed plugin has a pass `{kind}`");
        problems.push(problem("unknown-pass", &format!("{pointer}/type"), message, help));
    }
}

fn check_settings(
    config: &Map<String, Value>,
    schema: &Value,
    pointer: &str,
    document: &Value,
    problems: &mut Vec<Violation>,
) {
    let config = Value::Object(config.clone());
    for mut violation in violations(&config, schema) {
        violation.diagnostic.pointer = format!("{pointer}{}", violation.diagnostic.pointer);
        problems.push(violation);
    }
    let data_names = data_names(document);
    for reference in marked(&config, schema, REFERENCE, "data_config") {
        let name = config.pointer(&reference).and_then(Value::as_str).unwrap_or_default();
        check_data_name(name, &data_names, &format!("{pointer}{reference}"), problems);
    }
}

/// Checks that names lead somewhere, and that metrics make sense.
fn check_names(workflow: &Workflow, catalog: &Catalog, problems: &mut Vec<Violation>) {
    check_systems(workflow, problems);
    check_evaluators(workflow, problems);
    check_data_configs(workflow, problems);
    let data_names: Vec<&str> = workflow.data_configs.iter().map(|c| c.name.as_str()).collect();
    for (name, evaluator) in &workflow.evaluators {
        for (index, metric) in evaluator.metrics.iter().enumerate() {
            let pointer = format!("/evaluators/{}/metrics/{index}", escape(name));
            check_metric(metric, &pointer, problems);
            if let Some(name) = &metric.data_config {
                check_data_name(name, &data_names, &format!("{pointer}/data_config"), problems);
            }
        }
    }
    if workflow.passes.is_empty() && workflow.engine.evaluator.is_none() {
        let message = "the workflow has neither passes nor an evaluator: there is nothing to do";
        let names: Vec<&str> = catalog.passes().map(|p| p.descriptor.name.as_str()).collect();
        let help = format!("add `passes`; installed: {}", super::schema::quoted(&names));
        problems.push(problem("nothing-to-do", "", message.into(), Some(help)));
    }
}

/// One finding per undefined system, however often it is named.
fn check_systems(workflow: &Workflow, problems: &mut Vec<Violation>) {
    let engine = &workflow.engine;
    let mut uses: Vec<(String, &str)> = Vec::new();
    uses.extend(engine.host.as_deref().map(|name| ("/engine/host".into(), name)));
    uses.extend(engine.target.as_deref().map(|name| ("/engine/target".into(), name)));
    uses.extend(workflow.passes.iter().filter_map(|(pass, config)| {
        Some((format!("/passes/{}/host", escape(pass)), config.host.as_deref()?))
    }));
    let mut reported = Vec::new();
    for (pointer, name) in uses {
        if workflow.systems.contains_key(name) || reported.contains(&name) {
            continue;
        }
        reported.push(name);
        let message = format!("system `{name}` is not defined");
        let known = workflow.systems.keys().map(String::as_str);
        let help = suggest(name, known).unwrap_or_else(|| {
            "define it under `systems`, or leave `host` and `target` out to run here".into()
        });
        problems.push(problem("unknown-system", &pointer, message, Some(help)));
    }
}

fn check_evaluators(workflow: &Workflow, problems: &mut Vec<Violation>) {
    let mut uses: Vec<(String, &str)> = Vec::new();
    uses.extend(workflow.engine.evaluator.as_deref().map(|n| ("/engine/evaluator".into(), n)));
    uses.extend(workflow.passes.iter().filter_map(|(pass, config)| {
        Some((format!("/passes/{}/evaluator", escape(pass)), config.evaluator.as_deref()?))
    }));
    for (pointer, name) in uses {
        if !workflow.evaluators.contains_key(name) {
            let message = format!("evaluator `{name}` is not defined");
            let help = suggest(name, workflow.evaluators.keys().map(String::as_str));
            problems.push(problem("unknown-evaluator", &pointer, message, help));
        }
    }
}

fn check_data_configs(workflow: &Workflow, problems: &mut Vec<Violation>) {
    for (index, config) in workflow.data_configs.iter().enumerate() {
        let is_repeated = workflow.data_configs[..index].iter().any(|c| c.name == config.name);
        if is_repeated {
            let message = format!("data config `{}` is defined twice", config.name);
            let pointer = format!("/data_configs/{index}/name");
            problems.push(problem("duplicate-name", &pointer, message, None));
        }
    }
}

fn check_metric(metric: &Metric, pointer: &str, problems: &mut Vec<Violation>) {
    let known = metric.kind.sub_metrics();
    for (index, sub_type) in metric.sub_types.iter().enumerate() {
        if !known.contains(&sub_type.name.as_str()) {
            let message = format!(
                "`{}` is not a sub-type of metric type `{}`",
                sub_type.name,
                metric.kind.name()
            );
            let pointer = format!("{pointer}/sub_types/{index}/name");
            let help = suggest(&sub_type.name, known.iter().copied());
            problems.push(problem("unknown-value", &pointer, message, help));
        }
    }
    if metric.kind == MetricKind::Accuracy && metric.data_config.is_none() {
        let message = format!("metric `{}` measures accuracy but names no data", metric.name);
        let help = "add `data_config` with the name of a data config".to_owned();
        problems.push(problem("missing-key", pointer, message, Some(help)));
    }
}

fn check_data_name(name: &str, known: &[&str], pointer: &str, problems: &mut Vec<Violation>) {
    if known.contains(&name) {
        return;
    }
    let message = format!("data config `{name}` is not defined");
    let help = suggest(name, known.iter().copied())
        .unwrap_or_else(|| "define it under `data_configs`".into());
    problems.push(problem("unknown-data-config", pointer, message, Some(help)));
}

fn data_names(document: &Value) -> Vec<&str> {
    let configs = document.get("data_configs").and_then(Value::as_array);
    configs.into_iter().flatten().filter_map(|config| config.get("name")?.as_str()).collect()
}

fn problem(code: &str, pointer: &str, message: String, help: Option<String>) -> Violation {
    let mut diagnostic = Diagnostic::new(Severity::Error, code, pointer, message);
    diagnostic.help = help;
    Violation { diagnostic, is_about_key: false }
}

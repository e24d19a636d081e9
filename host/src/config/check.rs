//! Checking a config: every problem with its place, or the proof that there is none.
//!
//! The stages look at the normalized tree, each as far as the tree is sound, so that everything
//! that is wrong is told at once; what follows from a problem that is told already is not.

pub mod data;
mod layout;
mod shape;
mod absent;
mod names;
mod chain;
mod accelerator;
mod validators;
mod files;
mod sense;
mod problem;

pub use problem::{Problem, Problems};

use std::path::Path;

use olive_schemas::data::DataConfig;
use olive_schemas::diagnostic::{Diagnostic, Severity};
use olive_schemas::metric::EvaluatorConfig;
use olive_schemas::model::{Model, ModelKind};
use olive_schemas::workflow::Workflow;
use serde_json::Value;

use super::builds::split;
use super::node::Node;
use super::{Finding, Fix, Place, Source, TextEdit, upgrade};
use crate::plugin::Catalog;
use crate::validate::migrate;

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

    /// The model to start from, unless only the command line names one that can be worked on.
    pub fn model(&self) -> Option<Model> {
        self.workflow.input_model.model()
    }

    /// Data configs that plugins can read, with their place in the list.
    pub fn data_configs(&self) -> Vec<(usize, DataConfig)> {
        let sections = self.workflow.data_configs.iter().enumerate();
        sections.filter_map(|(index, section)| Some((index, section.data_config().ok()?))).collect()
    }

    /// The metrics of the evaluator called `name`.
    pub fn evaluator(&self, name: &str) -> Option<EvaluatorConfig> {
        self.workflow.evaluators.get(name)?.metrics().ok()
    }

    /// The same config once for each of its builds, or itself when it has none.
    pub fn builds(&self) -> Vec<Self> {
        let with = |workflow| Self { workflow, ..self.clone() };
        split(&self.workflow).into_iter().map(with).collect()
    }

    /// The config in its normalized form, with places.
    pub fn normalized(&self) -> &Node {
        &self.tree
    }

    /// The same config with `path` in place of the reference at `pointer`.
    #[must_use]
    pub fn with_path(mut self, pointer: &str, path: String) -> Self {
        let mut workflow = serde_json::to_value(&self.workflow).unwrap_or_default();
        if let Some(reference) = workflow.pointer_mut(pointer) {
            *reference = path.into();
        }
        // A path stands where a reference stood: every type that took one takes the other.
        if let Ok(workflow) = serde_json::from_value(workflow) {
            self.workflow = workflow;
        }
        self
    }

    /// Gives a diagnostic of a later stage, whose pointer leads into the workflow, its place in
    /// `source`.
    pub fn finding(&self, diagnostic: Diagnostic, source: &Source) -> Finding {
        let mut finding = located(diagnostic, &self.tree, source);
        point_into(&self.written, &mut finding);
        finding
    }
}

/// What of a config matters to the command that reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// Kind of the model that is given instead of the config's.
    pub model: Option<ModelKind>,
    /// Whether the passes will run.
    pub has_passes: bool,
    /// Whether missing files are told; a plan tells them itself, as errors.
    pub has_files: bool,
    /// Whether warnings end the command as errors do.
    pub is_strict: bool,
}

impl Scope {
    /// Everything, for its own sake.
    pub const WHOLE: Self =
        Self { model: None, has_passes: true, has_files: true, is_strict: false };

    /// What a run of the config needs.
    pub const fn run(model: Option<ModelKind>) -> Self {
        Self { model, has_passes: true, has_files: false, is_strict: false }
    }

    /// What measuring a model with the config's evaluators needs.
    pub const fn evaluation(model: Option<ModelKind>) -> Self {
        Self { model, has_passes: false, has_files: false, is_strict: false }
    }
}

/// Upgrades and checks `written`, a config of `source`.
///
/// Gives every finding, errors and others, in the order of the text; the workflow only when none
/// of them is an error.
pub fn check(
    written: &Node,
    source: &Source,
    catalog: &Catalog,
    scope: Scope,
) -> (Option<CheckedWorkflow>, Vec<Finding>) {
    let text = &source.text;
    let mut tree = written.clone();
    let mut findings = upgrade::upgrade(&mut tree, catalog);
    for told in &mut findings {
        told.range.end = text.ceil_char_boundary(told.range.end);
    }
    for edit in findings.iter_mut().filter_map(|told| told.fix.as_mut()).flat_map(|f| &mut f.edits)
    {
        edit.text = quoted_as(text, edit.range.start, &edit.text);
    }
    findings.extend(migrate(&mut tree, source, catalog, scope));
    let problems = problems(&tree, &source.folder(), catalog, scope);
    findings.extend(problems.into_iter().map(|problem| locate(problem, &tree, text)));
    finish(&mut findings, written);
    if findings.iter().any(Finding::is_error) {
        return (None, findings);
    }
    match serde_json::from_value::<Workflow>(tree.to_value()) {
        Ok(workflow) => {
            (Some(CheckedWorkflow { workflow, tree, written: written.clone() }), findings)
        }
        Err(error) => {
            let diagnostic = Diagnostic::error("wrong-value", "", error.to_string());
            findings.push(locate(Problem::new(diagnostic), &tree, text));
            (None, findings)
        }
    }
}

/// The workflow that the normalized config `value` says, when nothing is wrong with it.
///
/// No text says it, so that findings about it have no place.
pub fn check_normalized(
    value: &Value,
    folder: &Path,
    catalog: &Catalog,
    scope: Scope,
) -> Option<CheckedWorkflow> {
    let tree = Node::from_value(value, &(0..0));
    let problems = problems(&tree, folder, catalog, scope);
    if problems.iter().any(|problem| problem.diagnostic.severity == Severity::Error) {
        return None;
    }
    let workflow = serde_json::from_value::<Workflow>(value.clone()).ok()?;
    Some(CheckedWorkflow { workflow, written: tree.clone(), tree })
}

/// Everything wrong with the normalized config `tree`.
fn problems(tree: &Node, folder: &Path, catalog: &Catalog, scope: Scope) -> Vec<Problem> {
    let value = &tree.to_value();
    let mut problems = Problems::default();
    if let Some(problem) = shape::no_workflow(value) {
        return vec![problem];
    }
    layout::check(value, catalog, &mut problems);
    shape::check(value, catalog, &mut problems);
    absent::check(value, catalog, scope, &mut problems);
    names::check(value, catalog, &mut problems);
    if scope.has_passes {
        // Of two passes with one name, only one would be in the chain.
        if !tree.get("passes").is_some_and(Node::has_twins) {
            chain::check(value, catalog, scope, &mut problems);
        }
    }
    accelerator::check(value, catalog, scope, &mut problems);
    validators::check(value, catalog, &mut problems);
    if scope.has_files {
        files::check(value, folder, catalog, &mut problems);
    }
    sense::check(value, catalog, &mut problems);
    problems.into_vec()
}

/// The finding that `diagnostic` is, whose pointer leads into the normalized `tree` of `source`.
pub fn located(diagnostic: Diagnostic, tree: &Node, source: &Source) -> Finding {
    locate(Problem::new(diagnostic), tree, &source.text)
}

/// Gives a problem its place: the nearest part of the tree that was written.
pub(crate) fn locate(problem: Problem, tree: &Node, text: &str) -> Finding {
    let Problem { diagnostic, is_about_key, replacement, raw_replacement } = problem;
    let (mut range, is_exact) = place(&diagnostic.pointer, is_about_key, tree);
    if range.end < text.len() {
        range.end = text.ceil_char_boundary(range.end);
    }
    let related = diagnostic.related.iter().map(|related| Place {
        range: place(&related.pointer, false, tree).0,
        message: related.message.clone(),
    });
    let related = related.collect();
    let fix = |title: &str, text: String| Fix {
        title: format!("write `{title}`"),
        edits: vec![TextEdit { range: range.clone(), text }],
    };
    let fix = match (replacement, raw_replacement) {
        (Some(name), _) if is_exact => Some(fix(&name, quoted_as(text, range.start, &name))),
        (None, Some(raw)) if is_exact => Some(fix(&raw, raw.clone())),
        _ => None,
    };
    let mut finding = Finding { diagnostic, range, related, fix, choices: Vec::new() };
    put_first_use_first(&mut finding);
    finding
}

/// `name` in the quotes of what stands at `start` of `text`.
fn quoted_as(text: &str, start: usize, name: &str) -> String {
    match text.as_bytes().get(start) {
        Some(b'"') => Value::String(name.to_owned()).to_string(),
        Some(b'\'') => format!("'{}'", name.replace('\'', "''")),
        _ => name.to_owned(),
    }
}

/// Of several uses of one thing, the first in the text is the main place.
fn put_first_use_first(finding: &mut Finding) {
    let Finding { diagnostic, range, related, fix, .. } = finding;
    if related.iter().any(|place| !place.message.ends_with(" too")) {
        return;
    }
    for (place, told) in related.iter_mut().zip(&mut diagnostic.related) {
        if place.range.start < range.start {
            std::mem::swap(&mut place.range, range);
            std::mem::swap(&mut told.pointer, &mut diagnostic.pointer);
        }
    }
    for edit in fix.iter_mut().flat_map(|fix| &mut fix.edits) {
        edit.range = range.clone();
    }
}

/// Bytes of the text that `pointer` leads to, and whether they are all that is there.
fn place(pointer: &str, is_about_key: bool, tree: &Node) -> (std::ops::Range<usize>, bool) {
    let mut nearest = pointer;
    loop {
        if let Some((node, key_range)) = tree.find(nearest) {
            let is_exact = nearest == pointer;
            return match key_range {
                Some(key) if is_about_key || node.entries().is_some() => (key.clone(), is_exact),
                None if nearest.is_empty() => (node.range.start..node.range.start + 1, false),
                _ => (node.range.clone(), is_exact),
            };
        }
        nearest = &nearest[..nearest.rfind('/').unwrap_or(0)];
    }
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
    for (related, place) in finding.diagnostic.related.iter_mut().zip(&finding.related) {
        if let Some(pointer) = written.pointer_of(&place.range) {
            related.pointer = pointer;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Scope;
    use crate::config::{Source, examine_for};
    use crate::plugin::Catalog;

    #[test]
    fn places_end_between_characters() {
        for text in ["é: 1\npasses: {}\n", "data_configs:\n  é: {}\n"] {
            let source = Source { path: "x.yaml".into(), text: text.into() };
            for told in examine_for(&source, &Catalog::default(), Scope::WHOLE).1 {
                assert!(text.get(told.range.clone()).is_some(), "{told:?}");
            }
        }
    }
}

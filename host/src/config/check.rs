//! Checking a config: every problem with its place, or the proof that there is none.
//!
//! The stages look at the normalized tree, each as far as the tree is sound, so that everything
//! that is wrong is told at once; what follows from a problem that is told already is not.

pub mod data;
mod layout;
mod shape;
mod absent;
mod names;
mod custom;
mod chain;
pub mod search;
mod accelerator;
mod validators;
mod files;
mod sense;
mod problem;

pub use problem::{Problem, Problems};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use olive_schemas::data::DataConfig;
use olive_schemas::diagnostic::{Diagnostic, Severity};
use olive_schemas::metric::EvaluatorConfig;
use olive_schemas::model::{Model, ModelKind};
use olive_schemas::origin::Provenance;
use olive_schemas::pointer::escape;
use olive_schemas::search::SearchStrategy;
use olive_schemas::workflow::Workflow;
use serde_json::Value;

use super::builds::{self, split};
use super::node::Node;
use super::upgrade::Upgraded;
use super::variants::Variants;
use super::{Finding, Source};
use crate::plugin::Catalog;

/// A workflow without errors. Only [`check`] makes one.
#[derive(Debug, Clone)]
pub struct CheckedWorkflow {
    workflow: Workflow,
    upgraded: Upgraded,
    /// The build that this is, of a config with builds.
    build: Option<String>,
    /// What sources have made local.
    local: Vec<Local>,
    variants: Option<Arc<Variants>>,
}

/// What a source has made local.
#[derive(Debug, Clone)]
pub struct Local {
    /// Pointer into the workflow.
    pub pointer: String,
    /// What stood there.
    pub before: Value,
    /// What stands there now, with local paths.
    pub now: Value,
    /// The file or folder that was fetched.
    pub path: PathBuf,
    /// Where it was fetched from.
    pub provenance: Provenance,
}

impl CheckedWorkflow {
    fn new(workflow: Workflow, upgraded: Upgraded) -> Self {
        Self { workflow, upgraded, build: None, local: Vec::new(), variants: None }
    }

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
        let with = |(build, workflow)| Self { workflow, build, ..self.clone() };
        split(&self.workflow).into_iter().map(with).collect()
    }

    /// The search that this config, or the build that this is, asks for, and its variants.
    pub fn search(&self) -> Option<(SearchStrategy, &Arc<Variants>)> {
        let strategy = self.workflow.engine.search_strategy.as_ref()?.strategy()?;
        Some((strategy, self.variants.as_ref()?))
    }

    /// Passes of this config, or of the build that this is, with something for a search to decide.
    pub fn decided_passes(&self) -> Vec<String> {
        let Some(variants) = &self.variants else { return Vec::new() };
        let root = variants.template().tree.to_value();
        let pipeline = self.build.as_ref().and_then(|build| {
            let of = |name: &str| root.get("builds")?.get(name)?.get("pipeline")?.as_array();
            of(build).or_else(|| of("_default"))
        });
        let is_in = |pass: &&str| {
            pipeline.is_none_or(|names| names.iter().any(|name| name.as_str() == Some(pass)))
        };
        variants.passes().filter(is_in).map(str::to_owned).collect()
    }

    /// Where the config says how to search: for this build, for all of them, or for the engine.
    pub fn search_pointer(&self) -> String {
        let root = &self.upgraded.tree;
        let of = |build: &str| root.get("builds")?.get(build)?.get("search_strategy");
        let own = self.build.as_deref().into_iter().chain([builds::DEFAULT]);
        let found = own.into_iter().find(|build| of(build).is_some());
        match found {
            Some(build) => format!("/builds/{}/search_strategy", escape(build)),
            None => "/engine/search_strategy".to_owned(),
        }
    }

    /// The same config with what a search decides.
    #[must_use]
    pub fn with_variants(self, variants: Arc<Variants>) -> Self {
        Self { variants: Some(variants), ..self }
    }

    /// The build of `variant` that this is, with the local paths that this has.
    pub fn same_build_of(&self, variant: Self) -> Option<Self> {
        let known = |variant: Self, local: &Local| {
            let workflow = serde_json::to_value(&variant.workflow).unwrap_or_default();
            let is_same = workflow.pointer(&local.pointer) == Some(&local.before);
            if is_same { variant.with_local(local.clone()) } else { variant }
        };
        let variant = self.local.iter().fold(variant, known);
        variant.builds().into_iter().find(|build| build.build == self.build)
    }

    /// The config in its normalized form, with places.
    pub fn normalized(&self) -> &Node {
        &self.upgraded.tree
    }

    /// What sources have made local.
    pub fn local(&self) -> &[Local] {
        &self.local
    }

    /// The same config with what `local` says in its place.
    #[must_use]
    pub fn with_local(mut self, local: Local) -> Self {
        let mut workflow = serde_json::to_value(&self.workflow).unwrap_or_default();
        if let Some(place) = workflow.pointer_mut(&local.pointer) {
            place.clone_from(&local.now);
            self.local.push(local);
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
        self.upgraded.finding(diagnostic, source)
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

/// Checks an upgraded config of `source`.
///
/// Gives every problem, errors and others; the workflow only when none of them is an error.
pub fn check(
    upgraded: Upgraded,
    source: &Source,
    catalog: &Catalog,
    scope: Scope,
) -> (Option<CheckedWorkflow>, Vec<Finding>) {
    let problems = problems(&upgraded.tree, &source.folder(), catalog, scope);
    let located = |problem| upgraded.located(problem, source);
    let mut findings: Vec<Finding> = problems.into_iter().map(located).collect();
    if findings.iter().any(Finding::is_error) {
        return (None, findings);
    }
    match serde_json::from_value::<Workflow>(upgraded.tree.to_value()) {
        Ok(workflow) => (Some(CheckedWorkflow::new(workflow, upgraded)), findings),
        Err(error) => {
            let diagnostic = Diagnostic::error("wrong-value", "", error.to_string());
            findings.push(upgraded.finding(diagnostic, source));
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
    Some(CheckedWorkflow::new(workflow, Upgraded { written: tree.clone(), tree }))
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
            search::check(value, &mut problems);
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

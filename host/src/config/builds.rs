//! Several results of one file: a workflow for each of its builds.

use indexmap::IndexMap;
use olive_schemas::workflow::{Build, Workflow};

/// Build whose settings the others share.
pub(super) const DEFAULT: &str = "_default";

/// The workflows that `whole` describes: one for each build, or itself when it has none.
///
/// A build's result goes below the output folder of the whole, unless it names a folder.
///
/// Each comes with the build's name.
pub(super) fn split(whole: &Workflow) -> Vec<(Option<String>, Workflow)> {
    let shared = whole.builds.get(DEFAULT).cloned().unwrap_or_default();
    let builds = whole.builds.iter().filter(|(name, _)| *name != DEFAULT);
    let workflows: Vec<(Option<String>, Workflow)> = builds
        .map(|(name, build)| (Some(name.clone()), one(whole, name, build, &shared)))
        .collect();
    if workflows.is_empty() { vec![(None, whole.clone())] } else { workflows }
}

fn one(whole: &Workflow, name: &str, build: &Build, shared: &Build) -> Workflow {
    let mut workflow = Workflow { builds: IndexMap::new(), ..whole.clone() };
    let pipeline = if build.pipeline.is_empty() { &shared.pipeline } else { &build.pipeline };
    if !pipeline.is_empty() {
        let passes = pipeline.iter().filter_map(|pass| {
            let config = whole.passes.get(pass)?;
            Some((pass.clone(), config.clone()))
        });
        workflow.passes = passes.collect();
    }
    let engine = &mut workflow.engine;
    let choose = |own: &Option<String>, shared: &Option<String>, engine: &mut Option<String>| {
        if let Some(name) = own.as_ref().or(shared.as_ref()) {
            *engine = Some(name.clone());
        }
    };
    choose(&build.host, &shared.host, &mut engine.host);
    choose(&build.target, &shared.target, &mut engine.target);
    choose(&build.evaluator, &shared.evaluator, &mut engine.evaluator);
    if let Some(search) = build.search_strategy.as_ref().or(shared.search_strategy.as_ref()) {
        engine.search_strategy = Some(search.clone());
    }
    engine.output_dir = match &build.output_dir {
        Some(folder) => folder.clone(),
        None => {
            let base = shared.output_dir.as_ref().unwrap_or(&engine.output_dir);
            format!("{base}/{name}")
        }
    };
    workflow.workflow_id = format!("{}/{name}", whole.workflow_id);
    workflow
}

#[cfg(test)]
mod tests {
    use olive_schemas::workflow::Workflow;
    use serde_json::json;

    use super::split;

    fn workflow(builds: &serde_json::Value) -> Workflow {
        serde_json::from_value(json!({
            "input_model": {"type": "HfModel", "model_path": "base"},
            "passes": {"a": {"type": "A"}, "b": {"type": "B"}, "c": {"type": "C"}},
            "engine": {"output_dir": "out", "evaluator": "e"},
            "builds": builds
        }))
        .unwrap()
    }

    #[test]
    fn a_file_without_builds_is_one() {
        let whole = workflow(&json!({}));
        assert_eq!(split(&whole), [(None, whole)]);
    }

    #[test]
    fn a_build_has_its_own_passes_and_shares_what_it_does_not_say() {
        let whole = workflow(&json!({
            "_default": {"target": "npu", "pipeline": ["a"]},
            "small": {"pipeline": ["a", "c"], "target": "cpu"},
            "large": {"output_dir": "big", "evaluator": "f"}
        }));
        let told: Vec<_> = split(&whole)
            .iter()
            .map(|(_, workflow)| {
                let engine = &workflow.engine;
                let passes: Vec<_> = workflow.passes.keys().cloned().collect();
                let target = engine.target.clone().unwrap_or_default();
                let evaluator = engine.evaluator.clone().unwrap_or_default();
                format!("{passes:?} {target} {evaluator} {}", engine.output_dir)
            })
            .collect();
        assert_eq!(told, [r#"["a", "c"] cpu e out/small"#, r#"["a"] npu f big"#]);
    }
}

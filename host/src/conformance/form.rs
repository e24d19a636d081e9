//! What a plugin says about itself: names, summaries and schemas, without running anything.

use std::collections::BTreeSet;

use olive_plugin_api::version;
use olive_schemas::descriptor::PluginDescriptor;
use semver::Version;

use super::report::{Finding, counted, unless_any};
use crate::cli::resources;

/// Longest summary, in letters.
const SUMMARY_LETTERS: usize = 120;

/// A thing of a plugin that has a name and a summary.
pub(super) struct Named<'a> {
    /// What it is: `pass`, `evaluator` …
    pub(super) what: &'static str,
    pub(super) name: &'a str,
    pub(super) summary: &'a str,
}

/// Everything that `descriptor` provides.
pub(super) fn provided(descriptor: &PluginDescriptor) -> Vec<Named<'_>> {
    let PluginDescriptor { passes, evaluators, generators, sources, systems, .. } = descriptor;
    let PluginDescriptor { previewers, graph_editors, packagers, .. } = descriptor;
    macro_rules! named {
        ($what:literal, $list:expr) => {
            $list.iter().map(|one| Named { what: $what, name: &one.name, summary: &one.summary })
        };
    }
    named!("pass", passes)
        .chain(named!("evaluator", evaluators))
        .chain(named!("generator", generators))
        .chain(named!("source", sources))
        .chain(named!("system", systems))
        .chain(systems.iter().flat_map(|system| named!("resource", system.resources)))
        .chain(named!("previewer", previewers))
        .chain(named!("graph editor", graph_editors))
        .chain(named!("packager", packagers))
        .collect()
}

/// Whether names and versions are well formed, and no two alike.
pub(super) fn names(descriptor: &PluginDescriptor) -> Finding {
    let mut problems = Vec::new();
    let PluginDescriptor { name, version, api_version, .. } = descriptor;
    let is_package_name = |name: &str| {
        !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
    };
    if !is_package_name(name) {
        problems.push(format!("plugin name `{name}` is not lower case, digits, `-` and `_`"));
    }
    if Version::parse(version).is_err() {
        problems.push(format!("version `{version}` is not of the form 1.2.3"));
    }
    // A process plugin has none: its manifest names its protocol.
    if !api_version.is_empty()
        && let Err(error) = version::check(api_version)
    {
        problems.push(error.to_string());
    }
    let provided = provided(descriptor);
    if provided.is_empty() {
        problems.push("the plugin provides nothing".into());
    }
    let mut known = BTreeSet::new();
    for Named { what, name, .. } in &provided {
        let is_word = |name: &str| {
            name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        // A resource is named by the words of its command.
        let is_named =
            if *what == "resource" { name.split(' ').all(is_word) } else { is_word(name) };
        if !is_named {
            problems.push(format!("{what} `{name}` is not named by letters, digits and `_`"));
        }
        if !known.insert((*what, name.to_ascii_lowercase())) {
            problems.push(format!("two of kind {what} are named `{name}`"));
        }
    }
    for resource in descriptor.systems.iter().flat_map(|system| &system.resources) {
        problems.extend(resources::problem(resource));
        let alias = resource.alias.as_deref().unwrap_or_default();
        if !alias.is_empty() && !known.insert(("resource", alias.to_ascii_lowercase())) {
            problems.push(format!("two of kind resource have the command `{alias}`"));
        }
    }
    unless_any(problems, format!("{name}@{version} provides {}", counted(provided.len(), "thing")))
}

/// Whether everything has a summary of one short sentence, and takes some kind of model.
pub(super) fn summaries(descriptor: &PluginDescriptor) -> Finding {
    let provided = provided(descriptor);
    let mut problems: Vec<String> = provided.iter().filter_map(summary_problem).collect();
    let PluginDescriptor { passes, evaluators, generators, previewers, packagers, .. } = descriptor;
    let accepts = (passes.iter().map(|pass| (&pass.name, &pass.accepts)))
        .chain(evaluators.iter().map(|one| (&one.name, &one.accepts)))
        .chain(generators.iter().map(|one| (&one.name, &one.accepts)))
        .chain(previewers.iter().map(|one| (&one.name, &one.accepts)))
        .chain(packagers.iter().map(|one| (&one.name, &one.accepts)));
    let idle = accepts.filter(|(_, accepts)| accepts.is_empty());
    problems.extend(idle.map(|(name, _)| format!("`{name}` takes no kind of model")));
    let blind = evaluators
        .iter()
        .filter(|evaluator| evaluator.metrics.is_empty() && evaluator.custom.is_none());
    problems.extend(blind.map(|evaluator| format!("`{}` measures nothing", evaluator.name)));
    unless_any(problems, "one sentence each")
}

fn summary_problem(named: &Named<'_>) -> Option<String> {
    let Named { what, name, summary } = named;
    let why = match summary.trim() {
        "" => "is missing",
        text if !text.ends_with('.') => "does not end with a period",
        text if text.contains('\n') => "has more than one line",
        text if text.chars().count() > SUMMARY_LETTERS => "has more than 120 letters",
        _ => return None,
    };
    Some(format!("the summary of {what} `{name}` {why}"))
}

#[cfg(test)]
mod tests {
    use olive_schemas::descriptor::{
        CustomMetrics, EvaluatorDescriptor, PassDescriptor, PluginDescriptor,
    };
    use olive_schemas::metric::MetricKind;
    use olive_schemas::model::ModelKind;
    use serde_json::json;

    use super::{Finding, names, summaries};
    use crate::conformance::report::Objection;

    fn descriptor(name: &str, version: &str, passes: &[(&str, &str)]) -> PluginDescriptor {
        let pass = |&(name, summary): &(&str, &str)| PassDescriptor {
            name: name.into(),
            summary: summary.into(),
            accepts: vec![ModelKind::Hf],
            produces: ModelKind::Hf,
            schema: json!({}),
            threads_change_result: false,
            has_ranks: false,
        };
        let api_version = olive_plugin_api::API_VERSION;
        PluginDescriptor {
            passes: passes.iter().map(pass).collect(),
            ..PluginDescriptor::new(name, version, api_version)
        }
    }

    #[track_caller]
    fn check(finding: Finding, expected: Option<&str>) {
        match (finding, expected) {
            (Ok(_), None) => {}
            (Err(Objection::Failed(why)), Some(part)) => assert!(why.contains(part), "{why}"),
            (finding, expected) => panic!("{finding:?} is not {expected:?}"),
        }
    }

    #[test]
    fn names_and_versions_are_looked_at() {
        let one = [("Prune", "Prune.")];
        check(names(&descriptor("acme-prune", "1.2.3", &one)), None);
        check(names(&descriptor("Acme Prune", "1.2.3", &one)), Some("`Acme Prune`"));
        check(names(&descriptor("acme", "1.2", &one)), Some("`1.2`"));
        check(names(&descriptor("acme", "1.2.3", &[])), Some("provides nothing"));
        check(names(&descriptor("acme", "1.2.3", &[("a b", "A.")])), Some("pass `a b`"));
        let two = [("Prune", "Prune."), ("prune", "Prune.")];
        check(names(&descriptor("acme", "1.2.3", &two)), Some("two of kind pass"));
    }

    #[test]
    fn no_two_commands_are_alike() {
        let resource = |name: &str, alias: &str| {
            json!({
                "name": name, "alias": alias, "summary": "A.", "create": {}, "delete": {}
            })
        };
        for (alias, expected) in
            [("manage-disk", None), ("manage-machine", Some("the command `manage-machine`"))]
        {
            let resources = [resource("machine", "manage-machine"), resource("disk", alias)];
            let system = json!({
                "name": "Cloud", "summary": "A.", "schema": {}, "resources": resources
            });
            let systems = vec![serde_json::from_value(system).unwrap()];
            let plugin = PluginDescriptor { systems, ..descriptor("acme", "1.2.3", &[]) };
            check(names(&plugin), expected);
        }
    }

    #[test]
    fn an_evaluator_measures_something() {
        let own = CustomMetrics { figures: Vec::new(), schema: json!({"type": "object"}) };
        for (metrics, custom, expected) in [
            (vec![MetricKind::Latency], None, None),
            (Vec::new(), Some(own), None),
            (Vec::new(), None, Some("`Judge` measures nothing")),
        ] {
            let evaluator = EvaluatorDescriptor {
                name: "Judge".into(),
                summary: "Judge.".into(),
                accepts: vec![ModelKind::Hf],
                metrics,
                custom,
            };
            let judge = descriptor("acme", "1.2.3", &[]);
            check(summaries(&PluginDescriptor { evaluators: vec![evaluator], ..judge }), expected);
        }
    }

    #[test]
    fn summaries_are_one_sentence() {
        let check = |summary: &str, expected| {
            check(summaries(&descriptor("acme", "1.2.3", &[("Prune", summary)])), expected);
        };
        check("Remove small weights.", None);
        check("", Some("is missing"));
        check("Remove small weights", Some("period"));
        check("Remove.\nMore.", Some("line"));
        check(&format!("{}.", "a".repeat(120)), Some("120 letters"));
    }
}

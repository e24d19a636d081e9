//! No key of a config is accepted and ignored.
//!
//! Every key that the schemas of the sections have is changed, one at a time, in a workflow in which
//! it means something: `olive check` must tell it by name, or the plan must be another (its keys, its
//! settings, its folders), or, for what only runs show, what `olive run` logs. A finding that only
//! says that the new value is wrong does not count. Keys that schemas list as left out must be told,
//! those of the built-in passes too.
//!
//! Settings of passes, data configs and metrics are part of a step's key whatever the plugin does
//! with them. That plugins heed them is held where they run: `plugins/lora/tests/it/promises.rs`
//! (trainings and data), `plugins/model-builder/tests/it/promises.rs`, `plugins/import/tests/it/tiny.rs`,
//! `plugins/evaluate/tests/steps.rs` (metrics).

mod sections;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use olive_plugin_api::testing::{Change, Setting, changes, merge, settings_of};
use serde_json::{Value, json};

use crate::playground::{Playground, built_if_any};
use crate::real;
use sections::{MEMORY, Section, base, companions, foreign_models, sections};

/// Errors that tell a key by name; of others only the value is told to be wrong.
const TOLD: [&str; 8] = [
    "not-available",
    "unknown-type",
    "plugin-missing",
    "unknown-data-config",
    "unknown-validator",
    "validator-malformed",
    "same-folder",
    "model-kind",
];

/// The component of the rules, where it is built.
const RULES: &str = "bin/plugins/olive_plugin_rules.wasm";

/// Keys that can only say what is done anyway: every other value is refused by name.
const ONE_MEANING: [&str; 1] = ["/data_configs/0/load_dataset_config/split"];

#[test]
fn every_key_of_a_config_counts_or_is_told() {
    let playground = playground();
    let mut changes = all_changes();
    if !playground.exists(RULES) {
        println!("skipped: the rules, which read `{MEMORY}`, are not built: cargo xtask wasm");
        changes.retain(|change| change.pointer != MEMORY);
    }
    assert!(changes.len() > 100, "{}", changes.len());
    let mut workflows: Vec<&Value> = changes.iter().flat_map(|change| &change.after).collect();
    workflows.extend(changes.iter().map(|change| &change.before));
    let mut witness = Witness::new(playground, &workflows);
    let ignored: Vec<_> = changes.iter().filter(|change| !witness.sees(change)).collect();
    let pointers: Vec<_> = ignored.iter().map(|change| &change.pointer).collect();
    assert!(ignored.is_empty(), "accepted and ignored: {pointers:#?}");
}

#[test]
fn every_key_that_is_left_out_is_told() {
    let playground = playground();
    let mut sections = sections();
    sections.extend(passes(&playground));
    let mut expected = Vec::new();
    let mut workflows = Vec::new();
    for Section { place, schema, world, .. } in &sections {
        let mut after = base();
        merge(&mut after, world);
        let mut left_out = settings_at(place, schema);
        left_out.retain(|setting| setting.is_left_out);
        for setting in &left_out {
            setting.put(&mut after, json!("changed"));
        }
        expected.push(left_out);
        workflows.push(after);
    }
    let told = told(&playground, &workflows.iter().collect::<Vec<_>>());
    let mut silent = Vec::new();
    let mut count = 0;
    for (left_out, told) in expected.into_iter().zip(told) {
        count += left_out.len();
        for Setting { pointer, .. } in left_out {
            let is_told = |[_, code, _, place]: &[String; 4]| {
                ["not-available", "ignored-key"].contains(&code.as_str()) && *place == pointer
            };
            if !told.iter().any(is_told) {
                silent.push(pointer);
            }
        }
    }
    assert!(count > 500, "{count}");
    assert!(silent.is_empty(), "left out and not told:\n{}", silent.join("\n"));
}

#[test]
fn models_that_nothing_works_on_are_refused_by_their_type() {
    let playground = playground();
    let models = foreign_models();
    let workflows: Vec<Value> = models
        .iter()
        .map(|kind| {
            let mut workflow = base();
            workflow["input_model"] = json!({"type": kind, "model_path": "model"});
            workflow
        })
        .collect();
    let told = told(&playground, &workflows.iter().collect::<Vec<_>>());
    for (kind, told) in models.iter().zip(told) {
        assert!(told.iter().any(|finding| finding[1] == "model-kind"), "{kind}: {told:?}");
    }
}

/// Every key of every section changed, in a workflow in which it means something.
fn all_changes() -> Vec<Change> {
    let mut all = Vec::new();
    for Section { place, schema, world, own } in sections() {
        let mut workflow = base();
        merge(&mut workflow, &world);
        let mut settings = settings_at(place, &schema);
        settings.retain(|setting| {
            !setting.is_left_out && !ONE_MEANING.contains(&setting.pointer.as_str())
        });
        all.extend(changes(&workflow, &settings, &[own, companions()].concat()));
    }
    for Change { pointer, after, .. } in &all {
        assert!(!after.is_empty(), "no value to try for {pointer}");
    }
    all
}

/// The settings of `schema` in a section that stands at `place`.
fn settings_at(place: &str, schema: &Value) -> Vec<Setting> {
    let mut settings = settings_of(schema);
    for setting in &mut settings {
        setting.pointer.insert_str(0, place);
    }
    settings
}

/// What the program says of workflows.
struct Witness {
    playground: Playground,
    told: BTreeMap<String, Told>,
    plans: BTreeMap<String, Option<String>>,
}

impl Witness {
    fn new(playground: Playground, workflows: &[&Value]) -> Self {
        let told = told(&playground, workflows);
        let told = workflows.iter().map(ToString::to_string).zip(told).collect();
        Self { playground, told, plans: BTreeMap::new() }
    }

    /// Whether the change makes a difference to a user.
    fn sees(&mut self, change: &Change) -> bool {
        let Change { before, after, .. } = change;
        after.iter().any(|after| self.is_told(before, after))
            || after.iter().any(|after| self.is_planned(before, after))
            || after.iter().any(|after| self.is_logged(before, after))
    }

    /// Whether `olive check` tells the key, and not only that its value is wrong.
    fn is_told(&self, before: &Value, after: &Value) -> bool {
        let mut new = self.told[&after.to_string()].difference(&self.told[&before.to_string()]);
        new.any(|[severity, code, ..]| {
            TOLD.contains(&code.as_str()) || (severity != "error" && code != "file-missing")
        })
    }

    fn is_planned(&mut self, before: &Value, after: &Value) -> bool {
        let (before, after) = (self.plan(before), self.plan(after));
        before.is_some() && after.is_some() && before != after
    }

    /// The plans that `olive plan` makes, without its findings; nothing when there is none.
    fn plan(&mut self, workflow: &Value) -> Option<String> {
        let text = workflow.to_string();
        let Self { playground, plans, .. } = self;
        let plan = plans.entry(text).or_insert_with_key(|text| {
            playground.write("olive.json", text);
            let said = playground.olive(&["plan", "--config", "@/olive.json", "--json"]);
            let plans: Vec<&str> =
                said.out.lines().filter(|line| line.contains("\"steps\":")).collect();
            (said.code == Some(0)).then(|| plans.join("\n"))
        });
        plan.clone()
    }

    /// Whether `olive run` logs something else.
    fn is_logged(&self, before: &Value, after: &Value) -> bool {
        let has_plan =
            |workflow: &Value| self.plans.get(&workflow.to_string()).is_some_and(Option::is_some);
        has_plan(before) && has_plan(after) && self.logged(before) != self.logged(after)
    }

    /// What `olive run` logs, without figures.
    fn logged(&self, workflow: &Value) -> String {
        self.playground.write("olive.json", &workflow.to_string());
        let _ = fs::remove_dir_all(self.playground.path("cache"));
        let said = self.playground.run();
        said.check(0, &[]);
        let logged = said.err.lines().filter(|line| line.starts_with("info: "));
        logged.flat_map(str::chars).filter(|letter| !letter.is_ascii_digit()).collect()
    }
}

/// Findings: severity, code, message, pointer.
type Told = BTreeSet<[String; 4]>;

/// What `olive check` finds in each of `workflows`.
fn told(playground: &Playground, workflows: &[&Value]) -> Vec<Told> {
    let mut args = vec!["check".to_owned(), "--format".to_owned(), "json".to_owned()];
    for (number, workflow) in workflows.iter().enumerate() {
        playground.write(&format!("trial-{number}.json"), &workflow.to_string());
        args.push(format!("@/trial-{number}.json"));
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let said = playground.olive(&args);
    let said: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}", said.err));
    let files = said["files"].as_array().unwrap().iter();
    let findings = files.map(|file| {
        let found = file["diagnostics"].as_array().unwrap().iter();
        let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
        found
            .map(|finding| ["severity", "code", "message", "pointer"].map(|key| text(finding, key)))
            .collect()
    });
    findings.collect()
}

/// The tiny recipe's playground with the toy plugin, and a validator that is broken.
fn playground() -> Playground {
    let playground = real::playground();
    playground.install("olive_toy_plugin", "olive_plugin_toy");
    playground.write("bin/plugins/olive_plugin_broken.wasm", "no component");
    for file in ["onnx/model.onnx", "model.gguf", "other", "adapter/adapter_config.json"] {
        playground.write(file, file);
    }
    if let Some(rules) = built_if_any("olive_plugin_rules.wasm") {
        fs::copy(rules, playground.path(RULES)).unwrap();
    }
    playground
}

/// The settings of every built-in pass.
fn passes(playground: &Playground) -> Vec<Section> {
    let said = playground.olive(&["plugin", "list", "--json"]);
    let mut passes = Vec::new();
    for line in said.out.lines() {
        let plugin: Value = serde_json::from_str(line).unwrap();
        for pass in
            plugin.pointer("/descriptor/passes").and_then(Value::as_array).into_iter().flatten()
        {
            passes.push(Section {
                place: "/passes/lora",
                schema: pass["schema"].clone(),
                world: json!({"passes": {"lora": {"type": pass["name"]}}}),
                own: Vec::new(),
            });
        }
    }
    assert!(passes.len() > 8);
    passes
}

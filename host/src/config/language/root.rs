//! The root of the config, and its passes.

use olive_schemas::known_packs::former_pass_names;
use serde_json::{Map, Value, json};

use super::section::{Kind, Section, reference};
use super::written::{define, deprecated, describe, former, prune, written};
use super::{Installed, data, engine, evaluator, model, name_or_inline, packages, searched};
use crate::config::schema::workflow_schema;

/// Keys of a pass of former eras, which have no effect.
const GONE: [(&str, &str); 3] = [
    ("disable_search", "passes run once unless there is a search"),
    ("clean_run_cache", "results are found by content, never stale"),
    ("output_name", "results are named by their folder"),
];

/// Sections for which `null` is the same as leaving them out.
const OPTIONAL: [&str; 5] = ["systems", "evaluators", "passes", "builds", "engine"];

/// The whole config; what it needs goes to `definitions`.
pub(super) fn schema(
    installed: &Installed<'_>,
    definitions: &mut Map<String, Value>,
) -> Map<String, Value> {
    let mut whole = written(workflow_schema(), "", definitions);
    let sections = ["EngineConfig", "SearchStrategy", "PassConfig", "ValidatorsConfig"];
    define(workflow_schema(), &sections, definitions);
    let fields = definitions.get("PassConfig").cloned().unwrap_or_default();
    let sections = [
        ("InputModel", model::model(&installed.sources, definitions)),
        ("System", model::system(&installed.systems, definitions)),
        ("Evaluator", evaluator::evaluator(&installed.evaluators, definitions)),
        ("Package", packages::package(&installed.packagers, definitions)),
    ];
    definitions.extend(sections.map(|(name, section)| (name.to_owned(), section)));
    engine::widen(definitions);
    packages::widen(definitions);
    let pass = pass(&fields, &installed.passes, definitions);
    definitions.insert("Pass".into(), pass);
    let data_configs = data::configs(&installed.sources, definitions);
    add_validators(&installed.validators, definitions);
    let Some(properties) = whole.get_mut("properties").and_then(Value::as_object_mut) else {
        return Map::new();
    };
    properties.insert("data_configs".into(), data_configs);
    complete(properties, definitions);
    if let Some(whole) = whole.as_object_mut() {
        searched::passes(whole, definitions);
    }
    prune(&whole, definitions);
    whole.as_object().cloned().unwrap_or_default()
}

fn complete(properties: &mut Map<String, Value>, definitions: &mut Map<String, Value>) {
    let mut one_or_several = json!({
        "type": ["object", "array"],
        "allOf": [
            {"if": {"type": "array"}, "then": {"items": reference("PassOrNone"), "minItems": 1}},
            {"if": {"type": "object"}, "then": reference("Pass")}
        ]
    });
    if let Some(snippets) = definitions.get("Pass").and_then(|pass| pass.get("defaultSnippets")) {
        one_or_several["defaultSnippets"] = snippets.clone();
    }
    definitions.insert("PassOrAlternatives".into(), one_or_several);
    let or_none = json!({"if": {"type": "null"}, "then": {}, "else": reference("Pass")});
    definitions.insert("PassOrNone".into(), or_none);
    for (section, item) in [("systems", "System"), ("evaluators", "Evaluator")] {
        if let Some(section) = properties.get_mut(section) {
            section["additionalProperties"] = reference(item);
        }
    }
    if let Some(model) = properties.get_mut("input_model") {
        *model = reference("InputModel");
    }
    if let Some(engine) = properties.get_mut("engine") {
        *engine = reference("EngineConfig");
    }
    if let Some(validators) = properties.get_mut("validators") {
        *validators = reference("ValidatorsConfig");
    }
    for section in ["EngineConfig", "ValidatorsConfig"] {
        if let Some(section) = definitions.get_mut(section) {
            section["type"] = json!(["object", "null"]);
        }
    }
    for section in OPTIONAL {
        let section = properties.get_mut(section).filter(|section| section.get("type").is_some());
        if let Some(section) = section {
            section["type"] = json!(["object", "null"]);
        }
    }
    for (key, property) in engine::root_properties(definitions) {
        properties.entry(key).or_insert(property);
    }
    add_former_keys(properties);
    let mut place = json!({"type": "string", "doNotSuggest": true});
    if let Some(place) = place.as_object_mut() {
        describe(place, "Where this schema is; for editors.");
    }
    properties.insert("$schema".into(), place);
}

/// Settings of `validators` by their ids; those of others are open.
fn add_validators(validators: &[Kind<'_>], definitions: &mut Map<String, Value>) {
    let mut own = Map::new();
    for Kind { name, summary, schema } in validators {
        let definition = format!("validator.{name}");
        let mut settings = written(schema, &format!("{definition}."), definitions);
        if let Some(settings) = settings.as_object_mut() {
            describe(settings, summary);
        }
        definitions.insert(definition.clone(), settings);
        own.insert((*name).to_owned(), reference(&definition));
    }
    if let Some(config) = definitions
        .get_mut("ValidatorsConfig")
        .and_then(|section| section.pointer_mut("/properties/config"))
    {
        config["properties"] = Value::Object(own);
    }
}

/// Keys of the root that only configs of former eras have.
fn add_former_keys(properties: &mut Map<String, Value>) {
    let flow = json!({"type": "array", "items": {"type": "string"}});
    let flows = json!({"type": ["array", "null"], "items": flow});
    let flows = former(flows, "`builds`, each with its `pipeline`");
    properties.insert("pass_flows".into(), flows);
    let folder = former(json!({"type": ["string", "null"]}), "the folder in `data_files`");
    properties.insert("data_root".into(), folder);
}

/// A pass by its type; `fields` is what passes have in common.
fn pass(fields: &Value, kinds: &[Kind<'_>], definitions: &mut Map<String, Value>) -> Value {
    let field = |key: &str| fields["properties"].get(key).cloned().unwrap_or_default();
    let mut common = Map::new();
    common.insert("type".into(), json!(true));
    common.insert("host".into(), name_or_inline(&field("host"), "System"));
    common.insert("evaluator".into(), name_or_inline(&field("evaluator"), "Evaluator"));
    common.insert("search_space".into(), field("search_space"));
    for (key, why) in GONE {
        let message = format!("`{key}` has no effect: {why}");
        common.insert(key.into(), deprecated(json!({}), &message));
    }
    let section = Section {
        word: "pass",
        description: "One pass: its `type`, and its settings beside it or below `config`.",
        type_description: "Which pass.",
        wrapper: "config",
        common,
        former_names: former_pass_names().collect(),
    };
    section.of(kinds, definitions)
}

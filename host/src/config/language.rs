//! The config language as one published JSON schema (draft-07), for editors.
//!
//! [`schema()`] describes the file as people write it, for the plugins installed: either form of a
//! section, engine settings at the root or in `engine`, types in any case, old spellings as
//! deprecated. What the check says is wrong with a single section is wrong here too; names that
//! refer to each other, files, and what passes make of each other are for the check alone. Marks
//! that begin with `x-olive-` are annotations.

mod written;
mod section;
mod model;
mod data;
mod evaluator;
mod packages;
mod engine;
mod searched;
mod root;
mod shared;
mod docs;

pub use docs::docs;

use olive_schemas::types::TypeEntry;
use serde_json::{Map, Value, json};

use crate::plugin::{Catalog, CustomEntry};
use evaluator::Custom;
use section::Kind;

/// The config file as people write it, for the plugins in `catalog`.
pub fn schema(catalog: &Catalog) -> Value {
    let passes = catalog.passes().map(|pass| {
        let pass = pass.descriptor;
        Kind { name: &pass.name, summary: &pass.summary, schema: &pass.schema }
    });
    let systems = catalog.systems().map(|(_, system)| Kind {
        name: &system.name,
        summary: &system.summary,
        schema: &system.schema,
    });
    let sources = catalog.sources().map(|(_, source)| Kind {
        name: &source.name,
        summary: &source.summary,
        schema: &source.schema,
    });
    let packagers = catalog.packagers().map(|(_, packager)| Kind {
        name: &packager.name,
        summary: &packager.summary,
        schema: &packager.schema,
    });
    let validators = catalog.validators().iter().map(|validator| Kind {
        name: &validator.descriptor.id,
        summary: &validator.descriptor.summary,
        schema: &validator.descriptor.schema,
    });
    let evaluators =
        catalog.custom_evaluators().map(|CustomEntry { descriptor, custom, .. }| Custom {
            kind: Kind {
                name: &descriptor.name,
                summary: &descriptor.summary,
                schema: &custom.schema,
            },
            figures: custom.figures.iter().map(|figure| figure.name.as_str()).collect(),
        });
    compose(&Installed {
        passes: passes.collect(),
        evaluators: evaluators.collect(),
        systems: systems.collect(),
        sources: sources.collect(),
        packagers: packagers.collect(),
        validators: validators.collect(),
        providers: catalog.providers().into_iter().map(|provider| provider.name).collect(),
    })
}

/// What the installed plugins add to the language.
#[derive(Debug, Default)]
struct Installed<'a> {
    passes: Vec<Kind<'a>>,
    evaluators: Vec<Custom<'a>>,
    systems: Vec<Kind<'a>>,
    sources: Vec<Kind<'a>>,
    packagers: Vec<Kind<'a>>,
    validators: Vec<Kind<'a>>,
    /// Names of execution providers.
    providers: Vec<String>,
}

/// The settings of the pass called `name` as people write them below `config`; `None` when no
/// plugin has it.
pub fn pass_schema(catalog: &Catalog, name: &str) -> Option<Value> {
    let pass = catalog.pass(name)?.descriptor;
    let mut definitions = Map::new();
    let mut settings = written::written(&pass.schema, "", &mut definitions);
    let mut whole = heading(&pass.name, &pass.summary);
    whole.append(settings.as_object_mut()?);
    if !definitions.is_empty() {
        whole.insert("definitions".into(), Value::Object(definitions));
    }
    Some(Value::Object(whole))
}

fn compose(installed: &Installed<'_>) -> Value {
    let mut definitions = Map::new();
    let mut whole = heading("Olive workflow", "A model, what to do to it, and how to measure it.");
    whole.insert("allowComments".into(), true.into());
    whole.insert("allowTrailingCommas".into(), true.into());
    whole.append(&mut root::schema(installed, &mut definitions));
    add_providers(&installed.providers, &mut definitions);
    shared::share(&mut definitions);
    definitions.sort_keys();
    whole.insert("definitions".into(), Value::Object(definitions));
    Value::Object(whole)
}

/// Lets accelerators name the execution providers called `names`, too.
fn add_providers(names: &[String], definitions: &mut Map<String, Value>) {
    let choices = definitions.iter_mut().filter(|(name, _)| name.ends_with("ExecutionProvider"));
    for (_, choice) in choices {
        let Some(Value::Array(known)) = choice.pointer_mut("/anyOf/0/enum") else { continue };
        for name in names {
            if known.iter().all(|known| known != name) {
                known.push(name.as_str().into());
            }
        }
    }
}

fn heading(title: &str, description: &str) -> Map<String, Value> {
    let mut heading = Map::new();
    heading.insert("$schema".into(), "http://json-schema.org/draft-07/schema#".into());
    heading.insert("title".into(), title.into());
    heading.insert("description".into(), description.into());
    heading
}

/// The types of `entries` as a section takes them.
fn kinds(entries: &[TypeEntry]) -> Vec<Kind<'_>> {
    let kinds = entries.iter().map(|entry| Kind {
        name: entry.name,
        summary: entry.summary,
        schema: &entry.schema,
    });
    kinds.collect()
}

/// A field that holds the name of something, or the thing itself, which is the definition `name`.
fn name_or_inline(field: &Value, name: &str) -> Value {
    let mut field = field.clone();
    if let Some(field) = field.as_object_mut() {
        field.insert("type".into(), json!(["string", "object", "null"]));
        field.insert("if".into(), json!({"type": "object"}));
        field.insert("then".into(), section::reference(name));
    }
    field
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::section::Kind;
    use super::{Installed, compose};

    /// Two passes whose schemas have definitions of one name, and every mark.
    fn composed() -> Value {
        let first = json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["data"],
            "properties": {
                "data": {"type": "string", "x-olive-renamed-from": ["rows"]},
                "args": {"anyOf": [{"$ref": "#/definitions/Args"}, {"type": "null"}]},
                "bits": {
                    "description": "Width.",
                    "allOf": [{"$ref": "#/definitions/Bits"}],
                    "x-olive-unavailable-values": {"two": "too few"}
                }
            },
            "x-olive-ignored": {"fp16": "nothing is computed"},
            "x-olive-unavailable": {"stream": {"reason": "not yet", "unless": [false]}},
            "definitions": {
                "Args": {
                    "type": "object",
                    "additionalProperties": false,
                    "properties": {"seed": {"type": "integer"}, "more": {"$ref": "#/definitions/Args"}}
                },
                "Bits": {"description": "Widths.", "oneOf": [
                    {"const": "two", "description": "Two."},
                    {"const": "four", "description": "Four."}
                ]}
            }
        });
        let second = json!({
            "type": "object",
            "properties": {"args": {"$ref": "#/definitions/Args"}},
            "definitions": {"Args": {"type": "boolean"}}
        });
        let third = json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["queue"],
            "properties": {"queue": {"type": "string"}}
        });
        let passes = vec![
            Kind { name: "First", summary: "Does one thing", schema: &first },
            Kind { name: "a/b c", summary: "Does another", schema: &second },
        ];
        let system = Kind { name: "Third", summary: "Runs steps", schema: &third };
        let source = Kind { name: "Shelf", summary: "Has models", schema: &third };
        let packager = Kind { name: "Crate", summary: "Packs models", schema: &third };
        let (systems, sources, packagers) = (vec![system], vec![source], vec![packager]);
        compose(&Installed { passes, systems, sources, packagers, ..Installed::default() })
    }

    #[track_caller]
    fn check(pass: &Value, is_right: bool) {
        let schema = composed();
        let validator = jsonschema::draft7::new(&schema).unwrap();
        let config = json!({"input_model": {"model_path": "m"}, "passes": {"p": pass}});
        let found: Vec<_> = validator.iter_errors(&config).map(|e| e.to_string()).collect();
        assert_eq!(found.is_empty(), is_right, "{pass}: {found:#?}");
    }

    #[test]
    fn settings_stand_beside_the_type_or_below_config() {
        check(&json!({"type": "First", "data": "d"}), true);
        check(&json!({"type": "first", "config": {"data": "d"}}), true);
        check(&json!({"type": "First", "config": {"args": {"seed": 1}}, "data": "d"}), true);
        check(&json!({"type": "First"}), false);
        check(&json!({"type": "First", "config": {}}), false);
        check(&json!({"type": "First", "config": null}), false);
        check(&json!({"type": "First", "data": "d", "date": 1}), false);
        check(&json!({"type": "First", "config": {"data": "d", "date": 1}}), false);
        check(&json!({"type": "Third"}), false);
        check(&json!([{"type": "First", "data": "d"}, {"type": "a/b c"}]), true);
    }

    #[test]
    fn marks_are_properties_that_editors_understand() {
        check(&json!({"type": "First", "rows": "d", "fp16": true, "stream": false}), true);
        check(&json!({"type": "First", "config": {"rows": "d"}}), true);
        check(&json!({"type": "First", "rows": 1}), false);
        check(&json!({"type": "First", "data": "d", "stream": true}), false);
        check(&json!({"type": "First", "data": "d", "bits": "four"}), true);
        check(&json!({"type": "First", "data": "d", "bits": "two"}), false);
        let schema = composed();
        let properties = &schema["definitions"]["pass.First.config"]["properties"];
        assert_eq!(properties["rows"]["deprecationMessage"], "old spelling: write `data`");
        assert_eq!(properties["rows"]["doNotSuggest"], true);
        assert_eq!(properties["bits"]["description"], "Width.");
        assert_eq!(properties["bits"]["enumDescriptions"], json!(["Four."]));
    }

    #[test]
    fn definitions_of_two_plugins_do_not_clash() {
        check(&json!({"type": "First", "data": "d", "args": {"more": {"seed": 1}}}), true);
        check(&json!({"type": "First", "data": "d", "args": true}), false);
        check(&json!({"type": "A/B C", "args": true}), true);
        check(&json!({"type": "A/B C", "args": {}}), false);
    }

    #[test]
    fn systems_and_sources_of_plugins_have_their_settings() {
        let schema = composed();
        let validator = jsonschema::draft7::new(&schema).unwrap();
        let system = |system| json!({"input_model": {"model_path": "m"}, "systems": {"s": system}});
        for (config, is_right) in [
            (system(json!({"type": "Third", "queue": "q"})), true),
            (
                system(json!({"type": "third", "queue": "q", "accelerators": [{"device": "gpu"}]})),
                true,
            ),
            (system(json!({"type": "Third", "accelerators": []})), false),
            (system(json!({"type": "Third", "queue": 1})), false),
            (system(json!({"type": "LocalSystem", "queue": "q"})), false),
            (json!({"input_model": {"model_path": {"type": "Shelf", "queue": "q"}}}), true),
            (json!({"input_model": {"model_path": {"type": "shelf", "queue": 1}}}), false),
            (json!({"input_model": {"model_path": {"type": "Shelf"}}}), false),
            (
                json!({"input_model": {"model_path": {"type": "file", "config": {"path": "x"}}}}),
                true,
            ),
        ] {
            let found: Vec<_> = validator.iter_errors(&config).map(|e| e.to_string()).collect();
            assert_eq!(found.is_empty(), is_right, "{config}: {found:#?}");
        }
    }

    #[test]
    fn packages_stand_alone_or_in_a_list() {
        let schema = composed();
        let validator = jsonschema::draft7::new(&schema).unwrap();
        let package = json!({"type": "crate", "queue": "q"});
        for (packages, is_right) in [
            (package.clone(), true),
            (json!([package, {"type": "Crate", "name": "n", "config": {"queue": "q"}}]), true),
            (json!(null), true),
            (json!({"type": "Crate"}), false),
            (json!({"type": "Crate", "queue": "q", "name": "a/b"}), false),
            (json!({"type": "Barrel"}), false),
            (json!("Crate"), false),
        ] {
            let engine = json!({"packaging_config": packages});
            for config in [json!({"engine": engine}), engine.clone()] {
                let mut config = config;
                config["input_model"] = json!({"model_path": "m"});
                let found: Vec<_> = validator.iter_errors(&config).map(|e| e.to_string()).collect();
                assert_eq!(found.is_empty(), is_right, "{config}: {found:#?}");
            }
        }
    }

    #[test]
    fn without_plugins_every_pass_is_unknown() {
        let schema = compose(&Installed::default());
        assert!(jsonschema::draft7::meta::is_valid(&schema));
        let validator = jsonschema::draft7::new(&schema).unwrap();
        let config = |passes| json!({"input_model": {"model_path": "m"}, "passes": passes});
        assert!(validator.is_valid(&config(json!({}))));
        assert!(!validator.is_valid(&config(json!({"p": {"type": "First"}}))));
    }
}

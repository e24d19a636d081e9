//! Packages of the result, by the packagers installed.

use olive_schemas::packaging::PackagingConfig;
use olive_schemas::types::schema_of;
use serde_json::{Map, Value, json};

use super::section::{Kind, Section, reference};

/// One package by its type; `installed` are the packagers.
pub(super) fn package(installed: &[Kind<'_>], definitions: &mut Map<String, Value>) -> Value {
    let name = schema_of::<PackagingConfig>()["properties"]["name"].clone();
    let section = Section {
        word: "package",
        description: "A package of the result: its `type`, its name, and the settings of that type.",
        type_description: "Kind of package; an archive when left out.",
        wrapper: "config",
        common: [("type".to_owned(), json!(true)), ("name".to_owned(), name.clone())]
            .into_iter()
            .collect(),
        former_names: Vec::new(),
    };
    let mut schema = section.of(installed, definitions);
    schema["properties"]["name"] = name;
    let usual = installed.iter().any(|kind| kind.name == PackagingConfig::USUAL_TYPE);
    if let Some(schema) = schema.as_object_mut().filter(|_| usual) {
        schema.remove("required");
        schema.insert("if".into(), json!({"not": {"required": ["type"]}}));
        let usual = format!("package.{}", PackagingConfig::USUAL_TYPE);
        schema.insert("then".into(), reference(&usual));
    }
    schema
}

/// Lets the setting `packaging_config` be one package, several or none.
pub(super) fn widen(definitions: &mut Map<String, Value>) {
    let field = definitions
        .get_mut("EngineConfig")
        .and_then(|engine| engine.pointer_mut("/properties/packaging_config"));
    if let Some(field) = field.and_then(Value::as_object_mut) {
        field.insert("type".into(), json!(["object", "array", "null"]));
        field.insert("items".into(), reference("Package"));
        field.insert("if".into(), json!({"type": "object"}));
        field.insert("then".into(), reference("Package"));
    }
}

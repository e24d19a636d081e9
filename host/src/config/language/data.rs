//! Data configs of every era.

use olive_schemas::ids::{Ids, Named};
use olive_schemas::types;
use serde_json::{Map, Value, json};

use super::kinds;
use super::section::{Kind, Section, both_forms, reference};
use super::written::{former, written};
use crate::config::check::data::{FORMATS, FUNCTIONS};
use crate::config::references::IDS;

/// Steps of a data set's way to the model, whose settings may stand below `params`.
const COMPONENTS: [&str; 4] = [
    "load_dataset_config",
    "pre_process_data_config",
    "post_process_data_config",
    "dataloader_config",
];

/// Key of the format of files, or of the name of data that a source takes.
const DATA_NAME: &str = "data_name";

/// Old keys that held the components, and what to write.
const FORMER_SHAPES: [&str; 2] = ["params_config", "components"];

/// The list of data configs, and the map it once was; `sources` of plugins may take names of data.
pub(super) fn configs(sources: &[Kind<'_>], definitions: &mut Map<String, Value>) -> Value {
    let config = config(sources, definitions);
    definitions.insert("DataConfig".into(), config);
    let map = former(
        json!({"additionalProperties": {"type": "object"}}),
        "a list of data configs, each with its `name`",
    );
    json!({
        "description": "Data sets that passes and metrics refer to by name.",
        "type": ["array", "object", "null"],
        "if": {"type": "object"},
        "then": map,
        "else": {"items": reference("DataConfig")}
    })
}

/// One data config by its container.
fn config(sources: &[Kind<'_>], definitions: &mut Map<String, Value>) -> Value {
    let section = Section {
        word: "data",
        description: "A data set: where it comes from, and how rows become model input.",
        type_description: "Container the data set is read through.",
        wrapper: "params",
        common: Map::new(),
        former_names: Vec::new(),
    };
    let entries = types::data_containers();
    let mut readable = kinds(entries);
    readable.retain(|kind| kind.schema.get("properties").is_some());
    let mut schema = section.of(&readable, definitions);
    for kind in &readable {
        let name = format!("data.{}", kind.name);
        // The settings are the whole config: there is one form.
        if let Some(settings) = definitions.remove(&format!("{name}.params")) {
            let whole = container(&name, settings, sources, definitions);
            definitions.insert(name, whole);
        }
    }
    if let Some(first) = readable.first() {
        default_container(&mut schema, first.name);
    }
    schema
}

/// A data config without a container has the first.
fn default_container(schema: &mut Value, name: &str) {
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("required");
        schema.insert("if".into(), json!({"not": {"required": ["type"]}}));
        schema.insert("then".into(), reference(&format!("data.{name}")));
    }
}

/// A whole data config from its normalized settings.
fn container(
    name: &str,
    mut settings: Value,
    sources: &[Kind<'_>],
    definitions: &mut Map<String, Value>,
) -> Value {
    settings["type"] = "object".into();
    settings["required"] = json!(["name"]);
    settings["properties"]["type"] = true.into();
    for component in COMPONENTS {
        let Some(property) = settings["properties"].get(component).cloned() else { continue };
        if property.get("deprecated").is_some() {
            continue;
        }
        let inner = property.get("$ref").and_then(Value::as_str);
        let inner = inner.and_then(|target| target.strip_prefix("#/definitions/"));
        let inner = inner.and_then(|inner| definitions.remove(inner)).unwrap_or(property);
        let name = format!("{name}.{component}");
        let form = component_forms(&name, inner, definitions);
        let is_load = component == COMPONENTS[0];
        settings["properties"][component] =
            if is_load { with_ids(form, &name, sources, definitions) } else { form };
    }
    for shape in FORMER_SHAPES {
        let instead = "`load_dataset_config` and `pre_process_data_config`";
        settings["properties"][shape] = former(json!({"type": "object"}), instead);
    }
    let loads = ["load_dataset_config"].into_iter().chain(FORMER_SHAPES);
    settings["anyOf"] = loads.map(|key| json!({"required": [key]})).collect();
    settings
}

/// A component: its function, and its parameters in either form.
fn component_forms(name: &str, mut settings: Value, definitions: &mut Map<String, Value>) -> Value {
    if name.ends_with(COMPONENTS[1]) {
        add_former_keys(&mut settings);
    }
    let common = function();
    let default = settings.as_object_mut().and_then(|settings| settings.remove("default"));
    let mut form = both_forms(name, settings, "params", &common, definitions);
    if let (Some(form), Some(default)) = (form.as_object_mut(), default) {
        form.insert("default".into(), default);
        form.insert("type".into(), json!(["object", "null"]));
    }
    form
}

/// The function of a component.
fn function() -> Map<String, Value> {
    let function = json!({
        "enum": FUNCTIONS,
        "description": "Name of the function; the container's own when left out."
    });
    [("type".to_owned(), function)].into_iter().collect()
}

/// `form` of files, and what else may stand there when one of `sources` takes the name of the data.
fn with_ids(
    form: Value,
    name: &str,
    sources: &[Kind<'_>],
    definitions: &mut Map<String, Value>,
) -> Value {
    let takers = sources.iter().filter_map(|source| {
        let ids: Ids = serde_json::from_value(source.schema.get(IDS)?.clone()).ok()?;
        (ids.of == Named::Data).then_some((source, ids))
    });
    takers.fold(form, |files, (source, ids)| {
        let name = format!("{name}.{}", source.name);
        let mut settings = written(source.schema, &format!("{name}."), definitions);
        rename(&mut settings, &ids.key, DATA_NAME);
        let fetched = both_forms(&name, settings, "params", &function(), definitions);
        // What a format begins is a slip of it.
        let slip = format!("^(?:{})[^/]{{0,2}}$", FORMATS.join("|"));
        let id = json!({"type": "string", "pattern": ids.pattern, "not": {"pattern": slip}});
        let named = json!({"properties": {DATA_NAME: id}, "required": [DATA_NAME]});
        let named_below = json!({"properties": {"params": named}, "required": ["params"]});
        json!({"if": {"anyOf": [named, named_below]}, "then": fetched, "else": files})
    })
}

/// Calls the setting `key` `name`, and lets others stand beside it, which files would have.
fn rename(settings: &mut Value, key: &str, name: &str) {
    let Some(settings) = settings.as_object_mut() else { return };
    settings.remove("additionalProperties");
    if let Some(properties) = settings.get_mut("properties").and_then(Value::as_object_mut)
        && let Some(property) = properties.remove(key)
    {
        properties.insert(name.to_owned(), property);
    }
    let required = settings.get_mut("required").and_then(Value::as_array_mut);
    for required in required.into_iter().flatten().filter(|required| *required == key) {
        *required = name.into();
    }
}

/// Names that settings of text had up to v0.6; `source_max_len` is still that of a pair's input.
fn add_former_keys(settings: &mut Value) {
    let Some(properties) = settings.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    let same = properties.get("strategy").cloned().unwrap_or_default();
    properties.insert("corpus_strategy".into(), former(same, "`strategy`"));
}

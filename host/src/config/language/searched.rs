//! Passes of a config with a search, where values to try may stand in place of one.

use serde_json::{Map, Value, json};

use super::section::reference;
use super::written::FORMER;

/// Starts the names of definitions of passes, and of those that a search decides.
const PASS: &str = "pass.";
const SEARCHED: &str = "searched.";
/// What a setting may be instead of a value or a list of values.
const STAND_IN: &str = "SearchedValue";

/// Lets `passes` of `whole` be lists of values where the config has a search; what they need goes to
/// `definitions`.
pub(super) fn passes(whole: &mut Map<String, Value>, definitions: &mut Map<String, Value>) {
    let kinds: Vec<String> = branches(definitions.get("Pass")).collect();
    for name in kinds {
        let own = name.replacen(PASS, SEARCHED, 1);
        let form = definitions.get(&name).map(|form| searched(form, &name, &own));
        let inner = format!("{name}.config");
        let settings = definitions.get(&inner).map(|settings| values(settings, &inner));
        definitions.extend(form.map(|form| (own.clone(), form)));
        definitions.extend(settings.map(|settings| (format!("{own}.config"), settings)));
    }
    for name in ["Pass", "PassOrNone", "PassOrAlternatives"] {
        if let Some(definition) = definitions.get(name) {
            let definition = renamed(definition);
            definitions.insert(format!("Searched{name}"), definition);
        }
    }
    definitions.insert(STAND_IN.into(), stand_in());
    let section = whole.get_mut("properties").and_then(|properties| properties.get_mut("passes"));
    if let Some(section) = section.and_then(Value::as_object_mut) {
        section.remove("additionalProperties");
    }
    let passes =
        |name: &str| json!({"properties": {"passes": {"additionalProperties": reference(name)}}});
    whole.insert("if".into(), has_search());
    whole.insert("then".into(), passes("SearchedPassOrAlternatives"));
    whole.insert("else".into(), passes("PassOrAlternatives"));
}

/// Definitions that `pass` chooses among by its type.
fn branches(pass: Option<&Value>) -> impl Iterator<Item = String> {
    let branches = pass.and_then(|pass| pass.get("allOf")?.as_array()).into_iter().flatten();
    branches.filter_map(|branch| {
        let target = branch.pointer("/then/$ref")?.as_str()?;
        target.strip_prefix("#/definitions/").map(str::to_owned)
    })
}

/// The `form` of a pass called `name`, with the settings of the searched one, `own`.
fn searched(form: &Value, name: &str, own: &str) -> Value {
    let mut form = form.clone();
    let (plain, tried) =
        (format!("#/definitions/{name}.config"), format!("#/definitions/{own}.config"));
    let properties = form.get_mut("properties").and_then(Value::as_object_mut);
    for property in properties.into_iter().flat_map(Map::values_mut) {
        let target = property.get("$ref").and_then(Value::as_str);
        if let Some(rest) = target.and_then(|target| target.strip_prefix(&plain)) {
            *property = json!({"$ref": format!("{tried}{rest}")});
        }
    }
    form
}

/// `settings`, the definition `name`, with a list of values allowed where one value is.
fn values(settings: &Value, name: &str) -> Value {
    let mut tried = settings.clone();
    let properties = tried.get_mut("properties").and_then(Value::as_object_mut);
    for (key, property) in properties.into_iter().flatten() {
        let key = olive_schemas::pointer::escape(key);
        let one = reference(&format!("{name}/properties/{key}"));
        *property = if is_refused(property) {
            one
        } else {
            let list = json!({"type": "array", "items": one, "minItems": 1, "doNotSuggest": true});
            json!({"anyOf": [one, list, reference(STAND_IN)]})
        };
    }
    tried
}

/// Whether `property` is read and not obeyed; no search decides it.
fn is_refused(property: &Value) -> bool {
    let message = property.get("deprecationMessage").and_then(Value::as_str);
    message.is_some_and(|message| !message.starts_with(FORMER))
}

/// Olive's search parameters, and the word for the values that a setting's author would try.
fn stand_in() -> Value {
    json!({
        "doNotSuggest": true,
        "anyOf": [
            {"const": "SEARCHABLE_VALUES"},
            {
                "type": "object",
                "properties": {"olive_parameter_type": {"const": "SearchParameter"}},
                "required": ["olive_parameter_type"]
            }
        ]
    })
}

/// `definition` with references to what a search decides.
fn renamed(definition: &Value) -> Value {
    match definition {
        Value::Object(map) => {
            let part = |(key, part): (&String, &Value)| {
                let target = part.as_str().filter(|_| key == "$ref");
                let target = target.and_then(|it| it.strip_prefix("#/definitions/"));
                let name = match target {
                    Some("Pass" | "PassOrNone") => target.map(|it| format!("Searched{it}")),
                    Some(it) => it.strip_prefix(PASS).map(|kind| format!("{SEARCHED}{kind}")),
                    None => None,
                };
                let part = name
                    .map_or_else(|| renamed(part), |name| format!("#/definitions/{name}").into());
                (key.clone(), part)
            };
            map.iter().map(part).collect()
        }
        Value::Array(items) => items.iter().map(renamed).collect(),
        other => other.clone(),
    }
}

/// That the engine, in either form, or a build asks for a search.
fn has_search() -> Value {
    let here = json!({
        "type": "object",
        "properties": {"search_strategy": {"anyOf": [{"type": "object"}, {"const": true}]}},
        "required": ["search_strategy"]
    });
    let build = json!({"type": "object", "not": {"additionalProperties": {"not": here}}});
    let below = |key: &str, inner: Value| json!({"type": "object", "properties": {key: inner}, "required": [key]});
    json!({"anyOf": [here, below("engine", here.clone()), below("builds", build)]})
}

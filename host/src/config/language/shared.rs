//! Groups of settings that several passes have alike, said once.

use serde_json::{Map, Value};

use super::section::reference;
use super::written::references;

/// Starts the names of the definitions that passes share.
pub(super) const SHARED: &str = "passes.";

/// Least length of a group of settings, as JSON, that is worth a definition of its own.
const LEAST_LEN: usize = 2000;

/// Moves each large setting that several passes have alike, with the definitions it needs, to
/// definitions that start with [`SHARED`].
pub(super) fn share(definitions: &mut Map<String, Value>) {
    let groups = Group::all(definitions);
    for group in &groups {
        let is_alike = |other: &&Group| other.key == group.key && other.parts == group.parts;
        let is_free = |(name, part): (&String, &Value)| {
            definitions.get(name).is_none_or(|known| known == part)
        };
        if groups.iter().filter(is_alike).count() < 2 || !group.parts.iter().all(is_free) {
            continue;
        }
        definitions.extend(group.parts.clone());
        if let Some(setting) = definitions.get_mut(&group.settings) {
            setting["properties"][&group.key] = reference(&format!("{SHARED}{}", group.key));
        }
    }
    let needed: Vec<String> = definitions.values().flat_map(|part| references(part, "")).collect();
    let was_needed = |name: &String| groups.iter().any(|group| group.own.contains(name));
    definitions.retain(|name, _| !was_needed(name) || needed.contains(name));
}

/// A large setting of one pass.
struct Group {
    /// Name of the definition that has the setting.
    settings: String,
    key: String,
    /// The setting and the definitions it needs, as they are called when they are shared.
    parts: Map<String, Value>,
    /// Names of the latter in this pass.
    own: Vec<String>,
}

impl Group {
    fn all(definitions: &Map<String, Value>) -> Vec<Self> {
        let settings = definitions.iter().filter_map(|(name, settings)| {
            let pass = name.strip_suffix("config").filter(|pass| pass.starts_with("pass."))?;
            Some((name, pass, settings.get("properties")?.as_object()?))
        });
        let groups = settings.flat_map(|(name, pass, properties)| {
            let large = properties.iter().filter(|(_, setting)| {
                setting.get("properties").is_some() && setting.to_string().len() >= LEAST_LEN
            });
            large.map(move |(key, setting)| Self::of(name, pass, key, setting, definitions))
        });
        groups.collect()
    }

    /// The setting `key` of a pass whose definitions start with `pass`.
    fn of(
        settings: &str,
        pass: &str,
        key: &str,
        setting: &Value,
        definitions: &Map<String, Value>,
    ) -> Self {
        let mut parts = Map::new();
        parts.insert(format!("{SHARED}{key}"), renamed(setting, pass));
        let mut own = Vec::new();
        let mut needed = references(setting, pass);
        while let Some(name) = needed.pop() {
            let full_name = format!("{pass}{name}");
            if let Some(part) = definitions.get(&full_name).filter(|_| !own.contains(&full_name)) {
                parts.insert(format!("{SHARED}{name}"), renamed(part, pass));
                needed.extend(references(part, pass));
                own.push(full_name);
            }
        }
        Self { settings: settings.to_owned(), key: key.to_owned(), parts, own }
    }
}

/// `schema` with references to shared definitions in place of those to definitions of `pass`.
fn renamed(schema: &Value, pass: &str) -> Value {
    match schema {
        Value::Object(map) => {
            let part = |(key, part): (&String, &Value)| {
                let target = part.as_str().filter(|_| key == "$ref");
                let name =
                    target.and_then(|it| it.strip_prefix("#/definitions/")?.strip_prefix(pass));
                let part = match name {
                    Some(name) => format!("#/definitions/{SHARED}{name}").into(),
                    None => renamed(part, pass),
                };
                (key.clone(), part)
            };
            map.iter().map(part).collect()
        }
        Value::Array(items) => items.iter().map(|item| renamed(item, pass)).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::share;

    fn settings(pass: &str, default: u32) -> Value {
        let words: Vec<String> = (0..400).map(|number| format!("word {number}")).collect();
        json!({"properties": {
            "small": {"type": "object", "properties": {}},
            "args": {"type": "object", "properties": {
                "seed": {"type": "integer", "default": default, "description": words.join(" ")},
                "to": {"$ref": format!("#/definitions/pass.{pass}.Place")},
            }},
        }})
    }

    /// Definitions of passes by their name, the default of one setting, and the type of another.
    fn shared(passes: &[(&str, u32, &str)]) -> Map<String, Value> {
        let mut definitions = Map::new();
        for (pass, default, kind) in passes {
            definitions.insert(format!("pass.{pass}.config"), settings(pass, *default));
            definitions.insert(format!("pass.{pass}.Place"), json!({"type": kind}));
        }
        share(&mut definitions);
        definitions
    }

    fn names(definitions: &Map<String, Value>) -> Vec<&str> {
        let mut names: Vec<&str> = definitions.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn settings_that_are_alike_are_said_once() {
        let definitions = shared(&[("A", 1, "string"), ("B", 1, "string")]);
        let expected = ["pass.A.config", "pass.B.config", "passes.Place", "passes.args"];
        assert_eq!(names(&definitions), expected);
        for pass in ["pass.A.config", "pass.B.config"] {
            let properties = &definitions[pass]["properties"];
            assert_eq!(properties["args"], json!({"$ref": "#/definitions/passes.args"}));
            assert!(properties["small"].get("$ref").is_none());
        }
        let place = &definitions["passes.args"]["properties"]["to"];
        assert_eq!(place, &json!({"$ref": "#/definitions/passes.Place"}));
    }

    #[test]
    fn settings_that_differ_stay_with_their_pass() {
        for passes in
            [[("A", 1, "string"), ("B", 2, "string")], [("A", 1, "string"), ("B", 1, "integer")]]
        {
            let expected = ["pass.A.Place", "pass.A.config", "pass.B.Place", "pass.B.config"];
            assert_eq!(names(&shared(&passes)), expected);
        }
        let definitions = shared(&[("A", 1, "string"), ("B", 1, "string"), ("C", 2, "string")]);
        assert!(definitions["pass.C.config"]["properties"]["args"].get("$ref").is_none());
        assert!(definitions.contains_key("pass.C.Place"));
    }
}

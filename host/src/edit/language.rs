//! What the schemas say about a place in a config: which keys it has, under which names.

use olive_schemas::packaging::PackagingConfig;
use olive_schemas::types::{self, TypeEntry};
use serde_json::Value;

use crate::config::Node;
use crate::config::references::{IGNORED, RENAMED_FROM, parts};
use crate::config::schema::workflow_schema;
use crate::plugin::Catalog;

/// Everything a config may say: the sections, and what the installed plugins add to them.
pub struct Language<'a> {
    /// The installed plugins.
    pub catalog: &'a Catalog,
    models: &'static [TypeEntry],
    systems: &'static [TypeEntry],
    containers: &'static [TypeEntry],
    evaluator: &'static Value,
}

/// What the schemas say about one place.
#[derive(Debug, Clone, Default)]
pub struct About<'a> {
    /// Schemas that describe the value there, each with the document its references point into.
    pub parts: Vec<(&'a Value, &'a Value)>,
}

impl<'a> Language<'a> {
    /// The language with the plugins of `catalog`.
    pub fn new(catalog: &'a Catalog) -> Self {
        Self {
            catalog,
            models: types::models(),
            systems: types::systems(),
            containers: types::data_containers(),
            evaluator: types::evaluator(),
        }
    }

    /// About the whole config.
    pub fn root(&self) -> About<'_> {
        About::default().with(workflow_schema())
    }

    /// About the settings of the pass called `name`.
    pub fn pass(&self, name: &str) -> Option<About<'_>> {
        Some(About::default().with(&self.catalog.pass(name)?.descriptor.schema))
    }

    /// What the `type` of the section `node` at `keys` adds to what is said `about` it.
    pub fn of_type<'s>(&'s self, keys: &[String], node: &Node, about: About<'s>) -> About<'s> {
        let kind = node.get("type").and_then(Node::as_str);
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let entry = |entries: &'s [TypeEntry], default| {
            let kind = kind.unwrap_or(default);
            let found = entries.iter().find(|entry| entry.name.eq_ignore_ascii_case(kind));
            found.map(|entry| &entry.schema)
        };
        let schema = match keys[..] {
            ["input_model"] => entry(self.models, ""),
            ["systems", _] => entry(self.systems, ""),
            ["data_configs", _] => entry(self.containers, self.containers[0].name),
            ["evaluators", _] => kind.is_none().then_some(self.evaluator),
            ["passes", _] | ["passes", _, _] => {
                kind.and_then(|kind| Some(&self.catalog.pass(kind)?.descriptor.schema))
            }
            ["engine", "packaging_config", _] | ["packaging_config", _] => {
                let kind = kind.unwrap_or(PackagingConfig::USUAL_TYPE);
                self.catalog.packager(kind).map(|(_, packager)| &packager.schema)
            }
            ["validators", "config", id] => {
                let mut known = self.catalog.validators().iter().map(|known| &known.descriptor);
                known.find(|known| known.id == id).map(|known| &known.schema)
            }
            _ => None,
        };
        match schema {
            Some(schema) => about.with(schema),
            None => about,
        }
    }

    /// Types that the section at `keys` may have: name and summary.
    pub fn types(&self, keys: &[String]) -> Vec<(&str, &str)> {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let built_in = match keys[..] {
            ["input_model"] => &self.models,
            ["systems", _] => &self.systems,
            ["data_configs", _] => &self.containers,
            ["passes", _] | ["passes", _, _] => {
                let passes = self.catalog.passes();
                return passes
                    .map(|pass| (pass.descriptor.name.as_str(), pass.descriptor.summary.as_str()))
                    .collect();
            }
            ["engine", "packaging_config", _] | ["packaging_config", _] => {
                let packagers = self.catalog.packagers().map(|(_, packager)| packager);
                return packagers
                    .map(|packager| (packager.name.as_str(), packager.summary.as_str()))
                    .collect();
            }
            _ => return Vec::new(),
        };
        built_in.iter().map(|entry| (entry.name, entry.summary)).collect()
    }

    /// Whether `key` is a setting of the engine, which may stand at the root as well.
    pub fn is_engine_setting(&self, key: &str) -> bool {
        let engine = self.root().key("engine");
        let says =
            |part: &Value, keyword| part.get(keyword).is_some_and(|keys| keys.get(key).is_some());
        engine.parts.iter().any(|(part, _)| says(part, "properties") || says(part, IGNORED))
    }
}

/// The object inside the section at `keys` that may hold its settings.
pub(super) fn wrapper(keys: &[String]) -> Option<&'static str> {
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    match keys[..] {
        ["input_model"]
        | ["systems" | "passes" | "packaging_config", _]
        | ["passes", _, _]
        | ["engine", "packaging_config", _] => Some("config"),
        ["evaluators", _] => Some("type_args"),
        ["data_configs", _, component] if component.ends_with("_config") => Some("params"),
        _ => None,
    }
}

impl<'a> About<'a> {
    /// With what `schema`, a whole document, says.
    fn with(mut self, schema: &'a Value) -> Self {
        self.parts.extend(parts(schema, schema).into_iter().map(|part| (part, schema)));
        self
    }

    /// About the value of `key`.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        let property = |part: &'a Value| part.get("properties")?.get(key);
        let described = self.deeper(property);
        if described.parts.is_empty() {
            return self.deeper(|part| part.get("additionalProperties").filter(|s| s.is_object()));
        }
        described
    }

    /// About the items of a list.
    #[must_use]
    pub fn item(&self) -> Self {
        self.deeper(|part| part.get("items"))
    }

    /// Every key with a name of its own, in order of declaration, each once.
    pub fn keys(&self) -> Vec<(&'a str, Self)> {
        let mut found: Vec<(&str, Self)> = Vec::new();
        let properties = |part: &'a Value| part.get("properties").and_then(Value::as_object);
        for key in
            self.parts.iter().filter_map(|(part, _)| properties(part)).flat_map(|map| map.keys())
        {
            if !found.iter().any(|(known, _)| known == key) {
                found.push((key, self.key(key)));
            }
        }
        found
    }

    /// Whether a value has to be there for `key`.
    pub fn requires(&self, key: &str) -> bool {
        let required = self.parts.iter().filter_map(|(part, _)| part.get("required")?.as_array());
        required.flatten().any(|required| required == key)
    }

    /// What the schemas say under `keyword`, the first that does.
    pub fn says(&self, keyword: &str) -> Option<&'a Value> {
        self.parts.iter().find_map(|(part, _)| part.get(keyword))
    }

    /// The names of the setting that `written` is a name of: today's, then former ones.
    pub fn names(&self, written: &str) -> Vec<String> {
        for (key, about) in self.keys() {
            let former = about.says(RENAMED_FROM).and_then(Value::as_array);
            let former = former.into_iter().flatten().filter_map(Value::as_str);
            let names: Vec<String> =
                std::iter::once(key).chain(former).map(str::to_owned).collect();
            if names.iter().any(|name| name == written) {
                return names;
            }
        }
        vec![written.to_owned()]
    }

    fn deeper(&self, step: impl Fn(&'a Value) -> Option<&'a Value>) -> Self {
        let found = self.parts.iter().filter_map(|&(part, document)| Some((step(part)?, document)));
        let parts = found.flat_map(|(schema, document)| {
            parts(schema, document).into_iter().map(move |part| (part, document))
        });
        Self { parts: parts.collect() }
    }
}

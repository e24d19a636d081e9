//! The options of a config as a Markdown page, from the published schema.

mod words;

use serde_json::{Map, Value};

use super::section::REQUIRED;
use super::shared::SHARED;
use words::{cell, default, kind, values};

/// Sections of the page: title, definition, and the word that starts the definitions of its types.
const SECTIONS: [(&str, &str, Option<&str>); 12] = [
    ("Engine", "EngineConfig", None),
    ("Search", "SearchStrategy", None),
    ("Input model", "InputModel", Some("model")),
    ("Passes", "Pass", Some("pass")),
    ("Data configs", "DataConfig", Some("data")),
    ("Evaluators", "evaluator.metrics", None),
    ("Metrics", "Metric", None),
    ("Sub-metrics", "SubMetric", None),
    ("Systems", "System", Some("system")),
    ("Packages", "Package", Some("package")),
    ("Builds", "Build", None),
    ("Validators", "ValidatorsConfig", Some("validator")),
];

/// Levels of objects that one table shows.
const DEPTH: usize = 4;

/// Every option of a config, from its published `schema`.
pub fn docs(schema: &Value) -> String {
    let page = Page { schema };
    let mut chapters = vec![page.root()];
    for (title, name, word) in SECTIONS {
        chapters.push(page.chapter(2, title, name));
        if let Some(word) = word {
            chapters.extend(page.types(word));
        }
        if name == "Pass" {
            chapters.extend(page.shared());
        }
    }
    let contents: String = chapters.iter().map(Chapter::entry).collect();
    let bodies: String = chapters.iter().map(Chapter::text).collect();
    format!("{INTRODUCTION}\n{contents}{bodies}")
}

const INTRODUCTION: &str = "\
# Options of the config file

Settings of a section stand beside its `type`, or below `config` (`params` in data configs).
A key with a dot is inside the object before the dot; `[]` is an item of a list.
Names of types are matched without case.
`olive schema --docs` prints this page for the plugins that are installed.
";

/// Keys that are read and not to be written, by the reason.
type Notes = Vec<(String, Vec<String>)>;

struct Chapter {
    level: usize,
    title: String,
    body: String,
}

impl Chapter {
    fn entry(&self) -> String {
        let indent = "  ".repeat(self.level - 2);
        let letters =
            self.title.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
        let anchor: String = letters.flat_map(char::to_lowercase).collect();
        format!("{indent}- [{}](#{})\n", self.title, anchor.replace(' ', "-"))
    }

    fn text(&self) -> String {
        format!("\n{} {}\n\n{}", "#".repeat(self.level), self.title, self.body)
    }
}

struct Page<'a> {
    schema: &'a Value,
}

impl<'a> Page<'a> {
    /// The sections of the root; engine settings have their own chapter.
    fn root(&self) -> Chapter {
        let mut root = self.schema.clone();
        if let Some(properties) = root.get_mut("properties").and_then(Value::as_object_mut) {
            properties.retain(|_, property| {
                let target = property.get("$ref").and_then(Value::as_str).unwrap_or_default();
                !target.contains("EngineConfig/")
            });
        }
        let body = "Engine settings may stand here too.\n\n".to_owned() + &self.table(&root);
        Chapter { level: 2, title: "Root".into(), body }
    }

    fn chapter(&self, level: usize, title: &str, name: &str) -> Chapter {
        let definition = self.definition(name);
        let description = definition.get("description").and_then(Value::as_str);
        let description = description.map(|text| format!("{text}\n\n")).unwrap_or_default();
        Chapter { level, title: title.into(), body: description + &self.table(definition) }
    }

    /// A chapter for each type of the section whose definitions start with `word`.
    fn types(&self, word: &str) -> Vec<Chapter> {
        let definitions = self.schema["definitions"].as_object().into_iter().flatten();
        let types = definitions.filter_map(|(name, _)| {
            let kind = name.strip_prefix(word)?.strip_prefix('.')?;
            (!kind.contains('.')).then_some((name, kind))
        });
        let chapter = |(name, kind): (&String, &str)| {
            let settings = self.definition(&format!("{name}.config"));
            let summary = self.definition(name)["description"].as_str().unwrap_or_default();
            let summary = summary.trim_end_matches('.');
            let object = if settings.is_object() { settings } else { self.definition(name) };
            let body = format!("{summary}.\n\n{}", self.table(object));
            Chapter { level: 3, title: kind.to_owned(), body }
        };
        types.map(chapter).collect()
    }

    /// A chapter for each group of settings that several passes have.
    fn shared(&self) -> Vec<Chapter> {
        let definitions = self.schema["definitions"].as_object().into_iter().flatten();
        let groups = definitions.filter_map(|(name, group)| {
            group.get("properties")?;
            let key = name.strip_prefix(SHARED)?;
            Some(self.chapter(3, key, name))
        });
        groups.collect()
    }

    fn table(&self, object: &Value) -> String {
        let mut rows = Vec::new();
        let mut notes: Notes = Vec::new();
        self.rows(object, "", DEPTH, &mut rows, &mut notes);
        let mut text = String::new();
        if rows.is_empty() {
            text.push_str("It has no settings.\n");
        } else {
            text.push_str("| key | type | default | what it is |\n| --- | --- | --- | --- |\n");
            text.extend(rows);
        }
        if !notes.is_empty() {
            text.push_str("\nAlso read, and not to be written:\n\n");
            text.extend(notes.iter().map(|(why, keys)| format!("- {}: {why}\n", keys.join(", "))));
        }
        text
    }

    fn rows(
        &self,
        object: &Value,
        prefix: &str,
        depth: usize,
        rows: &mut Vec<String>,
        notes: &mut Notes,
    ) {
        let required = object.get(REQUIRED).or_else(|| object.get("required"));
        let required = required.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let own: Map<String, Value> =
            object.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        for (key, property) in &own {
            let written = format!("{prefix}{key}");
            let field = self.resolved(property);
            if let Some(message) = field.get("deprecationMessage").and_then(Value::as_str) {
                let why = message.trim_start_matches(&format!("`{key}` "));
                note(notes, &written, why);
                continue;
            }
            let is_told = field.is_object() && field.get("doNotSuggest").is_none();
            if !is_told || is_wrapped(property) {
                continue;
            }
            let is_required = required.contains(&key.as_str().into());
            let see = target(property).and_then(|name| name.strip_prefix(SHARED));
            rows.push(self.row(&written, field, is_required, see));
            if depth > 1 && is_shown_here(property) {
                self.rows(field, &format!("{written}."), depth - 1, rows, notes);
                if let Some(items) = field.get("items").filter(|items| is_shown_here(items)) {
                    let items = self.resolved(items.get("else").unwrap_or(items));
                    self.rows(items, &format!("{written}[]."), depth - 1, rows, notes);
                }
            }
        }
    }

    /// The row of `field`, whose own settings the chapter `see` has.
    fn row(&self, key: &str, field: &Value, is_required: bool, see: Option<&str>) -> String {
        let default = if is_required { "required".to_owned() } else { default(field) };
        let description = field.get("description").and_then(Value::as_str).unwrap_or_default();
        let kind = kind(field, &|part| self.resolved(part));
        let see = see.map(|title| format!("\n\nSee [{title}](#{title})."));
        let description = [description, &values(field), &see.unwrap_or_default()].concat();
        format!("| `{key}` | {} | {default} | {} |\n", cell(&kind), cell(&description))
    }

    /// `schema`, or what it refers to.
    fn resolved<'s>(&self, schema: &'s Value) -> &'s Value
    where
        'a: 's,
    {
        let target = schema.get("$ref").and_then(Value::as_str);
        let found = target.and_then(|target| self.schema.pointer(target.trim_start_matches('#')));
        found.unwrap_or(schema)
    }

    fn definition(&self, name: &str) -> &'a Value {
        &self.schema["definitions"][name]
    }
}

fn note(notes: &mut Notes, key: &str, why: &str) {
    let key = format!("`{key}`");
    match notes.iter_mut().find(|(known, _)| known == why) {
        Some((_, keys)) => keys.push(key),
        None => notes.push((why.to_owned(), vec![key])),
    }
}

/// Whether no chapter is about `schema`.
fn is_shown_here(schema: &Value) -> bool {
    target(schema).is_none_or(|name| name.contains('.') && !name.starts_with(SHARED))
}

/// Whether `schema` is about the same settings one level deeper.
fn is_wrapped(schema: &Value) -> bool {
    target(schema).is_some_and(|name| name.ends_with(".config") || name.ends_with(".params"))
}

/// Name of the definition that `schema` refers to.
fn target(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix("#/definitions/")
}

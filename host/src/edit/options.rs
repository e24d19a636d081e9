//! What can be written at a place: keys, types, ranges, defaults, in the words of the schemas.

use serde_json::Value;

use super::EditError;
use super::language::{About, Language};
use super::path::Path;
use super::place::describe;
use super::sections::unknown_pass;
use crate::config::Node;
use crate::config::schema::plain;

/// What can be written at a place.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The settings; one when the place is a single value.
    pub settings: Vec<Setting>,
    /// Types of the section, each with a summary.
    pub types: Vec<(String, String)>,
    /// What the settings belong to.
    pub shape: Shape,
}

/// What a place holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// An object with these settings.
    Object,
    /// An object of names, each with such an object.
    Map,
    /// A list of such objects.
    List,
    /// One value.
    Value,
}

/// One setting.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its key.
    pub key: String,
    /// Type, range and values, in words.
    pub kind: String,
    /// Values, when only some may be written.
    pub values: Vec<Value>,
    /// What it is when it is left out.
    pub default: Option<Value>,
    /// Whether it cannot be left out.
    pub is_required: bool,
    /// What it does; the first paragraph is one sentence.
    pub description: String,
    /// What the file says.
    pub now: Option<Value>,
}

impl Setting {
    /// The first paragraph of the description, on one line.
    pub fn summary(&self) -> String {
        let first = self.description.split("\n\n").next().unwrap_or_default();
        first.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// What can be written at `path` in the settings of the pass `kind`.
///
/// # Errors
/// When no plugin has the pass, or it has no such setting.
pub fn of_pass(language: &Language<'_>, kind: &str, path: &Path) -> Result<Options, EditError> {
    let mut about = language.pass(kind).ok_or_else(|| unknown_pass(language, kind))?;
    let mut last = kind;
    for (index, token) in path.tokens.iter().enumerate() {
        let name = about.names(token).swap_remove(0);
        let deeper = about.key(&name);
        if deeper.parts.is_empty() {
            let known = about.keys();
            let help = crate::config::schema::suggest(token, known.into_iter().map(|(key, _)| key));
            return Err(EditError::Absent { path: Path::of(&path.tokens[..=index]), help });
        }
        (about, last) = (deeper, token);
    }
    Ok(options(language, &[], last, &about, None))
}

/// What can be written at `path` in the config `tree`.
///
/// # Errors
/// When nothing can be written there.
pub fn of_place(tree: &Node, language: &Language<'_>, path: &Path) -> Result<Options, EditError> {
    let (about, keys, node) = describe(tree, language, path)?;
    let last = path.tokens.last().map_or("", String::as_str);
    let mut options = options(language, &keys, last, &about, node);
    if path.tokens.is_empty() {
        let engine = settings(&about.key("engine"), Some(tree));
        options.settings.extend(engine);
    }
    Ok(options)
}

fn options(
    language: &Language<'_>,
    keys: &[String],
    last: &str,
    about: &About<'_>,
    node: Option<&Node>,
) -> Options {
    let inner = |inner: About<'_>, shape| {
        let keys: Vec<String> = keys.iter().cloned().chain(["…".to_owned()]).collect();
        Options { settings: settings(&inner, None), types: types(language, &keys), shape }
    };
    if !about.keys().is_empty() {
        let types = types(language, keys);
        return Options { settings: settings(about, node), types, shape: Shape::Object };
    }
    let (named, item) = (about.key("…"), about.item());
    if !named.keys().is_empty() {
        return inner(named, Shape::Map);
    }
    if !item.keys().is_empty() {
        return inner(item, Shape::List);
    }
    let now = node.map(Node::to_value);
    let settings = vec![setting(last, about, false, now)];
    Options { settings, types: Vec::new(), shape: Shape::Value }
}

fn types(language: &Language<'_>, keys: &[String]) -> Vec<(String, String)> {
    let types = language.types(keys).into_iter();
    types.map(|(name, summary)| (name.to_owned(), summary.to_owned())).collect()
}

fn settings(about: &About<'_>, node: Option<&Node>) -> Vec<Setting> {
    let now = |key: &str| {
        let names = about.names(key);
        let written = names.iter().find_map(|name| node?.get(name));
        let inside =
            || ["config", "params", "type_args"].iter().find_map(|w| node?.get(w)?.get(key));
        written.or_else(inside).map(Node::to_value)
    };
    let keys = about.keys().into_iter();
    keys.map(|(key, inner)| setting(key, &inner, about.requires(key), now(key))).collect()
}

fn setting(key: &str, about: &About<'_>, is_required: bool, now: Option<Value>) -> Setting {
    let description = about.says("description").and_then(Value::as_str).unwrap_or_default();
    let values = values(about);
    Setting {
        key: key.to_owned(),
        kind: kind(about, &values),
        default: about.says("default").cloned(),
        is_required,
        description: description.to_owned(),
        now,
        values,
    }
}

/// Values that are named one by one.
fn values(about: &About<'_>) -> Vec<Value> {
    let mut values: Vec<Value> = Vec::new();
    for (part, _) in &about.parts {
        let named = part.get("enum").and_then(Value::as_array).into_iter().flatten();
        for value in named.chain(part.get("const")) {
            if !values.contains(value) && !value.is_null() {
                values.push(value.clone());
            }
        }
    }
    values
}

/// Type, range and values in words: `whole number from 1 to 64`, `list of text, null`.
fn kind(about: &About<'_>, values: &[Value]) -> String {
    let mut words: Vec<String> = values.iter().map(plain).collect();
    for name in type_names(about) {
        let word = match name {
            "string" if !values.is_empty() => continue,
            "string" => "text".to_owned(),
            "integer" => format!("whole number{}", range(about)),
            "number" => format!("number{}", range(about)),
            "boolean" => "true, false".to_owned(),
            "array" => match kind(&about.item(), &self::values(&about.item())) {
                item if item == ANYTHING => "list".to_owned(),
                item => format!("list of {item}"),
            },
            other => other.to_owned(),
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    if words.is_empty() {
        return ANYTHING.to_owned();
    }
    words.sort_by_key(|word| word == "null");
    words.join(", ")
}

const ANYTHING: &str = "anything";

fn type_names<'a>(about: &About<'a>) -> Vec<&'a str> {
    let types = about.parts.iter().filter_map(|(part, _)| part.get("type"));
    let names = types.flat_map(|kind| match kind {
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect::<Vec<_>>(),
    });
    names.collect()
}

fn range(about: &About<'_>) -> String {
    let limit = |keyword| {
        let limit = about.says(keyword).map(Value::to_string)?;
        Some(limit.strip_suffix(".0").map_or(limit.clone(), str::to_owned))
    };
    let (least, most) = (limit("minimum"), limit("maximum"));
    let (above, below) = (limit("exclusiveMinimum"), limit("exclusiveMaximum"));
    let parts = [
        least.map(|least| format!(" from {least}")),
        above.map(|above| format!(" above {above}")),
        most.map(|most| format!(" to {most}")),
        below.map(|below| format!(" below {below}")),
    ];
    parts.into_iter().flatten().collect()
}

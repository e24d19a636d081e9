//! Passes and data sets, added and removed whole.

use std::path::Path as FilePath;

use serde_json::{Map, Value, json};

use super::json::{Fill, children};
use super::language::{About, Language};
use super::path::Path;
use super::place::{Place, locate};
use super::syntax::Syntax;
use super::{EditError, Edited, absent, add, take_out};
use crate::config::node::NodeValue;
use crate::config::references::REFERENCE;
use crate::config::schema::{quoted, suggest};
use crate::config::{Node, Source};

/// A pass to add.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPass {
    /// Its type, in any case.
    pub kind: String,
    /// Its name; made of the type when left out.
    pub name: Option<String>,
    /// Where it goes.
    pub position: Position,
    /// Its settings.
    pub settings: Vec<(Path, Value)>,
}

/// Where a pass goes among the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// After all of them.
    Last,
    /// Before the pass of this name.
    Before(String),
    /// After the pass of this name.
    After(String),
}

/// A data set to add: rows of local files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewData {
    /// Its name.
    pub name: String,
    /// Its files, all of one format.
    pub files: Vec<String>,
    /// Text of a row, with columns in braces.
    pub template: Option<String>,
}

/// Adds a pass.
///
/// # Errors
/// When no plugin has it, it lacks a setting it needs, or its name or neighbor is wrong.
pub fn add_pass(
    source: &Source,
    tree: &Node,
    language: &Language<'_>,
    pass: &NewPass,
) -> Result<Edited, EditError> {
    let syntax = Syntax::of(source, tree)?;
    let known =
        language.catalog.pass(&pass.kind).ok_or_else(|| unknown_pass(language, &pass.kind))?;
    let kind = known.descriptor.name.as_str();
    let passes = locate(tree, language, &Path::of(["passes"]))?;
    let entries = match &passes.node.value {
        _ if !passes.missing.is_empty() => &[][..],
        NodeValue::Object(entries) => entries,
        NodeValue::Array(_) | NodeValue::Scalar(_) => return Err(no_object(&passes, kind)),
    };
    let names: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
    let name = pass.name.clone().unwrap_or_else(|| pass_name(kind, &names));
    if names.contains(&name.as_str()) {
        return Err(EditError::Taken { what: "pass", name });
    }
    let about = language.pass(kind).unwrap_or_default();
    let settings = settings(&about, &pass.settings)?;
    require(&name, &about, &settings, tree)?;
    let is_wrapped = entries.iter().any(|entry| entry.node.get("config").is_some());
    let mut value = Map::from_iter([("type".to_owned(), Value::from(kind))]);
    if is_wrapped && !settings.is_empty() {
        value.insert("config".into(), settings.into());
    } else {
        value.extend(settings);
    }
    let index = position(&pass.position, &names, passes.node)?;
    add_to(&syntax, tree, &passes, (index, &name), value.into())
}

/// Takes the pass called `name` out; an object `passes` that is then empty stays.
///
/// # Errors
/// When there is none.
pub fn remove_pass(
    source: &Source,
    tree: &Node,
    language: &Language<'_>,
    name: &str,
) -> Result<Edited, EditError> {
    let syntax = Syntax::of(source, tree)?;
    let passes = locate(tree, language, &Path::of(["passes"]))?;
    let is_there = passes.missing.is_empty() && passes.node.get(name).is_some();
    if !is_there {
        let object = if passes.missing.is_empty() { passes.node } else { tree };
        return Err(absent(object, &Path::of(["passes"]), name));
    }
    let place = locate(tree, language, &Path::of(["passes", name]))?;
    take_out(&syntax, tree, &place)
}

/// A name for a pass of type `kind` among passes called `taken`.
pub fn pass_name(kind: &str, taken: &[&str]) -> String {
    free_name(&short_name(kind), taken)
}

/// Adds a data set of local files.
///
/// # Errors
/// When the name is taken, or the files have no one format.
pub fn add_data(
    source: &Source,
    tree: &Node,
    language: &Language<'_>,
    data: &NewData,
) -> Result<Edited, EditError> {
    let syntax = Syntax::of(source, tree)?;
    let configs = locate(tree, language, &Path::of(["data_configs"]))?;
    let is_there = configs.missing.is_empty();
    let taken = locate(tree, language, &Path::of(["data_configs", &data.name]));
    if is_there && taken.is_ok_and(|taken| taken.missing.is_empty()) {
        return Err(EditError::Taken { what: "data config", name: data.name.clone() });
    }
    let files = match data.files.as_slice() {
        [file] => json!(file),
        files => json!(files),
    };
    let load = json!({"data_name": format(&data.files)?, "data_files": files, "split": "train"});
    let is_map = is_there && configs.node.entries().is_some();
    let mut value = Map::new();
    if !is_map {
        value.insert("name".into(), data.name.clone().into());
    }
    value.insert("type".into(), "HuggingfaceContainer".into());
    value.insert("load_dataset_config".into(), load);
    if let Some(template) = &data.template {
        value.insert("pre_process_data_config".into(), json!({"text_template": template}));
    }
    let value = if is_there { value.into() } else { json!([value]) };
    match configs.node.value {
        NodeValue::Scalar(_) if is_there => Err(no_object(&configs, &data.name)),
        _ if is_there => {
            let end = children(configs.node).len();
            add_to(&syntax, tree, &configs, (end, &data.name), value)
        }
        _ => {
            let end = children(tree).len();
            let root = Place { missing: Vec::new(), ..configs };
            let now = value.get(0).cloned();
            let edited = add_to(&syntax, tree, &root, (end, "data_configs"), value)?;
            Ok(Edited { path: edited.path.join("0"), now, ..edited })
        }
    }
}

/// Adds a member to the container `place` leads to, on lines of its own.
fn add_to(
    syntax: &Syntax<'_>,
    tree: &Node,
    place: &Place<'_>,
    (index, key): (usize, &str),
    value: Value,
) -> Result<Edited, EditError> {
    let path = place.written();
    if let Some(missing) = place.missing.first() {
        let nested = Value::Object(Map::from_iter([(key.to_owned(), value.clone())]));
        let container = (place.node, children(place.node).len());
        let (text, _) = add(syntax, tree, &path, container, (missing, &nested), Fill::Lines)?;
        return Ok(Edited {
            text,
            path: path.join(missing).join(key),
            was: None,
            now: Some(value),
        });
    }
    let (text, key) = add(syntax, tree, &path, (place.node, index), (key, &value), Fill::Lines)?;
    Ok(Edited { text, path: path.join(&key), was: None, now: Some(value) })
}

pub(super) fn unknown_pass(language: &Language<'_>, name: &str) -> EditError {
    let known: Vec<&str> = language.catalog.passes().map(|p| p.descriptor.name.as_str()).collect();
    let help = language.catalog.absence_help().or_else(|| suggest(name, known));
    EditError::UnknownPass { name: name.to_owned(), help }
}

fn no_object(place: &Place<'_>, token: &str) -> EditError {
    let (path, found) = (place.written(), place.node.to_value().to_string());
    EditError::NoObject { path, found, token: token.to_owned() }
}

/// The name of a pass of type `kind`, as Olive's own configs have it: lower case, words joined by
/// `_`. A word starts with a capital and two small letters, so that `LoRA` is one.
fn short_name(kind: &str) -> String {
    let letters: Vec<char> = kind.chars().collect();
    let is_small = |index: usize| letters.get(index).is_some_and(|letter| letter.is_lowercase());
    let mut name = String::new();
    for (index, letter) in letters.iter().enumerate() {
        let starts_word = letter.is_uppercase() && is_small(index + 1) && is_small(index + 2);
        if index > 0 && starts_word {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

fn free_name(name: &str, taken: &[&str]) -> String {
    let numbered = (2_usize..).map(|number| format!("{name}_{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(|name| !taken.contains(&name.as_str())).unwrap_or_else(|| name.to_owned())
}

/// The settings as one object, under the names of today.
fn settings(about: &About<'_>, given: &[(Path, Value)]) -> Result<Map<String, Value>, EditError> {
    let mut settings = Value::Object(Map::new());
    for (path, value) in given {
        let (mut here, mut about) = (&mut settings, about.clone());
        for token in &path.tokens {
            let name = about.names(token).swap_remove(0);
            about = about.key(&name);
            let found = here.to_string();
            let Some(map) = here.as_object_mut() else {
                let (path, token) = (path.clone(), token.clone());
                return Err(EditError::NoObject { path, found, token });
            };
            here = map.entry(name).or_insert_with(|| Value::Object(Map::new()));
        }
        *here = value.clone();
    }
    match settings {
        Value::Object(map) => Ok(map),
        _ => Ok(Map::new()),
    }
}

/// The error that the pass lacks settings without a default, if it does.
fn require(
    name: &str,
    about: &About<'_>,
    given: &Map<String, Value>,
    tree: &Node,
) -> Result<(), EditError> {
    let is_lacking = |key: &str| about.requires(key) && !given.contains_key(key);
    let lacking: Vec<_> = about.keys().into_iter().filter(|(key, _)| is_lacking(key)).collect();
    if lacking.is_empty() {
        return Ok(());
    }
    let describe = |(key, about): &(&str, About<'_>)| {
        let what = about.says("description").and_then(Value::as_str).unwrap_or_default();
        let what = what.lines().next().unwrap_or_default().trim_end_matches('.');
        let what = lower_first(what);
        if what.is_empty() { format!("`{key}`") } else { format!("`{key}` ({what})") }
    };
    let keys = lacking.iter().map(describe).collect();
    let options: Vec<String> = lacking.iter().map(|(key, _)| format!("--set {key}=…")).collect();
    let mut help = format!("add `{}`", options.join(" "));
    let names = data_names(tree);
    if lacking.iter().any(|(_, about)| about.says(REFERENCE).is_some()) && !names.is_empty() {
        help = format!("{help}; data configs here: {}", quoted(&names));
    }
    Err(EditError::Required { name: name.to_owned(), keys, help })
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

fn data_names(tree: &Node) -> Vec<&str> {
    match tree.get("data_configs").map(|configs| &configs.value) {
        Some(NodeValue::Array(items)) => {
            items.iter().filter_map(|item| item.get("name")?.as_str()).collect()
        }
        Some(NodeValue::Object(entries)) => entries.iter().map(|e| e.key.as_str()).collect(),
        Some(NodeValue::Scalar(_)) | None => Vec::new(),
    }
}

fn position(position: &Position, names: &[&str], passes: &Node) -> Result<usize, EditError> {
    let (neighbor, offset) = match position {
        Position::Last => return Ok(names.len()),
        Position::Before(name) => (name, 0),
        Position::After(name) => (name, 1),
    };
    let index = names.iter().position(|name| name == neighbor);
    let index = index.ok_or_else(|| absent(passes, &Path::of(["passes"]), neighbor))?;
    Ok(index + offset)
}

/// The format of data files, by their suffix; that of a compressed file stands before `.gz`.
fn format(files: &[String]) -> Result<&'static str, EditError> {
    let mut found: Option<(&str, &str)> = None;
    for file in files {
        let plain = [".gz", ".zst"].iter().find_map(|suffix| file.strip_suffix(suffix));
        let path = FilePath::new(plain.unwrap_or(file));
        let suffix = path.extension().and_then(|suffix| suffix.to_str());
        let format = match suffix.unwrap_or_default().to_lowercase().as_str() {
            "json" | "jsonl" => "json",
            "csv" => "csv",
            "parquet" => "parquet",
            "arrow" => "arrow",
            "txt" => "text",
            _ => {
                let why = format!(
                    "the suffix of `{file}` tells no format: it is none of `.json`, `.jsonl`, \
                     `.csv`, `.parquet`, `.arrow`, `.txt`"
                );
                return Err(EditError::DataFiles { why });
            }
        };
        if let Some((other, first)) = found.filter(|(other, _)| *other != format) {
            let why = format!("`{first}` is {other} and `{file}` is {format}: add them one by one");
            return Err(EditError::DataFiles { why });
        }
        found = found.or(Some((format, file)));
    }
    found.map(|(format, _)| format).ok_or_else(|| {
        let why = "a data config needs at least one file".to_owned();
        EditError::DataFiles { why }
    })
}

#[cfg(test)]
mod tests {
    use super::{format, pass_name};

    #[test]
    fn names_are_made_of_types() {
        for (kind, name) in [
            ("LoRA", "lora"),
            ("QLoRA", "qlora"),
            ("MergeAdapterWeights", "merge_adapter_weights"),
            ("ImportGguf", "import_gguf"),
        ] {
            assert_eq!(pass_name(kind, &[]), name);
        }
        assert_eq!(pass_name("LoRA", &["lora", "lora_2"]), "lora_3");
    }

    #[test]
    fn suffixes_tell_formats() {
        let check = |files: &[&str]| {
            format(&files.iter().map(|&file| file.to_owned()).collect::<Vec<_>>())
                .map_err(|error| error.to_string())
        };
        assert_eq!(check(&["a.json", "b.JSONL"]), Ok("json"));
        assert_eq!(check(&["a.txt"]), Ok("text"));
        assert_eq!(
            check(&["a.xml"]).unwrap_err().split(':').next(),
            Some("the suffix of `a.xml` tells no format")
        );
        assert_eq!(
            check(&["a.csv", "b.json"]),
            Err("`a.csv` is csv and `b.json` is json: add them one by one".into())
        );
    }
}

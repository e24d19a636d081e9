//! Editing a config's text: reading, setting and removing one value, adding a pass or data.
//!
//! A [`Path`] says where; [`Language`] knows under which names and in which object a config may
//! have it. Everything else of the text stays to the byte: comments, order, indentation, commas.
//! What [`set`] adds under a new key, [`unset`] takes away so that the text is as it was.

pub mod path;
pub mod language;
pub mod options;
pub mod rewrite;
pub mod file;
mod place;
mod sections;
mod syntax;
mod json;
mod yaml;
mod style;
mod trivia;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod hostile;

pub use language::Language;
pub use path::Path;
pub use sections::{NewData, NewPass, Position, add_data, add_pass, pass_name, remove_pass};

use std::ops::Range;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::config::schema::suggest;
use crate::config::{Node, Source};
use json::Fill;
use place::{Place, locate};
use syntax::Syntax;

/// Why a config cannot be edited as asked.
#[derive(Debug, Error)]
pub enum EditError {
    /// The text of a path is none.
    #[error("`{path}` is not a path: {why}")]
    Path {
        /// What was written.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Nothing is there.
    #[error("`{path}` is not set")]
    Absent {
        /// The path.
        path: Path,
        /// What was meant, or what is there.
        help: Option<String>,
    },
    /// A path goes on below a value that has no keys.
    #[error("`{path}` is {found}: it has no `{token}`")]
    NoObject {
        /// Path to the value.
        path: Path,
        /// The value.
        found: String,
        /// The next step.
        token: String,
    },
    /// A list has no such item.
    #[error("`{path}` has {num_items} items: there is no item `{token}`")]
    NoItem {
        /// Path to the list.
        path: Path,
        /// The item asked for.
        token: String,
        /// Length of the list.
        num_items: usize,
    },
    /// A path with an index leads through what is not there.
    #[error("`{path}` is not set: there is no item `{token}` to write to")]
    NoList {
        /// Path to where the list would be.
        path: Path,
        /// The item asked for.
        token: String,
    },
    /// A key is written twice, so that nobody knows which is meant.
    #[error("`{key}` is written twice in `{path}`")]
    Twice {
        /// Path to the object.
        path: Path,
        /// The key.
        key: String,
    },
    /// The whole config would go.
    #[error("the whole config cannot be unset")]
    Whole,
    /// Something of that name is there already.
    #[error("{what} `{name}` is there already")]
    Taken {
        /// Kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// No installed plugin has the pass.
    #[error("no installed plugin has a pass `{name}`")]
    UnknownPass {
        /// What was written.
        name: String,
        /// What was meant, or why there may be none.
        help: Option<String>,
    },
    /// Settings that a pass cannot do without were not given.
    #[error("pass `{name}` needs {}", .keys.join(", "))]
    Required {
        /// Name of the pass.
        name: String,
        /// What it needs, with descriptions.
        keys: Vec<String>,
        /// How to give it.
        help: String,
    },
    /// Data files have a suffix that tells no format, or different ones.
    #[error("{why}")]
    DataFiles {
        /// What is wrong.
        why: String,
    },
    /// The text is of a kind, or has a construct, that is not edited.
    #[error("{what} cannot be edited: {why}")]
    Unsupported {
        /// The text or the construct.
        what: String,
        /// Why, and what to do.
        why: &'static str,
    },
}

impl EditError {
    /// What to try.
    pub fn help(&self) -> Option<&str> {
        match self {
            Self::Absent { help, .. } | Self::UnknownPass { help, .. } => help.as_deref(),
            Self::Required { help, .. } => Some(help),
            Self::Twice { .. } => Some("remove one of them in an editor"),
            Self::NoObject { .. } => Some("set it to an object first"),
            Self::NoItem { .. } => {
                Some("name an item by its number from 0 or its `name`; `-` adds one at the end")
            }
            Self::NoList { .. } => Some("set the whole list"),
            Self::Path { .. }
            | Self::Whole
            | Self::Taken { .. }
            | Self::DataFiles { .. }
            | Self::Unsupported { .. } => None,
        }
    }

    /// Whether the command line is at fault, whatever the config says.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Path { .. } | Self::Whole | Self::Required { .. } | Self::DataFiles { .. } => {
                true
            }
            Self::Absent { .. }
            | Self::NoObject { .. }
            | Self::NoItem { .. }
            | Self::NoList { .. }
            | Self::Twice { .. }
            | Self::Taken { .. }
            | Self::UnknownPass { .. }
            | Self::Unsupported { .. } => false,
        }
    }
}

/// An edited text.
#[derive(Debug, Clone, PartialEq)]
pub struct Edited {
    /// The whole new text.
    pub text: String,
    /// Where something changed, as the text spells it.
    pub path: Path,
    /// What was there.
    pub was: Option<Value>,
    /// What is there now.
    pub now: Option<Value>,
}

/// The value at `path`.
///
/// # Errors
/// When nothing is there.
pub fn get<'a>(
    tree: &'a Node,
    language: &'a Language<'a>,
    path: &Path,
) -> Result<&'a Node, EditError> {
    let place = locate(tree, language, path)?;
    present(&place, path)?;
    Ok(place.node)
}

/// Writes `value` at `path`, and the objects it needs on the way.
///
/// # Errors
/// When the path leads through something that has no keys, or the text cannot be edited.
pub fn set(
    source: &Source,
    tree: &Node,
    language: &Language<'_>,
    path: &Path,
    value: &Value,
) -> Result<Edited, EditError> {
    let syntax = Syntax::of(source, tree)?;
    let place = locate(tree, language, path)?;
    let written = place.written();
    if place.missing.is_empty() {
        let edits = match place.trail.last() {
            Some(&(container, index)) => syntax.replace(container, index, value)?,
            None => return Err(EditError::Whole),
        };
        let mut expected = tree.to_value();
        if let Some(there) = expected.pointer_mut(&written.pointer()) {
            *there = value.clone();
        }
        let text = syntax.apply(&edits, &expected)?;
        let was = Some(place.node.to_value());
        return Ok(Edited { text, path: written, was, now: Some(value.clone()) });
    }
    let (first, rest) = (&place.missing[0], &place.missing[1..]);
    let nested = rest
        .iter()
        .rfold(value.clone(), |inner, key| Value::Object(Map::from_iter([(key.clone(), inner)])));
    let end = json::children(place.node).len();
    let (text, first) =
        add(&syntax, tree, &written, (place.node, end), (first, &nested), Fill::Line)?;
    let path = rest.iter().fold(written.join(&first), |path, key| path.join(key));
    Ok(Edited { text, path, was: None, now: Some(value.clone()) })
}

/// Takes the value at `path` out, and each object that is left empty and was made for it alone.
///
/// An object that is empty already when [`set`] fills it is written `{ "a": 1 }`; it stays.
///
/// # Errors
/// When nothing is there, or the text cannot be edited.
pub fn unset(
    source: &Source,
    tree: &Node,
    language: &Language<'_>,
    path: &Path,
) -> Result<Edited, EditError> {
    let syntax = Syntax::of(source, tree)?;
    let mut place = locate(tree, language, path)?;
    present(&place, path)?;
    while let [.., (above, _), (container, _)] = place.trail.as_slice() {
        if above.entries().is_none() || !syntax.is_made_for_one(container) {
            break;
        }
        place.trail.pop();
    }
    take_out(&syntax, tree, &place)
}

/// The new text without what `place` leads to.
fn take_out(syntax: &Syntax<'_>, tree: &Node, place: &Place<'_>) -> Result<Edited, EditError> {
    let Some(&(container, index)) = place.trail.last() else { return Err(EditError::Whole) };
    let edits = syntax.remove(container, index)?;
    let path = place.written();
    let mut expected = tree.to_value();
    let (parent, last) = path.tokens.split_at(path.tokens.len() - 1);
    let was = match expected.pointer_mut(&Path::of(parent).pointer()) {
        Some(Value::Object(map)) => map.shift_remove(&last[0]),
        Some(Value::Array(items)) => Some(items.remove(index)),
        _ => None,
    };
    let text = syntax.apply(&edits, &expected)?;
    Ok(Edited { text, path, was, now: None })
}

/// The new text with a member more in `container`, which `path` leads to; and its key or index.
fn add(
    syntax: &Syntax<'_>,
    tree: &Node,
    path: &Path,
    (container, index): (&Node, usize),
    (key, value): (&str, &Value),
    fill: Fill,
) -> Result<(String, String), EditError> {
    let is_object = container.entries().is_some();
    let edits = syntax.insert(container, index, (is_object.then_some(key), value), fill)?;
    let mut expected = tree.to_value();
    match expected.pointer_mut(&path.pointer()) {
        Some(Value::Object(map)) => {
            // Of a key that is written twice the value has one.
            let index = index.min(map.len());
            map.shift_insert(index, key.to_owned(), value.clone());
        }
        Some(Value::Array(items)) => items.insert(index, value.clone()),
        _ => {}
    }
    let text = syntax.apply(&edits, &expected)?;
    Ok((text, if is_object { key.to_owned() } else { index.to_string() }))
}

/// The error that nothing is at `path`, unless something is.
fn present(place: &Place<'_>, path: &Path) -> Result<(), EditError> {
    match place.missing.first() {
        None => Ok(()),
        Some(token) => {
            let num_there = path.tokens.len() - place.missing.len();
            Err(absent(place.node, &Path::of(&path.tokens[..num_there]), token))
        }
    }
}

/// The error that `object`, which `path` leads to, has no `token`.
fn absent(object: &Node, path: &Path, token: &str) -> EditError {
    let known = object.entries().into_iter().flatten().map(|entry| entry.key.as_str());
    EditError::Absent { path: path.join(token), help: suggest(token, known) }
}

/// Text in place of a range of another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Splice {
    range: Range<usize>,
    text: String,
}

/// `text` with `edits`, which are in order and do not overlap.
fn apply(text: &str, edits: &[Splice]) -> String {
    let mut edited = String::with_capacity(text.len());
    let mut done = 0;
    for edit in edits {
        edited.push_str(&text[done..edit.range.start]);
        edited.push_str(&edit.text);
        done = edit.range.end;
    }
    edited.push_str(&text[done..]);
    edited
}

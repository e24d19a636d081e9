//! The syntaxes of configs, as far as editing goes.

use serde_json::Value;

use super::json::{Fill, Json};
use super::yaml::Yaml;
use super::{EditError, Splice, apply};
use crate::config::source::Format;
use crate::config::{Node, Source, parse};

/// A text, by what it is written in.
pub(super) struct Syntax<'a> {
    source: &'a Source,
    writer: Writer<'a>,
}

enum Writer<'a> {
    Json(Json<'a>),
    Yaml(Yaml<'a>),
}

impl<'a> Syntax<'a> {
    /// For edits of `source`, whose tree is `root`.
    pub(super) fn of(source: &'a Source, root: &'a Node) -> Result<Self, EditError> {
        refuse_markdown(source)?;
        let writer = match source.format() {
            Format::Yaml => Writer::Yaml(Yaml::new(&source.text, root)),
            Format::Json | Format::Markdown => Writer::Json(Json::new(&source.text, root)),
        };
        Ok(Self { source, writer })
    }

    /// Writes `value` in place of the member of `container` at `index`.
    pub(super) fn replace(
        &self,
        container: &Node,
        index: usize,
        value: &Value,
    ) -> Result<Vec<Splice>, EditError> {
        let edit = match &self.writer {
            Writer::Json(json) => json.replace(container, index, value),
            Writer::Yaml(yaml) => yaml.replace(container, index, value),
        };
        edit.map(|edit| vec![edit]).ok_or_else(|| unsure(self.source))
    }

    /// Adds a member to `container`, before the one at `index`.
    pub(super) fn insert(
        &self,
        container: &Node,
        index: usize,
        member: (Option<&str>, &Value),
        fill: Fill,
    ) -> Result<Vec<Splice>, EditError> {
        match &self.writer {
            Writer::Json(json) => Ok(json.insert(container, index, member, fill)),
            Writer::Yaml(yaml) => {
                yaml.insert(container, index, member, fill).ok_or_else(|| unsure(self.source))
            }
        }
    }

    /// Takes the member at `index` out of `container`.
    pub(super) fn remove(&self, container: &Node, index: usize) -> Result<Vec<Splice>, EditError> {
        match &self.writer {
            Writer::Json(json) => Ok(json.remove(container, index)),
            Writer::Yaml(yaml) => yaml.remove(container, index).ok_or_else(|| unsure(self.source)),
        }
    }

    /// Whether `container` is written as one that was made for its only member.
    pub(super) fn is_made_for_one(&self, container: &Node) -> bool {
        match &self.writer {
            Writer::Json(json) => json.is_made_for_one(container),
            Writer::Yaml(yaml) => yaml.is_made_for_one(container),
        }
    }

    /// The text with `edits`, which then says `expected`.
    pub(super) fn apply(&self, edits: &[Splice], expected: &Value) -> Result<String, EditError> {
        let text = apply(&self.source.text, edits);
        let edited = Source { path: self.source.path.clone(), text };
        let documents = parse(&edited).documents;
        match documents.as_slice() {
            [tree] if tree.to_value() == *expected => Ok(edited.text),
            _ => Err(unsure(self.source)),
        }
    }
}

/// The error that Markdown is not edited.
pub(super) fn refuse_markdown(source: &Source) -> Result<(), EditError> {
    if source.format() == Format::Markdown {
        return Err(EditError::Unsupported {
            what: format!("the Markdown file `{}`", source.path.display()),
            why: "it shows fragments of a config; put the config into a .json file and edit that",
        });
    }
    Ok(())
}

/// The error that an edit would not do what it should.
pub(super) fn unsure(source: &Source) -> EditError {
    EditError::Unsupported {
        what: format!("`{}`", source.path.display()),
        why: "it is written in a way that no edit here is sure of; use an editor",
    }
}

//! Documents that the client has open.

use std::ops;
use std::path::PathBuf;

use lsp_types::{Position, Range, TextDocumentContentChangeEvent as Change, TextDocumentItem, Uri};
use olive_schemas::pack::RECIPE;

use super::language::Language;
use super::layout::{Encoding, Layout};
use super::{lenient, place};
use crate::config::source::Format;
use crate::config::{self, Finding, Node, Scope, Source};
use crate::examine::examine;

/// Keys of the root that only a config has.
const TELLING_KEYS: [&str; 2] = ["input_model", "passes"];

/// What names and schemas of configs contain.
const PRODUCT: &str = "olive";

/// A document that the client has open.
#[derive(Debug)]
pub(super) struct Document {
    /// What the client calls it.
    pub(super) uri: Uri,
    /// Version of its text.
    pub(super) version: i32,
    /// Its path and text.
    pub(super) source: Source,
    /// What is wrong with it, as far as that was told.
    pub(super) findings: Vec<Finding>,
    /// Whether it changed since.
    pub(super) is_stale: bool,
    /// Whether it is a config at all, as far as its text has told.
    pub(super) is_config: bool,
    layout: Layout,
    encoding: Encoding,
}

impl Document {
    /// A document that was opened; none when its language is not read.
    pub(super) fn open(item: TextDocumentItem, encoding: Encoding) -> Option<Self> {
        let language: String = item.language_id.into();
        let path: PathBuf = place::path(&item.uri, &language)?;
        let layout = Layout::new(&item.text, encoding);
        let source = Source { path, text: item.text };
        let mut document = Self {
            uri: item.uri,
            version: item.version,
            source,
            findings: Vec::new(),
            is_stale: true,
            is_config: false,
            layout,
            encoding,
        };
        document.recognize();
        Some(document)
    }

    /// Changes the text, one change after the other.
    pub(super) fn change(&mut self, version: i32, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::TextDocumentContentChangePartial(part) => {
                    let start = self.offset(part.range.start);
                    let end = self.offset(part.range.end).max(start);
                    self.source.text.replace_range(start..end, &part.text);
                }
                Change::TextDocumentContentChangeWholeDocument(whole) => {
                    self.source.text = whole.text;
                }
            }
            self.layout = Layout::new(&self.source.text, self.encoding);
        }
        self.version = version;
        self.is_stale = true;
        self.recognize();
    }

    /// Looks for what is wrong with the text.
    pub(super) fn examine(&mut self, language: &Language) {
        self.is_stale = false;
        self.findings = if self.is_config {
            examine(&self.source, &language.catalog, Scope::WHOLE).1
        } else {
            Vec::new()
        };
    }

    /// The tree of the text, also of JSON that is being written.
    pub(super) fn tree(&self) -> Option<Node> {
        match self.source.format() {
            Format::Json => lenient::parse(&self.source.text),
            Format::Yaml | Format::Markdown => {
                config::parse(&self.source).documents.into_iter().next()
            }
        }
    }

    /// The byte offset of a position.
    pub(super) fn offset(&self, position: Position) -> usize {
        self.layout.offset(&self.source.text, position)
    }

    /// The range of bytes of the text.
    pub(super) fn range(&self, bytes: &ops::Range<usize>) -> Range {
        self.layout.range(&self.source.text, bytes)
    }

    /// Finds out whether the text is a config; while it cannot be read it stays what it was.
    fn recognize(&mut self) {
        let tree = self.tree();
        let name = self.source.path.file_name().unwrap_or_default().to_string_lossy();
        if name == RECIPE {
            self.is_config = false;
            return;
        }
        let is_named =
            || self.source.format() != Format::Markdown && name.to_lowercase().contains(PRODUCT);
        self.is_config = match &tree {
            Some(root) => root.entries().is_some() && (is_named() || is_telling(root)),
            None => self.is_config || is_named() || has_telling_text(&self.source),
        };
    }
}

fn is_telling(root: &Node) -> bool {
    let schema = root.get("$schema").and_then(Node::as_str).unwrap_or_default();
    schema.to_lowercase().contains(PRODUCT)
        || TELLING_KEYS.iter().any(|key| root.get(key).is_some())
}

/// Whether a text that cannot be read has a key of a config.
fn has_telling_text(source: &Source) -> bool {
    let text = &source.text;
    TELLING_KEYS.iter().any(|key| match source.format() {
        Format::Json | Format::Markdown => text.contains(&format!("\"{key}\"")),
        Format::Yaml => text.lines().any(|line| line.starts_with(&format!("{key}:"))),
    })
}

#[cfg(test)]
mod tests {
    use lsp_types::{TextDocumentItem, Uri};
    use serde_json::json;

    use super::super::layout::Encoding;
    use super::Document;

    fn open(name: &str, text: &str) -> Option<Document> {
        let item = TextDocumentItem {
            uri: Uri(format!("file:///w/{name}")),
            language_id: "plaintext".to_owned().into(),
            version: 1,
            text: text.to_owned(),
        };
        Document::open(item, Encoding::Utf16)
    }

    #[test]
    fn only_configs_are_looked_at() {
        for (name, text, is_config) in [
            ("package.json", r#"{"name": "x", "scripts": {"passes": "x"}}"#, false),
            ("a.json", r#"{"passes": {}}"#, true),
            ("a.json", r#"{"input_model": {"#, true),
            ("a.json", r#"{"$schema": "https://x/olive.schema.json"}"#, true),
            ("a.json", r#"{"$schema": "https://x/other.json"}"#, false),
            ("olive-config.json", "", true),
            ("olive-config.json", "{}", true),
            ("olive-results.json", "[]", false),
            ("olive-pack.json", r#"{"name": "x"}"#, false),
            ("a.yaml", "passes:\n  a: [", true),
            ("a.yaml", "steps:\n  - passes: [", false),
            ("olive.md", "# Olive\n", false),
            ("a.md", "```json\n{\"passes\": {}}\n```\n", true),
        ] {
            assert_eq!(open(name, text).unwrap().is_config, is_config, "{name} {text}");
        }
        assert!(open("olive.toml", "").is_none());
    }

    #[test]
    fn changes_are_made_one_after_the_other() {
        let mut document = open("a.json", "{\n\"é\": 1\n}").unwrap();
        let change = |line: u32, start: u32, end: u32, text: &str| {
            let position = |character| json!({"line": line, "character": character});
            let range = json!({"start": position(start), "end": position(end)});
            serde_json::from_value(json!({"range": range, "text": text})).unwrap()
        };
        document.change(2, vec![change(1, 1, 2, "passes"), change(1, 10, 11, "{}")]);
        assert_eq!(document.source.text, "{\n\"passes\": {}\n}");
        assert!(document.is_config && document.is_stale);
        document.change(3, vec![change(9, 9, 3, "x"), change(0, 1, 0, "y")]);
        assert_eq!(document.source.text, "{y\n\"passes\": {}\n}x");
    }
}

//! What the cursor is at: hover texts, definitions of names, the outline of a document.

use lsp_types::{
    Contents, DocumentSymbol, Hover, Location, MarkupContent, MarkupKind, Position, SymbolKind,
};
use serde_json::Value;

use super::document::Document;
use super::language::Language;
use super::names::{Named, definition};
use super::spot::{Spot, spot};
use crate::config::Node;
use crate::config::navigate::{Guide, Place};
use crate::config::node::{Entry, NodeValue};

/// Sections whose parts are in the outline.
const SECTIONS: [&str; 6] =
    ["input_model", "systems", "data_configs", "evaluators", "passes", "builds"];

/// What is known about the key or value at `position`.
pub(super) fn hover(document: &Document, position: Position, language: &Language) -> Option<Hover> {
    let tree = document.tree()?;
    let spot = spot(&tree, document.offset(position))?;
    let place = Guide::new(&language.schema).at(&tree.to_value(), &spot.path);
    let text = text(&spot, &place)?;
    Some(Hover {
        contents: Contents::MarkupContent(markdown(text)),
        range: Some(document.range(&spot.range)),
    })
}

/// Where the name at `position` is defined.
pub(super) fn define(
    document: &Document,
    position: Position,
    language: &Language,
) -> Option<Location> {
    let tree = document.tree()?;
    let spot = spot(&tree, document.offset(position))?;
    let name = spot.node.as_str().filter(|_| !spot.is_key)?;
    let place = Guide::new(&language.schema).at(&tree.to_value(), &spot.path);
    let found = definition(&tree, Named::by(&place, &spot.path)?, name)?;
    Some(Location { uri: document.uri.clone(), range: document.range(&found) })
}

/// The sections of `document` and their parts.
pub(super) fn symbols(document: &Document) -> Vec<DocumentSymbol> {
    let tree = document.tree();
    let entries = tree.as_ref().and_then(Node::entries).into_iter().flatten();
    let sections = entries.filter(|entry| SECTIONS.contains(&entry.key.as_str()));
    sections.map(|section| section_symbol(document, section)).collect()
}

/// A text of the form that hovers and completions have.
pub(super) fn markdown(value: String) -> MarkupContent {
    MarkupContent { kind: MarkupKind::Markdown, value }
}

/// What the schema says about a setting, below its type.
pub(super) fn about(place: &Place<'_>) -> Vec<String> {
    let mut paragraphs = Vec::new();
    if let Some(message) = place.says("deprecationMessage").and_then(Value::as_str) {
        paragraphs.push(format!("**Old:** {message}"));
    } else if place.is_deprecated() {
        paragraphs.push("**Old:** write something else".to_owned());
    }
    paragraphs.extend(place.description().map(str::to_owned));
    paragraphs
}

/// A value as it is written in running text.
pub(super) fn shown(value: &Value) -> String {
    format!("`{value}`")
}

fn text(spot: &Spot<'_>, place: &Place<'_>) -> Option<String> {
    if place.is_unknown() {
        return None;
    }
    let written = spot.node.as_str().filter(|_| !spot.is_key);
    let choice = written.and_then(|written| {
        let is_it = |value: &Value| value.as_str().is_some_and(|v| v.eq_ignore_ascii_case(written));
        place.choices().into_iter().find(|choice| is_it(&choice.value))
    });
    let chosen = choice.and_then(|choice| choice.description).filter(|text| !text.is_empty());
    let mut paragraphs = vec![heading(spot, place)];
    match (written, chosen) {
        (Some(written), Some(description)) => {
            paragraphs.push(format!("`{written}`: {description}"));
        }
        _ => paragraphs.extend(about(place)),
    }
    Some(paragraphs.join("\n\n"))
}

fn heading(spot: &Spot<'_>, place: &Place<'_>) -> String {
    let is_name = |token: &&String| token.parse::<usize>().is_err();
    let name = spot.path.iter().rfind(is_name).map(String::as_str).unwrap_or_default();
    let default = place.default().filter(|value| !value.is_null());
    let default = default.map(|value| format!(", default {}", shown(value))).unwrap_or_default();
    format!("**`{name}`**: {}{default}", place.words())
}

fn section_symbol(document: &Document, section: &Entry) -> DocumentSymbol {
    let parts = match &section.node.value {
        NodeValue::Object(entries) if section.key != "input_model" => {
            let part = |entry: &Entry| {
                symbol(document, &entry.key, SymbolKind::Object, entry, &entry.node, Vec::new())
            };
            entries.iter().map(part).collect()
        }
        NodeValue::Array(items) => {
            items.iter().filter_map(|item| item_symbol(document, item)).collect()
        }
        NodeValue::Object(_) | NodeValue::Scalar(_) => Vec::new(),
    };
    symbol(document, &section.key, SymbolKind::Namespace, section, &section.node, parts)
}

fn item_symbol(document: &Document, item: &Node) -> Option<DocumentSymbol> {
    let name = item.entry("name")?;
    let mut symbol =
        symbol(document, name.node.as_str()?, SymbolKind::Object, name, item, Vec::new());
    symbol.range = document.range(&item.range);
    symbol.selection_range = document.range(&name.node.range);
    Some(symbol)
}

#[expect(deprecated, reason = "the field has to be given")]
fn symbol(
    document: &Document,
    name: &str,
    kind: SymbolKind,
    entry: &Entry,
    node: &Node,
    children: Vec<DocumentSymbol>,
) -> DocumentSymbol {
    // A name that is empty is refused by clients.
    let name = if name.is_empty() { "\"\"" } else { name };
    let range = entry.key_range.start..entry.node.range.end.max(entry.key_range.end);
    DocumentSymbol {
        name: name.to_owned(),
        detail: node.get("type").and_then(Node::as_str).map(str::to_owned),
        kind,
        tags: None,
        deprecated: None,
        range: document.range(&range),
        selection_range: document.range(&entry.key_range),
        children: Some(children),
    }
}

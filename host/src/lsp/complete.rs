//! What may be written at the cursor: keys, values, names, files.

mod insert;
mod files;

use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionItemTag, InsertTextFormat, Position, TextEdit,
};
use olive_schemas::pointer::escape;
use olive_schemas::validation::Completion;
use serde_json::Value;

use super::cursor::{Cursor, Role, Slot, cursors};
use super::describe::{about, markdown, shown};
use super::document::Document;
use super::language::Language;
use super::names::{Named, defined};
use crate::config::navigate::{Choice, Guide, Place};
use crate::validate;
use insert::Insert;

/// Everything that may be written at `position`.
pub(super) fn complete(
    document: &Document,
    position: Position,
    language: &Language,
    has_snippets: bool,
) -> Vec<CompletionItem> {
    let offset = document.offset(position);
    if !document.is_config {
        return Vec::new();
    }
    let guide = Guide::new(&language.schema);
    let mut items = Vec::new();
    for Cursor { root, slot } in cursors(&document.source, offset) {
        let place = guide.at(&root, &slot.path);
        let writer = Writer { document, slot: &slot, has_snippets };
        match slot.role {
            Role::Key { has_value } => items.extend(writer.keys(&root, &place, has_value)),
            Role::Value => {
                items.extend(writer.names(&root, &place));
                items.extend(writer.values(&place));
                items.extend(writer.offered(&root, language));
                items.extend(writer.files(&place));
            }
        }
    }
    for (index, item) in items.iter_mut().enumerate() {
        let is_old = item.tags.is_some();
        item.sort_text = Some(format!("{}{index:04}", u8::from(is_old)));
    }
    items
}

/// Writes what may stand in a slot.
struct Writer<'a> {
    document: &'a Document,
    slot: &'a Slot,
    has_snippets: bool,
}

impl Writer<'_> {
    /// Keys that are not written yet, those that have to be there first.
    fn keys(&self, root: &Value, place: &Place<'_>, has_value: bool) -> Vec<CompletionItem> {
        let written = root.pointer(&pointer(&self.slot.path));
        let is_written = |key: &str| written.is_some_and(|object| object.get(key).is_some());
        let mut keys = place.keys();
        keys.retain(|(key, inner)| !is_written(key) && !inner.is_silent());
        keys.sort_by_key(|(key, _)| !place.requires(key));
        let item = |(key, inner): (&str, Place<'_>)| {
            let insert = insert::key(self.slot, key, has_value, &inner, self.has_snippets);
            CompletionItem {
                kind: Some(CompletionItemKind::Property),
                detail: Some(detail(&inner, place.requires(key))),
                documentation: Some(about(&inner).join("\n\n"))
                    .filter(|text| !text.is_empty())
                    .map(|text| markdown(text).into()),
                tags: inner.is_deprecated().then(|| vec![CompletionItemTag::Deprecated]),
                ..self.item(key, insert)
            }
        };
        keys.into_iter().map(item).collect()
    }

    /// Names of what the value may name.
    fn names(&self, root: &Value, place: &Place<'_>) -> Vec<CompletionItem> {
        let Some(named) = Named::by(place, &self.slot.path) else { return Vec::new() };
        let names = defined(root, named).into_iter();
        let item = |(name, kind): (&str, Option<&str>)| {
            let insert = insert::value(self.slot, &name.into())?;
            Some(CompletionItem {
                kind: Some(CompletionItemKind::Reference),
                detail: kind.map(str::to_owned),
                ..self.item(name, insert)
            })
        };
        names.filter_map(item).collect()
    }

    /// Values that the schema names.
    fn values(&self, place: &Place<'_>) -> Vec<CompletionItem> {
        let item = |choice: Choice<'_>| {
            let insert = insert::value(self.slot, &choice.value)?;
            let label =
                choice.value.as_str().map_or_else(|| choice.value.to_string(), str::to_owned);
            let is_default = place.default() == Some(&choice.value);
            Some(CompletionItem {
                kind: Some(match choice.value {
                    Value::String(_) if !choice.is_example => CompletionItemKind::EnumMember,
                    Value::Bool(_) | Value::Null => CompletionItemKind::Keyword,
                    _ => CompletionItemKind::Value,
                }),
                detail: is_default.then(|| "default".to_owned()),
                documentation: choice
                    .description
                    .filter(|text| !text.is_empty())
                    .map(|text| markdown(text.to_owned()).into()),
                ..self.item(&label, insert)
            })
        };
        place.choices().into_iter().filter_map(item).collect()
    }

    /// Values that installed validators offer.
    fn offered(&self, root: &Value, language: &Language) -> Vec<CompletionItem> {
        let offered = validate::complete(root, &pointer(&self.slot.path), &language.catalog);
        let item = |Completion { label, insert, detail, documentation }| {
            let insert = insert::value(self.slot, &insert)?;
            Some(CompletionItem {
                kind: Some(CompletionItemKind::Value),
                detail,
                documentation: documentation.map(|text| markdown(text).into()),
                ..self.item(&label, insert)
            })
        };
        offered.into_iter().filter_map(item).collect()
    }

    /// Files and folders, where a path is expected.
    fn files(&self, place: &Place<'_>) -> Vec<CompletionItem> {
        if !files::is_path(place, &self.slot.path) {
            return Vec::new();
        }
        let folder = self.document.source.folder();
        let item = |(path, is_folder): (String, bool)| {
            let insert = insert::path(self.slot, &path, &self.document.source.text)?;
            Some(CompletionItem {
                kind: Some(if is_folder {
                    CompletionItemKind::Folder
                } else {
                    CompletionItemKind::File
                }),
                ..self.item(&path, insert)
            })
        };
        files::below(&folder, &self.slot.typed).into_iter().filter_map(item).collect()
    }

    fn item(&self, label: &str, insert: Insert) -> CompletionItem {
        let comma = self
            .slot
            .comma_at
            .map(|at| TextEdit { range: self.document.range(&(at..at)), new_text: ",".to_owned() });
        let format =
            if insert.is_snippet { InsertTextFormat::Snippet } else { InsertTextFormat::PlainText };
        let edit = TextEdit { range: self.document.range(&insert.range), new_text: insert.text };
        CompletionItem {
            label: label.to_owned(),
            filter_text: insert.filter,
            insert_text_format: Some(format),
            text_edit: Some(edit.into()),
            additional_text_edits: comma.map(|comma| vec![comma]),
            ..CompletionItem::default()
        }
    }
}

/// Type and default of a setting in one line.
fn detail(place: &Place<'_>, is_required: bool) -> String {
    let default = place.default().filter(|value| !value.is_null());
    match default {
        Some(value) => format!("{}, default {}", place.words(), shown(value)),
        None if is_required => format!("{}, required", place.words()),
        None => place.words(),
    }
    .replace('`', "")
}

fn pointer(path: &[String]) -> String {
    path.iter().flat_map(|token| ["/".to_owned(), escape(token)]).collect()
}

#[cfg(test)]
mod tests {
    use lsp_types::{
        CompletionItem, CompletionItemTextEdit, InsertTextFormat, TextDocumentItem, Uri,
    };
    use serde_json::json;

    use super::super::document::Document;
    use super::super::language::Language;
    use super::super::layout::{Encoding, Layout};
    use super::complete;
    use crate::plugin::Catalog;

    fn language() -> Language {
        let schema = json!({
            "properties": {
                "host": {"type": ["string", "null"], "x-olive-reference": "system"},
                "systems": {"type": "object"},
                "passes": {"additionalProperties": {
                    "properties": {
                        "type": {"enum": ["LoRA"], "enumDescriptions": ["Trains."]},
                        "r": {"type": "integer", "default": 64, "description": "Rank."},
                        "mode": {"enum": ["a", "b"], "default": "b"},
                        "old": {"type": "string", "deprecated": true},
                        "none": {"doNotSuggest": true},
                        "on": {"type": "boolean"}
                    },
                    "required": ["type"]
                }},
                "input_model": {}
            }
        });
        Language { catalog: Catalog::default(), schema }
    }

    /// The document without the `|` that marks the cursor, and what may be written there.
    fn completed(name: &str, marked: &str, has_snippets: bool) -> (Document, Vec<CompletionItem>) {
        let offset = marked.find('|').unwrap();
        let text = marked.replacen('|', "", 1);
        let item = TextDocumentItem {
            uri: Uri(format!("file:///olive/{name}")),
            language_id: "plaintext".to_owned().into(),
            version: 1,
            text: text.clone(),
        };
        let mut document = Document::open(item, Encoding::Utf16).unwrap();
        document.is_config = true;
        let position = Layout::new(&text, Encoding::Utf16).position(&text, offset);
        let items = complete(&document, position, &language(), has_snippets);
        (document, items)
    }

    /// Checks the labels, and the text after the first of them is chosen.
    #[track_caller]
    fn check(name: &str, marked: &str, labels: &[&str], chosen: &str) {
        let (document, items) = completed(name, marked, false);
        let found: Vec<_> = items.iter().map(|item| item.label.as_str()).collect();
        assert_eq!(found, labels, "{marked}");
        let Some(item) = items.first() else { return };
        let mut text = document.source.text.clone();
        let Some(CompletionItemTextEdit::TextEdit(edit)) = &item.text_edit else { panic!() };
        let mut edits = vec![edit.clone()];
        edits.extend(item.additional_text_edits.clone().unwrap_or_default());
        for edit in edits {
            let range = document.offset(edit.range.start)..document.offset(edit.range.end);
            text.replace_range(range, &edit.new_text);
        }
        assert_eq!(text, chosen, "{marked}");
    }

    #[test]
    fn keys_are_completed_in_json() {
        let keys = ["type", "r", "mode", "old", "on"];
        check(
            "c.json",
            r#"{"passes": {"a": {"|"}}}"#,
            &keys,
            r#"{"passes": {"a": {"type": "LoRA"}}}"#,
        );
        check("c.json", r#"{"passes": {"a": {"|"#, &keys, r#"{"passes": {"a": {"type": "LoRA""#);
        check(
            "c.json",
            r#"{"passes": {"a": {|}}}"#,
            &keys,
            r#"{"passes": {"a": {"type": "LoRA"}}}"#,
        );
        check(
            "c.json",
            r#"{"passes": {"a": {"type": "LoRA", "|": 1, "mode": "a"}}}"#,
            &["r", "old", "on"],
            r#"{"passes": {"a": {"type": "LoRA", "r": 1, "mode": "a"}}}"#,
        );
        check(
            "c.json",
            "{\"passes\": {\"a\": {\n\"type\": \"LoRA\"\n|\n\"r\": 8}}}",
            &["mode", "old", "on"],
            "{\"passes\": {\"a\": {\n\"type\": \"LoRA\",\n\"mode\": \"b\",\n\"r\": 8}}}",
        );
    }

    #[test]
    fn values_are_completed_in_json() {
        let after = r#"{"passes": {"a": {"type": "LoRA"}}}"#;
        check("c.json", r#"{"passes": {"a": {"type": "|"}}}"#, &["LoRA"], after);
        check("c.json", r#"{"passes": {"a": {"type": "Lo|ra"}}}"#, &["LoRA"], after);
        check("c.json", r#"{"passes": {"a": {"type":|}}}"#, &["LoRA"], after);
        check(
            "c.json",
            r#"{"passes": {"a": {"type": "|"#,
            &["LoRA"],
            r#"{"passes": {"a": {"type": "LoRA""#,
        );
        check(
            "c.json",
            r#"{"passes": {"a": {"on": t|}}}"#,
            &["true", "false"],
            r#"{"passes": {"a": {"on": true}}}"#,
        );
        check("c.json", r#"{"passes": {"a": {"r": "|"}}}"#, &[], "");
        check(
            "c.json",
            r#"{"systems": {"aml": {"type": "AzureML"}, "b": {}}, "host": "|"}"#,
            &["aml", "b"],
            r#"{"systems": {"aml": {"type": "AzureML"}, "b": {}}, "host": "aml"}"#,
        );
    }

    #[test]
    fn keys_and_values_are_completed_in_yaml() {
        let keys = ["r", "mode", "old", "on"];
        check(
            "c.yaml",
            "passes:\n  a:\n    type: LoRA\n    |\n",
            &keys,
            "passes:\n  a:\n    type: LoRA\n    r: 64\n",
        );
        check(
            "c.yaml",
            "passes:\n  a:\n    type: |\n",
            &["LoRA"],
            "passes:\n  a:\n    type: LoRA\n",
        );
        check(
            "c.yaml",
            "passes:\n  a:\n    type:|\n",
            &["LoRA"],
            "passes:\n  a:\n    type: LoRA\n",
        );
        check(
            "c.yaml",
            "passes:\n  a:\n    \"ty|\": x\n",
            &["type", "r", "mode", "old", "on"],
            "passes:\n  a:\n    \"type\": x\n",
        );
        check(
            "c.yaml",
            "passes:\n  a:\n    ty|\n",
            &["type", "r", "mode", "old", "on"],
            "passes:\n  a:\n    type: LoRA\n",
        );
        check(
            "c.yaml",
            "systems:\n  s:\n    type: L\nhost: \"|\"\n",
            &["s"],
            "systems:\n  s:\n    type: L\nhost: \"s\"\n",
        );
    }

    #[test]
    fn snippets_hold_the_default_and_the_choices() {
        let (_, items) = completed("c.json", r#"{"passes": {"a": {"|"}}}"#, true);
        let texts: Vec<_> = items
            .iter()
            .map(|item| match &item.text_edit {
                Some(CompletionItemTextEdit::TextEdit(edit)) => edit.new_text.as_str(),
                _ => panic!(),
            })
            .collect();
        assert_eq!(
            texts,
            [
                r#"type": "${1:LoRA}""#,
                r#"r": ${1:64}"#,
                r#"mode": "${1|b,a|}""#,
                r#"old": "$1""#,
                r#"on": ${1|true,false|}"#
            ]
        );
        let last = items.iter().max_by_key(|item| item.sort_text.clone()).unwrap();
        assert_eq!(last.label, "old");
        assert_eq!(items[1].detail.as_deref(), Some("whole number, default 64"));
        assert_eq!(items[0].insert_text_format, Some(InsertTextFormat::Snippet));
    }
}

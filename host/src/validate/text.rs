//! Patches of the normalized workflow as changes of the text it was written as.

use olive_schemas::diagnostic::Diagnostic;
use serde_json::Value;
use similar::{DiffOp, TextDiff};

use super::patch::{Operation, Patch, split};
use crate::config::{Finding, Node, Source, TextEdit, parse, upgrade};
use crate::edit::{self, Language, Path};
use crate::plugin::Catalog;

/// The text of `source` with `patch` done, which makes `normalized` of it what `expected` is.
///
/// Nothing when the text cannot be changed so that it says exactly that.
pub(super) fn patched(
    source: &Source,
    patch: &Patch,
    normalized: &Value,
    expected: &Value,
    catalog: &Catalog,
) -> Option<Source> {
    let language = Language::new(catalog);
    let mut source = source.clone();
    let mut value = normalized.clone();
    for operation in &patch.0 {
        change(&mut source, operation, &value, &language)?;
        operation.apply(&mut value)?;
    }
    let said = normal(&source, catalog)?.to_value();
    (without_empty(said) == without_empty(expected.clone())).then_some(source)
}

/// A section that is empty says what one that is not there does.
fn without_empty(mut workflow: Value) -> Value {
    if let Some(sections) = workflow.as_object_mut() {
        sections.retain(|_, section| section.as_object().is_none_or(|map| !map.is_empty()));
    }
    workflow
}

/// Does one operation in the text of `source`, whose normalized form is `value`.
fn change(
    source: &mut Source,
    operation: &Operation,
    value: &Value,
    language: &Language<'_>,
) -> Option<()> {
    match operation {
        Operation::Test { .. } => Some(()),
        Operation::Replace { path, value: new } => set(source, path, new, language),
        Operation::Remove { path } => unset(source, path, language),
        Operation::Add { path, value: new } => add(source, path, new, value, language),
        Operation::Copy { from, path } => add(source, path, value.pointer(from)?, value, language),
        Operation::Move { from, path } => {
            let moved = value.pointer(from)?;
            unset(source, from, language)?;
            let mut rest = value.clone();
            Operation::Remove { path: from.clone() }.apply(&mut rest)?;
            add(source, path, moved, &rest, language)
        }
    }
}

fn add(
    source: &mut Source,
    path: &str,
    new: &Value,
    value: &Value,
    language: &Language<'_>,
) -> Option<()> {
    let (parent, token) = split(path)?;
    let list = value.pointer(parent)?.as_array();
    if list.is_some_and(|list| token != "-" && token != list.len().to_string()) {
        // Only the end of a list is added to; else the whole list is written.
        let mut changed = value.clone();
        Operation::Add { path: path.to_owned(), value: new.clone() }.apply(&mut changed)?;
        return set(source, parent, changed.pointer(parent)?, language);
    }
    set(source, path, new, language)
}

fn set(source: &mut Source, path: &str, new: &Value, language: &Language<'_>) -> Option<()> {
    let path = Path::parse(path).ok()?;
    let tree = sole(source)?;
    source.text = edit::set(source, &tree, language, &path, new).ok()?.text;
    Some(())
}

fn unset(source: &mut Source, path: &str, language: &Language<'_>) -> Option<()> {
    let path = Path::parse(path).ok()?;
    let tree = sole(source)?;
    source.text = edit::unset(source, &tree, language, &path).ok()?.text;
    Some(())
}

/// The normalized form of the one config in `source`.
pub(super) fn normal(source: &Source, catalog: &Catalog) -> Option<Node> {
    let (upgraded, _) = upgrade(sole(source)?, source, catalog);
    Some(upgraded.tree)
}

/// The tree of the one config in `source`.
fn sole(source: &Source) -> Option<Node> {
    let mut parsed = parse(source);
    let is_sound = !parsed.findings.iter().any(Finding::is_error);
    (is_sound && parsed.documents.len() == 1).then(|| parsed.documents.swap_remove(0))
}

/// What turns `old` into `new`, as little of each line as can be.
pub(super) fn changes(old: &str, new: &str) -> Vec<TextEdit> {
    let diff = TextDiff::from_lines(old, new);
    let offsets = |text: &str| {
        let ends = text.split_inclusive('\n').scan(0, |end, line| {
            *end += line.len();
            Some(*end)
        });
        std::iter::once(0).chain(ends).collect::<Vec<usize>>()
    };
    let (old_lines, new_lines) = (offsets(old), offsets(new));
    let changed = diff.ops().iter().filter(|op| !matches!(op, DiffOp::Equal { .. }));
    let edit = |op: &DiffOp| {
        let (from, to) = (op.old_range(), op.new_range());
        let range = old_lines[from.start]..old_lines[from.end];
        trimmed(old, range, &new[new_lines[to.start]..new_lines[to.end]])
    };
    changed.map(edit).collect()
}

/// The change of `range` of `old` to `new` without what both start and end with.
fn trimmed(old: &str, range: std::ops::Range<usize>, new: &str) -> TextEdit {
    let was = &old[range.clone()];
    let start: usize = was
        .chars()
        .zip(new.chars())
        .take_while(|(one, other)| one == other)
        .map(|(letter, _)| letter.len_utf8())
        .sum();
    let (was, new) = (&was[start..], &new[start..]);
    let end: usize = was
        .chars()
        .rev()
        .zip(new.chars().rev())
        .take_while(|(one, other)| one == other)
        .map(|(letter, _)| letter.len_utf8())
        .sum();
    TextEdit {
        range: range.start + start..range.end - end,
        text: new[..new.len() - end].to_owned(),
    }
}

/// What a fix that the text cannot have says to do by hand.
pub(super) fn by_hand(found: &mut Diagnostic, title: &str) {
    found.help.get_or_insert_with(|| title.to_owned());
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{changes, normal, patched};
    use crate::config::Source;
    use crate::plugin::Catalog;
    use crate::validate::patch::Patch;

    /// Checks what `patch` makes of the text, by its edits too.
    #[track_caller]
    fn check(name: &str, text: &str, patch: &Value, after: Option<&str>) {
        let source = Source { path: name.into(), text: text.into() };
        let catalog = Catalog::default();
        let normalized = normal(&source, &catalog).unwrap().to_value();
        let patch = Patch::read(patch).unwrap();
        let expected = patch.apply(&normalized).unwrap();
        let new = patched(&source, &patch, &normalized, &expected, &catalog);
        assert_eq!(new.as_ref().map(|new| new.text.as_str()), after);
        let Some(new) = new else { return };
        let mut edited = text.to_owned();
        for edit in changes(text, &new.text).iter().rev() {
            edited.replace_range(edit.range.clone(), &edit.text);
        }
        assert_eq!(edited, new.text);
    }

    #[test]
    fn a_patch_changes_what_is_written_where_it_is_written() {
        let text = "{\n  // why\n  \"passes\": {\"a\": {\"type\": \"T\", \"config\": {\"r\": 64}}},\n  \
                    \"host\": \"x\" // here\n}\n";
        check(
            "c.json",
            text,
            &json!([
                {"op": "replace", "path": "/passes/a/r", "value": 8},
                {"op": "remove", "path": "/engine/host"}
            ]),
            Some(
                "{\n  // why\n  \"passes\": {\"a\": {\"type\": \"T\", \"config\": {\"r\": 8}}}\n}\n",
            ),
        );
        check(
            "c.json",
            text,
            &json!([{"op": "add", "path": "/passes/a/alpha", "value": 16}]),
            Some(&text.replace("{\"r\": 64}", "{\"r\": 64, \"alpha\": 16}")),
        );
        check(
            "c.yaml",
            "passes:\n  a:\n    type: T\n    r: 64 # why\n",
            &json!([{"op": "replace", "path": "/passes/a/r", "value": 8}]),
            Some("passes:\n  a:\n    type: T\n    r: 8 # why\n"),
        );
    }

    #[test]
    fn lists_grow_in_the_middle_too() {
        check(
            "c.json",
            r#"{"passes": {"a": {"type": "T", "names": ["b", "c"]}}}"#,
            &json!([
                {"op": "add", "path": "/passes/a/names/0", "value": "a"},
                {"op": "add", "path": "/passes/a/names/-", "value": "d"}
            ]),
            Some(r#"{"passes": {"a": {"type": "T", "names": ["a", "b", "c", "d"]}}}"#),
        );
    }

    #[test]
    fn what_the_text_cannot_say_is_left() {
        let text =
            "# A\n\n```json\n{\"input_model\": {\"type\": \"HfModel\"}, \"passes\": {}}\n```\n";
        let patch = json!([{"op": "add", "path": "/passes/a", "value": {"type": "T"}}]);
        check("c.md", text, &patch, None);
        let inline = r#"{"engine": {"target": {"type": "LocalSystem"}}}"#;
        let patch =
            json!([{"op": "replace", "path": "/systems/engine.target/type", "value": "AzureML"}]);
        check("c.json", inline, &patch, None);
    }

    #[test]
    fn edits_are_as_small_as_what_changes() {
        let edits = changes("a\n\"é\": 64,\nb\n", "a\n\"é\": 8,\nb\n");
        assert_eq!(edits.len(), 1);
        assert_eq!((edits[0].range.clone(), edits[0].text.as_str()), (8..10, "8"));
        assert_eq!(changes("a\n", "a\n"), []);
    }
}

//! Trees that were changed, and the texts that come of it.

use serde_json::json;

use super::rewrite;
use crate::config::node::{Entry, NodeValue};
use crate::config::{Node, Source, parse};

#[track_caller]
fn check(text: &str, change: impl FnOnce(&mut Node), expected: &str) {
    let path = if text.starts_with(['{', '/']) { "c.json" } else { "c.yaml" };
    let source = Source { path: path.into(), text: text.into() };
    let mut tree = parse(&source).documents.remove(0);
    change(&mut tree);
    assert_eq!(rewrite(&source, &tree).unwrap(), expected);
}

fn rename(node: &mut Node, old: &str, new: &str) {
    let entries = node.entries_mut().unwrap();
    entries.iter_mut().find(|entry| entry.key == old).unwrap().key = new.to_owned();
}

/// Moves what is in the object `wrapper` up to where the object stands.
fn unwrap(node: &mut Node, wrapper: &str) {
    let index = node.index_of(wrapper).unwrap();
    let inner = node.entries_mut().unwrap().remove(index).node;
    let NodeValue::Object(inner) = inner.value else { panic!() };
    node.entries_mut().unwrap().splice(index..index, inner);
}

const TEXT: &str = "// head
{
\t// about a
\t\"a\" : {\"x\":1,   \"y\": [2 ,3]}, // with a

\t/* about b
\t   and more */
\t\"b\": { // open
\t\t\"c\": 1, // with c
\t\t// about d
\t\t\"d\": 2,
\t\t// end of b
\t},
\t\"e\": 3
\t// end
}
// foot
";

#[test]
fn an_unchanged_tree_gives_the_same_bytes() {
    check(TEXT, |_| (), TEXT);
}

#[test]
fn renaming_changes_nothing_else() {
    let expected = TEXT.replace("\"c\"", "\"k\"").replace("\"x\"", "\"k\"");
    let change = |tree: &mut Node| {
        rename(tree.get_mut("a").unwrap(), "x", "k");
        rename(tree.get_mut("b").unwrap(), "c", "k");
    };
    check(TEXT, change, &expected);
}

#[test]
fn comments_go_with_moved_entries() {
    let expected = "// head
{
\t// about a
\t\"a\" : {\"x\":1,   \"y\": [2 ,3]}, // with a

\t/* about b
\t   and more */
\t// open
\t\"c\": 1, // with c
\t// about d
\t\"d\": 2,
\t// end of b
\t\"e\": 3
\t// end
}
// foot
";
    check(TEXT, |tree| unwrap(tree, "b"), expected);
}

#[test]
fn comments_of_removed_entries_go_to_the_next() {
    let expected = "// head
{
\t// about a

\t/* about b
\t   and more */
\t\"b\": { // open
\t\t\"c\": 1, // with c
\t\t// end of b
\t\t// about d
\t},
\t\"e\": 3
\t// end
}
// foot
";
    let change = |tree: &mut Node| {
        tree.take("a");
        tree.get_mut("b").unwrap().take("d");
    };
    check(TEXT, change, expected);
}

#[test]
fn added_entries_are_laid_out_as_the_file_is() {
    let change = |tree: &mut Node| {
        let range = tree.range.clone();
        let new = Node::from_value(&json!({"k": [1], "l": {}}), &range);
        tree.entries_mut().unwrap().insert(0, Entry::new("new", new));
    };
    let expected = "{\n   \"new\": {\n      \"k\": [\n         1\n      ],\n      \"l\": {}\n   },\n   \"a\": 1\n}";
    check("{\n   \"a\": 1\n}", change, expected);
}

#[test]
fn one_line_stays_one_line() {
    check(
        "{\"a\":1,\"b\":{\"c\":2},\"d\":3}",
        |tree| unwrap(tree, "b"),
        "{\"a\":1,\"c\":2,\"d\":3}",
    );
    check("{\"a\": 1, /* x */ \"b\": 2}", |tree| drop(tree.take("a")), "{/* x */ \"b\": 2}");
    check("{\"a\": 1, \"b\": 2 // x\n}", |tree| drop(tree.take("a")), "{\n  \"b\": 2 // x\n}");
}

const YAML: &str = "# head
a: {x: 1,   y: [2 ,3]} # with a

# about b
b: # open
  c: 'one'
  # about d
  d:
  - 2
  - k: |
      text
    l: # deep
      m: 5
# about e
e: 3
";

#[test]
fn yaml_that_did_not_change_keeps_its_bytes() {
    check(YAML, |_| (), YAML);
    let expected = YAML.replace("c:", "new-c:").replace("m:", "o:").replace("x:", "z:");
    let change = |tree: &mut Node| {
        rename(tree.get_mut("a").unwrap(), "x", "z");
        let b = tree.get_mut("b").unwrap();
        rename(b, "c", "new-c");
        let NodeValue::Array(items) = &mut b.get_mut("d").unwrap().value else { panic!() };
        rename(items[1].get_mut("l").unwrap(), "m", "o");
    };
    check(YAML, change, &expected);
}

#[test]
fn yaml_entries_move_with_their_comments() {
    let expected = "# head
a: {x: 1,   y: [2 ,3]} # with a

# about b
# open
c: 'one'
# about d
d:
- 2
- k: |
    text
  l: # deep
    m: 5
# about e
e: 3
";
    check(YAML, |tree| unwrap(tree, "b"), expected);
}

#[test]
fn yaml_entries_are_added_in_blocks_and_lists_emptied() {
    let change = |tree: &mut Node| {
        let range = tree.range.clone();
        tree.take("a");
        let d = tree.get_mut("b").unwrap().get_mut("d").unwrap();
        d.value = NodeValue::Array(Vec::new());
        let new = Node::from_value(&json!({"k": [{"l": 1, "m": "yes"}], "o": {}}), &range);
        tree.entries_mut().unwrap().push(Entry::new("new", new));
    };
    let expected = "# head
# about b
b: # open
  c: 'one'
  # about d
  d: []
# about e
e: 3
new:
  k:
    - l: 1
      m: \"yes\"
  o: {}
";
    check(YAML, change, expected);
}

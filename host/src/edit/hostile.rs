//! Edits of texts nobody would write: no panic, and what was set is unset to the byte.

use serde_json::json;

use super::rewrite::rewrite;
use super::{Language, Path, get, set, unset};
use crate::config::node::NodeValue;
use crate::config::{Node, Source, parse};
use crate::plugin::Catalog;

const JSON: &str = "// é\n{\n  \"a\": {\"b\": [1, {\"c\": null}, []], /* x */ \"d\": {}}, // y\n\n  \
                    \"e\": [\n    {\"f\": 1,}, // z\n    2\n  ],\n  \"g\" : { \"h\": \"i\" },\n}\n";
const YAML: &str = "# é\na: {b: [1, {c: null}, []], d: {}} # x\ne:\n- f: 1 # y\n  g: |\n    t\n    \
                    u\n# z\n- 2\n- - 3\n  - 4\nh:\n    i: 'j'\n    k: \"l\"\nm:\n";
const PIECES: [&str; 26] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "'",
    "\n",
    "\r\n",
    " ",
    "\t",
    "// c\n",
    "/* c */",
    "# c\n",
    "- ",
    "\"n\": 1,",
    "n: 1\n",
    "{}",
    "é",
    "\u{a0}",
    "&x ",
    "*x",
    "|",
    "!!str ",
    "\u{feff}",
];

/// Texts made of each.
const ROUNDS: usize = 300;

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

fn mutated(text: &str, dice: &mut Dice) -> String {
    let mut text = text.to_owned();
    for _ in 0..=dice.below(3) {
        let start = text.floor_char_boundary(dice.below(text.len() + 1));
        let end = text.floor_char_boundary((start + dice.below(4)).min(text.len())).max(start);
        text.replace_range(start..end, PIECES[dice.below(PIECES.len())]);
    }
    text
}

/// The paths of everything in `node`.
fn paths(node: &Node, path: &Path, found: &mut Vec<Path>) {
    found.push(path.clone());
    match &node.value {
        NodeValue::Scalar(_) => {}
        NodeValue::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                paths(item, &path.join(&index.to_string()), found);
            }
        }
        NodeValue::Object(entries) => {
            for entry in entries {
                paths(&entry.node, &path.join(&entry.key), found);
            }
        }
    }
}

fn check(source: &Source, language: &Language<'_>) {
    let Some(root) = parse(source).documents.into_iter().next() else { return };
    assert_eq!(rewrite(source, &root).unwrap(), source.text);
    let mut found = Vec::new();
    paths(&root, &Path::default(), &mut found);
    for path in found {
        let _ = get(&root, language, &path);
        let _ = unset(source, &root, language, &path);
        let _ = set(source, &root, language, &path, &json!({"o": [1]}));
        for new in [path.join("new"), path.join("new").join("b"), path.join("-")] {
            let Ok(edited) = set(source, &root, language, &new, &json!("v")) else { continue };
            if edited.was.is_some() {
                continue;
            }
            let new = Source { text: edited.text, path: source.path.clone() };
            let tree = parse(&new).documents.remove(0);
            let old = unset(&new, &tree, language, &edited.path);
            let told = format!("{}: {:?} -> {:?}", edited.path, source.text, new.text);
            assert_eq!(
                old.unwrap_or_else(|error| panic!("{error}: {told}")).text,
                source.text,
                "{told}"
            );
        }
        remove_by_tree(source, &root, &path);
    }
}

/// Takes what is at `path` out of the tree, and writes that.
fn remove_by_tree(source: &Source, root: &Node, path: &Path) {
    let mut tree = root.clone();
    let Some((last, above)) = path.tokens.split_last() else { return };
    let mut node = &mut tree;
    for token in above {
        node = match &mut node.value {
            NodeValue::Array(items) => &mut items[token.parse::<usize>().unwrap()],
            NodeValue::Object(entries) => {
                &mut entries.iter_mut().find(|entry| entry.key == *token).unwrap().node
            }
            NodeValue::Scalar(_) => return,
        };
    }
    node.take(last);
    let _ = rewrite(source, &tree);
}

#[test]
fn no_text_makes_an_edit_panic_or_lose_bytes() {
    let catalog = Catalog::default();
    let language = Language::new(&catalog);
    let mut dice = Dice(3);
    for (path, text) in [("c.json", JSON), ("c.yaml", YAML)] {
        check(&Source { path: path.into(), text: text.into() }, &language);
        for _ in 0..ROUNDS {
            check(&Source { path: path.into(), text: mutated(text, &mut dice) }, &language);
        }
    }
}

//! No text makes the reader panic, and every place it tells lies in the text.
//!
//! Texts are mutations of well-formed ones, the same in every run.

use std::ops::Range;
use std::path::PathBuf;

use crate::config::node::NodeValue;
use crate::config::{Finding, Node, Scope, Source, parse};
use crate::examine::examine;
use crate::plugin::Catalog;
use crate::render;

const ROUNDS: usize = 2_000;

const JSON: &str = r#"{
  // a recipe
  "input_model": {"type": "HfModel", "model_path": "C:\\models\\phi"},
  "systems": {"local": {"type": "LocalSystem", "accelerators": [{"device": "gpu"}]}},
  "data_configs": [{"name": "tränen", "type": "HuggingfaceContainer", "split": "tr\u00e4in[:5%]",}],
  "passes": {"lora": {"type": "Toy", "config": {"lora_r": 64, "alpha": 1e-4, "x": [1.5, null]}}},
  "engine": {"host": "local", "search_strategy": false, "cache_dir": "cache", "log_severity_level": -0}
}"#;

const YAML: &str = r#"# a recipe
input_model: &model
  type: HfModel
  "model_path": 'it''s'
data_configs:
- {name: tränen, text: "a\tb ü", list: [1, 0x1f, .5, ~, yes]}
passes:
  lora: {<<: *model, r: !!int 64}
  merge: |
    literal é
     text

  ? builder
  : >-
    folded
engine: *model
"#;

const MARKDOWN: &str = "# Rezept ü\n\n1. Daten\n\n   ```json\n   \"data_configs\": [{\"name\": \"a\"}],\n   \
```\n\n> ~~~yaml\n> dependencies:\n>   - python=3.8\n>   - git+https://x.org/y@main\n> ~~~\n\n```jsonc\n\
{\"input_model\": {\"type\": \"HfModel\"}, \"engine\": {}}\n```\n\n```\n\"lora\": {\"type\": \"Toy\"},\n```\n\
```yaml\npasses:\n  é: {type: Toy}\n```\n\n```json\n\"data_configs\": [],\n```\n";

/// Pieces that mean something in one of the languages.
const PIECES: [&str; 36] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "'",
    "“",
    "\\",
    "\\u",
    "//",
    "/*",
    "#",
    "```",
    "```json\n",
    "~~~",
    "> ",
    "- ",
    "\n",
    "\r\n",
    "\t",
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "---\n",
    "|\n",
    "? ",
    "\u{feff}",
    "\0",
    "é",
    "\u{2028}",
    "1e999",
    "True",
    "\"type\": ",
];

/// Numbers that look random and are the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % limit.max(1)
    }
}

fn mutate(seed: &str, random: &mut Random) -> String {
    let mut bytes = seed.as_bytes().to_vec();
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len());
        let end = (at + random.below(40)).min(bytes.len());
        let piece = PIECES[random.below(PIECES.len())].as_bytes();
        match random.below(7) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => drop(bytes.splice(at..at, piece.iter().copied())),
            3 => drop(bytes.splice(at..end, piece.iter().copied())),
            4 => drop(bytes.splice(at..at, piece.repeat(random.below(300)))),
            5 => bytes.extend_from_within(at..end),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = u8::try_from(random.below(256)).unwrap();
                }
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn check_range(range: &Range<usize>, source: &Source) {
    let found = source.text.get(range.clone());
    assert!(found.is_some(), "{range:?} of {:?}", source.text);
    source.position(range.start);
    source.position(range.end);
}

fn check_node(node: &Node, source: &Source) {
    check_range(&node.range, source);
    match &node.value {
        NodeValue::Scalar(_) => {}
        NodeValue::Array(items) => items.iter().for_each(|item| check_node(item, source)),
        NodeValue::Object(entries) => {
            for entry in entries {
                check_range(&entry.key_range, source);
                check_node(&entry.node, source);
            }
        }
    }
}

fn check_findings(findings: &[Finding], source: &Source) {
    for finding in findings {
        check_range(&finding.range, source);
        finding.related.iter().for_each(|place| check_range(&place.range, source));
        let edits = finding.fix.iter().flat_map(|fix| &fix.edits);
        edits.for_each(|edit| check_range(&edit.range, source));
    }
    render::findings(source, findings, &mut Vec::new(), true).unwrap();
}

fn check_text(suffix: &str, text: String) {
    let source = Source { path: PathBuf::from(format!("config.{suffix}")), text };
    let parsed = parse(&source);
    parsed.documents.iter().for_each(|document| check_node(document, &source));
    assert!(!parsed.documents.is_empty() || !parsed.findings.is_empty(), "{:?}", source.text);
    check_findings(&parsed.findings, &source);
    let (_, findings) = examine(&source, &Catalog::default(), Scope::WHOLE);
    check_findings(&findings, &source);
}

fn check_mutations(suffix: &str, seeds: &[&str]) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..ROUNDS {
        check_text(suffix, mutate(seeds[round % seeds.len()], &mut random));
    }
}

#[test]
fn any_text_is_read_as_json() {
    check_mutations("json", &[JSON, JSON, YAML]);
}

#[test]
fn any_text_is_read_as_yaml() {
    check_mutations("yaml", &[YAML, YAML, JSON]);
}

#[test]
fn any_text_is_read_as_markdown() {
    check_mutations("md", &[MARKDOWN, MARKDOWN, JSON, YAML]);
}

#[test]
fn deep_texts_are_refused() {
    for suffix in ["json", "yaml", "md"] {
        for piece in ["[", "{", "{\"a\":", "- ", "a: {", "? ", "> ", "1. ", "*", "&a ", "<"] {
            check_text(suffix, piece.repeat(50_000));
            check_text(suffix, format!("```json\n{}\n```", piece.repeat(5_000)));
        }
    }
}

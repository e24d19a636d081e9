//! Parsing the config that a Markdown document shows in its code blocks.
//!
//! Blocks hold whole configs or some of their members. Members assemble into one document; what
//! is shown several times gives one further document each, in which only that is replaced.

mod blocks;
mod fragment;
mod assembly;

use olive_schemas::diagnostic::Diagnostic;

use crate::config::Finding;
use crate::config::node::Node;
use fragment::{Fragment, Shown};

/// Parses what the code blocks of `text` show, the main config first.
///
/// A syntax error in a block that shows config gives no document: what it would have shown is
/// missing in all of them.
pub(super) fn parse(text: &str, findings: &mut Vec<Finding>) -> Vec<Node> {
    let mut fragments: Vec<Fragment> = Vec::new();
    let mut is_broken = false;
    for block in blocks::code_blocks(text) {
        match fragment::read(&block, text, findings) {
            Shown::Config(fragment) => fragments.push(fragment),
            Shown::Broken => is_broken = true,
            Shown::Nothing => {}
        }
    }
    if is_broken {
        return Vec::new();
    }
    if fragments.is_empty() {
        let error = Diagnostic::error("no-config", "", "the document shows no config")
            .with_help("show it, or members of it, in code blocks that begin with ```json");
        findings.push(Finding::new(error, 0..0));
        return Vec::new();
    }
    assembly::assemble(fragments, findings)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Value, json};

    use super::parse;
    use crate::config::Finding;
    use crate::config::node::{Node, NodeValue};

    fn documents(text: &str) -> Vec<Value> {
        let mut findings = Vec::new();
        let documents = parse(text, &mut findings);
        assert_eq!(findings, [], "{text}");
        documents.iter().map(Node::to_value).collect()
    }

    fn messages(text: &str) -> Vec<(String, String)> {
        let mut findings: Vec<Finding> = Vec::new();
        parse(text, &mut findings);
        let told = |found: &Finding| {
            (found.diagnostic.message.clone(), text[found.range.clone()].to_owned())
        };
        findings.iter().map(told).collect()
    }

    const RECIPE: &str = r#"# Ein Rezept für ü

```bash
olive run --config "olive.json"
```

1. Data

   ```json

       "data_configs": [{"name": "tränen", "type": "local"}],
   ```

> ```json
> "data_configs": [
>    {"name": "cloud", "type": "cloud"}
> ],
> ```

~~~
"input_model": {"type": "HfModel", "model_path": "m"},
~~~

```jsonc
        "lora": {
            "type": "LoRA", // here
        },
```
```json
        "merge": {"type": "Merge"},
        "builder": {"type": "Builder"}
```
```yaml
engine:
  target: aml
```
"#;

    #[test]
    fn fragments_assemble_and_alternatives_replace() {
        let passes = json!({
            "lora": {"type": "LoRA"}, "merge": {"type": "Merge"}, "builder": {"type": "Builder"}
        });
        let model = json!({"type": "HfModel", "model_path": "m"});
        let expected = |name: &str, kind: &str| {
            json!({
                "data_configs": [{"name": name, "type": kind}],
                "input_model": model,
                "passes": passes,
                "engine": {"target": "aml"}
            })
        };
        assert_eq!(documents(RECIPE), [expected("tränen", "local"), expected("cloud", "cloud")]);
    }

    fn check_places(node: &Node, text: &str) {
        match &node.value {
            NodeValue::Scalar(Value::String(value)) => {
                assert_eq!(text[node.range.clone()].trim_matches('"'), value);
            }
            NodeValue::Scalar(_) => {}
            NodeValue::Array(items) => items.iter().for_each(|item| check_places(item, text)),
            NodeValue::Object(entries) => {
                for entry in entries.iter().filter(|entry| entry.key != "passes") {
                    assert_eq!(text[entry.key_range.clone()].trim_matches('"'), entry.key);
                    check_places(&entry.node, text);
                }
            }
        }
    }

    #[test]
    fn places_lead_into_the_document() {
        for document in parse(RECIPE, &mut Vec::new()) {
            check_places(&document, RECIPE);
        }
    }

    #[test]
    fn whole_configs_stand_by_themselves() {
        let text = "```json\n{\"input_model\": 1, \"passes\": {\"a\": {\"type\": \"A\"}}}\n```\n\
            ```json\n{\"input_model\": 2, \"passes\": {}, \"host\": \"h\"},\n```\n\
            ```json\n\"a\": {\"type\": \"B\"}\n```\n```json\n\"b\": {\"type\": \"B\"}\n```\n\
            ```json\n\"target\": \"t\"\n```\n";
        let first = |passes: Value| json!({"input_model": 1, "passes": passes, "target": "t"});
        assert_eq!(
            documents(text),
            [
                first(json!({"a": {"type": "A"}})),
                json!({"input_model": 2, "passes": {}, "host": "h"}),
                first(json!({"a": {"type": "B"}})),
                first(json!({"a": {"type": "A"}, "b": {"type": "B"}})),
            ]
        );
    }

    #[test]
    fn blocks_that_show_no_config_are_left_alone() {
        let nothing = [("the document shows no config".to_owned(), String::new())];
        for text in [
            "",
            "text only",
            "```json\n{\"phrase\": \"a\"}\n{\"phrase\": \"b\"}\n```",
            "```json\n[{\"input_model\": 1}]\n```",
            "```json\n{\"host\": \"localhost\", \"port\": 80}\n```",
            "```json\n{\"a\": {\"type\": \"string\"}}\n```",
            "```json\n\"training_args\": {\"seed\": 0}\n```",
            "```python\n{\"input_model\": 1}\n```",
            "```\n$ olive \"passes\": x\n```",
            "```yaml\na: [\n```",
            "```yaml\na: 1\n---\nb: 2\n```",
        ] {
            assert_eq!(messages(text), nothing, "{text}");
        }
    }

    #[test]
    fn one_mistake_is_one_finding_at_its_place() {
        for (text, message, place) in [
            ("é\n```json\n\"passes\": {\"é\": True}\n```", "`True` is no value of JSON", "True"),
            ("- a\n\n  ```json\n  \"input_model\": {\n  ```", "this `{` is never closed", "{"),
            ("```json\n\"a\": {\"type\": \"A\"}},\n```", "this `}` closes nothing", "}"),
            (
                "> ```yaml\n> passes:\n> \tx: 1\n> ```",
                "a tab stands where the line is indented",
                "\t",
            ),
            (
                "```json\n{\"engine\": 1, \"engine\": 2}\n```",
                "key `engine` is written twice",
                "\"engine\"",
            ),
            ("```json\n“input_model”: 1\n```", "`“` is no quote of JSON", "“input_model”"),
        ] {
            let expected = [(message.to_owned(), place.to_owned())];
            assert_eq!(messages(text), expected, "{text}");
        }
    }

    #[test]
    fn a_misspelled_section_is_not_overlooked() {
        let text = "```json\n\"data_config\": []\n```";
        assert_eq!(documents(text), [json!({"data_config": []})]);
    }

    #[test]
    fn alternatives_have_a_limit() {
        let text = "```json\n\"host\": \"a\"\n```\n".repeat(200);
        let found = messages(&text);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, "the document shows more than 100 alternatives");
    }

    #[test]
    fn the_public_recipe_shows_three_configs() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/recipes/recipe.he.md");
        let Ok(text) = std::fs::read_to_string(path) else {
            println!("skipped: the recipe is not here");
            return;
        };
        let mut findings = Vec::new();
        let documents = parse(&text, &mut findings);
        let codes: Vec<&str> =
            findings.iter().map(|found| found.diagnostic.code.as_str()).collect();
        assert_eq!(codes, ["old-python", "unpinned-branch", "nightly-pin"]);
        assert_eq!(documents.len(), 3);
        for document in documents {
            let keys: Vec<&str> =
                document.entries().unwrap().iter().map(|entry| entry.key.as_str()).collect();
            assert_eq!(keys, ["data_configs", "systems", "input_model", "passes", "engine"]);
            let passes = document.get("passes").unwrap().entries().unwrap();
            let passes: Vec<&str> = passes.iter().map(|entry| entry.key.as_str()).collect();
            assert_eq!(passes, ["lora", "merge_adapter_weights", "builder"]);
        }
    }
}

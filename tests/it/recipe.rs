//! The recipe's config, as it was written.

use serde_json::json;

use crate::playground::Playground;

/// The document's fragments as one file, in the spelling of several eras.
const RECIPE: &str = include_str!("recipe/local.json");

#[test]
fn the_recipe_is_read_with_notes_and_warnings_only() {
    let playground = Playground::bare();
    for plugin in ["lora", "merge", "model_builder"] {
        let name = format!("olive_plugin_{plugin}");
        playground.install(&name, &name);
    }
    playground.write("recipe/local.json", RECIPE);
    let said = playground.olive(&["check", "@/recipe/local.json", "--json"]);
    said.check(0, &[]);
    assert!(!said.out.contains("\"severity\":\"error\""), "{}", said.out);
    for old in ["hf_config", "model_loading_args", "corpus_strategy", "execution_providers"] {
        assert!(said.out.contains(&format!("`{old}` is an old spelling")), "{old}: {}", said.out);
    }
    for unused in ["text_cols", "double_quant"] {
        assert!(said.out.contains(&format!("`{unused}` has no effect")), "{unused}: {}", said.out);
    }
}

#[test]
fn a_system_that_is_nowhere_defined_is_one_finding() {
    let playground = Playground::new();
    playground.workflow(json!({
        "passes": {"first": {"type": "Toy"}},
        "engine": {
            "host": "aml",
            "target": "aml",
            "execution_providers": ["CPUExecutionProvider"],
            "search_strategy": false
        }
    }));
    let said = playground.run();
    said.check(11, &["system `aml` is not defined"]);
    assert_eq!(said.err.matches("error[").count(), 1, "{}", said.err);
}

//! Starting configs: what is written checks, and nothing is overwritten.

use crate::playground::Playground;
use crate::real;

/// Runs `olive init` with `args`, checks what it wrote, and gives it.
#[track_caller]
fn check(playground: &Playground, args: &[&str]) -> String {
    let said = playground.olive(&[&["init", "@/new/c.json"], args].concat());
    assert_eq!(said.code, Some(0), "{}", said.err);
    let checked = playground.olive(&["check", "@/new/c.json"]);
    assert_eq!(checked.code, Some(0), "{}", checked.err);
    assert!(
        checked.err.lines().all(|line| {
            !line.starts_with("warning") || line.starts_with("warning[file-missing]")
        })
    );
    assert!(playground.exists("new/.olive/config.schema.json"));
    playground.read("new/c.json")
}

#[test]
fn a_starting_config_leads_to_onnx_from_any_model() {
    for (model, passes) in [
        ("some-folder", vec!["ModelBuilder"]),
        ("some.gguf", vec!["ModelBuilder"]),
        ("some.onnx", vec![]),
    ] {
        let text = check(&real::installed(), &["--model", model]);
        let types = text.lines().filter_map(|line| line.strip_prefix("      \"type\": \""));
        let types: Vec<&str> = types.map(|line| line.trim_end_matches(['"', ','])).collect();
        assert_eq!(types, passes, "{text}");
    }
}

#[test]
fn passes_get_the_settings_they_need() {
    let passes = ["--pass", "lora", "--pass", "MergeAdapterWeights", "--pass", "modelbuilder"];
    let text = check(&real::installed(), &passes);
    assert!(text.contains("\"train_data_config\": \"train\""), "{text}");
    assert!(text.contains("\"name\": \"train\""), "{text}");
    assert!(text.contains("\"precision\": \"fp32\""), "{text}");
    for name in ["lora", "merge_adapter_weights", "model_builder"] {
        assert!(text.contains(&format!("    \"{name}\": {{")), "{name}: {text}");
    }
}

#[test]
fn a_config_that_is_there_stays() {
    let playground = real::installed();
    playground.write("new/c.json", "mine");
    let said = playground.olive(&["init", "@/new/c.json", "--editor", "vscode"]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert_eq!(playground.names("new"), ["c.json"]);
    assert_eq!(playground.read("new/c.json"), "mine");
}

#[test]
fn an_unknown_pass_writes_nothing() {
    let playground = real::installed();
    let said = playground.olive(&["init", "@/new/c.json", "--pass", "Lora2"]);
    assert_eq!(said.code, Some(11), "{}", said.err);
    assert!(said.err.contains("did you mean `LoRA`?"), "{}", said.err);
    assert!(playground.names("new").is_empty());
}

#[test]
fn settings_of_vscode_are_extended_or_left_alone() {
    let playground = real::installed();
    playground.write("new/.vscode/settings.json", "{\n  // mine\n  \"editor.tabSize\": 2\n}\n");
    check(&playground, &["--editor", "vscode"]);
    let settings = playground.read("new/.vscode/settings.json");
    assert!(settings.contains("// mine") && settings.contains("\"editor.tabSize\": 2"));
    assert!(settings.contains("\"url\": \"./.olive/config.schema.json\""), "{settings}");
    playground.write("other/.vscode/settings.json", "[");
    let said = playground.olive(&["init", "@/other/c.json", "--editor", "vscode"]);
    assert_eq!(said.code, Some(2), "{}", said.err);
    assert_eq!(playground.names("other"), [".vscode"]);
}

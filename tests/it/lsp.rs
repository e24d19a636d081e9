//! `olive lsp`, driven by a scripted client.

pub(crate) mod editor;

use serde_json::{Value, json};

use crate::playground::Playground;
use editor::Editor;

const CONFIG: &str = r#"{
  // für 😀
  "input_model": {"type": "HfModel", "model_path": "base"},
  "systems": {"here": {"type": "LocalSystem"}},
  "data_configs": [
    {"name": "rows", "load_dataset_config": {"data_name": "json", "data_files": "data.json"}}
  ],
  "passes": {
    "first": {"type": "Toy", "score": 0.5, "train_data_config": "rows"}
  },
  "host": "here",
  "output_dir": "out",
  "cache_dir": "cache"
}
"#;

/// Labels of completions.
fn labels(items: &Value) -> Vec<&str> {
    items.as_array().unwrap().iter().map(|item| item["label"].as_str().unwrap()).collect()
}

/// What may be written at the end of `text`, which is not a whole config.
fn completed(name: &str, text: &str) -> Value {
    Editor::open(name, text).ask("completion", text)
}

#[test]
fn a_config_without_mistakes_has_no_diagnostics() {
    let mut editor = Editor::open("config.json", CONFIG);
    assert_eq!(editor.diagnostics(), [] as [Value; 0]);
    assert_eq!(editor.end(), Some(0));
}

#[test]
fn a_mistake_is_told_as_it_is_typed_and_mended_by_its_action() {
    let mut editor = Editor::open("config.json", CONFIG);
    editor.replace("\"score\"", "/* 😀 */ \"scor\"");
    let told = editor.diagnostics();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(editor.at(&told[0]["range"]), "\"scor\"");
    assert_eq!(told[0]["range"]["start"], json!({"line": 8, "character": 38}));
    assert_eq!(told[0]["severity"], 1);
    assert_eq!(told[0]["code"], "unknown-key");
    assert_eq!(told[0]["source"], "olive");
    let message = told[0]["message"].as_str().unwrap();
    assert!(message.contains("unknown key `scor`"), "{message}");
    assert!(message.contains("help: did you mean `score`?"), "{message}");

    let actions = editor.actions(&told[0]["range"]);
    assert_eq!(actions.len(), 1, "{actions:?}");
    assert_eq!(actions[0]["title"], "Write `score`");
    assert_eq!(actions[0]["kind"], "quickfix");
    let edits = actions[0]["edit"]["changes"][&editor.uri].as_array().unwrap().clone();
    editor.apply(&edits);
    assert_eq!(editor.text, CONFIG.replace("\"score\"", "/* 😀 */ \"score\""));
    assert_eq!(editor.diagnostics(), [] as [Value; 0]);
    editor.replace("\n  \"passes\"", "\n  passes");
    assert_eq!(editor.diagnostics()[0]["code"], "syntax");
}

#[test]
fn an_undefined_name_is_told_once_with_its_other_places() {
    let wrong = CONFIG.replace("\"host\": \"here\"", "\"host\": \"aml\", \"target\": \"aml\"");
    let mut editor = Editor::open("config.json", &wrong);
    let told = editor.diagnostics();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["code"], "unknown-system");
    let related = &told[0]["relatedInformation"][0]["location"];
    assert_eq!(related["uri"], *editor.uri);
    assert_eq!(editor.at(&related["range"]), "\"aml\"");
}

#[test]
fn other_files_are_left_alone() {
    let mut editor = Editor::open("package.json", r#"{"name": "x", "nmae": "y", "main": "#);
    assert_eq!(editor.diagnostics(), [] as [Value; 0]);
    assert_eq!(editor.ask("completion", "\"main\": "), json!([]));
}

#[test]
fn what_is_not_finished_is_completed() {
    let items = completed("olive.json", r#"{"passes": {"a": {"type": ""#);
    assert_eq!(labels(&items), ["Toy", "ToyPack", "ToyImport"]);
    assert_eq!(items[0]["documentation"]["value"], "Copy a model, or misbehave as told.");

    let items = completed("olive.json", r#"{"passes": {"a": {""#);
    assert_eq!(labels(&items), ["type"]);

    let items = completed("olive.json", r#"{"passes": {"a": {"type": "Toy", ""#);
    let found = labels(&items);
    assert!(found.contains(&"behavior") && found.contains(&"score"), "{found:?}");
    assert!(found.contains(&"host") && !found.contains(&"type"), "{found:?}");
    let place = |key: &str| found.iter().position(|label| *label == key);
    assert!(place("score") < place("host"), "its own settings come first: {found:?}");
    let score = items.as_array().unwrap().iter().find(|item| item["label"] == "score").unwrap();
    assert_eq!(score["detail"], "number from 0.0 to 1.0 or null");
    assert_eq!(score["documentation"]["value"], "Score of the model it makes.");
    assert_eq!(score["textEdit"]["newText"], "score\": $1");

    let items = completed("olive.json", r#"{"passes": {"a": {"type": "Toy", "behavior": "#);
    assert!(labels(&items).starts_with(&["work", "refuse"]), "{items}");
    assert_eq!(items[0]["textEdit"]["newText"], "\"work\"");
    assert_eq!(items[0]["detail"], "default");

    let items = completed("olive.json", r#"{"systems": {"here": {}, "there": {}}, "host": ""#);
    assert_eq!(labels(&items), ["here", "there"]);
    let items = completed("olive.json", r#"{"input_model": {"type": "HfModel", "model_path": "ba"#);
    assert_eq!(labels(&items), ["base", "bin", "data.json", "home"]);
}

#[test]
fn a_completion_becomes_part_of_the_text() {
    let text = CONFIG.replace(r#""train_data_config": "rows""#, r#""train_data_config": """#);
    let mut editor = Editor::open("config.json", &text);
    let items = editor.ask("completion", "\"train_data_config\": \"");
    assert_eq!(labels(&items), ["rows"]);
    editor.apply(&[items[0]["textEdit"].clone()]);
    assert_eq!(editor.text, CONFIG);
}

#[test]
fn hover_tells_what_the_schema_says() {
    let mut editor = Editor::open("config.json", CONFIG);
    for (part, said) in [
        ("\"sco", "**`score`**: number from 0.0 to 1.0 or null\n\nScore of the model it makes."),
        (
            "\"type\": \"To",
            "**`type`**: `Toy` or `ToyPack` or `ToyImport`\n\n`Toy`: Copy a model, or misbehave as told.",
        ),
        ("\"output_d", "default `\"output\"`\n\nFolder for the result"),
    ] {
        let hover = editor.ask("hover", part);
        let value = hover["contents"]["value"].as_str().unwrap();
        assert!(value.contains(said), "{value}");
        let start = part.rsplit('"').next().unwrap();
        assert!(editor.at(&hover["range"]).contains(start));
    }
    assert_eq!(editor.ask("hover", "// für"), Value::Null);
}

#[test]
fn names_lead_to_where_they_are_defined() {
    let mut editor = Editor::open("config.json", CONFIG);
    for (part, defined) in
        [("\"host\": \"he", "\"here\""), ("\"train_data_config\": \"ro", "\"rows\"")]
    {
        let location = editor.ask("definition", part);
        assert_eq!(location["uri"], *editor.uri);
        assert_eq!(editor.at(&location["range"]), defined);
        let offset = editor.offset(&location["range"]["start"]);
        assert!(offset < CONFIG.find("\"passes\"").unwrap());
    }
    assert_eq!(editor.ask("definition", "\"model_path\": \"ba"), Value::Null);
    let document = json!({"textDocument": {"uri": editor.uri}});
    let symbols = editor.request("textDocument/documentSymbol", document)["result"].clone();
    let names = |symbols: &Value| {
        let symbols = symbols.as_array().unwrap().iter();
        symbols.map(|symbol| symbol["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&symbols), ["input_model", "systems", "data_configs", "passes"]);
    assert_eq!(names(&symbols[2]["children"]), ["rows"]);
    assert_eq!(symbols[3]["children"][0]["detail"], "Toy");
}

#[test]
fn a_file_of_former_times_is_upgraded_as_a_whole() {
    let old = CONFIG.replace(
        r#""systems": {"here": {"type": "LocalSystem"}}"#,
        r#""systems": {
    "here": {"type": "LocalSystem", "accelerators": ["cpu"]}
  }"#,
    );
    let mut editor = Editor::open("config.json", &old);
    let told = editor.diagnostics();
    assert!(told.iter().all(|told| told["code"] == "old-spelling"), "{told:?}");
    let actions = editor.actions(&json!({
        "start": {"line": 0, "character": 0}, "end": {"line": 0, "character": 0}
    }));
    assert_eq!(actions[0]["title"], "Upgrade this file to the current form");
    let edits = actions[0]["edit"]["changes"][&editor.uri].as_array().unwrap().clone();
    editor.apply(&edits);
    assert!(editor.text.contains("// für 😀"));
    assert_eq!(editor.diagnostics(), [] as [Value; 0]);
}

#[test]
fn yaml_is_served_too() {
    let text = "input_model: {type: HfModel, model_path: base}\n\
                passes:\n  first:\n    type: Toy\n    scor: 0.5\noutput_dir: out\n";
    let mut editor = Editor::open("config.yaml", text);
    let told = editor.diagnostics();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(editor.at(&told[0]["range"]), "scor");
    let edits = editor.actions(&told[0]["range"])[0]["edit"]["changes"][&editor.uri].clone();
    editor.apply(edits.as_array().unwrap());
    assert_eq!(editor.diagnostics(), [] as [Value; 0]);
    let hover = editor.ask("hover", "sco");
    assert!(hover["contents"]["value"].as_str().unwrap().contains("Score of the model"));
    editor.replace("score: 0.5", "behavior: ");
    let items = editor.ask("completion", "behavior: ");
    assert!(labels(&items).starts_with(&["work", "refuse"]), "{items}");
    editor.replace("    behavior: ", "    beh");
    let items = editor.ask("completion", "beh");
    assert!(labels(&items).contains(&"behavior"), "{items}");
}

#[test]
fn a_session_ends_as_the_protocol_says() {
    let mut editor = Editor::start(Playground::bare(), "config.json");
    assert_eq!(editor.request("textDocument/hover", json!({}))["error"]["code"], -32002);
    editor.request("initialize", json!({"capabilities": {}}));
    editor.send("{\"jsonrpc\": ");
    let answer = editor.wait_for(|message| message["id"].is_null());
    assert_eq!(answer["error"]["code"], -32700);
    assert_eq!(editor.request("olive/unknown", json!({}))["error"]["code"], -32601);
    assert_eq!(
        editor.request("textDocument/hover", json!({"position": -1}))["error"]["code"],
        -32602
    );
    editor.notify("exit", Value::Null);
    assert_eq!(editor.server.wait().unwrap().code(), Some(1));

    let mut editor = Editor::start(Playground::bare(), "config.json");
    drop(editor.server.stdin.take());
    assert_eq!(editor.server.wait().unwrap().code(), Some(1));
}

#[test]
fn a_plugin_that_came_later_is_found_when_settings_change() {
    let playground = Playground::bare();
    let mut editor = Editor::start(playground, "config.json");
    editor.request("initialize", json!({"capabilities": {}}));
    editor.text = CONFIG.to_owned();
    let document = json!({"uri": editor.uri, "languageId": "json", "version": 0, "text": CONFIG});
    editor.notify("textDocument/didOpen", json!({"textDocument": document}));
    let told = editor.diagnostics();
    assert!(told.iter().any(|told| told["code"] == "unknown-type"), "{told:?}");
    editor.playground.install("olive_toy_plugin", "olive_plugin_toy");
    editor.notify("workspace/didChangeConfiguration", json!({"settings": null}));
    assert_eq!(editor.diagnostics(), [] as [Value; 0]);
}

//! Texts, prompts and answers of rows, and the tokens of them.

use std::fs;

use olive_kit_testing::fixture;
use olive_kit_text::{Example, Row, TextError, Tokenizer, examples, rows, texts};
use olive_schemas::data::PreProcess;
use serde_json::{Value, json};

use crate::tokenizer;

fn sample(content: &str) -> Vec<Row> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), content).unwrap();
    let config = json!({"data_name": "json", "data_files": file.path()});
    rows::read(&serde_json::from_value(config).unwrap()).unwrap()
}

fn settings(settings: Value) -> PreProcess {
    serde_json::from_value(settings).unwrap()
}

fn check(config: Value, expected: &[&str]) {
    let rows = sample(r#"[{"a": "x", "b": 1}, {"a": "", "b": 2}]"#);
    assert_eq!(texts(&tokenizer(), &rows, &settings(config)).unwrap(), expected);
}

#[test]
fn a_template_comes_before_columns() {
    let plain = json!({"text_template": "{b}: {a}", "text_cols": "a", "add_special_tokens": false});
    check(plain, &["1: x", "2: "]);
    check(json!({"text_cols": ["a", "b"], "add_special_tokens": false}), &["x 1", " 2"]);
}

#[test]
fn special_tokens_stand_around_a_text_and_only_rows_without_both_are_left_out() {
    check(json!({"text_template": "{a}"}), &["<bos> x <eos>", "<bos>  <eos>"]);
    check(json!({"text_template": "{a}", "add_special_tokens": false}), &["x"]);
}

#[test]
fn missing_special_tokens_are_written_none() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(fixture("tiny-phi3/tokenizer.json"), folder.path().join("tokenizer.json")).unwrap();
    let made = |tokenizer: &Tokenizer| {
        let settings = settings(json!({"text_template": "{a}"}));
        texts(tokenizer, &sample(r#"{"a": "x"}"#), &settings).unwrap()
    };
    assert_eq!(made(&Tokenizer::open(folder.path()).unwrap()), ["None x None"]);
    let config = r#"{"bos_token": {"content": "<bos>"}, "eos_token": null}"#;
    fs::write(folder.path().join("tokenizer_config.json"), config).unwrap();
    let map = r#"{"bos_token": "<unk>", "eos_token": "<pad>"}"#;
    fs::write(folder.path().join("special_tokens_map.json"), map).unwrap();
    assert_eq!(made(&Tokenizer::open(folder.path()).unwrap()), ["<bos> x <pad>"]);
}

#[test]
fn a_prompt_starts_as_the_text_it_was_trained_on() {
    let templates = json!({"prompt_template": "{a}:", "answer_template": "{b}"});
    let rows = sample(r#"{"a": "x", "b": "joy"}"#);
    let found = examples(&tokenizer(), &rows, &settings(templates)).unwrap();
    assert_eq!(found, [Example { prompt: "<bos> x:".into(), answer: "joy".into() }]);
}

#[test]
fn what_a_template_cannot_be_filled_from_is_said() {
    let check = |config: Value, code: &str, part: &str| {
        let rows = sample(r#"{"a": [1], "b": "x"}"#);
        let error: TextError = examples(&tokenizer(), &rows, &settings(config)).unwrap_err();
        assert_eq!(error.code(), code);
        assert!(error.to_string().contains(part), "{error}");
    };
    check(json!({"answer_template": "{b}"}), "data-config", "sets no `prompt_template`");
    check(json!({"prompt_template": "{b}"}), "data-config", "sets no `answer_template`");
    let asked = |column: &str| json!({"prompt_template": column, "answer_template": "{b}"});
    check(asked("{a}"), "template", "column `a` of row 1 of `");
    check(asked("{a}"), "template", "holds a list, not text or a number");
    check(asked("{c}"), "template", "has no column `c`; it has `a`, `b`");
    let error = texts(&tokenizer(), &sample("{}"), &PreProcess::default()).unwrap_err();
    assert!(
        error.to_string().contains("sets no `text_template`, `text_cols`, `chat_template`"),
        "{error}"
    );
}

/// Expected ids from the `tokenizers` package for Python.
#[test]
fn special_tokens_in_a_text_become_their_ids_and_are_not_decoded() {
    let tokenizer = tokenizer();
    let text = "<bos> ### Text: By the way, my jaw dropped when they read my name.\n\
                ### The tone is:\nsurprise <eos>";
    let expected = [
        1, 224, 264, 274, 29, 224, 37, 92, 270, 312, 68, 92, 15, 415, 224, 77, 68, 90, 286, 85,
        360, 83, 278, 312, 262, 81, 270, 92, 224, 366, 296, 415, 224, 81, 68, 80, 72, 17, 202, 264,
        271, 273, 267, 29, 202, 324, 224, 2,
    ];
    assert_eq!(tokenizer.encode_plain(text).unwrap(), expected);
    assert_eq!(tokenizer.encode_batch(&[text.into(), String::new()]).unwrap()[0], expected);
    let decoded = tokenizer.decode(&expected).unwrap();
    assert_eq!(decoded, text.replace("<bos>", "").replace("<eos>", ""));
    assert_eq!((tokenizer.eos_id(), tokenizer.pad_id()), (Some(2), Some(3)));
    assert_eq!(tokenizer.with_bos("x"), "<bos> x");
    assert_eq!(tokenizer.with_bos("<bos>x"), "<bos>x");
}

#[test]
fn a_folder_without_tokenizer_and_a_broken_one_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = Tokenizer::open(folder.path()).unwrap_err();
    assert_eq!(error.code(), "tokenizer");
    assert!(error.to_string().starts_with("no `tokenizer.json` in `"), "{error}");
    assert!(error.help().unwrap().contains("base model"));
    fs::write(folder.path().join("tokenizer.json"), "{}").unwrap();
    let error = Tokenizer::open(folder.path()).unwrap_err();
    assert!(error.to_string().ends_with("tokenizer.json` is not a tokenizer file"), "{error}");
}

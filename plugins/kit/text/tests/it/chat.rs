//! Chats against those of transformers; `../fixtures/make_chats.py` says how.

use std::fs;
use std::path::Path;

use olive_kit_testing::fixture;
use olive_kit_text::{Block, TextError, Tokenizer, pack, rows, texts};
use olive_schemas::data::DataConfig;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{own_fixture, tokenizer};

#[derive(Deserialize)]
struct Chats {
    templates: Map<String, Value>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    template: String,
    messages: Value,
    kwargs: Value,
    text: String,
    ids: Option<Vec<u32>>,
    /// Whether a token is the assistant's.
    trained: Option<Vec<u8>>,
}

fn chats() -> Chats {
    serde_json::from_slice(&fs::read(own_fixture("chats.json")).unwrap()).unwrap()
}

/// A data config of one row, whose chat is `messages`.
fn config(path: &Path, messages: &Value, settings: &Value) -> DataConfig {
    fs::write(path, json!({"messages": messages}).to_string()).unwrap();
    let mut pre_process = json!({"chat_template": true});
    pre_process.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    serde_json::from_value(json!({
        "name": "chats",
        "load_dataset_config": {"data_name": "json", "data_files": path},
        "pre_process_data_config": pre_process,
    }))
    .unwrap()
}

fn text(messages: &Value, settings: &Value) -> Result<String, TextError> {
    text_by(&tokenizer(), messages, settings)
}

fn text_by(tokenizer: &Tokenizer, messages: &Value, settings: &Value) -> Result<String, TextError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let config = config(file.path(), messages, settings);
    let rows = rows::read(&config.load_dataset_config).unwrap();
    Ok(texts(tokenizer, &rows, &config.pre_process_data_config)?.remove(0))
}

/// The block of a chat with loss on the assistant's part.
fn block(messages: &Value, template: &Value) -> Result<Block, TextError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let settings = json!({
        "chat_template": template, "assistant_only_loss": true, "strategy": "line-by-line",
        "pad_to_max_len": false, "max_seq_len": 2048,
    });
    let config = config(file.path(), messages, &settings);
    Ok(pack(&tokenizer(), &config)?.blocks.remove(0))
}

/// Text of the tokens of `block` that are trained, and of those that are not, in turns.
fn turns(block: &Block) -> Vec<String> {
    let mut turns: Vec<(bool, Vec<u32>)> = vec![(false, Vec::new())];
    for (position, &id) in block.input_ids.iter().enumerate() {
        let is_trained = block.is_trained(position);
        match turns.last_mut() {
            Some((same, ids)) if *same == is_trained => ids.push(id),
            _ => turns.push((is_trained, vec![id])),
        }
    }
    turns.iter().map(|(_, ids)| tokenizer().decode_all(ids).unwrap()).collect()
}

#[test]
fn chats_are_written_as_by_transformers() {
    let chats = chats();
    for case in &chats.cases {
        let settings = json!({
            "chat_template": chats.templates[&case.template],
            "chat_template_kwargs": case.kwargs,
        });
        let text = text(&case.messages, &settings).unwrap();
        assert_eq!(text, case.text, "{}", case.template);
    }
}

#[test]
fn what_generation_blocks_hold_is_trained() {
    let chats = chats();
    for case in chats.cases.iter().filter(|case| case.ids.is_some()) {
        let block = block(&case.messages, &chats.templates[&case.template]).unwrap();
        assert_eq!(Some(&block.input_ids), case.ids.as_ref());
        let trained = (0..block.len()).map(|at| u8::from(block.is_trained(at))).collect();
        assert_eq!(Some(trained), case.trained);
    }
}

#[test]
fn without_such_blocks_what_an_answer_adds_to_its_prompt_is_trained() {
    let chats = chats();
    let messages = json!([
        {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": "And?"}, {"role": "assistant", "content": "Bye"},
    ]);
    let check = |template: &str, expected: &[&str]| {
        let block = block(&messages, &chats.templates[template]).unwrap();
        assert_eq!(turns(&block), expected, "{template}");
    };
    check(
        "phi3",
        &[
            "<|user|>\nHi<|end|>\n<|assistant|>\n",
            "Hello<|end|>\n",
            "<|user|>\nAnd?<|end|>\n<|assistant|>\n",
            "Bye<|end|>\n<eos>",
        ],
    );
    check(
        "gemma",
        &[
            "<bos><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n",
            "Hello<end_of_turn>\n",
            "<start_of_turn>user\nAnd?<end_of_turn>\n<start_of_turn>model\n",
            "Bye<end_of_turn>\n",
        ],
    );
}

#[test]
fn answers_that_a_template_rewrites_later_are_refused() {
    let thought = |text: &str| format!("<think>\nhm\n</think>\n\n{text}");
    let messages = json!([
        {"role": "user", "content": "Hi"}, {"role": "assistant", "content": thought("Hello")},
        {"role": "user", "content": "And?"}, {"role": "assistant", "content": thought("Bye")},
    ]);
    let error = block(&messages, &chats().templates["qwen3"]).unwrap_err();
    let sentence = error.to_string();
    let expected = "with message 2 as the last, the chat template writes the messages up to there";
    assert!(sentence.contains("column `messages` of row 1 of `"), "{sentence}");
    assert!(sentence.contains(expected), "{sentence}");
    assert!(error.help().unwrap().contains("{% generation %}"));
}

#[test]
fn the_tokenizers_own_template_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    fs::copy(fixture("tiny-phi3/tokenizer.json"), folder.path().join("tokenizer.json")).unwrap();
    let messages = json!([{"role": "user", "content": "x"}]);
    let made = || text_by(&Tokenizer::open(folder.path()).unwrap(), &messages, &json!({}));
    let error = made().unwrap_err();
    assert_eq!(error.to_string(), "the model's tokenizer has no chat template");
    assert!(error.help().unwrap().contains("`chat_template`"));
    let named =
        json!([{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]);
    write("tokenizer_config.json", &json!({"chat_template": named}).to_string());
    assert_eq!(made().unwrap(), "d");
    write("tokenizer_config.json", r#"{"chat_template": "c", "unk_token": "<unk>"}"#);
    assert_eq!(made().unwrap(), "c");
    write("chat_template.jinja", "{{ messages[0].content }}{{ unk_token }}{{ sep_token }}");
    assert_eq!(made().unwrap(), "x<unk>");
}

#[test]
fn templates_have_a_clock_only_when_a_date_is_given() {
    let template = "{{ strftime_now('%d %b %Y') if strftime_now is defined else 'some day' }}";
    let date = |more: Value| {
        let mut settings = json!({"chat_template": template});
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        text(&json!([]), &settings)
    };
    assert_eq!(date(json!({})).unwrap(), "some day");
    assert_eq!(date(json!({"chat_template_date": "2026-11-26"})).unwrap(), "26 Nov 2026");
    let error = date(json!({"chat_template_date": "2026-02-30"})).unwrap_err();
    assert!(error.to_string().contains("`2026-02-30`"), "{error}");
}

#[test]
fn what_a_template_refuses_is_said_with_its_row() {
    let gemma = chats().templates["gemma"].clone();
    let twice = json!([{"role": "user", "content": "x"}, {"role": "user", "content": "y"}]);
    for (messages, template, expected) in [
        (
            &twice,
            &gemma,
            "is refused by the chat template: invalid operation: Roles must alternate",
        ),
        (&json!("x"), &gemma, "holds no list of messages with `role` and `content`"),
        (&json!(["x"]), &gemma, "holds no list of messages with `role` and `content`"),
    ] {
        let error = text(messages, &json!({"chat_template": template})).unwrap_err();
        assert_eq!(error.code(), "template");
        let sentence = error.to_string();
        assert!(sentence.starts_with("column `messages` of row 1 of `"), "{sentence}");
        assert!(sentence.contains(expected), "{sentence}");
    }
    let error = text(&twice, &json!({"chat_template": "{% if %}"})).unwrap_err();
    assert!(error.to_string().starts_with("the chat template cannot be parsed: "), "{error}");
    let error = text(&twice, &json!({"message_col": "chat"})).unwrap_err();
    assert!(error.to_string().contains("has no column `chat`; it has `messages`"), "{error}");
}

//! Samples of a block that do not see each other.

use std::fs;

use olive_kit_text::{Block, IGNORED_LABEL, Packed, TextError, pack};
use olive_schemas::data::DataConfig;
use serde_json::{Value, json};

use crate::tokenizer;

/// Packs `lines` as they are: with this tokenizer, a character of them is a token.
fn packed(lines: &[&str], settings: &Value) -> Result<Packed, TextError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), lines.join("\n")).unwrap();
    let mut pre_process = json!({"text_cols": "text", "add_special_tokens": false, "joiner": null});
    pre_process.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let config: DataConfig = serde_json::from_value(json!({
        "name": "lines",
        "load_dataset_config": {"data_name": "text", "data_files": file.path()},
        "pre_process_data_config": pre_process,
    }))
    .unwrap();
    pack(&tokenizer(), &config)
}

/// The text of a block's tokens, a `.` for padding, with those in upper case that have a label.
fn labeled(block: &Block) -> String {
    let character = |(position, &id): (usize, &u32)| {
        let text = tokenizer().decode_all(&[id]).unwrap();
        if !block.attends(position) {
            ".".to_owned()
        } else if block.is_trained(position) {
            text.to_uppercase()
        } else {
            text
        }
    };
    block.input_ids.iter().enumerate().map(character).collect()
}

/// Each block's text and the samples of its tokens.
fn check(lines: &[&str], settings: &Value, expected: &[(&str, &[u32])]) -> Packed {
    let packed = packed(lines, settings).unwrap();
    let found = packed.blocks.iter().map(|block| (labeled(block), block.segments().unwrap()));
    let expected = expected.iter().map(|(text, segments)| ((*text).to_owned(), segments.to_vec()));
    assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>(), "{settings}");
    packed
}

#[test]
fn joined_rows_are_kept_apart_when_asked() {
    let lines = ["xyz", "q", "zqxzq", "x"];
    let settings = json!({"max_seq_len": 4, "block_cross_document_attention": true});
    check(&lines, &settings, &[("xYZq", &[0, 0, 0, 1]), ("ZQXZ", &[0; 4])]);
    let settings = json!({"max_seq_len": 5, "block_cross_document_attention": true});
    check(&lines, &settings, &[("xYZqz", &[0, 0, 0, 1, 2]), ("qXZQx", &[0, 0, 0, 0, 1])]);
    let plain = packed(&lines, &json!({"max_seq_len": 4})).unwrap();
    assert!(plain.blocks.iter().all(|block| block.segments().is_none()));
    assert!(plain.blocks.iter().all(|block| block.trained.is_none()), "plain blocks are ids");
}

#[test]
fn drawn_rows_are_kept_apart_when_asked() {
    let settings = json!({
        "strategy": "join-random", "max_seq_len": 5, "max_samples": 2, "random_seed": 1,
        "block_cross_document_attention": true,
    });
    // `random.Random(1).randint(0, 3)` gives 1, 0, …
    let expected: [(&str, &[u32]); 2] = [("qzXZQ", &[0, 1, 1, 1, 1]), ("xYZqz", &[0, 0, 0, 1, 2])];
    check(&["xyz", "q", "zxzqy", "x"], &settings, &expected);
}

#[test]
fn packed_rows_stay_whole_and_fill_blocks_best() {
    let lines = ["xyz", "qxqxqxq", "zzzzz", "yy", "qqq", "xzxzxzxzxzxzxz"];
    let settings = json!({"strategy": "pack", "max_seq_len": 10});
    let packed = check(
        &lines,
        &settings,
        &[
            ("xYZqXQXQXQ", &[0, 0, 0, 1, 1, 1, 1, 1, 1, 1]),
            ("zZZZZyYqQQ", &[0, 0, 0, 0, 0, 1, 1, 2, 2, 2]),
            ("XZXZXZXZXZ", &[0; 10]),
        ],
    );
    assert_eq!((packed.num_tokens, packed.dropped_tokens, packed.padding_tokens), (34, 4, 0));
    let two = json!({"strategy": "pack", "max_seq_len": 6, "processing_batch_size": 2});
    let expected: [(&str, &[u32]); 3] =
        [("XYZ...", &[0, 0, 0, 1, 1, 1]), ("QXQXQX", &[0; 6]), ("ZZZZZ.", &[0, 0, 0, 0, 0, 1])];
    check(&lines[..3], &two, &expected);
    let ragged = json!({
        "strategy": "pack", "max_seq_len": 6, "pad_to_max_len": false,
        "drop_short_sequences": true,
    });
    check(&lines[..3], &ragged, &[("QXQXQX", &[0; 6])]);
}

#[test]
fn the_first_token_of_a_sample_has_no_label() {
    let settings = json!({"strategy": "pack", "max_seq_len": 4});
    let block = &packed(&["xy", "zq"], &settings).unwrap().blocks[0];
    let labels = block.labels();
    assert_eq!((labels[0], labels[2]), (IGNORED_LABEL, IGNORED_LABEL));
    assert_eq!([labels[1], labels[3]], [1, 3].map(|at| i64::from(block.input_ids[at])));
    let alone = &packed(&["xyzq"], &settings).unwrap().blocks[0];
    assert!(alone.trained.is_none());
}

#[test]
fn the_answer_alone_is_trained_when_asked() {
    let settings = json!({
        "prompt_template": "{text}:\n", "answer_template": "<{text}>", "strategy": "line-by-line",
        "max_seq_len": 12, "completion_only_loss": true, "add_special_tokens": true,
    });
    let trained = |more: Value| {
        let mut settings = settings.clone();
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let packed = packed(&["xz", "q"], &settings).unwrap();
        packed.blocks.iter().map(labeled).collect::<Vec<_>>()
    };
    assert_eq!(trained(json!({})), ["<bos> xz:\n<XZ> <EOS>", "<bos> q:\n<Q> <EOS>.."]);
    let joined = json!({"strategy": "join", "max_seq_len": 12, "joiner": "y"});
    assert_eq!(trained(joined), ["<bos> xz:\n<XZ> <EOS>", "y<bos> q:\n<Q> <EOS>y"]);
    let all = json!({"completion_only_loss": false, "text_cols": []});
    assert_eq!(trained(all)[1], "<BOS> Q:\n<Q> <EOS>..");
}

#[test]
fn what_a_strategy_needs_is_said() {
    for (settings, expected) in [
        (
            json!({"strategy": "join-sliding-window", "max_seq_len": 8}),
            "`join-sliding-window` needs a `stride` from 1 to `max_seq_len`, 8",
        ),
        (
            json!({"strategy": "join-sliding-window", "max_seq_len": 8, "stride": 9}),
            "`join-sliding-window` needs a `stride` from 1 to `max_seq_len`, 8",
        ),
        (
            json!({"strategy": "join-random", "random_seed": 1}),
            "`join-random` needs `max_samples` and `random_seed`",
        ),
        (
            json!({"strategy": "line-by-line-random", "max_samples": 1}),
            "`line-by-line-random` needs `max_samples` and `random_seed`",
        ),
        (
            json!({"strategy": "pack", "use_attention_mask": false}),
            "`pack` with `pad_to_max_len` needs `use_attention_mask`: padding would be trained on",
        ),
        (
            json!({"dataset_type": "pair", "source_max_len": 4}),
            "`dataset_type` `pair` needs `source_max_len` and `target_max_len`",
        ),
        (json!({"assistant_only_loss": true}), "`assistant_only_loss` needs a `chat_template`"),
        (json!({"completion_only_loss": true}), "the data config sets no `prompt_template`"),
        (
            json!({
                "dataset_type": "pair", "source_max_len": 4, "target_max_len": 4,
                "pair_format": "custom", "input_col": "text",
            }),
            "the data config sets no `output_template` or `output_col`",
        ),
    ] {
        let error = packed(&["x"], &settings).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.code()), (expected, "data-config"));
    }
    let chip2 = json!({
        "dataset_type": "pair", "source_max_len": 4, "target_max_len": 4, "pair_format": "chip2",
    });
    let sentence = packed(&["<human>: x"], &chip2).unwrap_err().to_string();
    assert!(sentence.ends_with("has no line that starts with `<bot>: `"), "{sentence}");
}

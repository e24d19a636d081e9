//! Packing against numbers computed in Python with the `tokenizers` package.

use std::fs;

use olive_kit_testing::fixture;
use olive_kit_text::{Block, IGNORED_LABEL, Packed, TextError, pack};
use olive_schemas::data::DataConfig;
use serde_json::{Value, json};

use crate::tokenizer;

fn packed(settings: Value) -> Result<Packed, TextError> {
    let mut config = json!({
        "name": "tone",
        "load_dataset_config": {"data_name": "json", "data_files": fixture("tone/train.json")},
        "pre_process_data_config": {
            "text_template": "### Text: {phrase}\n### The tone is:\n{tone}",
        },
    });
    let Value::Object(settings) = settings else { panic!("settings are an object") };
    config["pre_process_data_config"].as_object_mut().unwrap().extend(settings);
    let config: DataConfig = serde_json::from_value(config).unwrap();
    pack(&tokenizer(), &config)
}

/// `digest = digest * 31 + id + 101` over the ids of all blocks.
fn digest(blocks: &[Block]) -> u64 {
    let ids = blocks.iter().flat_map(|block| &block.input_ids);
    ids.fold(0, |digest, &id| digest.wrapping_mul(31).wrapping_add(u64::from(id) + 101))
}

fn check(settings: &Value, blocks: usize, tokens: usize, dropped: usize, expected: u64) -> Packed {
    let packed = packed(settings.clone()).unwrap();
    let counts = (packed.blocks.len(), packed.num_tokens, packed.dropped_tokens);
    assert_eq!(counts, (blocks, tokens, dropped), "{settings}");
    assert_eq!(digest(&packed.blocks), expected, "{settings}");
    assert_eq!(packed.num_rows, 400);
    for block in &packed.blocks {
        let labels = block.labels();
        assert_eq!(labels.len(), block.len());
        for (position, &label) in labels.iter().enumerate() {
            let id = i64::from(block.input_ids[position]);
            let expected = if block.attends(position) { id } else { IGNORED_LABEL };
            assert_eq!(label, expected, "{settings}");
        }
    }
    packed
}

#[test]
fn join_cuts_one_stream() {
    check(&json!({"max_seq_len": 128}), 158, 20336, 112, 10_939_118_498_139_675_342);
    let unjoined = json!({"max_seq_len": 100, "joiner": null});
    check(&unjoined, 195, 19536, 36, 4_200_183_701_783_024_199);
    let plain = json!({"max_seq_len": 128, "add_special_tokens": false});
    check(&plain, 146, 18736, 48, 16_030_371_702_458_048_737);
    let ended = json!({"max_seq_len": 64, "joiner": "<eos>"});
    check(&ended, 311, 19936, 32, 1_905_033_003_229_812_346);
}

#[test]
fn a_last_block_that_fits_exactly_is_kept_or_dropped() {
    let kept = packed(json!({"max_seq_len": 2542})).unwrap();
    assert_eq!((kept.blocks.len(), kept.dropped_tokens), (8, 0));
    let legacy = packed(json!({"max_seq_len": 2542, "keep_exact_fit": false})).unwrap();
    assert_eq!((legacy.blocks.len(), legacy.dropped_tokens), (7, 2542));
    assert_eq!(legacy.blocks, kept.blocks[..7]);
    let other = packed(json!({"max_seq_len": 128, "keep_exact_fit": false})).unwrap();
    assert_eq!(other, packed(json!({"max_seq_len": 128})).unwrap());
}

#[test]
fn line_by_line_cuts_pads_and_drops() {
    let line = |more: Value| {
        let mut settings = json!({"strategy": "line-by-line", "max_seq_len": 48});
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        settings
    };
    let padded = check(&line(json!({})), 400, 19536, 1277, 10_337_012_411_625_668_518);
    let seen = |block: &Block| (0..block.len()).filter(|&at| block.attends(at)).count();
    assert_eq!(padded.blocks.iter().map(seen).sum::<usize>(), 18259);
    assert_eq!(padded.padding_tokens, 400 * 48 - 18259);
    let ragged = line(json!({"pad_to_max_len": false}));
    check(&ragged, 400, 19536, 1277, 5_466_851_211_519_893_960);
    let long =
        packed(line(json!({"pad_to_max_len": false, "drop_short_sequences": true}))).unwrap();
    assert_eq!((long.blocks.len(), digest(&long.blocks)), (263, 6_354_672_845_142_760_177));
    assert_eq!(long.num_tokens, long.dropped_tokens + 263 * 48);
}

#[test]
fn pad_tokens_inside_a_block_are_seen_unless_masked() {
    let hidden = |more: Value| {
        let mut settings = json!({"max_seq_len": 64, "joiner": "<pad>"});
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let packed = packed(settings).unwrap();
        let (mut pads, mut hidden) = (0, 0);
        for block in &packed.blocks {
            for (position, &id) in block.input_ids.iter().enumerate() {
                pads += usize::from(id == 3);
                hidden += usize::from(!block.attends(position));
            }
        }
        (pads, hidden)
    };
    assert_eq!(hidden(json!({})), (399, 0));
    assert_eq!(hidden(json!({"mask_pad_tokens": true})), (399, 399));
    let unmasked = json!({"mask_pad_tokens": true, "use_attention_mask": false});
    assert_eq!(hidden(unmasked), (399, 0));
}

#[test]
fn at_most_the_blocks_asked_for_are_made() {
    let few = packed(json!({"max_seq_len": 16, "max_samples": 3})).unwrap();
    assert_eq!(few.blocks.len(), 3);
    let all = packed(json!({"max_seq_len": 16})).unwrap();
    assert_eq!(few.blocks, all.blocks[..3]);
    let lines = json!({"strategy": "line-by-line", "max_seq_len": 16, "max_samples": 3});
    assert_eq!(packed(lines).unwrap().blocks.len(), 3);
}

#[test]
fn settings_that_exclude_each_other_are_refused() {
    for (settings, parts) in [
        (json!({"drop_short_sequences": true}), ["drop_short_sequences", "pad_to_max_len"]),
        (json!({"use_attention_mask": false}), ["pad_to_max_len", "use_attention_mask"]),
        (json!({"max_seq_len": 1}), ["max_seq_len", "at least 2"]),
    ] {
        let mut config = json!({"strategy": "line-by-line"});
        config.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let error = packed(config).unwrap_err();
        assert_eq!(error.code(), "data-config");
        assert!(parts.iter().all(|part| error.to_string().contains(part)), "{error}");
    }
}

#[test]
fn a_corpus_shorter_than_a_block_is_refused_with_its_numbers() {
    let error = packed(json!({"max_seq_len": 20337})).unwrap_err();
    let sentence = error.to_string();
    let expected = "20336 tokens of 400 rows fill no block of 20337 tokens";
    assert!(sentence.contains("train.json") && sentence.ends_with(expected), "{sentence}");
    assert!(error.help().unwrap().contains("max_seq_len"));
}

#[test]
fn rows_without_text_are_no_data() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "\n\n").unwrap();
    let config = json!({
        "name": "blank",
        "load_dataset_config": {"data_name": "text", "data_files": file.path()},
        "pre_process_data_config": {"text_cols": "text", "add_special_tokens": false},
    });
    let error = pack(&tokenizer(), &serde_json::from_value(config).unwrap()).unwrap_err();
    assert!(error.to_string().starts_with("no rows with text in `"), "{error}");
}

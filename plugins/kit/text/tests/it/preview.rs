//! What people are told of a data config.

use std::fs;

use olive_kit_text::{EvalSize, PieceKind, Preview, SplitSizes, preview};
use olive_schemas::data::{DataConfig, PackingStrategy};
use serde_json::{Value, json};

use crate::tokenizer;

fn config(lines: &str, settings: &Value) -> (tempfile::NamedTempFile, DataConfig) {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), lines).unwrap();
    let config = serde_json::from_value(json!({
        "name": "lines",
        "load_dataset_config": {"data_name": "text", "data_files": file.path()},
        "pre_process_data_config": settings,
    }));
    (file, config.unwrap())
}

fn kinds(preview: &Preview, block: usize) -> Vec<(PieceKind, Option<u32>, usize, &str)> {
    let pieces = preview.first[block].pieces.iter();
    pieces.map(|piece| (piece.kind, piece.segment, piece.tokens, piece.text.as_str())).collect()
}

#[test]
fn rows_tokens_and_blocks_are_counted() {
    let settings = json!({
        "text_cols": "text", "add_special_tokens": false, "strategy": "line-by-line",
        "max_seq_len": 4,
    });
    let (file, config) = config("xyz\n\nxyzqx\nq\n", &settings);
    let eval = Some((EvalSize::Count(1), 0));
    let told = preview(&tokenizer(), &config, eval, 9).unwrap();
    assert_eq!(told.first.len(), 2, "of those that are trained on");
    let expected = Preview {
        name: "lines".into(),
        files: vec![file.path().display().to_string()],
        strategy: PackingStrategy::LineByLine,
        max_seq_len: 4,
        rows: 4,
        empty_rows: 1,
        tokens: 9,
        dropped_tokens: 1,
        blocks: 3,
        shortest_block: 4,
        longest_block: 4,
        block_tokens: 12,
        padding_tokens: 4,
        masked_labels: 4,
        split: Some(SplitSizes { train: 2, eval: 1 }),
        first: told.first.clone(),
    };
    assert_eq!(told, expected);
    assert!((told.masked_labels as f64 / told.block_tokens as f64 - 1.0 / 3.0).abs() < 1e-12);
    let again: Preview = serde_json::from_value(serde_json::to_value(&told).unwrap()).unwrap();
    assert_eq!(again, told);
}

#[test]
fn a_block_is_shown_by_what_the_model_does_with_its_tokens() {
    let settings = json!({
        "text_cols": "text", "add_special_tokens": true, "strategy": "pack", "max_seq_len": 12,
    });
    let (_file, config) = config("x\nzq\n", &settings);
    let told = preview(&tokenizer(), &config, None, 1).unwrap();
    let expected = [
        (PieceKind::Context, Some(0), 1, "<bos>"),
        (PieceKind::Trained, Some(0), 4, " x <eos>"),
        (PieceKind::Context, Some(1), 1, "<bos>"),
        (PieceKind::Trained, Some(1), 5, " zq <eos>"),
        (PieceKind::Padding, None, 1, "<pad>"),
    ];
    assert_eq!(kinds(&told, 0), expected);
    assert_eq!((told.first[0].tokens, told.first[0].masked_labels), (12, 3));
    assert_eq!(told.split, None);
}

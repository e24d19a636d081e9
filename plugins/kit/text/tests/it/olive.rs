//! Blocks against those that Olive made, of both eras; `../fixtures/make_blocks.py` says how.

use std::fs;
use std::path::Path;

use olive_kit_testing::fixture;
use olive_kit_text::{Block, Tokenizer, pack};
use olive_schemas::data::DataConfig;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::own_fixture;

#[derive(Deserialize)]
struct Case {
    settings: Value,
    /// Pad token and padding side of the tokenizer.
    pad: String,
    side: String,
    /// Rows of `rows.json` that are taken.
    rows: usize,
    blocks: Vec<Expected>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Expected {
    ids: Vec<u32>,
    /// A character a token: whether it has a label, its own id.
    labels: String,
    /// A character a token: whether it is attended.
    mask: String,
}

/// The tiny tokenizer with another pad token and padding side.
fn tokenizer(folder: &Path, pad: &str, side: &str) -> Tokenizer {
    fs::copy(fixture("tiny-phi3/tokenizer.json"), folder.join("tokenizer.json")).unwrap();
    let config = json!({
        "bos_token": "<bos>", "eos_token": "<eos>", "pad_token": pad, "padding_side": side,
    });
    fs::write(folder.join("tokenizer_config.json"), config.to_string()).unwrap();
    Tokenizer::open(folder).unwrap()
}

fn found(block: &Block) -> Expected {
    let bits = |is_set: &dyn Fn(usize) -> bool| {
        (0..block.len()).map(|at| if is_set(at) { '1' } else { '0' }).collect()
    };
    Expected {
        ids: block.input_ids.clone(),
        labels: bits(&|at| block.is_trained(at)),
        mask: bits(&|at| block.attends(at)),
    }
}

fn check(era: &str) {
    let cases = fs::read(own_fixture(&format!("blocks-{era}.json"))).unwrap();
    let cases: Vec<Case> = serde_json::from_slice(&cases).unwrap();
    let rows = fs::read_to_string(own_fixture("rows.json")).unwrap();
    for case in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.json");
        let taken: Vec<_> = rows.lines().take(case.rows).collect();
        fs::write(&path, taken.join("\n")).unwrap();
        let config: DataConfig = serde_json::from_value(json!({
            "name": "rows",
            "load_dataset_config": {"data_name": "json", "data_files": path},
            "pre_process_data_config": case.settings,
        }))
        .unwrap();
        let tokenizer = tokenizer(folder.path(), &case.pad, &case.side);
        let packed = pack(&tokenizer, &config).unwrap();
        let blocks: Vec<_> = packed.blocks.iter().map(found).collect();
        assert_eq!(blocks, case.blocks, "{}", case.settings);
    }
}

#[test]
fn blocks_are_those_of_olive_0_6() {
    check("legacy");
}

#[test]
fn blocks_are_those_of_current_olive() {
    check("current");
}

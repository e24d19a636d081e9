//! Layouts of data sets as they are on the hub, and what of them is read.

use serde_json::{Value, json};

use super::{Wanted, choose};

/// Files of the `split` of `subset`, or the error with its help.
fn chosen(names: &[&str], card: &Value, subset: Option<&str>, split: &str) -> String {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let wanted = Wanted { id: "acme/rows", subset, split, files: &[] };
    match choose(&names, card, &wanted) {
        Ok(files) => files.join(" "),
        Err(error) => {
            let error = olive_plugin_api::PluginError::from(error);
            format!("{}; {}", error.message, error.help.unwrap_or_default())
        }
    }
}

#[test]
fn names_tell_splits() {
    for (names, split, expected) in [
        (&["README.md", "a_train.jsonl", "a_eval.jsonl"][..], "train", "a_train.jsonl"),
        (&["a_train.jsonl", "a_eval.jsonl"], "test", "a_eval.jsonl"),
        (&["rows.csv", "more.csv"], "train", "more.csv rows.csv"),
        (&["train/b.json", "train/a.json", "dev/a.json"], "train", "train/a.json train/b.json"),
        (&["train/b.json", "dev/a.json"], "validation", "dev/a.json"),
        (
            &["data/train-00001-of-00002.parquet", "data/train-00000-of-00002.parquet"],
            "train",
            "data/train-00000-of-00002.parquet data/train-00001-of-00002.parquet",
        ),
        (
            &["data/test_sft-00000-of-00001.parquet", "data/extra-00000-of-00001.parquet"],
            "test_sft",
            "data/test_sft-00000-of-00001.parquet",
        ),
        (
            &["data/extra-00000-of-00001.parquet", "data/train-00000-of-00001.parquet"],
            "extra",
            "data/extra-00000-of-00001.parquet",
        ),
        // Of the files of a split, the format that most have; what describes the set is no row.
        (&["train.json", "dataset_infos.json", "a.csv", "b.csv"], "train", "train.json"),
        (&["x.json", "dataset_infos.json", "a.csv", "b.csv"], "train", "a.csv b.csv"),
        (&["test.json", "train.csv", "test.csv", "test/2.csv"], "test", "test.csv test/2.csv"),
        (&["rows.json", "LICENSE.txt", "notes.txt"], "train", "rows.json"),
        (&["one.txt", "two.txt"], "train", "one.txt two.txt"),
        (&["constrained.json", "training.json"], "train", "training.json"),
    ] {
        assert_eq!(chosen(names, &Value::Null, None, split), expected);
    }
}

#[test]
fn cards_tell_configurations() {
    let card = json!({"configs": [
        {"config_name": "big", "data_files": [{"split": "train", "path": "big/train-*"}]},
        {"config_name": "small", "default": true, "data_files": [
            {"split": "train", "path": ["small/b.json", "small/a*.json"]},
            {"split": "test", "path": "small/test.json"}
        ]},
        {"config_name": "flat", "data_dir": "flat", "data_files": "*.json"},
        {"config_name": "named", "data_dir": "folder"},
        {"config_name": "plain"}
    ]});
    let names = [
        "big/train-0.json",
        "small/a1.json",
        "small/a2.json",
        "small/b.json",
        "small/test.json",
        "flat/x.json",
        "folder/train.json",
        "folder/test.json",
        "plain/test.json",
    ];
    for (subset, split, expected) in [
        (Some("big"), "train", "big/train-0.json"),
        (None, "train", "small/b.json small/a1.json small/a2.json"),
        (None, "test", "small/test.json"),
        (Some("flat"), "train", "flat/x.json"),
        (Some("named"), "test", "folder/test.json"),
        (Some("plain"), "test", "plain/test.json"),
    ] {
        assert_eq!(chosen(&names, &card, subset, split), expected, "{subset:?}");
    }
    for (subset, split, part) in [
        (Some("huge"), "train", "has no subset `huge`; write `subset`, one of `big`, `flat`"),
        (Some("big"), "test", "has no split `test`; write `split`, one of `train`"),
    ] {
        let said = chosen(&names, &card, subset, split);
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn what_has_no_rows_says_the_way_out() {
    for (names, subset, part) in [
        (&["rows.py", "README.md"][..], None, "`rows.py`, which is never run; write `\"revision\""),
        (&["README.md"], None, "has no files of rows"),
        (
            &["a/x.json", "b/x.json"],
            Some("c"),
            "has no subset `c`; write `subset`, one of `a`, `b`",
        ),
        (&["train.json"], None, "has no split `test`; write `split`, one of `train`"),
    ] {
        let said = chosen(names, &Value::Null, subset, "test");
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn converted_scripts_are_read_by_their_folders() {
    let names = [
        "default/train/0000.parquet",
        "default/test/0000.parquet",
        "en/train/0000.parquet",
        "en/test_sft/0000.parquet",
    ];
    let read = |subset, split| chosen(&names, &Value::Null, subset, split);
    assert_eq!(read(Some("en"), "train"), "en/train/0000.parquet");
    assert_eq!(read(Some("en"), "test_sft"), "en/test_sft/0000.parquet");
    assert_eq!(read(None, "train"), "default/train/0000.parquet");
    assert_eq!(
        read(Some("en"), "test"),
        "data set `acme/rows` has no split `test`; write `split`, \
         one of `test_sft`, `train`, or name files in `data_files`"
    );
    assert_eq!(chosen(&names[2..], &Value::Null, None, "train"), names[2]);
    let several = chosen(&["de/train/0000.parquet", names[2]], &Value::Null, None, "train");
    assert_eq!(
        several,
        "data set `acme/rows` has several subsets, and no default; write `subset`, \
         one of `de`, `en`, or name files in `data_files`"
    );
}

#[test]
fn patterns_take_files_of_the_repository() {
    let names = ["x/a.json", "x/b.json", "y.json"].map(str::to_owned);
    let read = |files: &[&str]| {
        let files: Vec<String> = files.iter().map(|name| (*name).to_owned()).collect();
        let wanted = Wanted { id: "acme/rows", subset: None, split: "train", files: &files };
        choose(&names, &Value::Null, &wanted).map(|files| files.join(" "))
    };
    assert_eq!(read(&["y.json", "x/*", "x/a.json"]).unwrap(), "y.json x/a.json x/b.json");
    assert!(read(&["z.json"]).unwrap_err().to_string().contains("has no file `z.json`"));
}

//! Broken configs of `cases/check`: what `olive check` says of each, and that it says it once.
//!
//! A case is a folder with a config and `expected.txt`: the exit code and everything that is said.
//! `BLESS=1` writes it anew. `causes.txt` lists for each case what is wrong with it, as
//! `code@line`; it is written by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::blessed::Blessed;
use crate::real;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases/check");

/// Names that a config of a case may have.
const CONFIGS: [&str; 4] = ["config.json", "config.jsonc", "config.yaml", "config.md"];

#[test]
fn every_case_says_what_is_expected() {
    let playground = real::installed();
    let mut blessed = Blessed::default();
    for config in configs() {
        let said = playground.command(&["check", &config]).current_dir(CASES).output().unwrap();
        let text = [said.stdout, said.stderr].concat();
        let text = String::from_utf8(text).unwrap().replace(CASES, "[cases]");
        let actual = format!("exit code {}\n\n{text}", said.status.code().unwrap());
        let path = Path::new(CASES).join(&config).with_file_name("expected.txt");
        blessed.check(&config, &path, &actual);
    }
    blessed.finish();
}

#[test]
fn every_cause_is_told_once_and_where_it_is() {
    let causes = causes();
    let configs = configs();
    let cases = || configs.iter().map(|config| config.split_once('/').unwrap().0);
    assert!(cases().eq(causes.keys()), "causes.txt and the folders differ");
    let playground = real::installed();
    let mut args = vec!["check", "--format", "json"];
    args.extend(configs.iter().map(String::as_str));
    let said = playground.command(&args).current_dir(CASES).output().unwrap();
    let said: Value = serde_json::from_slice(&said.stdout).unwrap();
    let files = said["files"].as_array().unwrap();
    assert_eq!(files.len(), configs.len());
    let mut wrong = String::new();
    for (case, file) in cases().zip(files) {
        let told = told(file);
        if causes[case] != told {
            let _ = writeln!(wrong, "{case}: expected {:?}, but was {told:?}", causes[case]);
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Errors and warnings of a checked file, each as `code@line`, sorted.
fn told(file: &Value) -> Vec<String> {
    let diagnostics = file["diagnostics"].as_array().unwrap().iter();
    let told = diagnostics.filter(|diagnostic| diagnostic["severity"] != "note");
    let mut told: Vec<String> = told
        .map(|diagnostic| {
            format!("{}@{}", diagnostic["code"].as_str().unwrap(), diagnostic["line"])
        })
        .collect();
    told.sort();
    told
}

/// Paths of the configs below the folder of cases, sorted by the name of the case.
fn configs() -> Vec<String> {
    let entries = fs::read_dir(CASES).unwrap().map(|entry| entry.unwrap());
    let names = entries.map(|entry| entry.file_name().into_string().unwrap());
    let cases: BTreeSet<String> = names.filter(|name| name != "model").collect();
    let paths = cases.iter().flat_map(|case| CONFIGS.map(|config| format!("{case}/{config}")));
    paths.filter(|path| Path::new(CASES).join(path).is_file()).collect()
}

/// What is wrong by the name of the case, sorted.
fn causes() -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(Path::new(CASES).join("causes.txt")).unwrap();
    let rows = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    rows.map(|row| {
        let mut words = row.split_whitespace().map(str::to_owned);
        let case = words.next().unwrap();
        let mut causes: Vec<String> = words.collect();
        causes.sort();
        (case, causes)
    })
    .collect()
}

//! What the built-in rules say through the program: configs of `cases/rules`, all on a tiny Phi-3.
//!
//! `NAME.txt` beside a config holds the exit code and everything that `olive check` says; `BLESS=1`
//! writes it anew. What a fix changes is checked again.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::blessed::Blessed;
use crate::playground::{Playground, built_if_any};
use crate::real;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases/rules");

/// A playground with the rules; nothing on a machine that cannot build components.
fn playground() -> Option<Playground> {
    let Some(component) = built_if_any("olive_plugin_rules.wasm") else {
        println!("skipped: the component of the rules is not built: cargo xtask wasm");
        return None;
    };
    let playground = real::playground();
    fs::copy(component, playground.path("bin/plugins/olive_plugin_rules.wasm")).unwrap();
    Some(playground)
}

fn cases() -> Vec<PathBuf> {
    let entries = fs::read_dir(CASES).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|suffix| suffix == "json")).collect();
    cases.sort();
    assert!(!cases.is_empty());
    cases
}

#[test]
fn every_case_says_what_is_expected() {
    let Some(playground) = playground() else { return };
    let mut blessed = Blessed::default();
    for case in cases() {
        playground.write("olive.json", &fs::read_to_string(&case).unwrap());
        let said = playground
            .command(&["check", "olive.json"])
            .current_dir(playground.path(""))
            .output()
            .unwrap();
        let text = String::from_utf8([said.stdout, said.stderr].concat()).unwrap();
        let actual = format!("exit code {}\n\n{text}", said.status.code().unwrap());
        let path = case.with_extension("txt");
        blessed.check(&path.display().to_string(), &path, &actual);
    }
    blessed.finish();
}

#[test]
fn what_a_fix_changes_is_not_told_again() {
    let Some(playground) = playground() else { return };
    let mut num_fixes = 0;
    for case in cases() {
        let text = fs::read_to_string(&case).unwrap();
        let before = told(&playground, &text);
        let fixes = before.iter().filter(|told| told["fix"].is_object());
        let rules = fixes.filter(|told| told["code"].as_str().unwrap().starts_with("olive-rules/"));
        for told_before in rules {
            num_fixes += 1;
            let mended = mended(&text, &told_before["fix"]);
            let after = told(&playground, &mended);
            let name = case.display();
            assert_eq!(after.len(), before.len() - 1, "{name}: {mended}\n{after:#?}");
            let code = &told_before["code"];
            assert!(after.iter().all(|told| &told["code"] != code), "{name}: {mended}");
        }
    }
    assert!(num_fixes > 0, "no case has a fix");
}

fn told(playground: &Playground, text: &str) -> Vec<Value> {
    playground.write("olive.json", text);
    let said = playground.olive(&["check", "@/olive.json", "--format", "json"]);
    let said: Value = serde_json::from_str(&said.out).unwrap();
    said["files"][0]["diagnostics"].as_array().unwrap().clone()
}

/// `text` with the edits of a fix, whose lines and columns count from 1.
fn mended(text: &str, fix: &Value) -> String {
    let place = |edit: &Value, line: &str, column: &str| {
        let number = |key: &str| usize::try_from(edit[key].as_u64().unwrap()).unwrap() - 1;
        let start: usize = text.split_inclusive('\n').take(number(line)).map(str::len).sum();
        start + text[start..].chars().take(number(column)).map(char::len_utf8).sum::<usize>()
    };
    let mut edits: Vec<(usize, usize, &str)> = fix["edits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edit| {
            let text = edit["text"].as_str().unwrap();
            (place(edit, "line", "column"), place(edit, "end_line", "end_column"), text)
        })
        .collect();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.0));
    let mut mended = text.to_owned();
    for (start, end, new) in edits {
        mended.replace_range(start..end, new);
    }
    mended
}

#[test]
fn every_rule_of_the_component_is_on_its_page() {
    let Some(playground) = playground() else { return };
    let said = playground.olive(&["plugin", "list", "--json"]);
    let page = fs::read_to_string(Path::new(CASES).join("../../../docs/rules.md")).unwrap();
    let lines = said.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let rules: Vec<String> = lines
        .flat_map(|line| line["validator"]["rules"].as_array().cloned().unwrap_or_default())
        .map(|rule| rule["code"].as_str().unwrap().to_owned())
        .collect();
    assert!(rules.len() > 10, "{}", said.out);
    for rule in rules {
        assert!(page.contains(&format!("\n## {rule}\n")), "{rule} is not in docs/rules.md");
    }
}

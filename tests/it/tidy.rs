//! Rules about the source tree, kept by machine.

mod code;
mod flow;
mod crates;
mod libraries;
mod modules;
mod names;
mod sizes;

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Rust sources below `folder`.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|suffix| suffix == "rs") {
            found.push(path);
        }
    }
    found
}

/// The part of `page`, a file below the root, under the heading `title`.
fn chapter(page: &str, title: &str) -> String {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let heading = format!("\n## {title}\n");
    let (_, chapter) = text.split_once(&heading).unwrap_or_else(|| panic!("{page}: no {title}"));
    chapter.split("\n## ").next().unwrap().to_owned()
}

/// Cells of the rows of the first table in `text`, without its head.
fn table(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().skip_while(|line| !line.starts_with('|'));
    let rows = lines.take_while(|line| line.starts_with('|')).skip(2);
    let cells = |row: &str| {
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()
    };
    rows.map(cells).collect()
}

/// What stands in backticks in `text`.
fn literals(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

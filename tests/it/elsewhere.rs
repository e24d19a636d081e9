//! What runs elsewhere makes what it makes here.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::playground::Playground;
use crate::real;

/// Files of an output folder that tell of times and places.
const REPORTS: [&str; 6] = [
    ".olive-result.json",
    "footprint.json",
    "output_footprint.json",
    "report.html",
    "run.json",
    "run_history.txt",
];

/// A toy's training that pauses at its third step of five.
pub(crate) fn pausing() -> Value {
    json!({"type": "Toy", "behavior": "train", "steps": 5, "pause_at": 3, "wait_for": "go"})
}

/// What the output folder holds, but for reports.
fn result(playground: &Playground) -> BTreeMap<String, Vec<u8>> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![playground.path("out")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(playground.path("out")).unwrap().display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if !REPORTS.contains(&name.as_str()) {
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    assert!(!files.is_empty());
    files
}

/// Checks that a run on this machine, with nothing to begin from, makes the same.
pub(crate) fn is_as_made_here(playground: &Playground) {
    is_as_made_with(&[], playground);
}

/// The same of a run with so many threads, which decide the last bits of sums.
pub(crate) fn is_as_made_by(threads: usize, playground: &Playground) {
    is_as_made_with(&["--threads", &threads.to_string()], playground);
}

fn is_as_made_with(args: &[&str], playground: &Playground) {
    let made_there = result(playground);
    for folder in ["out", "cache"] {
        fs::remove_dir_all(playground.path(folder)).unwrap();
    }
    let mut workflow: Value = serde_json::from_str(&playground.read("olive.json")).unwrap();
    workflow["engine"].as_object_mut().unwrap().remove("host");
    real::write(playground, workflow);
    playground.go();
    let run = [&["run", "--config", "@/olive.json"], args].concat();
    playground.olive(&run).check(0, &[]);
    let made_here = result(playground);
    assert!(
        made_there.keys().eq(made_here.keys()),
        "{:?} {:?}",
        made_there.keys(),
        made_here.keys()
    );
    for (name, bytes) in &made_here {
        assert!(made_there[name] == *bytes, "`{name}` differs");
    }
}

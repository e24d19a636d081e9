//! Every pass: what it writes computes in ONNX Runtime what the original does.
//!
//! A row is a pass with its settings on a graph. Both graphs are run, as they are, on the same
//! inputs; the row says how near the results must be. Passes that change what is computed do what
//! they say.

mod rows;
mod python;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use olive_kit_testing::graphs::{Outputs, run, runtime};
use serde_json::Value;
use tempfile::TempDir;

use crate::{alone, graph, plugin, request};
use rows::{Agreement, ELSEWHERE, Row, rows};

#[test]
fn results_compute_what_the_original_does() {
    let Some(runtime) = runtime() else { return };
    let (rows, mut wrong) = (rows(), Vec::new());
    for row in &rows {
        let (input, output) = (prepared(row), made(row));
        let [found, expected] = [&output, &input].map(|(_, path)| run(runtime, path, row.sizes));
        let problem = match (found, expected) {
            (Ok(found), Ok(expected)) => difference(row, &found, &expected),
            (found, expected) => found.err().or(expected.err()),
        };
        wrong.extend(problem.map(|problem| format!("{} on {}: {problem}", row.name(), row.graph)));
    }
    assert!(wrong.is_empty(), "{} of {}\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn quantized_graphs_give_the_bits_that_those_of_onnx_runtime_give() {
    let Some(runtime) = runtime() else { return };
    for case in crate::olive::cases() {
        if case.pass != "OnnxDynamicQuantization" {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let (_output, path) = step(&case.pass, &case.config, &alone(&case.graph, folder.path()));
        let found = run(runtime, &path, &[]).unwrap();
        let expected = run(runtime, &graph(&case.name), &[]).unwrap();
        assert_eq!(found.differs_from(&expected, None), None, "{}", case.name);
    }
}

#[test]
fn every_pass_and_every_surgeon_is_run() {
    let mut all = BTreeSet::new();
    for pass in &plugin().descriptor().passes {
        all.insert(pass.name.clone());
        let surgeons = &pass.schema["definitions"]["Surgeon"]["oneOf"];
        let surgeons = surgeons.as_array().into_iter().flatten();
        let names = surgeons.filter_map(|surgeon| surgeon["const"].as_str());
        all.extend(names.map(str::to_owned));
    }
    let run: BTreeSet<String> = rows().iter().flat_map(Row::names).collect();
    let elsewhere = ELSEWHERE.map(|(name, _)| name.to_owned());
    let run: BTreeSet<String> = run.into_iter().chain(elsewhere).collect();
    assert_eq!(run, all);
}

#[test]
fn results_are_sound_for_the_checker_of_onnx() {
    let Some(python) = python::python() else { return };
    let rows = rows();
    let models: Vec<_> = rows.iter().map(|row| [prepared(row), made(row)]).collect();
    let pairs = models.iter().map(|[original, result]| [original.1.as_path(), result.1.as_path()]);
    assert!(python::check(&python, pairs) > rows.len() / 2);
}

/// How the results differ; `None` when they agree as the row says.
fn difference(row: &Row, found: &Outputs, expected: &Outputs) -> Option<String> {
    match row.agreement {
        Agreement::Exact => found.differs_from(expected, None),
        Agreement::Within(limit) => found.differs_from(expected, Some(limit)),
        Agreement::Says(says) => says(found, expected),
    }
}

/// The graph that the pass of `row` is run on, in a folder of its own.
fn prepared(row: &Row) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = alone(row.graph, folder.path());
    if row.before.is_null() {
        return (folder, path);
    }
    step("GraphSurgeries", &row.before, &path)
}

/// What the pass of `row` makes.
fn made(row: &Row) -> (TempDir, PathBuf) {
    let (_folder, path) = prepared(row);
    step(row.pass, &row.config, &path)
}

/// What `pass` makes of the graph at `path`.
fn step(pass: &str, config: &Value, path: &Path) -> (TempDir, PathBuf) {
    let output = tempfile::tempdir().unwrap();
    let done = crate::run(&request(pass, path, config, output.path()));
    done.unwrap_or_else(|error| panic!("{pass} {config}: {error:?}"));
    let path = output.path().join("model.onnx");
    (output, path)
}

//! Every pass: what it writes computes in ONNX Runtime what the original does.
//!
//! A row is a pass with its settings on a graph. Both graphs are run, as they are, on the same
//! inputs; the row says how near the results must be. Passes that change what is computed do what
//! they say. Several graphs are run one after the other; an adapter in a file goes with its graph.

mod rows;
mod made;
mod definition;
mod python;

use std::collections::BTreeSet;

use olive_kit_onnx::{read_model, write_model};
use olive_kit_testing::graphs::{Outputs, run, run_parts, runtime};
use serde_json::json;

use crate::{alone, graph, plugin};
use made::{Made, step};
use rows::{Agreement, Row, rows};

#[test]
fn results_compute_what_the_original_does() {
    let Some(runtime) = runtime() else { return };
    let (rows, mut wrong) = (rows(), Vec::new());
    for row in &rows {
        let (original, result) = (original(row), made(row));
        let [found, expected] = [&result, &original]
            .map(|made| run_parts(runtime, &made.paths, made.adapter.as_ref(), row.sizes));
        let problem = match (found, expected) {
            (Ok(found), Ok(expected)) => {
                let is_whole = result.paths.len() == 1;
                let found = if is_whole { found } else { found.only(expected.names()) };
                difference(row, &found, &expected)
            }
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
        let made = step(&case.pass, &case.config, &alone(&case.graph, folder.path()));
        let found = run(runtime, &made.paths[0], &[]).unwrap();
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
    assert_eq!(run, all);
}

#[test]
fn results_are_sound_for_the_checker_of_onnx() {
    let Some(python) = python::python() else { return };
    let rows = rows();
    let models: Vec<_> = rows.iter().map(|row| (original(row), made(row))).collect();
    let pairs = models.iter().flat_map(|(original, result)| {
        result.paths.iter().map(|path| [original.paths[0].as_path(), path.as_path()])
    });
    assert!(python::check(&python, pairs) > rows.len() / 2);
}

#[test]
fn a_graph_without_its_adapter_is_the_base_model() {
    let Some(runtime) = runtime() else { return };
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = alone("lora", folder.path());
    let base = alone("lora", other.path());
    let mut model = read_model(&base).unwrap();
    let weights = &mut model.graph.as_mut().unwrap().initializer;
    let up = weights.iter_mut().find(|weight| weight.name().contains("lora_B")).unwrap();
    up.raw_data = Some(vec![0; up.raw_data().len()].into());
    write_model(&model, &base).unwrap();
    let expected = run(runtime, &base, &[]).unwrap();
    for config in [json!({}), json!({"dynamic_lora_r": false})] {
        let made = step("ExtractAdapters", &config, &path);
        let found = run(runtime, &made.paths[0], &[]).unwrap();
        assert_eq!(found.differs_from(&expected, None), None, "{config}");
    }
}

/// How the results differ; `None` when they agree as the row says.
fn difference(row: &Row, found: &Outputs, expected: &Outputs) -> Option<String> {
    match row.agreement {
        Agreement::Exact => found.differs_from(expected, None),
        Agreement::Within(limit) => found.differs_from(expected, Some(limit)),
        Agreement::Says(says) => says(found, expected),
    }
}

/// The graph that the pass of `row` is run on, as ONNX Runtime takes it.
fn original(row: &Row) -> Made {
    let prepared = prepared(row);
    definition::add(&prepared.paths[0]);
    prepared
}

/// What the pass of `row` makes.
fn made(row: &Row) -> Made {
    step(row.pass, &row.config, &prepared(row).paths[0])
}

fn prepared(row: &Row) -> Made {
    let folder = tempfile::tempdir().unwrap();
    let path = alone(row.graph, folder.path());
    if row.before.is_null() {
        return Made::alone(path, folder);
    }
    step("GraphSurgeries", &row.before, &path)
}

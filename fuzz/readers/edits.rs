//! No edits of a graph make its editor panic, and what they leave is a sound graph.
//!
//! The first byte says how many edits there are, of eight bytes each; then comes the graph. It lies
//! beside a file of 16 bytes, `data`, for its external data.

mod choice;

use std::collections::HashSet;
use std::path::Path;

use olive_kit_onnx::Model as Graph;
use olive_plugin_api::testing::{Recorder, TestStep, run_graph_edit, run_graph_view};
use olive_plugin_api::{GraphEdit, GraphView, Model, ModelKind, PluginError};
use olive_plugin_onnx::OnnxGraphEditor;
use olive_schemas::graph::GraphBody;
use serde_json::json;

use self::choice::Choices;
use crate::{check_words, file, folder};

/// Bytes that stand for one edit.
const EDIT_BYTES: usize = 8;
/// Most edits of one input.
const MOST_EDITS: usize = 12;
/// File of the graph.
const FILE: &str = "model.onnx";

/// Shows the graph in `input`, does its edits, and looks at what they leave.
///
/// # Panics
/// When the view is another after a way through JSON, when edited graphs are not sound, or when an
/// error is none of edits and graphs.
pub fn read(input: &[u8]) {
    let Some((&count, rest)) = input.split_first() else { return };
    let count = usize::from(count) % (MOST_EDITS + 1);
    let (chosen, graph) = rest.split_at(rest.len().min(count * EDIT_BYTES));
    let folder = folder();
    file(&folder, FILE, graph);
    file(&folder, "data", &[7; 16]);
    let before = match view(folder.path()) {
        Ok(view) => view,
        Err(error) => return check_refusal(&error, None),
    };
    let text = json!(before).to_string();
    let again: GraphView = serde_json::from_str(&text).expect("a view that was written is read");
    assert_eq!(again, before);
    let choices = Choices::of(&before);
    let edits: Vec<GraphEdit> =
        chosen.chunks(EDIT_BYTES).map(|bytes| choices.edit(bytes)).collect();
    let step =
        TestStep::graph_edit::<OnnxGraphEditor>(model(folder.path()), json!({ "edits": edits }));
    match run_graph_edit::<OnnxGraphEditor>(&step, &Recorder::default()) {
        Ok(edited) => check_sound(&before, &edited.model_path, &edits),
        Err(error) => check_refusal(&error, Some(&text)),
    }
}

fn view(folder: &Path) -> Result<GraphView, PluginError> {
    let step = TestStep::graph_view::<OnnxGraphEditor>(model(folder));
    run_graph_view::<OnnxGraphEditor>(&step, &Recorder::default())
}

fn model(folder: &Path) -> Model {
    let mut model = Model::new(ModelKind::Onnx, folder);
    model.onnx_file_name = Some(FILE.to_owned());
    model
}

/// The edited graph in `folder` takes and gives what there is, once each, without a circle.
fn check_sound(before: &GraphView, folder: &Path, edits: &[GraphEdit]) {
    let graph = Graph::open(&folder.join(FILE)).expect("an edited graph can be read");
    let problems = graph.check();
    assert!(problems.is_empty(), "{edits:?}: {problems:?}");
    let after = view(folder).expect("an edited graph can be shown");
    if edits.is_empty() {
        assert_eq!(&after, before);
    }
    // What was there twice stays so.
    if are_single(before) {
        assert!(are_single(&after), "{edits:?}");
    }
}

/// Whether each graph has each of its inputs, outputs and weights once.
fn are_single(view: &GraphView) -> bool {
    let is_single = |body: &&GraphBody| {
        let weights = body.weights.iter().map(|weight| &weight.name);
        let lists = [&body.inputs, &body.outputs, &body.values];
        let lists = lists.map(|list| list.iter().map(|value| &value.name).collect::<Vec<_>>());
        let mut lists = lists.into_iter().chain([weights.collect()]);
        lists.all(|list| list.iter().collect::<HashSet<_>>().len() == list.len())
    };
    view.bodies().iter().all(is_single)
}

/// An error is one sentence about a graph or an edit; names in it are those of the graph.
fn check_refusal(error: &PluginError, view: Option<&str>) {
    check_words(error);
    assert_ne!(error.code, "panic", "{error}");
    let Some(view) = view else { return };
    let codes = ["unfit-edit", "broken-graph", "onnx"];
    assert!(codes.contains(&error.code.as_str()), "{}: {error}", error.code);
    assert!(view.contains("\\n") || !error.message.contains('\n'), "{error}");
    assert!(!error.message.ends_with('.') || view.contains('.'), "{error}");
}

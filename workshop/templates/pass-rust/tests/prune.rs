//! The pass on the model in `model/`, as the host calls it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use acme_prune::AcmePrune;
use olive_plugin_api::context::Listener;
use olive_plugin_api::{Plugin, PluginError, StepEvent, StepOutcome, StepRequest};
use serde_json::{Value, json};

/// Hears what a step says; may ask it to stop.
#[derive(Default)]
struct Ear {
    events: Mutex<Vec<StepEvent>>,
    is_cancelled: bool,
}

impl Listener for Ear {
    fn event(&self, event: StepEvent) {
        self.events.lock().unwrap().push(event);
    }

    fn is_cancelled(&self) -> bool {
        self.is_cancelled
    }
}

fn plugin() -> Plugin {
    Plugin::new("acme-prune", "0.1.0").with_pass::<AcmePrune>()
}

/// A request to run the pass on `model/` with `config`, into an empty folder called `name`.
fn request(name: &str, config: Value) -> StepRequest {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    let (output, scratch) = (folder.join("output"), folder.join("scratch"));
    fs::create_dir_all(&output).unwrap();
    fs::create_dir_all(&scratch).unwrap();
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("model");
    serde_json::from_value(json!({
        "kind": "pass",
        "name": "AcmePrune",
        "config": config,
        "input": {"type": "HfModel", "model_path": model},
        "output_dir": output,
        "scratch_dir": scratch,
        "threads": 1
    }))
    .unwrap()
}

/// Runs the pass and gives the folder it made and how many weights it set to zero.
fn run(name: &str, config: Value) -> (PathBuf, u64) {
    let outcome = plugin()
        .run(&request(name, config), &Ear::default())
        .unwrap();
    let StepOutcome::Model(model) = outcome else {
        panic!("a pass makes a model")
    };
    (
        model.model_path,
        model.model_attributes["acme_prune_zeroed"]
            .as_u64()
            .unwrap(),
    )
}

fn error(name: &str, config: Value, ear: &Ear) -> PluginError {
    plugin().run(&request(name, config), ear).unwrap_err()
}

#[test]
fn a_higher_threshold_prunes_more() {
    let (_, none) = run("threshold-0", json!({"threshold": 0}));
    let (_, some) = run("threshold-some", json!({"threshold": 0.01}));
    let (_, more) = run("threshold-more", json!({"threshold": 0.05}));
    assert!(none == 0 && some > 0 && more > some, "{none} {some} {more}");
}

#[test]
fn excluded_tensors_stay() {
    let (_, all) = run("all", json!({"threshold": 0.05}));
    let (_, without) = run("without", json!({"threshold": 0.05, "exclude": ["mlp"]}));
    assert!(without < all && without > 0, "{without} of {all}");
}

#[test]
fn the_model_is_whole() {
    let (folder, _) = run("whole", json!({}));
    let input = Path::new(env!("CARGO_MANIFEST_DIR")).join("model");
    let config = |folder: &Path| fs::read(folder.join("config.json")).unwrap();
    let weights = |folder: &Path| {
        fs::metadata(folder.join("model.safetensors"))
            .unwrap()
            .len()
    };
    assert_eq!(config(&folder), config(&input));
    assert_eq!(weights(&folder), weights(&input));
}

#[test]
fn the_same_request_gives_the_same_bytes() {
    let weights = |name| fs::read(run(name, json!({})).0.join("model.safetensors")).unwrap();
    assert_eq!(weights("once"), weights("twice"));
}

#[test]
fn progress_ends_where_it_says() {
    let ear = Ear::default();
    plugin().run(&request("progress", json!({})), &ear).unwrap();
    let events = ear.events.into_inner().unwrap();
    let progress = events.iter().filter_map(|event| match event {
        StepEvent::Progress { done, total, .. } => Some((*done, *total)),
        _ => None,
    });
    assert_eq!(progress.last(), Some((12, 12)));
}

#[test]
fn a_step_that_is_cancelled_stops() {
    let ear = Ear {
        is_cancelled: true,
        ..Ear::default()
    };
    assert_eq!(
        error("cancelled", json!({}), &ear).code,
        PluginError::CANCELLED
    );
}

#[test]
fn a_setting_that_is_unknown_is_refused() {
    let error = error("unknown", json!({"treshold": 1}), &Ear::default());
    assert!(
        error.message.contains("unknown field `treshold`"),
        "{error}"
    );
}

#[test]
fn a_part_that_fits_no_tensor_is_told() {
    let request = request("no-effect", json!({"exclude": ["mlp", "mpl"]}));
    let told = plugin().prepare(&request, &Ear::default()).unwrap();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].pointer, "/exclude/1");
}

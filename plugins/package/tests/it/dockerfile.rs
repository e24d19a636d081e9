//! Folders that images are built of.

use std::fs;
use std::path::Path;

use olive_plugin_api::Candidate;
use olive_plugin_api::testing::{Recorder, TestStep, run_packager};
use olive_plugin_package::Dockerfile;
use serde_json::{Value, json};

use crate::{fixture, generating, names, package};

/// The step that made the folder, its Dockerfile's lines by their first word.
fn built(candidate: Candidate, config: Value) -> (TestStep, Vec<(String, String)>) {
    let model = candidate.model.clone();
    let step = TestStep::packager::<Dockerfile>(model, config);
    let step = step.with_package(package(vec![candidate]));
    let folder = run_packager::<Dockerfile>(&step, &Recorder::default()).unwrap();
    assert_eq!(folder, step.output_dir().join("OutputModels"));
    let text = fs::read_to_string(folder.join("Dockerfile")).unwrap();
    let lines = text.lines().map(|line| line.split_once(' ').unwrap());
    let lines = lines.map(|(word, rest)| (word.to_owned(), rest.to_owned())).collect();
    (step, lines)
}

/// What lies in the image after the COPY lines, all of which must find their sources.
fn image(folder: &Path, lines: &[(String, String)]) -> Vec<String> {
    let mut files = Vec::new();
    for (_, rest) in lines.iter().filter(|(word, _)| word == "COPY") {
        let mut words: Vec<&str> = rest.split(' ').collect();
        let target = words.pop().unwrap().trim_start_matches("./");
        for source in words {
            let path = folder.join(source);
            if source.ends_with('/') {
                assert!(path.is_dir(), "{source}");
                files.extend(names(&path).iter().map(|name| format!("{target}{name}")));
            } else {
                assert!(path.is_file(), "{source}");
                files.push(format!("{target}{source}"));
            }
        }
    }
    files
}

fn of<'a>(word: &str, lines: &'a [(String, String)]) -> &'a str {
    &lines.iter().find(|(known, _)| known == word).unwrap().1
}

#[test]
fn everything_that_is_copied_and_started_is_there() {
    for (candidate, program, port) in
        [(generating(), "serve.py", Some("8000")), (plain(), "infer.py", None)]
    {
        let (step, lines) = built(candidate, json!({}));
        let image = image(&step.output_dir().join("OutputModels"), &lines);
        assert_eq!(of("FROM", &lines), "python:3.12-slim");
        let command: Vec<String> = serde_json::from_str(of("CMD", &lines)).unwrap();
        assert_eq!(command[..2], ["python", program]);
        let exposed = lines.iter().find(|(word, _)| word == "EXPOSE");
        assert_eq!(exposed.map(|(_, port)| port.as_str()), port);
        assert!(image.contains(&program.to_owned()), "{image:?}");
        let model = &command[2];
        let is_model = |name: &String| name == model || name.starts_with(&format!("{model}/"));
        assert!(image.iter().any(is_model), "{model}: {image:?}");
        assert!(image.contains(&"docker_content/model.onnx.data".to_owned()));
    }
}

#[test]
fn image_and_packages_are_those_that_are_asked_for() {
    let own = fixture("builder/tiny-llama-fp32").join("genai_config.json");
    let config = json!({"base_image": "acme/base:1", "requirements_file": own});
    let (step, lines) = built(generating(), config);
    assert_eq!(of("FROM", &lines), "acme/base:1");
    let installed = fs::read(step.output_dir().join("OutputModels/requirements.txt")).unwrap();
    assert!(installed == fs::read(own).unwrap());
    assert_eq!(of("RUN", &lines), "pip install --no-cache-dir -r requirements.txt");
}

#[test]
fn the_model_may_have_the_form_of_mlflow() {
    let (step, lines) = built(generating(), json!({"export_in_mlflow_format": true}));
    let image = image(&step.output_dir().join("OutputModels"), &lines);
    assert!(image.contains(&"docker_content/MLmodel".to_owned()), "{image:?}");
}

#[test]
fn an_image_has_a_model() {
    let step = TestStep::packager::<Dockerfile>(generating().model, json!({}));
    let step = step.with_package(package(Vec::new()));
    let error = run_packager::<Dockerfile>(&step, &Recorder::default()).unwrap_err();
    assert_eq!(error.to_string(), "the package has no model");
}

/// A graph that nothing is said of.
fn plain() -> Candidate {
    let mut plain = generating();
    plain.files.retain(|file| file.name != "genai_config.json");
    plain
}

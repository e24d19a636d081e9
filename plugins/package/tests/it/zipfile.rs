//! Archives.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use olive_plugin_api::testing::{Recorder, TestStep, run_packager};
use olive_plugin_api::{Candidate, CandidateFile, Model, ModelKind, PluginError};
use olive_plugin_package::Zipfile;
use serde_json::{Value, json};
use zip::{CompressionMethod, ZipArchive};

use crate::{candidate, fixture, for_cuda, generating, onnx, package};

/// The archive of these models, in the folder of the step.
fn packed(candidates: Vec<Candidate>, config: Value) -> (TestStep, ZipArchive<File>) {
    let step = step(candidates, config);
    let path = run_packager::<Zipfile>(&step, &Recorder::default()).unwrap();
    assert_eq!(path, step.output_dir().join("OutputModels.zip"));
    let archive = ZipArchive::new(File::open(path).unwrap()).unwrap();
    (step, archive)
}

fn step(candidates: Vec<Candidate>, config: Value) -> TestStep {
    let model = candidates[0].model.clone();
    TestStep::packager::<Zipfile>(model, config).with_package(package(candidates))
}

fn names(archive: &ZipArchive<File>) -> Vec<String> {
    archive.file_names().map(|name| name.unwrap().into_owned()).collect()
}

fn json_of(archive: &mut ZipArchive<File>, name: &str) -> Value {
    serde_json::from_slice(&bytes_of(archive, name)).unwrap()
}

fn bytes_of(archive: &mut ZipArchive<File>, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    archive.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

const FIRST: &str = "CandidateModels/cpu-cpu/BestCandidateModel_1";

#[test]
fn models_lie_by_accelerator_and_rank() {
    let (_step, mut archive) = packed(vec![generating(), for_cuda()], json!({}));
    for name in ["model.onnx", "model.onnx.data", "genai_config.json", "tokenizer.json"] {
        let packed = bytes_of(&mut archive, &format!("{FIRST}/{name}"));
        let source = fixture("builder/tiny-llama-fp32").join(name);
        assert!(packed == fs::read(source).unwrap(), "{name}");
    }
    let second = "CandidateModels/gpu-cuda/BestCandidateModel_2";
    assert!(names(&archive).contains(&format!("{second}/model.onnx")));
    let ranks = json_of(&mut archive, "models_rank.json");
    assert_eq!(ranks[0], json_of(&mut archive, &format!("{FIRST}/model_info.json")));
    let told: Vec<_> = [0, 1]
        .map(|index| {
            (
                ranks[index]["rank"].clone(),
                ranks[index]["model_config"]["config"]["model_path"].clone(),
            )
        })
        .into();
    assert_eq!(told, [(json!(1), json!(FIRST)), (json!(2), json!(second))]);
    assert_eq!(ranks[0]["model_config"]["type"], "ONNXModel");
    assert_eq!(ranks[0]["metrics"]["tone-exact_match"]["value"], 0.75);
}

#[test]
fn each_model_comes_with_its_settings_and_figures() {
    let (_step, mut archive) = packed(vec![generating()], json!({}));
    let mut of = |name: &str| json_of(&mut archive, &format!("{FIRST}/{name}"));
    assert_eq!(of("configurations.json"), json!({"start": null, "made": {"precision": "int4"}}));
    assert_eq!(of("inference_config.json"), json!({}));
    let metrics = of("metrics.json");
    assert_eq!(metrics["input_model_metrics"]["tone-exact_match"]["value"], 0.5);
    assert_eq!(metrics["candidate_model_metrics"]["tone-exact_match"]["priority"], 1);
}

#[test]
fn the_same_models_make_the_same_bytes() {
    let bytes = || {
        let (step, _) = packed(vec![generating()], json!({}));
        fs::read(step.output_dir().join("OutputModels.zip")).unwrap()
    };
    assert!(bytes() == bytes());
    let (_step, mut archive) = packed(vec![generating()], json!({}));
    let mut sorted = names(&archive);
    sorted.sort_unstable();
    assert_eq!(names(&archive), sorted);
    let file = archive.by_index(0).unwrap();
    assert_eq!(file.compression(), CompressionMethod::Stored);
}

#[test]
fn sample_code_fits_the_model() {
    let samples = |candidate: Candidate| -> Vec<String> {
        let (_step, archive) = packed(vec![candidate], json!({}));
        let names = names(&archive).into_iter();
        names.filter_map(|name| Some(name.strip_prefix("SampleCode/")?.to_owned())).collect()
    };
    let all = samples(generating());
    for name in ["csharp/Program.cs", "python/generate.py", "rust/src/main.rs"] {
        assert!(all.iter().any(|known| known == name), "{name}: {all:?}");
    }
    let mut plain = generating();
    plain.files.retain(|file| file.name != "genai_config.json");
    assert_eq!(
        samples(plain),
        ["README.md", "infer.py", "requirements.txt"].map(|name| format!("python/{name}"))
    );
    assert_eq!(
        samples(candidate(Model::new(ModelKind::Hf, fixture("tiny-llama")))),
        Vec::<String>::new()
    );
    let (_step, archive) = packed(vec![generating()], json!({"include_sample_code": false}));
    assert!(!names(&archive).iter().any(|name| name.starts_with("SampleCode")));
}

#[test]
fn a_model_of_several_graphs_comes_with_samples() {
    let mut parted = generating();
    parted.model.onnx_file_name = None;
    let graph = parted.files.iter().find(|file| file.name == "model.onnx").unwrap().clone();
    parted.files.retain(|file| file.name != "model.onnx");
    let parts = ["embedding.onnx", "text.onnx"].map(str::to_owned);
    parted.files.extend(parts.map(|name| CandidateFile { name, ..graph.clone() }));
    let (_step, archive) = packed(vec![parted], json!({}));
    assert!(names(&archive).contains(&"SampleCode/python/generate.py".to_owned()));
}

#[test]
fn pages_of_samples_name_the_model() {
    let (_step, mut archive) = packed(vec![generating()], json!({}));
    let page = bytes_of(&mut archive, "SampleCode/rust/README.md");
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains(&format!("cargo run --release -- ../../{FIRST} ")), "{page}");
}

#[test]
fn a_model_with_its_adapter_is_packed_whole() {
    let folder = fixture("tiny-llama");
    let adapter = Some(folder.join("adapter"));
    let model = Model { adapter_path: adapter, ..Model::new(ModelKind::Hf, folder) };
    let (_step, mut archive) = packed(vec![candidate(model)], json!({}));
    for name in ["model/model.safetensors", "adapter/adapter_config.json"] {
        assert!(names(&archive).contains(&format!("{FIRST}/{name}")), "{name}");
    }
    let info = json_of(&mut archive, &format!("{FIRST}/model_info.json"));
    let config = &info["model_config"]["config"];
    assert_eq!(config["model_path"], format!("{FIRST}/model"));
    assert_eq!(config["adapter_path"], format!("{FIRST}/adapter"));
}

#[test]
fn mlflow_finds_the_graph_and_how_to_run_it() {
    let mut candidate = generating();
    let entries = json!({"session.disable_prepacking": true, "session.x": 2, "session.y": "0"});
    let settings = json!({"session_options": {
        "execution_mode": 1, "intra_op_num_threads": 2, "extra_session_config": entries
    }});
    candidate.model.inference_settings = Some(serde_json::from_value(settings).unwrap());
    let (_step, mut archive) = packed(vec![candidate], json!({"export_in_mlflow_format": true}));
    let folder = format!("{FIRST}/mlflow_model");
    let model = json_of(&mut archive, &format!("{folder}/MLmodel"));
    let onnx = &model["flavors"]["onnx"];
    let graph = onnx["data"].as_str().unwrap();
    assert!(names(&archive).contains(&format!("{folder}/{graph}")));
    assert_eq!(onnx["providers"], json!(["CPUExecutionProvider"]));
    let entries = json!({"session.disable_prepacking": "1", "session.x": "2", "session.y": "0"});
    let options = json!({
        "execution_mode": "parallel", "intra_op_num_threads": 2, "extra_session_config": entries
    });
    assert_eq!(onnx["onnx_session_options"], options);
    assert_eq!(model["flavors"]["python_function"]["loader_module"], "mlflow.onnx");
    let info = json_of(&mut archive, &format!("{FIRST}/model_info.json"));
    assert_eq!(info["model_config"]["config"]["model_path"], folder);
}

#[test]
fn what_cannot_be_packed_is_told() {
    let refused = |candidate: Candidate, config: Value| -> PluginError {
        let step = step(vec![candidate], config);
        run_packager::<Zipfile>(&step, &Recorder::default()).unwrap_err()
    };
    let checkpoint = candidate(Model::new(ModelKind::Hf, fixture("tiny-llama")));
    let error = refused(checkpoint, json!({"export_in_mlflow_format": true}));
    assert_eq!((error.code.as_str(), error.help.is_some()), ("model-kind", true));

    let mut gone = generating();
    gone.files[0].path = Path::new("/nowhere/file").to_owned();
    let error = refused(gone, json!({}));
    assert_eq!(error.code, "io");
    assert!(error.to_string().contains("/nowhere/file"), "{error}");

    let mut twice = generating();
    let mut file = twice.files[0].clone();
    file.name = "metrics.json".into();
    twice.files.push(file);
    assert_eq!(refused(twice, json!({})).code, "package-twice");

    let fixture = fixture("builder/tiny-llama-fp32");
    for (named, graphs, told) in [
        (None, &[][..], "has 0 files `*.onnx`"),
        (None, &["a.onnx", "b.onnx"], "has 2 files `*.onnx`"),
        (Some("c.onnx"), &["a.onnx"], "has no file `c.onnx`, which it names"),
    ] {
        let onnx_file_name = named.map(str::to_owned);
        let mut plain = candidate(Model { onnx_file_name, ..onnx(fixture.clone()) });
        let graph = plain.files.iter().find(|file| file.name == "model.onnx").unwrap().clone();
        plain.files.retain(|file| !["genai_config.json", "model.onnx"].contains(&&*file.name));
        let graphs = graphs.iter().map(|name| (*name).to_owned());
        plain.files.extend(graphs.map(|name| CandidateFile { name, ..graph.clone() }));
        let error = refused(plain, json!({}));
        assert_eq!(error.code, "onnx");
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[test]
fn packing_stops_when_it_is_asked_to() {
    let step = step(vec![generating()], json!({}));
    let error = run_packager::<Zipfile>(&step, &Recorder::cancelled()).unwrap_err();
    assert_eq!(error.code, PluginError::CANCELLED);
}

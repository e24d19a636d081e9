//! The recipe in the cloud: model, data and steps, from its config as it was written.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use super::cloud::{Asked, Cloud};
use super::secrets;
use crate::playground::{Playground, Said};
use crate::real;

/// The recipe as people have it, where it lies beside this repository.
const VERBATIM: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/recipes/cloud.verbatim.json");
/// Where its data lie in the default datastore.
const DATA: &str = "Your train_data.json Azure ML Location";
/// What is installed in the image.
const CONDA: &str = "name: project_environment\ndependencies: [pip]\n";

/// Puts the tiny model in the form of `MLflow` and data of the recipe's columns into the cloud.
fn fill(cloud: &Cloud) {
    cloud.put("models/phi/MLmodel", b"flavors:");
    for entry in fs::read_dir(real::fixture("tiny-phi3")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let name = path.file_name().unwrap().to_str().unwrap();
            let folder = if name.starts_with("token") { "tokenizer" } else { "model" };
            let place = format!("models/phi/data/{folder}/{name}");
            cloud.put(&place, &fs::read(&path).unwrap());
        }
    }
    let row = |number: usize| {
        let question = format!("What comes after {number}, when all before it was counted?");
        json!({"Question": question, "Best Answer": format!("{}", number + 1)}).to_string()
    };
    cloud.put(DATA, (0..400).map(row).collect::<Vec<_>>().join("\n").as_bytes());
}

/// Runs `config`, which lies beside its conda file, to its end.
fn run(playground: &Playground, cloud: &Cloud, config: &Value) -> Said {
    playground.write("recipe/olive.json", &format!("{config:#}"));
    playground.write("recipe/conda.yaml", CONDA);
    let args = ["run", "--config", "@/recipe/olive.json"];
    Said::from(super::command(playground, cloud, &args).output().unwrap())
}

/// A config of the recipe's shape, short: the adapter is trained on the cluster, the graph is
/// written on a Kubernetes cluster of the workspace.
fn short() -> Value {
    let registered = json!({"registry_name": "shelf", "name": "phi", "version": "3"});
    let file = json!({"datastore_name": "workspaceblobstore", "relative_path": DATA});
    let docker = json!({"base_image": "image", "conda_file_path": "conda.yaml"});
    json!({
        "input_model": {
            "type": "HfModel",
            "model_path": {"type": "azureml_registry_model", "config": registered}
        },
        "azureml_client": super::client(),
        "data_configs": [{
            "name": "counting",
            "type": "HuggingfaceContainer",
            "load_dataset_config": {
                "data_name": "json",
                "data_files": {"type": "azureml_datastore", "config": file},
                "split": "train"
            },
            "pre_process_data_config": {
                "strategy": "join", "max_seq_len": 64, "text_template": "{Question} {Best Answer}"
            }
        }],
        "systems": {
            "aml": {"type": "AzureML", "aml_compute": "gpus", "aml_docker_config": docker},
            "azure_arc": {
                "type": "AzureML",
                "aml_compute": "arc",
                "aml_docker_config": docker,
                "resources": {"instance_type": "big"}
            }
        },
        "passes": {
            "qlora": {
                "type": "QLoRA",
                "r": 4,
                "alpha": 8,
                "target_modules": ["o_proj", "qkv_proj"],
                "train_data_config": "counting",
                "eval_dataset_size": 0.3,
                "training_args": {
                    "per_device_train_batch_size": 1, "max_steps": 3, "logging_steps": 1
                }
            },
            "merge_adapter_weights": {"type": "MergeAdapterWeights"},
            "builder": {"type": "ModelBuilder", "precision": "int4", "host": "azure_arc"}
        },
        "engine": {"host": "aml", "target": "aml"},
        "cache_dir": "../cache",
        "output_dir": "../out"
    })
}

/// The files of a folder that are the model, by name.
fn model(playground: &Playground, folder: &str) -> BTreeMap<String, Vec<u8>> {
    let is_model = |name: &String| {
        name.starts_with("model.onnx") || name.starts_with("token") || name == "genai_config.json"
    };
    let names = playground.names(folder).into_iter().filter(is_model);
    let read = |name: String| {
        let content = fs::read(playground.path(folder).join(&name)).unwrap();
        (name, content)
    };
    names.map(read).collect()
}

/// Bodies of the jobs that the cloud was sent, in their order.
fn jobs(cloud: &Cloud) -> Vec<Value> {
    let sent = cloud.state.sent.lock().unwrap();
    let is_job = |asked: &&Asked| asked.method == "PUT" && asked.path.contains("/jobs/");
    sent.iter()
        .filter(is_job)
        .map(|asked| serde_json::from_slice(&asked.content).unwrap())
        .collect()
}

#[test]
fn a_recipe_in_the_cloud_gives_the_bytes_of_one_on_this_machine() {
    let (cloud, playground) = (Cloud::new(), real::installed());
    fill(&cloud);
    let mut config = short();
    let said = run(&playground, &cloud, &config);
    said.check(0, &["qlora (QLoRA)", "builder (ModelBuilder)", "on `aml`", "on `azure_arc`"]);
    let jobs = jobs(&cloud);
    let of_jobs = |pointer: &str| -> Vec<Value> {
        jobs.iter().map(|job| job.pointer(pointer).cloned().unwrap_or_default()).collect()
    };
    let computes = of_jobs("/properties/computeId");
    let ends = computes.iter().map(|id| id.as_str().unwrap().rsplit('/').next().unwrap());
    assert_eq!(ends.collect::<Vec<_>>(), ["gpus", "gpus", "arc"]);
    let types = of_jobs("/properties/resources/instanceType");
    assert_eq!(types, [Value::Null, Value::Null, json!("big")]);
    assert_eq!(cloud.blobs("olive/"), [""; 0]);
    secrets::check_all(&playground, &cloud, &said);

    for pointer in ["/engine", "/passes/builder"] {
        config.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove("host");
    }
    config["engine"].as_object_mut().unwrap().remove("target");
    config["cache_dir"] = "../cache-here".into();
    config["output_dir"] = "../out-here".into();
    run(&playground, &cloud, &config).check(0, &[]);
    assert_eq!(self::jobs(&cloud).len(), 3);
    let there = model(&playground, "out");
    assert!(there.len() >= 4, "{:?}", there.keys());
    assert!(there == model(&playground, "out-here"), "the models differ");
}

/// Two lines are added to what people have, without which the original does not start either: the
/// workspace of the jobs, and its key vault. The model of the registry is a tiny one, and the
/// computes are this machine's processor: without support for GPUs in the build, training says so.
#[test]
fn the_recipe_completes_as_it_was_written() {
    let Ok(text) = fs::read_to_string(VERBATIM) else {
        println!("skipped: the recipe is not at `{VERBATIM}`");
        return;
    };
    let (cloud, playground) = (Cloud::new(), real::installed());
    fill(&cloud);
    let mut config: Value = serde_json::from_str(&text).unwrap();
    let data = "/data_configs/0/load_dataset_config/params/data_files/config/azureml_client";
    config["azureml_client"] = config.pointer(data).unwrap().clone();
    config["azureml_client"]["keyvault_name"] = "vault".into();
    let said = run(&playground, &cloud, &config);
    said.check(
        0,
        &[
            "fetch input model (azureml_registry_model)",
            "fetch data `dataset_default_train` (azureml_datastore)",
            "signed in to Azure by the client secret of the environment",
            "warning: the CPU trains",
            "step 10 of 10",
        ],
    );
    let passes = ["lora (LoRA)", "merge_adapter_weights (MergeAdapterWeights)"];
    said.check(0, &passes);
    let model = model(&playground, "model-cache/models/phi3-finetuned");
    for name in ["genai_config.json", "model.onnx", "model.onnx.data", "tokenizer.json"] {
        assert!(model.contains_key(name), "{name}: {:?}", model.keys());
    }
    let jobs = jobs(&cloud);
    assert_eq!(jobs.len(), 3);
    for job in jobs {
        let properties = &job["properties"];
        let variables = json!({"HF_LOGIN": "True", "KEYVAULT_NAME": "vault"});
        assert_eq!(properties["environmentVariables"], variables);
        let id = properties["environmentId"].as_str().unwrap();
        let environment = &id[id.find("/environments/").unwrap()..];
        let made = cloud.state.documents.lock().unwrap()[environment]["properties"].clone();
        assert_eq!(
            made["image"],
            config["systems"]["aml"]["config"]["aml_docker_config"]["base_image"]
        );
        assert_eq!(made["condaFile"], CONDA);
    }
}

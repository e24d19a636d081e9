//! The sources, tried by `olive plugin test` with files that the small cloud has.

use serde_json::{Value, json};

use super::cloud::Cloud;
use super::{client, command, playground};
use crate::playground::Said;

#[test]
fn the_sources_keep_the_contract() {
    let (cloud, playground) = (Cloud::new(), playground());
    cloud.put("models/phi/config.json", b"{}");
    cloud.put("models/phi/deep/weights", &vec![7; 1 << 20]);
    let case = |name: &str, source: &str, settings: Value, expect: &str| {
        let mut config = json!({"azureml_client": client()});
        config.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        json!({"name": name, "source": source, "config": config, "expect": expect})
    };
    let folder = json!({
        "datastore_name": "workspaceblobstore", "relative_path": "models/phi"
    });
    let unknown = json!({"name": "phi", "version": "9"});
    let cases = [
        case("phi", "azureml_datastore", folder, "ok"),
        case("nobody", "azureml_model", unknown, "azureml-missing"),
    ];
    playground.write("cases.json", &json!({ "cases": cases }).to_string());
    let library = playground.library("olive_plugin_azureml");
    let args = ["plugin", "test", &library, "--cases", "@/cases.json"];
    let said = Said::from(command(&playground, &cloud, &args).output().unwrap());
    said.check(0, &[]);
    for check in [
        "azureml_datastore/phi/same-twice",
        "azureml_datastore/phi/progress",
        "azureml_datastore/phi/resumes-after-stop",
        "azureml_datastore/phi/resumes-after-kill",
        "azureml_model/nobody/runs",
    ] {
        let is_passed = |line: &str| line.starts_with("ok") && line.contains(check);
        assert!(said.out.lines().any(is_passed), "{check}: {}", said.out);
    }
}

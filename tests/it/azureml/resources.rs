//! Computes made and removed by commands, outputs of jobs, certificates, and what would be sent.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use super::cloud::Cloud;
use super::computes::Made;
use super::{assertion, check_secrets, client, command, on_cloud, playground, run};
use crate::playground::{Playground, Said};

const WORKSPACE: [&str; 6] =
    ["--subscription_id", "sub", "--resource_group", "rg", "--workspace_name", "ws"];

/// Says `olive aml compute` with `words`.
fn compute(playground: &Playground, cloud: &Cloud, words: &str) -> Said {
    let words = ["aml", "compute"].into_iter().chain(words.split(' '));
    let words: Vec<&str> = words.chain(WORKSPACE).collect();
    Said::from(command(playground, cloud, &words).output().unwrap())
}

#[test]
fn computes_are_made_and_removed() {
    let (cloud, playground) = (Cloud::new(), playground());
    let create = "create --compute_name new --vm-size STANDARD_DS3_V2 --max_nodes 4";
    let said = compute(&playground, &cloud, create);
    said.check(0, &["compute `new` is there: 0 to 4 machines `STANDARD_DS3_V2` in `westeurope`"]);
    check_secrets(&playground.path("home"), &said);
    let body = cloud.state.computes.lock().unwrap()["new"].body.clone();
    let expected = json!({
        "location": "westeurope",
        "properties": {"computeType": "AmlCompute", "properties": {
            "vmSize": "STANDARD_DS3_V2",
            "vmPriority": "Dedicated",
            "scaleSettings": {
                "minNodeCount": 0, "maxNodeCount": 4, "nodeIdleTimeBeforeScaleDown": "PT120S"
            }
        }}
    });
    assert_eq!(body, expected);
    compute(&playground, &cloud, create).check(0, &["`new` is there already"]);
    let said = compute(&playground, &cloud, "delete --compute_name new --json");
    said.check(0, &[r#""text":"compute `new` is gone""#]);
    assert!(cloud.state.computes.lock().unwrap().is_empty());
    compute(&playground, &cloud, "delete --compute_name new")
        .check(20, &["`aml compute delete` failed: compute `new` does not exist"]);
}

#[test]
fn computes_that_cannot_be_made_say_why_and_what_helps() {
    let (cloud, playground) = (Cloud::new(), playground());
    for (words, parts) in [
        (
            "create --compute_name a --vm_size HUGE",
            [
                "cannot be made: ClusterCoreQuotaReached: The cores of size HUGE",
                "a smaller `vm_size`",
            ],
        ),
        (
            "create --compute_name b --location nowhere",
            ["cannot be made: InvalidLocation: The specified", "or another `location`"],
        ),
        (
            "create --compute_name c --min_nodes 3",
            ["at least 3 and at most 2", "lower `min_nodes`"],
        ),
        ("create --compute_name gpus", ["`gpus` is there already", "take another name"]),
        ("create --compute_name arc", ["`arc` is no cluster, but `Kubernetes`", "another name"]),
        (
            "create --compute_name raced",
            ["is there already, with 0 to 2 machines `STANDARD_NC6`", "take another name"],
        ),
    ] {
        compute(&playground, &cloud, words).check(20, &parts);
    }
    compute(&playground, &cloud, "create").check(2, &["--compute_name"]);
    compute(&playground, &cloud, "create --compute_name x --max_nodes 0").check(2, &["0"]);
}

#[test]
fn a_compute_that_somebody_else_removes_is_waited_for() {
    let (cloud, playground) = (Cloud::new(), playground());
    let going = || {
        let body = json!({"properties": {"computeType": "AmlCompute"}});
        cloud.state.computes.lock().unwrap().insert("going".into(), Made::new(body, true));
    };
    going();
    let said = compute(&playground, &cloud, "create --compute_name going");
    said.check(0, &["`going` is there: 0 to 2 machines"]);
    going();
    let said = compute(&playground, &cloud, "delete --compute_name going");
    said.check(0, &["compute `going` is gone"]);
    assert!(!cloud.requests().iter().any(|told| told.starts_with("DELETE ")));
}

#[test]
fn computes_that_cannot_be_removed_say_why() {
    let (cloud, playground) = (Cloud::new(), playground());
    compute(&playground, &cloud, "create --compute_name held").check(0, &["`held` is there"]);
    for (name, part) in [
        ("held", "`held` cannot be removed: ComputeInUse: A job runs on it."),
        ("gpus", "the service answers 403: AuthorizationFailed"),
        ("arc", "`arc` is no cluster, but `Kubernetes`"),
    ] {
        compute(&playground, &cloud, &format!("delete --compute_name {name}")).check(20, &[part]);
    }
}

#[test]
fn operations_of_computes_are_followed() {
    let (cloud, playground) = (Cloud::new(), playground());
    for (words, part) in [
        ("create --compute_name followed", "compute `followed` is there"),
        ("delete --compute_name followed", "compute `followed` is gone"),
    ] {
        compute(&playground, &cloud, words).check(0, &[part]);
    }
    let requests = cloud.requests();
    let follows = requests.iter().filter(|told| told.contains("/computeOperationsStatus/followed"));
    assert_eq!(follows.count(), 4);
}

#[test]
fn computes_have_the_command_of_olive_too() {
    let (cloud, playground) = (Cloud::new(), playground());
    let manage = |words: &str| {
        let words: Vec<&str> = ["manage-aml-compute"].into_iter().chain(words.split(' ')).collect();
        let words = [&words[..], &WORKSPACE].concat();
        Said::from(command(&playground, &cloud, &words).output().unwrap())
    };
    let create = "--create --compute_name new --vm_size STANDARD_D4_V2 --location westeurope \
                  --min_nodes 1 --max_nodes 4 --idle_time_before_scale_down 60";
    manage(create).check(0, &["compute `new` is there: 1 to 4 machines `STANDARD_D4_V2`"]);
    let scale = "/properties/properties/scaleSettings/nodeIdleTimeBeforeScaleDown";
    let body = cloud.state.computes.lock().unwrap()["new"].body.clone();
    assert_eq!(body.pointer(scale), Some(&json!("PT60S")));
    manage("--compute_name new").check(2, &["--create", "--delete"]);
    manage("-c -d --compute_name new").check(2, &["cannot be used with"]);
    manage("--delete --compute_name new --max_nodes 1").check(2, &["'--max_nodes <N>'"]);
    manage("-d --compute_name new").check(0, &["compute `new` is gone"]);
}

#[test]
fn commands_of_plugins_tell_programs_their_errors() {
    let (cloud, playground) = (Cloud::new(), playground());
    let error = |words: &str, code: i32| -> Value {
        let said = compute(&playground, &cloud, words);
        said.check(code, &[]);
        serde_json::from_str(said.out.lines().last().unwrap()).unwrap()
    };
    let told = error("delete --json --compute_name none", 20).to_string();
    assert!(told.contains("compute `none` does not exist"), "{told}");
    let told = error("create --json", 2).to_string();
    assert!(told.contains("--compute_name"), "{told}");
    let told = error("delete --json --compute_name x --plugin-dir /nowhere/at/all", 12).to_string();
    assert!(told.contains("/nowhere/at/all"), "{told}");
}

#[test]
fn commands_of_plugins_are_there_with_the_plugin_alone() {
    let (cloud, playground) = (Cloud::new(), playground());
    let help = |words: &[&str]| Said::from(command(&playground, &cloud, words).output().unwrap());
    help(&["aml", "--help"]).check(0, &["compute"]);
    help(&["manage-aml-compute", "--help"]).check(0, &["-c, --create", "-d, --delete", "--json"]);
    help(&["aml", "compute", "create", "--help"]).check(
        0,
        &["--idle_time_before_scale_down", "[default: 120]", "--aml_config_path", "--plugin-dir"],
    );
    help(&["amll", "compute"]).check(2, &["unrecognized subcommand 'amll'"]);
    let bare = Playground::bare();
    let said = Said::from(bare.command(&["aml", "compute"]).output().unwrap());
    said.check(2, &["unrecognized subcommand 'aml'"]);
}

#[test]
fn a_dry_run_tells_every_request_and_sends_none() {
    let (cloud, playground) = (Cloud::new(), playground());
    let mut workflow = on_cloud(json!({"tags": {"team": "tone"}}), json!({"type": "Toy"}));
    workflow["passes"]["second"] = json!({"type": "Toy", "score": 0.5});
    playground.workflow(workflow);
    let words = ["run", "--dry-run", "--config", "@/olive.json"];
    let said = Said::from(command(&playground, &cloud, &words).output().unwrap());
    said.check(0, &[]);
    let job = format!(
        "PUT {}/subscriptions/sub/resourceGroups/rg/providers/Microsoft.MachineLearningServices/\
         workspaces/ws/jobs/olive-00000000000000000000?api-version=2024-10-01",
        cloud.state.url()
    );
    for part in [
        "step 1, first (Toy), on `aml`:",
        "step 2, second (Toy), on `aml`:",
        &job,
        "\"jobType\": \"Command\"",
        "\"team\": \"tone\"",
        "\"pendingUploadType\": \"TemporaryBlobReference\"",
        "/paths/LocalUpload/DIGEST\"",
    ] {
        assert!(said.out.contains(part), "no {part}\n{}", said.out);
    }
    assert_eq!(cloud.requests(), [""; 0]);
    assert!(!playground.path("out").exists());
    // What is told first is sent then.
    let told = said.out.matches("\"codeUri\"").count();
    assert_eq!(told, 2, "{}", said.out);
}

#[test]
fn outputs_of_jobs_are_models() {
    let (cloud, playground) = (Cloud::new(), playground());
    for (place, content) in [
        ("runs/trained/told/model/weights", "of the place that was told"),
        ("runs/asset/model/weights", "of the asset"),
        ("azureml/trained/usual/model/weights", "of the usual place"),
    ] {
        cloud.put(place, content.as_bytes());
        cloud.put(&place.replace("weights", "config.json"), b"{}");
    }
    let fetched = |job: &str, output: &str| {
        playground.workflow(json!({
            "input_model": {"type": "HfModel", "model_path": {"type": "azureml_job_output", "config": {
                "job_name": job, "output_name": output, "relative_path": "model"
            }}},
            "azureml_client": client(),
            "passes": {"first": {"type": "Toy"}}
        }));
        run(&playground, &cloud)
    };
    for (output, expected) in [
        ("told", "of the place that was told"),
        ("resolved", "of the asset"),
        ("usual", "of the usual place"),
    ] {
        fetched("trained", output).check(0, &["fetch input model (azureml_job_output)"]);
        assert_eq!(playground.read("out/weights"), expected);
    }
    for (job, output, part) in [
        ("trained", "none", "output `none` of job `trained` does not exist"),
        ("trained", "artifacts", "datastore `workspaceartifactstore` does not exist"),
        ("training", "told", "job `training` is `Running`"),
        ("nobody", "told", "job `nobody` does not exist"),
    ] {
        fetched(job, output).check(20, &[part]);
    }
}

#[test]
fn a_long_log_is_read_in_parts() {
    let (cloud, playground) = (Cloud::new(), playground());
    cloud.state.num_log_bytes.store(5 << 20, Ordering::Relaxed);
    playground.workflow(on_cloud(json!({}), json!({"type": "Toy"})));
    run(&playground, &cloud).check(0, &["job `olive-"]);
    assert_eq!(playground.read("out/weights"), "some weights");
    let requests = cloud.requests();
    assert!(requests.iter().filter(|told| told.starts_with("GET /store/logs/")).count() > 2);
}

#[test]
fn a_registered_model_may_be_one_file() {
    let (cloud, playground) = (Cloud::new(), playground());
    cloud.put("models/phi", br#"[{"phrase": "hello", "tone": "joy"}]"#);
    let file = json!({"registry_name": "shelf", "name": "phi", "version": "3"});
    playground.workflow(json!({
        "azureml_client": client(),
        "data_configs": [{
            "name": "tones",
            "type": "HuggingfaceContainer",
            "load_dataset_config": {
                "data_name": "json",
                "data_files": {"type": "azureml_registry_model", "config": file}
            }
        }],
        "passes": {"first": {"type": "Toy", "train_data_config": "tones"}}
    }));
    run(&playground, &cloud).check(0, &["fetch data `tones`"]);
}

#[test]
fn a_certificate_is_a_credential() {
    let (cloud, playground) = (Cloud::new(), playground());
    playground.workflow(on_cloud(json!({}), json!({"type": "Toy"})));
    let mut command = command(&playground, &cloud, &["run", "--config", "@/olive.json"]);
    command.env_remove("AZURE_CLIENT_SECRET");
    command.env("AZURE_CLIENT_CERTIFICATE_PATH", assertion::certificate());
    let said = Said::from(command.output().unwrap());
    said.check(0, &["signed in to Azure by the client certificate", "job `olive-"]);
    check_secrets(&playground.path("cache"), &said);
}

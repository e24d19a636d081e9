//! Steps in a Python environment: process plugins run with its interpreter.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::elsewhere::{is_as_made_here, pausing};
use crate::playground::{Playground, signal, wait_for_end_of};
use crate::real;

/// A plugin whose pass writes which Python runs it, and a word of its environment.
const PLUGIN: &str = r#"
import json, os, pathlib, shutil, sys

call = json.loads(sys.stdin.readline())
request = call.get("request")
schema = {"type": "object", "additionalProperties": False, "properties": {}}
if call["call"] == "describe":
    answer = {"name": "which", "version": "1.0.0", "passes": [{
        "name": "Which", "summary": "Say which Python this is.", "accepts": ["HfModel"],
        "produces": "HfModel", "threads_change_result": False, "schema": schema}]}
elif call["call"] == "prepare":
    answer = []
else:
    out = pathlib.Path(request["output_dir"])
    shutil.copytree(request["input"]["model_path"], out, dirs_exist_ok=True)
    said = [sys.prefix, os.environ.get("VIRTUAL_ENV"), os.environ.get("WORD")]
    (out / "which.json").write_text(json.dumps(said))
    answer = {"kind": "model", "value": {"type": "HfModel", "model_path": str(out)}}
print(json.dumps({"event": "done", "answer": answer}), flush=True)
"#;

/// A playground with an environment in `venv`, and a workflow whose pass runs in it; none without a
/// Python that makes one.
fn playground(settings: &Value, pass: &Value) -> Option<Playground> {
    let playground = Playground::new();
    let made = Command::new("python3")
        .args(["-m", "venv", "--without-pip"])
        .arg(playground.path("venv"))
        .output();
    if !made.is_ok_and(|made| made.status.success()) {
        println!("skipped: there is no python3 that makes an environment");
        return None;
    }
    playground.install("olive_plugin_environments", "olive_plugin_environments");
    playground.write("bin/plugins/which/which.py", PLUGIN);
    let manifest = json!({"protocol": "^1.0", "command": ["python3", "which.py"]}).to_string();
    playground.write("bin/plugins/which/which.plugin.json", &manifest);
    let mut system = json!({"type": "PythonEnvironment", "python_environment_path": "venv/bin"});
    system.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    playground.workflow(json!({
        "systems": {"venv": system},
        "engine": {"host": "venv"},
        "passes": {"first": pass}
    }));
    Some(playground)
}

#[test]
fn a_process_plugin_runs_with_the_python_of_the_environment() {
    let word = json!({"environment_variables": {"WORD": "said"}});
    let Some(playground) = playground(&word, &json!({"type": "Which"})) else { return };
    playground.run().check(0, &["first (Which): done", "on `venv`"]);
    let said: Value = serde_json::from_str(&playground.read("out/which.json")).unwrap();
    let venv = playground.path("venv").display().to_string();
    assert_eq!(said, json!([venv, venv, "said"]));
}

#[test]
fn a_native_plugin_makes_there_what_it_makes_here() {
    let Some(playground) = playground(&json!({}), &pausing()) else { return };
    playground.go();
    playground.run().check(0, &["first (Toy): done", "on `venv`"]);
    is_as_made_here(&playground);
}

#[test]
fn a_step_is_stopped_and_leaves_its_checkpoint() {
    let Some(playground) = playground(&json!({}), &pausing()) else { return };
    let running = playground.start();
    let worker = running.worker.clone();
    signal("INT", &running.host());
    running.end().check(30, &["first (Toy): cancelled"]);
    wait_for_end_of(&worker);
    playground.go();
    playground.run().check(0, &["resumed after step 3"]);
}

#[test]
fn a_step_of_a_host_that_was_killed_ends_and_is_resumed() {
    let Some(playground) = playground(&json!({}), &pausing()) else { return };
    let running = playground.start();
    let worker = running.worker.clone();
    signal("KILL", &running.host());
    running.end();
    let told = ["the step is begun anew", "resumed after step 3", "first (Toy): done"];
    playground.run().check(0, &told);
    wait_for_end_of(&worker);
}

#[test]
fn a_worker_that_was_killed_is_one_sentence() {
    let Some(playground) = playground(&json!({}), &pausing()) else { return };
    let running = playground.start();
    signal("KILL", &running.worker);
    let expected = "it was killed (SIGKILL), by somebody or because the machine ran out of memory";
    running.end().check(20, &["the job on `venv` was lost", expected]);
}

#[test]
fn a_probe_says_which_python_and_what_is_missing() {
    let probe = |settings: &Value| {
        let playground = playground(settings, &json!({"type": "Toy"}))?;
        Some(playground.olive(&["systems", "probe", "@/olive.json"]))
    };
    let Some(found) = probe(&json!({"required_modules": ["json", "xml.dom"]})) else { return };
    found.check(0, &["Python 3.", "`venv` (PythonEnvironment): nothing is in the way"]);
    let missing = probe(&json!({"required_modules": ["json", "acme_of_nobody"]})).unwrap();
    let parts = ["error[module-missing]", "`acme_of_nobody` cannot be imported", "-m pip install"];
    missing.check(11, &parts);
    let nowhere = probe(&json!({"python_environment_path": "base"})).unwrap();
    nowhere.check(11, &["there is no `python` in", "python3 -m venv", "^^^"]);
    let broken = probe(&json!({"environment_variables": {"PYTHONHOME": "/nowhere"}})).unwrap();
    broken.check(11, &["does not run: ModuleNotFoundError"]);
}

#[test]
fn the_system_keeps_the_contract_with_jobs() {
    let Some(playground) = playground(&json!({}), &json!({"type": "Toy"})) else { return };
    let config = json!({"python_environment_path": playground.path("venv")});
    let case = json!({"name": "venv", "system": "PythonEnvironment", "config": config});
    playground.write("cases.json", &json!({"cases": [case]}).to_string());
    let library = playground.library("olive_plugin_environments");
    let said = playground.olive(&["plugin", "test", &library, "--cases", "@/cases.json"]);
    let checks = ["runs", "logs", "files", "cancels"];
    let checks = checks.map(|check| format!("ok       PythonEnvironment/venv/{check}"));
    said.check(0, &checks.each_ref().map(String::as_str));
}

#[test]
fn the_configs_of_the_page_are_sound() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/environments.md");
    let page = fs::read_to_string(page).unwrap();
    let blocks: Vec<&str> = page.split("```json\n").skip(1).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let playground = real::playground();
        playground.write("olive.json", block.split_once("```").unwrap().0);
        playground.olive(&["check", "--strict", "@/olive.json"]).check(0, &["nothing is wrong"]);
    }
}

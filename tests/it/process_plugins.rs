//! Process plugins: the example in Python, and ones that do not behave.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::playground::{Playground, Running, Said, signal, wait_for_end_of};

/// The example, which vendors start from.
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/process-plugin");

/// A plugin on the example's `olive_plugin.py` that does what its setting says.
const RUDE: &str = include_str!("process_plugins/rude.py");

/// A generator without the help of `olive_plugin.py`: it says the prompt backwards, word by word.
const BACKWARDS: &str = include_str!("process_plugins/backwards.py");

/// A playground with `plugin` among the plugins beside the program, unless there is no Python.
fn with_plugin(files: &[(&str, &str)]) -> Option<Playground> {
    let python = Command::new("python3").args(["-c", "import sys; print(sys.version)"]).output();
    if !python.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: there is no `python3` on the search path");
        return None;
    }
    let playground = Playground::bare();
    for (name, text) in files {
        playground.write(&format!("bin/plugins/vendor/{name}"), text);
    }
    Some(playground)
}

fn example_files() -> Vec<(String, String)> {
    let entries = fs::read_dir(EXAMPLE).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.is_file()).map(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, fs::read_to_string(path).unwrap())
    });
    files.collect()
}

/// The example beside the program, and a model with a float32 tensor in `base`.
fn example() -> Option<Playground> {
    let files = example_files();
    let files: Vec<_> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
    let playground = with_plugin(&files)?;
    let header = json!({
        "norm.weight": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        "head.weight": {"dtype": "F32", "shape": [1, 2], "data_offsets": [8, 16]},
    });
    let header = header.to_string();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    for value in [1.0_f32, -2.0, 0.5, 3.0] {
        bytes.extend(value.to_le_bytes());
    }
    fs::write(playground.path("base/model.safetensors"), bytes).unwrap();
    Some(playground)
}

/// The rude plugin beside the program.
fn rude() -> Option<Playground> {
    let sdk = fs::read_to_string(Path::new(EXAMPLE).join("olive_plugin.py")).unwrap();
    let manifest = json!({"protocol": "^1.0", "command": ["python3", "main.py"]}).to_string();
    with_plugin(&[("olive_plugin.py", &sdk), ("main.py", RUDE), ("rude.plugin.json", &manifest)])
}

fn behave(playground: &Playground, behavior: &str) -> Said {
    playground.passes(&json!({"only": {"type": "Rude", "behavior": behavior}}));
    playground.olive(&["run", "--config", "@/olive.json", "--log-level", "debug"])
}

fn cast(playground: &Playground, settings: &Value) -> Said {
    let mut pass = json!({"type": "castweights"});
    pass.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    playground.passes(&json!({ "cast": pass }));
    playground.run()
}

/// Dtypes of the tensors of `out/model.safetensors`, in the order of the file.
fn dtypes(playground: &Playground) -> Vec<String> {
    let bytes = fs::read(playground.path("out/model.safetensors")).unwrap();
    let length = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap();
    let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let tensors = header.as_object().unwrap().values();
    tensors.map(|tensor| tensor["dtype"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_example_passes_its_own_tests() {
    let Some(playground) = example() else { return };
    let output = Command::new("python3")
        .args(["-m", "unittest"])
        .current_dir(playground.path("bin/plugins/vendor"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_process_plugin_is_listed_and_has_a_schema() {
    let Some(playground) = example() else { return };
    playground
        .olive(&["plugin", "list"])
        .check(0, &["cast-weights@0.1.0", "cast-weights.plugin.json", "pass       CastWeights"]);
    playground
        .olive(&["schema", "--of", "CastWeights"])
        .check(0, &["\"bfloat16\"", "\"default\": []", "as patterns such as `*norm*`"]);
    playground.olive(&["schema"]).check(0, &["CastWeights", "Cast the float32 weights"]);
}

#[test]
fn a_wrong_setting_is_told_with_its_place() {
    let Some(playground) = example() else { return };
    playground.passes(&json!({"cast": {"type": "CastWeights", "dtype": "half", "kep": []}}));
    let text = playground.read("olive.json");
    let place = |part: &str| {
        let line = text.lines().position(|line| line.contains(part)).unwrap();
        let column = text.lines().nth(line).unwrap().find(part).unwrap();
        format!("olive.json:{}:{}", line + 1, column + 1)
    };
    playground.olive(&["check", "@/olive.json"]).check(
        11,
        &[
            &place("\"half\""),
            "write `bfloat16` for the range of float32",
            &place("\"kep\""),
            "`keep`",
        ],
    );
}

#[test]
fn a_run_is_made_once_and_again_when_the_script_changes() {
    let Some(playground) = example() else { return };
    cast(&playground, &json!({"keep": ["norm*"]})).check(0, &["[1/1] cast (CastWeights): done"]);
    assert_eq!(dtypes(&playground), ["F32", "BF16"]);
    playground.run().check(0, &["[1/1] cast (CastWeights): reused"]);

    let vendor = "bin/plugins/vendor";
    playground.write(&format!("{vendor}/README.md"), "another one");
    playground.run().check(0, &["[1/1] cast (CastWeights): reused"]);
    let script = playground.read(&format!("{vendor}/main.py"));
    playground.write(&format!("{vendor}/main.py"), &format!("{script}\n# changed\n"));
    playground.run().check(0, &["[1/1] cast (CastWeights): done"]);
    assert!(!playground.names(vendor).contains(&"__pycache__".to_owned()));
}

#[test]
fn what_a_pass_finds_is_told_before_and_with_its_place() {
    let Some(playground) = example() else { return };
    cast(&playground, &json!({"keep": ["norm*", "lm*"]})).check(
        0,
        &["warning[no-effect]: no float32 tensor is called `lm*`", "olive.json:", "\"lm*\""],
    );
    fs::remove_file(playground.path("base/model.safetensors")).unwrap();
    cast(&playground, &json!({})).check(13, &["there is no safetensors file in"]);
}

#[test]
fn what_is_printed_does_not_harm() {
    let Some(playground) = rude() else { return };
    behave(&playground, "print")
        .check(0, &["debug: Loading \u{fffd} weights", "only (Rude): done"]);
    assert_eq!(playground.read("out/weights"), "rude weights");
}

#[test]
fn errors_and_ends_are_told_with_their_cause() {
    let Some(playground) = rude() else { return };
    let failed = |behavior: &str, parts: &[&str]| {
        behave(&playground, behavior).check(20, parts);
        assert!(!playground.exists("out"));
        assert_eq!(playground.names("cache/v1/work"), Vec::<String>::new());
    };
    failed("refuse", &["`only (Rude)` failed: it does not want to", "ask again"]);
    failed("raise", &["`only (Rude)` failed: ValueError: bad luck", "main.py, in run"]);
    let crashed = "`only (Rude)` failed: `python3 main.py` was killed by signal 6 (SIGABRT)";
    failed("crash", &[crashed, "the last word"]);
    let ended = "`only (Rude)` failed: `python3 main.py` ended with exit code 0 and no answer";
    failed("exit", &[ended, "it wrote a line to standard output that is no message: `all done`"]);
    behave(&playground, "work").check(0, &["only (Rude): done"]);
}

#[test]
fn a_process_can_write_to_its_folders_only() {
    let Some(playground) = rude() else { return };
    let said = behave(&playground, "elsewhere");
    if said.err.contains("does not keep the plugin from writing elsewhere") {
        eprintln!("skipped: this system cannot confine a process");
        return;
    }
    said.check(20, &["`only (Rude)` failed: PermissionError", "intruder"]);
    assert!(!playground.exists("base/intruder"));
}

/// Starts a run that waits; gives the process of the plugin and of its child.
fn waiting(playground: &Playground) -> (Running, String, String) {
    playground.passes(&json!({"only": {"type": "Rude", "behavior": "wait"}}));
    let mut running = playground.spawn();
    let line = running.line_with("child ");
    let (_, numbers) = line.split_once("child ").unwrap();
    let (child, process) = numbers.trim().split_once(" process ").unwrap();
    (running, process.to_owned(), child.to_owned())
}

#[test]
fn ctrl_c_cancels_the_process_and_its_children() {
    let Some(playground) = rude() else { return };
    let (running, worker, child) = waiting(&playground);
    signal("INT", &running.host());
    running.end().check(30, &["[1/1] only (Rude): cancelled"]);
    wait_for_end_of(&worker);
    wait_for_end_of(&child);
    assert!(!playground.exists("out"));
}

#[test]
fn a_process_whose_host_is_gone_ends() {
    let Some(playground) = rude() else { return };
    let (running, worker, child) = waiting(&playground);
    signal("KILL", &running.host());
    assert_eq!(running.end().code, None);
    wait_for_end_of(&worker);
    // Nobody is left to end what the process has started.
    let _ = Command::new("kill").args(["-KILL", &child]).status();
}

#[test]
fn a_generator_tells_its_text_as_it_comes() {
    let manifest = json!({"protocol": "^1.0", "command": ["python3", "main.py"]}).to_string();
    let files = [("main.py", BACKWARDS), ("backwards.plugin.json", &*manifest)];
    let Some(playground) = with_plugin(&files) else { return };
    let prompt = ["generate", "-m", "@/base", "--prompt", "one two three"];
    let said = playground.olive(&prompt);
    assert_eq!((said.code, &*said.out), (Some(0), "three two one \n"), "{}", said.err);
}

#[test]
fn a_worker_hands_a_call_on_to_the_process() {
    let Some(playground) = rude() else { return };
    let plugin = playground.path("bin/plugins/vendor/rude.plugin.json");
    let call = json!({"protocol": "1.0", "call": "describe", "plugin": plugin});
    let mut worker = playground
        .command(&["worker", "--detached"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // A system that runs steps elsewhere gives a worker its call and nothing more.
    writeln!(worker.stdin.take().unwrap(), "{call}").unwrap();
    let said = worker.wait_with_output().unwrap();
    let lines = String::from_utf8(said.stdout).unwrap();
    let done: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(done["answer"]["passes"][0]["name"], "Rude", "{lines}");
}

/// What `olive plugin list` says of one more plugin in a folder the user names.
fn listed(manifest: Value) -> Said {
    let playground = Playground::bare();
    playground.write("more/acme.plugin.json", &manifest.to_string());
    playground.olive(&["plugin", "list", "--plugin-dir", "@/more"])
}

#[test]
fn another_protocol_is_one_sentence_that_says_what_to_do() {
    listed(json!({"protocol": "^2.0", "command": ["./run"], "new": "field"})).check(
        12,
        &[
            "acme.plugin.json`: it needs protocol `^2.0` of process plugins, and this host speaks 1.",
            "update Olive, or install a version of the plugin for this one",
        ],
    );
    listed(json!({"protocol": "<1.0", "command": ["./run"]}))
        .check(12, &["it needs protocol `<1.0`", "install a newer version of the plugin"]);
}

#[test]
fn a_missing_interpreter_is_one_sentence() {
    listed(json!({"protocol": "^1.0", "command": ["no-such-python", "main.py"]})).check(
        12,
        &[
            "cannot start `no-such-python`, the command of `acme.plugin.json`: No such file",
            "install it, or write its path into `command`",
        ],
    );
}

#[test]
fn a_broken_manifest_is_one_sentence() {
    listed(json!({"protocol": "^1.0", "command": ["./run"], "fils": []}))
        .check(12, &["acme.plugin.json`: it is no manifest: unknown field `fils`"]);
    listed(json!({"protocol": "^1.0", "command": ["./run"], "files": ["../main.py"]}))
        .check(12, &["`files` names `../main.py`, which is not in the manifest's folder"]);
}

#[test]
fn a_broken_plugin_beside_the_program_stops_only_what_needs_it() {
    let playground = Playground::new();
    let manifest = json!({"protocol": "^9.0", "command": ["./run"]}).to_string();
    playground.write("bin/plugins/acme/acme.plugin.json", &manifest);
    playground.passes(&json!({"first": {"type": "Toy"}}));
    playground.run().check(0, &[]);
    playground.passes(&json!({"first": {"type": "Acme"}}));
    playground
        .run()
        .check(11, &["no installed plugin has a pass `Acme`", "it needs protocol `^9.0`"]);
}

/// The text of `docs/process-plugins.md`.
fn page() -> String {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/process-plugins.md");
    fs::read_to_string(page).unwrap()
}

#[test]
fn the_plugin_of_the_page_works() {
    let page = page();
    let block = |start: &str| {
        let (_, rest) = page.split_once(start).unwrap_or_else(|| panic!("`{start}` is gone"));
        rest.split_once("\n```").unwrap().0
    };
    let manifest = block("`tag/tag.plugin.json`:\n\n```json\n");
    let script = block("`tag/tag.py`:\n\n```python\n");
    let files = [("tag.plugin.json", manifest), ("tag.py", script)];
    let Some(playground) = with_plugin(&files) else { return };
    playground.olive(&["plugin", "list"]).check(0, &["tag@1.0.0", "TagModel"]);
    playground.passes(&json!({"tag": {"type": "TagModel", "tag": "golden"}}));
    playground.run().check(0, &["tag (TagModel): done"]);
    assert_eq!(playground.read("out/TAG"), "golden");
    assert_eq!(playground.read("out/weights"), "some weights");
}

#[test]
fn every_message_of_the_page_fits_the_schemas() {
    let page = page();
    let schema = |name: &str| {
        let path = format!("../schemas/generated/{name}.schema.json");
        let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        jsonschema::draft7::new(&schema).unwrap()
    };
    let (call, message) = (schema("plugin-call"), schema("plugin-message"));
    let mut seen = Vec::new();
    let blocks = page.split("```json\n").skip(1).map(|rest| rest.split_once("\n```").unwrap().0);
    for block in blocks {
        let value: Value = serde_json::from_str(block).unwrap_or_else(|e| panic!("{e}: {block}"));
        let (schema, name) = match (&value["call"], &value["event"]) {
            (Value::String(name), _) => (&call, name),
            (_, Value::String(name)) => (&message, name),
            _ => continue,
        };
        assert!(schema.is_valid(&value), "{block}: {:?}", schema.validate(&value));
        seen.push(name.clone());
    }
    for name in ["describe", "prepare", "run", "log", "progress", "text", "done", "failed"] {
        assert!(seen.iter().any(|seen| seen == name), "`{name}` is not shown");
    }
}

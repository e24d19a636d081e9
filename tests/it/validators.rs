//! Validators: what they find, what they get wrong, and what they may not do.

#[allow(dead_code, reason = "the sandbox's own tests use what is not used here")]
#[path = "../../sandbox/tests/it/guest.rs"]
pub(crate) mod guest;
pub(crate) mod guests;

use std::fs;
use std::time::Instant;

use serde_json::{Value, json};

use crate::lsp::editor::Editor;
use crate::playground::Playground;
use guest::Finding;
use guests::TOO_LOW;

/// A config on which `acme-rules` has something to say.
const CONFIG: &str = r#"{
  "input_model": {"type": "HfModel", "model_path": "base"},
  // for Acme
  "passes": {"first": {"type": "Toy", "score": 0.5}},
  "output_dir": "out",
  "cache_dir": "cache"
}
"#;

/// A program with the validators beside it, and [`CONFIG`].
fn with(components: &[(&str, &[u8])]) -> Playground {
    let playground = Playground::new();
    playground.write("olive.json", CONFIG);
    for (name, component) in components {
        place(&playground, &format!("bin/plugins/olive_plugin_{name}.wasm"), component);
    }
    playground
}

fn place(playground: &Playground, name: &str, component: &[u8]) {
    playground.write(name, "");
    fs::write(playground.path(name), component).unwrap();
}

/// What `olive check --format json` finds in `olive.json`, and its exit code.
fn found(playground: &Playground) -> (Option<i32>, Vec<Value>) {
    let said = playground.olive(&["check", "@/olive.json", "--format", "json"]);
    let told: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}", said.err));
    (said.code, told["files"][0]["diagnostics"].as_array().unwrap().clone())
}

fn codes(found: &[Value]) -> Vec<&str> {
    found.iter().map(|told| told["code"].as_str().unwrap()).collect()
}

#[test]
fn a_finding_is_told_where_it_is_written_with_the_id_before_its_code() {
    let playground = with(&[("acme", &guests::good())]);
    let said = playground.olive(&["check", "@/olive.json"]);
    said.check(
        11,
        &["error[acme-rules/too-low]: `score` is 0.5; 0.7 is the least", "olive.json:4"],
    );
    let (_, told) = found(&playground);
    assert_eq!(codes(&told), ["acme-rules/too-low"]);
    assert_eq!(told[0]["pointer"], "/passes/first/score");
    assert_eq!((&told[0]["line"], &told[0]["column"]), (&json!(4), &json!(48)));
    assert_eq!(told[0]["related"][0]["message"], "set here");
    playground.run().check(11, &["acme-rules/too-low"]);
    assert!(!playground.exists("cache/v1/steps"));
    playground.write("olive.json", &CONFIG.replace("0.5", "0.8"));
    assert_eq!(found(&playground), (Some(0), Vec::new()));
}

#[test]
fn the_list_of_plugins_counts_the_rules_and_tells_them_to_programs() {
    let playground = with(&[("acme", &guests::good())]);
    let said = playground.olive(&["plugin", "list"]);
    let itself = "  validator  acme-rules: Rules of Acme. (1 rule)";
    said.check(0, &["acme-rules@1.2.3  ", itself]);
    assert!(!said.out.contains("too-large"), "{}", said.out);
    let said = playground.olive(&["plugin", "list", "--json"]);
    let line = said.out.lines().find(|line| line.contains("acme-rules")).unwrap();
    let told: Value = serde_json::from_str(line).unwrap();
    assert_eq!(told["validator"]["rules"][0]["code"], "too-large");
}

#[test]
fn a_validator_that_fails_is_told_as_the_culprit() {
    let lying = guests::telling(Finding { pointer: "/passes/x", ..TOO_LOW }, "passes").build();
    for (name, component, code) in [
        ("trap", guests::doing("bad-rules", "unreachable"), "validator-trap"),
        ("loop", guests::doing("bad-rules", "(loop $l (br $l)) unreachable"), "validator-timeout"),
        ("lie", lying, "validator-bad-output"),
    ] {
        let playground = with(&[(name, &component)]);
        let (exit, told) = found(&playground);
        assert_eq!((exit, codes(&told)), (Some(11), vec![code]));
        let message = told[0]["message"].as_str().unwrap();
        assert!(message.contains("-rules` 1.2.3 of `olive_plugin_"), "{message}");
        assert!(told[0]["help"].as_str().unwrap().contains("on_failure"), "{told:?}");

        let policy = "\"validators\": {\"on_failure\": \"warn\"},\n  \"output_dir\"";
        playground.write("olive.json", &CONFIG.replace("\"output_dir\"", policy));
        let (exit, told) = found(&playground);
        assert_eq!((exit, codes(&told)), (Some(0), vec![code]));
        assert_eq!(told[0]["severity"], "warning");
        playground.run().check(0, &[&format!("warning[{code}]")]);
    }
}

#[test]
fn one_that_fails_does_not_silence_the_others() {
    let trap = guests::doing("bad-rules", "unreachable");
    let playground = with(&[("acme", &guests::good()), ("bad", &trap)]);
    let (_, told) = found(&playground);
    let mut codes = codes(&told);
    codes.sort_unstable();
    assert_eq!(codes, ["acme-rules/too-low", "validator-trap"]);
}

#[test]
fn a_file_that_is_no_component_is_told_or_refused() {
    let playground = with(&[("broken", b"\0asm no")]);
    let (exit, told) = found(&playground);
    assert_eq!((exit, codes(&told)), (Some(11), vec!["validator-malformed"]));
    assert!(told[0]["message"].as_str().unwrap().contains("`olive_plugin_broken.wasm`"));
    let said = playground.olive(&["plugin", "list"]);
    said.check(0, &["not usable: validator `", "olive_plugin_broken.wasm"]);

    let playground = with(&[]);
    place(&playground, "more/acme.wasm", b"\0asm no");
    let said = playground.olive(&["check", "@/olive.json", "--plugin-dir", "@/more"]);
    said.check(12, &["cannot use validator `", "more/acme.wasm"]);
}

#[test]
fn two_validators_of_one_id_are_refused() {
    let playground = with(&[("acme", &guests::good())]);
    place(&playground, "more/acme.wasm", &guests::doing("acme-rules", "unreachable"));
    let check = ["check", "@/olive.json", "--plugin-dir", "@/more"];
    // The one in the folder that the user names goes before the one beside the program.
    playground.olive(&check).check(11, &["of `acme.wasm` gave no answer"]);
    place(&playground, "more/other.wasm", &guests::good());
    playground
        .olive(&check)
        .check(12, &["validator `acme-rules` is in `", "more/acme.wasm", "more/other.wasm"]);
    place(&playground, "more/acme.wasm", &guests::good());
    playground.olive(&check).check(11, &["acme-rules/too-low"]);
}

#[test]
fn machine_code_is_kept_and_believed_only_as_it_was_written() {
    let playground = with(&[("acme", &guests::good())]);
    playground.olive(&["plugin", "list"]).check(0, &["acme-rules"]);
    let entries = || {
        let names = playground.names("home/components/v1");
        let large = |name: &String| {
            let path = playground.path(&format!("home/components/v1/{name}"));
            fs::metadata(path).unwrap().len() > 1000
        };
        names.into_iter().filter(large).collect::<Vec<_>>()
    };
    let kept = entries();
    assert_eq!(kept.len(), 1, "{kept:?}");
    let path = playground.path(&format!("home/components/v1/{}", kept[0]));
    let code = fs::read(&path).unwrap();
    assert_eq!(codes(&found(&playground).1), ["acme-rules/too-low"]);
    assert_eq!(fs::read(&path).unwrap(), code);

    let mut tampered = code.clone();
    let last = tampered.len() - 1;
    tampered[last] ^= 1;
    fs::write(&path, &tampered).unwrap();
    let said = playground.olive(&["check", "@/olive.json"]);
    said.check(11, &["acme-rules/too-low", "warning: "]);
    assert_ne!(fs::read(&path).unwrap(), tampered);
}

#[test]
fn a_fix_that_works_is_offered_as_a_change_of_the_text() {
    let playground = with(&[("acme", &guests::good())]);
    let (_, told) = found(&playground);
    let fix = &told[0]["fix"];
    assert_eq!(fix["title"], "change it");
    assert_eq!(
        fix["edits"],
        json!([{
            "line": 4, "column": 50, "end_line": 4, "end_column": 51, "text": "9"
        }])
    );

    let mut editor = Editor::open_in(playground, "olive.json", CONFIG);
    let told = editor.diagnostics();
    assert_eq!(codes(&told), ["acme-rules/too-low"]);
    let actions = editor.actions(&told[0]["range"]);
    assert_eq!(actions[0]["title"], "Change it");
    let edits = actions[0]["edit"]["changes"][&editor.uri].as_array().unwrap().clone();
    editor.apply(&edits);
    assert_eq!(editor.text, CONFIG.replace("0.5", "0.9"));
    assert_eq!(editor.diagnostics(), [] as [Value; 0]);
}

#[test]
fn a_fix_that_does_not_mend_is_not_offered() {
    for patch in [
        // The finding stays.
        r#"[{"op": "replace", "path": "/passes/first/behavior", "value": "work"}]"#,
        r#"[{"op": "add", "path": "/passes/first/behavior", "value": "work"}]"#,
        // An error comes.
        r#"[{"op": "replace", "path": "/passes/first/score", "value": "high"}]"#,
        r#"[{"op": "remove", "path": "/input_model"}]"#,
        // It cannot be done.
        r#"[{"op": "replace", "path": "/nowhere", "value": 1}]"#,
    ] {
        let finding = Finding { patch: Some(patch), ..TOO_LOW };
        let guest = guests::telling(finding, "\"score\":0.5").build();
        let (_, told) = found(&with(&[("acme", &guest)]));
        assert_eq!(codes(&told), ["acme-rules/too-low"]);
        assert_eq!(told[0]["fix"], Value::Null, "{patch}");
    }
}

#[test]
fn settings_of_validators_are_checked_by_their_schemas() {
    let playground = with(&[("acme", &guests::good())]);
    for (settings, code) in [
        (json!({"acme-rules": {"max_rank": 64}}), None),
        (json!({"acme-rules": {"max_rank": "64"}}), Some("wrong-value")),
        (json!({"acme-rule": {"max_rank": 64}}), Some("unknown-validator")),
    ] {
        let section = json!({ "config": settings });
        let text = format!("\"validators\": {section},\n  \"output_dir\"");
        let text = CONFIG.replace("0.5", "0.8").replace("\"output_dir\"", &text);
        playground.write("olive.json", &text);
        let (_, told) = found(&playground);
        assert_eq!(codes(&told), code.into_iter().collect::<Vec<_>>(), "{settings}");
        if code == Some("unknown-validator") {
            assert_eq!(told[0]["help"], "did you mean `acme-rules`?");
        }
    }
    let schema: Value = serde_json::from_str(&playground.olive(&["schema"]).out).unwrap();
    let settings = &schema["definitions"]["validator.acme-rules"];
    assert_eq!(settings["properties"]["max_rank"]["type"], "integer");
    assert_eq!(settings["description"], "Rules of Acme.");
}

#[test]
fn a_planner_tells_what_steps_will_need() {
    let playground = with(&[("acme", &guests::planner())]);
    let said = playground.olive(&["plan", "--config", "@/olive.json"]);
    said.check(0, &["about 3.00 GiB of memory, 1.00 GiB on disk"]);
    let said = playground.olive(&["plan", "--config", "@/olive.json", "--json"]);
    let plan: Value = serde_json::from_str(said.out.lines().last().unwrap()).unwrap();
    assert_eq!(plan["steps"][0]["estimate"]["peak_host_bytes"], json!(3_u64 << 30));

    let accelerator = json!([{"device": "cpu", "memory": "2GiB"}]);
    let systems = json!({"here": {"type": "LocalSystem", "accelerators": accelerator}});
    let text = format!("\"systems\": {systems}, \"host\": \"here\",\n  \"output_dir\"");
    playground.write("olive.json", &CONFIG.replace("\"output_dir\"", &text));
    let (exit, told) = found(&playground);
    assert_eq!((exit, codes(&told)), (Some(0), vec!["memory-short"]));
    let message = told[0]["message"].as_str().unwrap();
    assert!(message.contains("will need about 3.00 GiB, and the cpu has 2.00 GiB"), "{message}");
    assert_eq!(told[0]["related"][0]["pointer"], "/systems/here/accelerators/0/memory");
}

#[test]
fn what_will_not_fit_is_not_begun_unless_it_is_forced() {
    let playground = with(&[("acme", &guests::planner())]);
    let command = |words: &[&str]| {
        playground.olive(&[words, &["--config", "@/olive.json", "--memory", "2GiB"]].concat())
    };
    let message = "`first (Toy)` will need about 3.00 GiB of memory, and there are 2.00 GiB of it";
    for words in ["run", "plan"] {
        command(&[words]).check(13, &[message, "`--force`"]);
    }
    assert!(!playground.exists("out"));
    command(&["plan", "--force"]).check(0, &["about 3.00 GiB of memory, 1.00 GiB on disk"]);
    command(&["run", "--force"]).check(0, &[]);
    // What is done needs nothing any more.
    command(&["run"]).check(0, &["nothing to do"]);
    std::fs::remove_dir_all(playground.path("cache")).unwrap();
    command(&["plan", "--force"]).check(0, &["s, 3.00 GiB of memory", "time: about"]);
}

#[test]
fn what_will_not_fit_into_the_jobs_of_a_system_is_not_begun() {
    let playground = with(&[("acme", &guests::planner())]);
    let run = |memory: &str| {
        let systems = json!({"shell": {"type": "ToyShell", "memory": memory}});
        let text = format!("\"systems\": {systems}, \"host\": \"shell\",\n  \"output_dir\"");
        playground.write("olive.json", &CONFIG.replace("\"output_dir\"", &text));
        // What this machine has is of no account.
        playground.olive(&["run", "@/olive.json", "--memory", "1GiB"])
    };
    let message = "`first (Toy)` will need about 3.00 GiB of memory, and there are 2.00 GiB of it \
                   for a worker on `shell`";
    run("2G").check(13, &[message, "`--force`"]);
    run("4096").check(0, &["first (Toy): done"]);
}

#[test]
fn a_migrator_tells_old_forms_and_upgrades_them() {
    let playground = with(&[("acme", &guests::migrator())]);
    let text = CONFIG.replace("\"score\": 0.5", "\"behavior\": \"toil\"");
    playground.write("olive.json", &text);
    let (exit, told) = found(&playground);
    assert_eq!((exit, codes(&told)), (Some(0), vec!["acme-rules/former-behavior"]));
    assert_eq!(told[0]["severity"], "note");
    assert_eq!(told[0]["fix"]["edits"][0]["text"], "work");
    let said = playground.olive(&["config", "upgrade", "@/olive.json", "--write"]);
    said.check(0, &["former-behavior", "upgraded"]);
    assert_eq!(playground.read("olive.json"), text.replace("toil", "work"));
    assert_eq!(found(&playground), (Some(0), Vec::new()));
}

#[test]
fn a_completer_offers_values_to_editors() {
    let playground = with(&[("acme", &guests::completer())]);
    let text = r#"{"passes": {"first": {"type": "Toy", "score": "#;
    let mut editor = Editor::open_in(playground, "olive.json", text);
    let items = editor.ask("completion", text);
    let offered = items.as_array().unwrap().iter().find(|item| item["label"] == "the usual");
    assert_eq!(offered.unwrap()["textEdit"]["newText"], "0.75");
    assert_eq!(offered.unwrap()["detail"], "of Acme");
}

/// Prints what validators cost a check; the limit is ten times what a quiet machine needs.
#[test]
fn twenty_validators_cost_little_once_they_are_compiled() {
    let quiet = with(&[]);
    let components: Vec<(String, Vec<u8>)> = (0..20)
        .map(|number| {
            let id = format!("rules-{number}");
            (id.clone(), guests::silent(&id))
        })
        .collect();
    let components: Vec<(&str, &[u8])> =
        components.iter().map(|(id, bytes)| (id.as_str(), bytes.as_slice())).collect();
    let busy = with(&components);
    let time = |playground: &Playground| {
        let start = Instant::now();
        playground.olive(&["check", "@/olive.json"]).check(0, &["nothing is wrong"]);
        start.elapsed().as_secs_f64() * 1e3
    };
    let (mut without, mut with) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..6 {
        without = without.min(time(&quiet));
        with = with.min(time(&busy));
    }
    println!("check: {without:.1} ms without validators, {with:.1} ms with 20");
    assert!(with - without < 1000.0, "{without} ms, {with} ms");
}

//! What `olive check` prints: text, JSON, SARIF; and its exit codes.

use serde_json::{Value, json};

use crate::playground::{Playground, Said};

/// A playground with a config that is right, one with an error, one with a warning.
fn configs() -> Playground {
    let playground = Playground::new();
    let passes = |settings: Value| {
        let mut pass = json!({"type": "Toy"});
        pass.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        json!({
            "input_model": {"type": "HfModel", "model_path": "base"},
            "passes": {"first": pass},
            "output_dir": "out"
        })
    };
    let mut warned = passes(json!({}));
    warned["evaluators"] = json!({"idle": {"metrics": []}});
    playground.write("right.json", &format!("{:#}", passes(json!({}))));
    playground.write("wrong.json", &format!("{:#}", passes(json!({"scoer": 1}))));
    playground.write("warned.json", &format!("{warned:#}"));
    playground
}

fn document(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {}", said.out))
}

/// Codes of each file's diagnostics.
fn codes(document: &Value) -> Vec<(String, Vec<&str>)> {
    let name = |path: &Value| path.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let files = document["files"].as_array().unwrap().iter();
    files
        .map(|file| {
            let found = file["diagnostics"].as_array().unwrap().iter();
            (name(&file["path"]), found.map(|found| found["code"].as_str().unwrap()).collect())
        })
        .collect()
}

#[test]
fn several_files_are_counted_together() {
    let playground = configs();
    playground.olive(&["check", "@/right.json", "@/wrong.json", "@/warned.json"]).check(
        11,
        &["wrong.json:9:7", "did you mean `score`?", "1 error, 1 warning in 2 of 3 files"],
    );
    let said = playground.olive(&["check", "@/right.json", "@/right.json"]);
    said.check(0, &[]);
    assert_eq!(said.out, "2 files: nothing is wrong\n");
    let said = playground.olive(&["check", "@/right.json"]);
    assert!(said.out.ends_with("right.json`: nothing is wrong\n"), "{}", said.out);
}

#[test]
fn exit_codes_tell_what_is_wrong() {
    let playground = configs();
    let rows: [(&[&str], i32); 7] = [
        (&["@/right.json"], 0),
        (&["@/warned.json"], 0),
        (&["@/warned.json", "--strict"], 11),
        (&["@/right.json", "--strict"], 0),
        (&["@/gone.json", "@/warned.json"], 10),
        (&["@/gone.json", "@/wrong.json"], 11),
        (&["@/right.json", "--format", "json", "--json"], 2),
    ];
    for (args, code) in rows {
        playground.olive(&[&["check"], args].concat()).check(code, &[]);
    }
    for format in ["json", "sarif"] {
        let said = playground.olive(&["check", "@/wrong.json", "--format", format]);
        said.check(11, &[]);
        assert_eq!(said.err, "");
    }
}

#[test]
fn json_holds_every_file_with_its_diagnostics() {
    let playground = configs();
    let files = ["@/right.json", "@/wrong.json", "@/gone.json"];
    let said = playground.olive(&[&["check", "--format", "json"], &files[..]].concat());
    said.check(11, &[]);
    let told = document(&said);
    let expected =
        [("right.json", vec![]), ("wrong.json", vec!["unknown-key"]), ("gone.json", vec!["read"])];
    assert_eq!(codes(&told), expected.map(|(name, codes)| (name.to_owned(), codes)));
    let mut found = told["files"][1]["diagnostics"][0].clone();
    let fix = found.as_object_mut().unwrap().remove("fix").unwrap();
    let expected = json!({
        "severity": "error",
        "code": "unknown-key",
        "message": "unknown key `scoer`",
        "pointer": "/passes/first/scoer",
        "line": 9, "column": 7, "end_line": 9, "end_column": 14,
        "help": "did you mean `score`?",
        "related": []
    });
    assert_eq!(found, expected);
    assert_eq!(fix["edits"][0]["text"], "\"score\"");
    let said = playground.olive(&[&["check", "--json"], &files[..]].concat());
    assert_eq!(document(&said), told);
}

#[test]
fn sarif_has_rules_results_places_and_fixes() {
    let playground = configs();
    let mut command = playground.command(&["check", "--format", "sarif"]);
    command.current_dir(playground.path("")).args(["./wrong.json", "gone file.json"]);
    let said = Said::from(command.output().unwrap());
    said.check(11, &[]);
    let log = document(&said);
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules: Vec<&str> = run["tool"]["driver"]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["id"].as_str().unwrap())
        .collect();
    assert_eq!(rules, ["read", "unknown-key"]);
    let (wrong, gone) = (&run["results"][0], &run["results"][1]);
    assert_eq!((&wrong["ruleId"], &wrong["ruleIndex"]), (&json!("unknown-key"), &json!(1)));
    assert_eq!(wrong["level"], "error");
    assert_eq!(
        wrong["locations"][0]["physicalLocation"],
        json!({
            "artifactLocation": {"uri": "wrong.json"},
            "region": {"startLine": 9, "startColumn": 7, "endLine": 9, "endColumn": 14}
        })
    );
    let replacement = &wrong["fixes"][0]["artifactChanges"][0]["replacements"][0];
    assert_eq!(replacement["insertedContent"]["text"], "\"score\"");
    let place = json!({"artifactLocation": {"uri": "gone%20file.json"}});
    assert_eq!(gone["locations"][0]["physicalLocation"], place);
}

#[test]
fn a_minified_config_is_answered_briefly() {
    let playground = Playground::new();
    let passes: Vec<String> =
        (0..2000).map(|index| format!(r#""p{index}":{{"type":"Toy","score":0.5}}"#)).collect();
    let config = format!(
        r#"{{"input_model":{{"type":"HfModel","model_path":"base"}},"passes":{{{},"last":{{"type":"Toy","scoer":1}}}}}}"#,
        passes.join(",")
    );
    playground.write("olive.json", &config);
    let said = playground.olive(&["check", "@/olive.json"]);
    said.check(11, &["did you mean `score`?"]);
    assert!(said.err.len() < 1000, "{}", said.err);
}

#[test]
fn no_control_character_of_a_config_reaches_the_terminal() {
    let playground = Playground::new();
    playground.write(
        "olive.json",
        "{\"passes\": {\"\u{1b}[2J\": {\"type\": \"\\u001b[31m\u{9b}x\u{202e}\"}}, \"\u{7}\": 1}",
    );
    let said = playground.olive(&["check", "@/olive.json"]);
    said.check(11, &[]);
    let is_steering =
        |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!said.err.contains(is_steering), "{:?}", said.err);
}

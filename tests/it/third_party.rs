//! Plugins by strangers: made by the program, built from what it wrote, used without a change.
//!
//! The plugin's folder lies outside the repository. Its dependencies are compiled once into
//! `target/third-party` (a minute on two idle cores), the contract's crates and the plugin each time
//! (some ten seconds).

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use olive_schemas::graph::GraphView;
use serde_json::Value;

use crate::lsp::editor::Editor;
use crate::playground::{Playground, Said};

/// A folder outside the repository with a new plugin, and a program without plugins.
struct Stranger {
    home: tempfile::TempDir,
    playground: Playground,
}

const NAME: &str = "stranger-prune";

impl Stranger {
    /// With a new plugin of `kind` in `language`.
    fn new(kind: &str, language: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let stranger = Self { home, playground: Playground::bare() };
        stranger.make(NAME, kind, language).check(0, &["made ", "next:\n  cd "]);
        stranger
    }

    fn make(&self, name: &str, kind: &str, language: &str) -> Said {
        let dir = self.home.path().to_str().unwrap();
        let args = ["plugin", "new", name, "--kind", kind, "--lang", language, "--dir", dir];
        self.playground.olive(&args)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(NAME).join(name)
    }

    /// Builds the plugin with cargo and puts the library into `dist`; what it depends on is compiled
    /// as tests of the pages have it.
    fn build(&self) {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("third-party");
        let build = Command::new(env!("CARGO"))
            .args(["build", "--offline", "--release"])
            .current_dir(self.path(""))
            .env("CARGO_TARGET_DIR", &target)
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
            .output()
            .unwrap();
        assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
        fs::create_dir(self.path("dist")).unwrap();
        let file = format!("{DLL_PREFIX}stranger_prune{DLL_SUFFIX}");
        fs::copy(target.join("release").join(&file), self.path("dist").join(&file)).unwrap();
    }

    /// Runs a command with the folder `plugins` of the plugin.
    fn olive(&self, plugins: &str, args: &[&str]) -> Said {
        let plugins = self.path(plugins);
        self.playground.olive(&[args, &["--plugin-dir", plugins.to_str().unwrap()]].concat())
    }

    /// Runs a command on the plugin's example.
    fn on_example(&self, plugins: &str, command: &[&str]) -> Said {
        let example = self.path("example.json");
        self.olive(plugins, &[command, &[example.to_str().unwrap()]].concat())
    }

    /// Replaces `from`, which is there, in the example.
    fn edit_example(&self, from: &str, to: &str) {
        let example = fs::read_to_string(self.path("example.json")).unwrap();
        assert!(example.contains(from), "{example}");
        fs::write(self.path("example.json"), example.replace(from, to)).unwrap();
    }
}

#[test]
fn a_new_pass_is_listed_described_completed_checked_and_run() {
    let stranger = Stranger::new("pass", "rust");
    stranger.build();
    is_listed(&stranger);
    is_in_the_schema(&stranger);
    runs(&stranger);
    is_checked(&stranger);
    is_completed(stranger);
}

fn is_listed(stranger: &Stranger) {
    let line = "pass       StrangerPrune: Set weights of small magnitude to zero.";
    stranger.olive("dist", &["plugin", "list"]).check(0, &["stranger-prune@0.1.0", line]);
}

fn is_in_the_schema(stranger: &Stranger) {
    let said = stranger.olive("dist", &["schema"]);
    said.check(0, &["\"StrangerPrune\"", "Weights of a smaller magnitude become zero."]);
    serde_json::from_str::<Value>(&said.out).unwrap();
}

fn runs(stranger: &Stranger) {
    let run = ["run", "--config"];
    let parts = ["[1/1] prune (StrangerPrune): done", " weights to zero"];
    stranger.on_example("dist", &run).check(0, &parts);
    let weights = |folder| fs::read(stranger.path(folder).join("model.safetensors")).unwrap();
    let (before, after) = (weights("model"), weights("output"));
    assert_eq!(before.len(), after.len());
    assert!(before != after, "nothing was pruned");
    stranger.on_example("dist", &run).check(0, &["reused"]);
}

fn is_checked(stranger: &Stranger) {
    let check = ["check"];
    stranger.on_example("dist", &check).check(0, &["nothing is wrong"]);
    stranger.edit_example("0.01", "\"high\"");
    let parts = ["example.json:4:58", "is not a number", "write a magnitude such as 0.001"];
    stranger.on_example("dist", &check).check(11, &parts);
    stranger.edit_example("\"threshold\"", "\"treshold\"");
    let parts = ["unknown key `treshold`", "did you mean `threshold`?"];
    stranger.on_example("dist", &check).check(11, &parts);
    stranger.edit_example("\"treshold\": \"high\"", "\"exclude\": [\"nrom\"]");
    stranger.on_example("dist", &["run", "--config"]).check(0, &["example.json:4", "`nrom`"]);
}

/// Beside the program, as users of an editor have it.
fn is_completed(stranger: Stranger) {
    let library = stranger.path(&format!("dist/{DLL_PREFIX}stranger_prune{DLL_SUFFIX}"));
    let installed = format!("bin/plugins/{DLL_PREFIX}olive_plugin_stranger{DLL_SUFFIX}");
    let place = stranger.playground.path(&installed);
    fs::create_dir_all(place.parent().unwrap()).unwrap();
    fs::copy(library, place).unwrap();
    let text = r#"{"passes": {"a": {"type": "StrangerPrune", ""#;
    let mut editor = Editor::open_in(stranger.playground, "olive.json", text);
    let items = editor.ask("completion", text);
    let item = |label| items.as_array().unwrap().iter().find(|item| item["label"] == label);
    let threshold = item("threshold").unwrap_or_else(|| panic!("{items}"));
    let told = &threshold["documentation"]["value"];
    assert_eq!(told, "Weights of a smaller magnitude become zero.");
    assert!(item("exclude").is_some(), "{items}");
}

#[test]
fn a_new_pass_in_python_is_tested_and_run() {
    let stranger = Stranger::new("pass", "python");
    if Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: there is no python3");
        return;
    }
    let mut unittest = Command::new("python3");
    let tested = unittest.args(["-m", "unittest"]).current_dir(stranger.path("")).output().unwrap();
    assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stderr));
    stranger.olive(".", &["plugin", "list"]).check(0, &["pass       StrangerPrune: "]);
    stranger.on_example(".", &["run", "--config"]).check(0, &["(StrangerPrune): done"]);
}

#[test]
fn new_graph_passes_in_other_languages_pass_their_own_tests() {
    let c = "mkdir target && cc -std=c17 -o target/test test.c && target/test";
    for (language, tool, test) in [("c", "cc", c), ("js", "node", "node --test")] {
        let stranger = Stranger::new("graph-pass", language);
        is_the_view_of_today(&stranger);
        if Command::new(tool).arg("--version").output().is_err() {
            println!("skipped: there is no `{tool}`");
            continue;
        }
        let mut shell = Command::new("sh");
        let said = shell.args(["-c", test]).current_dir(stranger.path("")).output().unwrap();
        assert!(said.status.success(), "{language}: {}", String::from_utf8_lossy(&said.stdout));
    }
}

/// The view that a new graph pass is tested on is one that a pass may be shown.
fn is_the_view_of_today(stranger: &Stranger) {
    let text = fs::read_to_string(stranger.path("view.json")).unwrap();
    let told: Value = serde_json::from_str(&text).unwrap();
    let view: GraphView = serde_json::from_value(told.clone()).unwrap();
    assert_eq!(serde_json::to_value(view).unwrap(), told);
}

#[test]
fn what_cannot_be_made_is_told_and_leaves_nothing() {
    let stranger = Stranger::new("validator", "c");
    for (name, kind, language, part) in [
        (NAME, "pass", "rust", "is there already: nothing was written"),
        ("../up", "pass", "rust", "`../up` is no name for a plugin"),
        ("olive-prune", "pass", "rust", "are Olive's own"),
        ("other", "pass", "c", "a pass cannot be written in c; there are templates in `rust`"),
        ("other", "system", "python", "there are templates in `rust`"),
    ] {
        stranger.make(name, kind, language).check(2, &[part]);
    }
    assert_eq!(fs::read_dir(stranger.home.path()).unwrap().count(), 1);
}

//! Plugins of strangers at their worst: the program lives, names plugin and cause, and keeps nothing
//! of them; what was there before is there afterwards, and the next run works.

mod versions;
mod load;
mod crashes;
mod noise;
mod processes;
mod files;
mod answers;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::playground::{Playground, Said};

/// A playground with the hostile plugin, and a store that holds one step already.
struct Scene {
    playground: Playground,
    before: BTreeMap<String, Vec<u8>>,
}

impl Scene {
    fn new() -> Self {
        let playground = Playground::new();
        playground.install("olive_hostile_plugin", "olive_plugin_hostile");
        playground.passes(&json!({"first": {"type": "Toy"}}));
        playground.run().check(0, &[]);
        fs::remove_dir_all(playground.path("out")).unwrap();
        let before = contents(&playground);
        Self { playground, before }
    }

    /// Lets the pass `second` do `act` on what the pass `first` has made.
    fn act(&self, act: &str) -> Said {
        self.act_with(json!({"act": act}), &[], &[])
    }

    /// The same with a config, arguments and variables of the program.
    fn act_with(&self, config: Value, args: &[&str], variables: &[(&str, &str)]) -> Said {
        self.write(config);
        let run = [&["run", "--config", "@/olive.json"], args].concat();
        let mut command = self.playground.command(&run);
        Said::from(command.envs(variables.iter().copied()).output().unwrap())
    }

    fn write(&self, mut config: Value) {
        config["type"] = json!("Hostile");
        self.playground.passes(&json!({"first": {"type": "Toy"}, "second": config}));
    }

    /// Checks that model, store and output are as they were, and that the next run works.
    fn is_unharmed(&self) {
        assert!(!self.playground.exists("out"), "an output folder was left");
        assert_eq!(self.playground.names("cache/v1/work"), Vec::<String>::new());
        let after = contents(&self.playground);
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&after), names(&self.before));
        assert!(after == self.before, "a file has changed");
        self.works();
    }

    /// Checks that a run without harm works.
    fn works(&self) {
        self.act("nothing").check(0, &["[2/2] second (Hostile): done"]);
        assert_eq!(self.playground.read("out/weights"), "some weights");
    }
}

/// Lets the pass do `act`; the program must end with `code`, say `parts`, and be unharmed.
#[track_caller]
fn check(act: &str, code: i32, parts: &[&str]) {
    let scene = Scene::new();
    let said = scene.act(act);
    said.check(code, parts);
    assert_eq!(said.err.matches("error[").count(), 1, "not one message:\n{}", said.err);
    scene.is_unharmed();
}

/// Every file of the user's model and of the store's steps.
fn contents(playground: &Playground) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for folder in ["base", "cache/v1/steps"] {
        collect(&playground.path(folder), folder, &mut found);
    }
    found
}

fn collect(folder: &Path, name: &str, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{name}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &name, found);
        } else {
            found.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}

/// Whether this kernel can keep a plugin from writing elsewhere; says so where it cannot.
fn is_confined(scene: &Scene) -> bool {
    let said = scene.act_with(json!({}), &["--log-level", "debug"], &[]);
    said.check(0, &[]);
    fs::remove_dir_all(scene.playground.path("out")).unwrap();
    let is_confined = !said.err.contains("does not keep the plugin from writing elsewhere");
    if !is_confined {
        eprintln!("skipped: this kernel has no Landlock");
    }
    is_confined
}

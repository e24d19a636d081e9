//! The engines of containers that `cargo xtask test` has started.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::playground::{Playground, Running, Said};

/// An image with a shell and a C library.
const IMAGE: &str = "olive-test:glibc";

/// Engines that run.
pub(super) struct Engines {
    variables: Vec<(&'static str, OsString)>,
    name: &'static str,
    image: &'static str,
}

impl Engines {
    /// Docker, when there is one; says so when there is none.
    pub(super) fn docker() -> Option<Self> {
        let host = format!("unix://{}", folder()?.join("docker.sock").display());
        Some(Self { variables: vec![("DOCKER_HOST", host.into())], name: "docker", image: IMAGE })
    }

    /// Podman, when it runs on this machine.
    pub(super) fn podman() -> Option<Self> {
        let folder = folder()?;
        if !folder.join("podman.env").exists() {
            println!("skipped: Podman does not run on this machine");
            return None;
        }
        let file = |name: &str| folder.join(name).into_os_string();
        let variables = vec![
            ("CONTAINERS_CONF", file("containers.conf")),
            ("CONTAINERS_STORAGE_CONF", file("storage.conf")),
        ];
        Some(Self { variables, name: "podman", image: "localhost/olive-test:glibc" })
    }

    /// A playground with the toy plugin, whose only pass runs in a container that sees all of it:
    /// a toy waits for a file there.
    pub(super) fn playground(&self, settings: &Value, pass: &Value) -> Playground {
        let playground = Playground::new();
        playground.install("olive_plugin_environments", "olive_plugin_environments");
        let root = playground.path("");
        let root = root.to_str().unwrap().trim_end_matches('/');
        let mut system =
            self.system(&json!({"run_params": ["--volume", format!("{root}:{root}")]}));
        system.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        playground.workflow(json!({
            "systems": {"box": system},
            "engine": {"host": "box"},
            "passes": {"first": pass}
        }));
        playground
    }

    /// Containers as a system, with `settings` of its own.
    pub(super) fn system(&self, settings: &Value) -> Value {
        let mut system = json!({"type": "Docker", "engine": self.name, "image_name": self.image});
        system.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        system
    }

    /// Runs the program to its end.
    pub(super) fn olive(&self, playground: &Playground, args: &[&str]) -> Said {
        let mut command = playground.command(args);
        Running::of(command.envs(self.variables.iter().cloned())).end()
    }

    /// Runs the workflow.
    pub(super) fn run(&self, playground: &Playground) -> Said {
        self.olive(playground, &["run", "--config", "@/olive.json"])
    }

    /// Starts the workflow, until a toy step waits in a container.
    pub(super) fn start(&self, playground: &Playground) -> Running {
        let text =
            |(name, value): &(&'static str, OsString)| (*name, value.to_str().unwrap().into());
        let variables: Vec<(&str, String)> = self.variables.iter().map(text).collect();
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, &**value)).collect();
        playground.start_with(&variables)
    }

    /// What the engine says.
    pub(super) fn ask(&self, args: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.command(args).output().unwrap();
        assert!(status.success(), "{args:?}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap().trim().to_owned()
    }

    /// Ids of the containers that steps of `playground` have left.
    pub(super) fn containers(&self, playground: &Playground) -> Vec<String> {
        let format = "{{.ID}} {{.Labels}}";
        let all = self.ask(&["ps", "--all", "--no-trunc", "--format", format]);
        let root = playground.path("cache").display().to_string();
        let own = all.lines().filter(|line| line.contains(&root));
        own.filter_map(|line| Some(line.split_once(' ')?.0.to_owned())).collect()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.name);
        command.args(args).envs(self.variables.iter().cloned());
        command
    }
}

/// Folder of the engines.
fn folder() -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("OLIVE_TEST_CONTAINERS") else {
        println!("skipped: OLIVE_TEST_CONTAINERS names no engines: run `cargo xtask test`");
        return None;
    };
    Some(fs::canonicalize(folder).unwrap())
}

//! The cluster that `cargo xtask test` has started, for one test at a time.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::playground::{PATIENCE, Playground, Running, Said, signal, wait_for, wait_for_end_of};

/// Longest time that all other tests may have the cluster.
const TURN: Duration = Duration::from_mins(30);

/// A cluster that runs.
pub(super) struct Cluster {
    folder: PathBuf,
    /// Locked by the test that has the cluster, of whatever process: nodes and controller fail in
    /// some.
    _alone: File,
}

impl Cluster {
    /// The cluster, when there is one; says so when there is none.
    pub(super) fn find() -> Option<Self> {
        let Some(folder) = std::env::var_os("OLIVE_TEST_SLURM") else {
            println!("skipped: OLIVE_TEST_SLURM names no cluster: run `cargo xtask test`");
            return None;
        };
        let folder = PathBuf::from(folder);
        let alone = File::create(folder.join("alone")).unwrap();
        wait_for("the turn of this test", TURN, || alone.try_lock().is_ok());
        let cluster = Self { folder, _alone: alone };
        cluster.wait_until_idle();
        Some(cluster)
    }

    /// A playground with the toy plugin, whose only pass runs on the cluster.
    pub(super) fn playground(&self, settings: &Value, pass: &Value) -> Playground {
        let playground = Playground::new();
        playground.install("olive_plugin_slurm", "olive_plugin_slurm");
        playground.workflow(json!({
            "systems": {"cluster": self.system(&playground, settings)},
            "engine": {"host": "cluster"},
            "passes": {"first": pass}
        }));
        playground
    }

    /// The cluster as a system, with `settings` of its own.
    pub(super) fn system(&self, playground: &Playground, settings: &Value) -> Value {
        assert!(self.folder.is_dir());
        let mut system = json!({
            "type": "Slurm", "work_dir": playground.path("shared"), "cpus": 1, "mem": "1G"
        });
        system.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        system
    }

    /// A command of the program that finds the cluster.
    pub(super) fn command(&self, playground: &Playground, args: &[&str]) -> Command {
        let mut command = playground.command(args);
        command.env("SLURM_CONF", self.config());
        command
    }

    /// Runs the program to its end.
    pub(super) fn olive(&self, playground: &Playground, args: &[&str]) -> Said {
        Running::of(&mut self.command(playground, args)).end()
    }

    /// Runs the workflow.
    pub(super) fn run(&self, playground: &Playground) -> Said {
        self.olive(playground, &["run", "--config", "@/olive.json"])
    }

    /// Starts the workflow, until a toy step waits on a node.
    pub(super) fn start(&self, playground: &Playground) -> Running {
        playground.start_with(&[("SLURM_CONF", &self.config())])
    }

    /// What a command of Slurm says.
    pub(super) fn ask(&self, program: &str, args: &[&str]) -> String {
        let output = self.slurm(program).args(args).output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Ends the controller.
    pub(super) fn stop_controller(&self) {
        let process = std::fs::read_to_string(self.controller()).unwrap();
        signal("TERM", process.trim());
        wait_for_end_of(process.trim());
    }

    /// Starts it again with what it knew, until it answers.
    pub(super) fn start_controller(&self) {
        let mut controller = self.slurm("slurmctld");
        controller.args(["-f", &self.config()]).stdin(Stdio::null());
        // It goes on, and must not hold what this process writes to.
        controller.stdout(Stdio::null()).stderr(Stdio::null());
        assert!(controller.status().unwrap().success());
        wait_for("the answer of the controller", PATIENCE, || {
            let ping = self.slurm("scontrol").arg("ping").output().unwrap();
            ping.status.success() && String::from_utf8_lossy(&ping.stdout).contains("UP")
        });
    }

    /// Waits until no job is left, and both nodes are there.
    pub(super) fn wait_until_idle(&self) {
        // One that is only slow to answer would be ended by another.
        if !self.controller().exists() {
            self.start_controller();
        }
        let nodes = || {
            let args = ["--noheader", "--Node", "--states=idle", "--format=%N"];
            let output = self.slurm("sinfo").args(args).output().unwrap();
            String::from_utf8_lossy(&output.stdout).lines().count()
        };
        wait_for("the time when both nodes are idle", PATIENCE, || nodes() >= 2);
    }

    /// File with the process id of the controller, which removes it when it ends.
    fn controller(&self) -> PathBuf {
        self.folder.join("run/slurmctld.pid")
    }

    fn config(&self) -> String {
        self.folder.join("slurm.conf").display().to_string()
    }

    fn slurm(&self, program: &str) -> Command {
        let daemons = Path::new("/usr/sbin").join(program);
        let mut command =
            Command::new(if daemons.exists() { daemons } else { PathBuf::from(program) });
        command.env("SLURM_CONF", self.config());
        command
    }
}

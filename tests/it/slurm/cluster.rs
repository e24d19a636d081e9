//! The cluster that `cargo xtask test` has started, for one test at a time.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::{Value, json};

use crate::playground::{Playground, Running, Said, signal, wait_for_end_of};

/// Held by the test that has the cluster: nodes and controller fail in some.
static ALONE: Mutex<()> = Mutex::new(());

/// A cluster that runs.
pub(super) struct Cluster {
    folder: PathBuf,
    _alone: MutexGuard<'static, ()>,
}

impl Cluster {
    /// The cluster, when there is one; says so when there is none.
    pub(super) fn find() -> Option<Self> {
        let Some(folder) = std::env::var_os("OLIVE_TEST_SLURM") else {
            println!("skipped: OLIVE_TEST_SLURM names no cluster: run `cargo xtask test`");
            return None;
        };
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let cluster = Self { folder: folder.into(), _alone: alone };
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
        Said::from(self.command(playground, args).output().unwrap())
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
        let path = self.folder.join("run/slurmctld.pid");
        let process = std::fs::read_to_string(path).unwrap();
        signal("TERM", process.trim());
        wait_for_end_of(process.trim());
    }

    /// Starts it again with what it knew.
    pub(super) fn start_controller(&self) {
        let mut controller = self.slurm("slurmctld");
        controller.args(["-f", &self.config()]).stdin(Stdio::null());
        // It goes on, and must not hold what this process writes to.
        controller.stdout(Stdio::null()).stderr(Stdio::null());
        assert!(controller.status().unwrap().success());
    }

    /// Waits until no job is left, and both nodes are there.
    pub(super) fn wait_until_idle(&self) {
        let ping = self.slurm("scontrol").arg("ping").output().unwrap();
        if !ping.status.success() || !String::from_utf8_lossy(&ping.stdout).contains("UP") {
            self.start_controller();
        }
        let nodes = || {
            let args = ["--noheader", "--Node", "--states=idle", "--format=%N"];
            let output = self.slurm("sinfo").args(args).output().unwrap();
            String::from_utf8_lossy(&output.stdout).lines().count()
        };
        while nodes() < 2 {
            thread::yield_now();
        }
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

//! Killed at every step: the active packs are the old ones or the new ones, whole.
//!
//! Every change of a store is a fault point (`packs/src/durable.rs`). For each command that changes
//! one, its points are counted, and then it is killed before each of them in turn.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use olive_packs::store::Store;

use super::install::{named, prune};
use super::keys::Key;
use crate::playground::{Playground, Said, copy_folder};

/// A user, and a command that is killed. Everything the program changes is in the folder `world`.
struct Scene {
    playground: Playground,
    /// The command.
    args: Vec<String>,
    /// Whether it is about the packs of the project in `world/project`.
    is_project: bool,
}

/// What a store comes to: names and versions of the active packs, and the packs on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    active: Vec<String>,
    packs: BTreeSet<String>,
}

impl Scene {
    /// With `acme/prune` in three versions and a pack that has nothing to do with it.
    fn new(args: &[&str]) -> Self {
        let playground = Playground::bare();
        for version in ["1.0.0", "1.1.0", "1.2.0"] {
            prune(version).write(&playground.path("packs"));
        }
        named("acme/other", "Other", "1.0.0").write(&playground.path("packs"));
        fs::create_dir_all(playground.path("world/project")).unwrap();
        let is_project = args.iter().any(|arg| arg.starts_with("--project"));
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        Self { playground, args, is_project }
    }

    /// After these commands.
    fn after(self, commands: &[&[&str]]) -> Self {
        for command in commands {
            self.olive(command).check(0, &[]);
        }
        self
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.playground.command(&[&["plugin"], args].concat());
        command
            .env("OLIVE_DATA_HOME", self.playground.path("world/data"))
            .env("OLIVE_CACHE_HOME", self.playground.path("world/cache"))
            .current_dir(self.playground.path("world/project"));
        command
    }

    fn olive(&self, args: &[&str]) -> Said {
        Said::from(self.command(args).output().unwrap())
    }

    /// The command, with a wish about its fault points.
    fn run(&self, fault_point: &str) -> std::process::Output {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        self.command(&args).env("OLIVE_FAULT_POINT", fault_point).output().unwrap()
    }

    fn store(&self) -> Store {
        let home = self.playground.path("world/data");
        if self.is_project {
            Store::project(&self.playground.path("world/project"), &home)
        } else {
            Store::user(&home)
        }
    }

    fn state(&self) -> State {
        let store = self.store();
        let active = store.active().unwrap();
        let title = |pack: &olive_packs::store::ActivePack| {
            format!("{} {} {}", pack.name, pack.version, pack.sha256)
        };
        let names = |folder: &str| names(&store.root().join(folder));
        State { active: active.packs.iter().map(title).collect(), packs: names("packs") }
    }

    /// Runs another command on the same store.
    fn same_store(&self, args: &[&str]) -> Said {
        let project: &[&str] = if self.is_project { &["--project"] } else { &[] };
        self.olive(&[args, project].concat())
    }

    /// Checks that what is active is listed, whole, and all there is to say.
    fn check_whole(&self, state: &State, at: &str) {
        let listed = self.olive(&["list"]);
        assert_eq!(listed.code, Some(0), "{at}: {}", listed.err);
        for pack in &state.active {
            let (title, _) = pack.rsplit_once(' ').unwrap();
            assert!(listed.out.contains(title), "{at}: {}", listed.out);
        }
        assert!(!listed.out.contains("not usable"), "{at}: {}", listed.out);
        let verified = self.same_store(&["verify"]);
        assert_eq!(verified.code, Some(0), "{at}: {}{}", verified.out, verified.err);
    }

    /// Checks that nothing is left of what was under way.
    fn check_swept(&self, at: &str) {
        let store = self.store();
        let left = names(&store.root().join("tmp"));
        assert!(left.is_empty(), "{at}: {left:?}");
        let history = store.history().unwrap();
        let named: BTreeSet<String> =
            history.iter().flat_map(|one| &one.packs).map(|pack| pack.sha256.clone()).collect();
        assert_eq!(names(&store.root().join("packs")), named, "{at}");
    }

    /// Kills the command before each of its fault points.
    fn check(&self, least_points: usize) {
        let world = self.playground.path("world");
        let start = self.playground.path("start");
        copy_folder(&world, &start);
        let old = self.state();
        let counted = self.run("count");
        assert!(counted.status.success(), "{}", String::from_utf8_lossy(&counted.stderr));
        let new = self.state();
        let told = String::from_utf8(counted.stderr).unwrap();
        let points: Vec<&str> =
            told.lines().filter(|line| line.starts_with("fault point ")).collect();
        println!("olive plugin {}: {} points", self.args.join(" "), points.len());
        assert!(points.len() >= least_points, "{told}");

        let (mut kept, mut changed) = (0, 0);
        for (number, point) in points.iter().enumerate() {
            fs::remove_dir_all(&world).unwrap();
            copy_folder(&start, &world);
            let killed = self.run(&(number + 1).to_string());
            let at = format!("before {point}");
            let said = String::from_utf8_lossy(&killed.stderr);
            assert_eq!(killed.status.signal(), Some(9), "{at}: {said}");

            let state = self.state();
            self.check_whole(&state, &at);
            if state.active == old.active {
                kept += 1;
                let retried = self.run("");
                let said = String::from_utf8_lossy(&retried.stderr);
                assert!(retried.status.success(), "{at}: {said}");
                assert_eq!(self.state(), new, "{at}");
            } else {
                changed += 1;
                assert_eq!(state.active, new.active, "{at}");
                let other = self.playground.path("packs/acme-other-1.0.0.pack");
                let other = other.to_str().unwrap();
                self.same_store(&["install", other, "--allow-unsigned"]).check(0, &["acme/other"]);
                assert_eq!(self.state().active.len(), new.active.len() + 1, "{at}");
            }
            self.check_swept(&at);
            self.check_whole(&self.state(), &at);
        }
        println!("  {kept} times the old packs were active, {changed} times the new ones");
        let is_change = old.active != new.active;
        assert!(kept > 0 && (changed > 0) == is_change, "{kept} {changed}");
    }
}

/// Names in a folder; none when it is not there.
fn names(folder: &Path) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeSet::new() };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Arguments that install version `version` of `acme/prune`.
macro_rules! installing {
    ($version:literal $(, $more:literal)*) => {
        &["install", concat!("@/packs/acme-prune-", $version, ".pack"), "--allow-unsigned" $(, $more)*]
    };
}

#[test]
fn a_first_install() {
    Scene::new(installing!("1.0.0")).check(30);
}

#[test]
fn an_install_over_an_older_version() {
    Scene::new(installing!("1.1.0")).after(&[installing!("1.0.0")]).check(25);
}

#[test]
fn a_first_install_that_trusts_a_key() {
    let scene = Scene::new(&["install", "@/packs/acme-prune-1.0.0.pack", "--trust-on-first-use"]);
    Key::new().sign(&scene.playground.path("packs/acme-prune-1.0.0.pack"));
    scene.check(35);
}

#[test]
fn an_install_for_a_project() {
    Scene::new(installing!("1.1.0", "--project")).after(&[installing!("1.0.0")]).check(35);
}

#[test]
fn an_upgrade() {
    let scene = Scene::new(&["upgrade"]);
    let key = Key::new();
    let offer = |version: &str| {
        let path = scene.playground.path(&format!("packs/acme-prune-{version}.pack"));
        key.sign(&path);
        let path = path.display().to_string();
        let args = ["index", "build", "--name", "shop", "--key", "@/index.key", &path];
        scene.olive(&[&args[..], &["-o", "@/packs/index.json"]].concat()).check(0, &[]);
    };
    scene.olive(&["key", "new", "@/index.key", "--no-password"]).check(0, &[]);
    offer("1.0.0");
    scene.olive(&["trust", "add", "acme", &key.public]).check(0, &[]);
    let add = ["index", "add", "@/packs/index.json", "--key", "@/index.pub"];
    scene.olive(&add).check(0, &[]);
    scene.olive(&["install", "prune"]).check(0, &["acme/prune 1.0.0"]);
    offer("1.2.0");
    scene.olive(&["index", "update"]).check(0, &[]);
    scene.check(25);
}

#[test]
fn a_removal() {
    Scene::new(&["remove", "prune"]).after(&[installing!("1.0.0")]).check(8);
}

#[test]
fn a_rollback() {
    Scene::new(&["rollback"]).after(&[installing!("1.0.0"), installing!("1.1.0")]).check(4);
}

#[test]
fn a_rollback_in_a_project() {
    Scene::new(&["rollback", "--project"])
        .after(&[installing!("1.0.0", "--project"), installing!("1.1.0", "--project")])
        .check(4);
}

#[test]
fn a_cleaning() {
    Scene::new(&["clean"])
        .after(&[installing!("1.0.0"), installing!("1.1.0"), installing!("1.2.0")])
        .check(20);
}

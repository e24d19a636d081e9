//! Plugins that misbehave, and libraries that are no plugins.

use std::fs;
use std::process::Command;

use serde_json::json;

use crate::playground::Playground;

fn check(behavior: &str, parts: &[&str]) {
    let playground = Playground::new();
    playground.passes(&json!({
        "first": {"type": "Toy"},
        "second": {"type": "Toy", "behavior": behavior}
    }));
    playground.run().check(20, parts);
    assert!(!playground.exists("out"));
    assert_eq!(playground.names("cache/v1/work"), Vec::<String>::new());
    assert_eq!(playground.names("cache/v1/steps").len(), 1);
}

#[test]
fn a_step_that_fails_says_why() {
    check("fail", &["`second (Toy)` failed: the toy failed", "tell it not to"]);
}

#[test]
fn a_panic_is_an_error_of_the_step() {
    check("panic", &["`second (Toy)` failed: the plugin panicked: the toy panics"]);
}

#[test]
fn a_crash_is_an_error_of_the_step() {
    check(
        "abort",
        &[
            "`second (Toy)` failed: the worker of `libolive_plugin_toy.so` was killed by signal 6 (SIGABRT)",
        ],
    );
}

#[test]
fn a_library_that_is_no_plugin_is_told_in_one_sentence() {
    let playground = Playground::new();
    playground.install_in("more", "olive_no_plugin", "other");
    playground.passes(&json!({"first": {"type": "Toy"}}));
    playground
        .olive(&["run", "--config", "@/olive.json", "--plugin-dir", "@/more"])
        .check(12, &["the library is not an Olive plugin: it has no `olive_plugin_api_version`"]);
    assert!(!playground.exists("cache"));
}

#[test]
fn a_file_that_is_no_library_is_told_in_one_sentence() {
    let playground = Playground::new();
    let name = format!("more/broken{}", std::env::consts::DLL_SUFFIX);
    playground.write(&name, "no library");
    playground
        .olive(&["plugin", "list", "--plugin-dir", "@/more"])
        .check(12, &["the file is not a dynamic library for this machine"]);
}

#[test]
fn a_broken_plugin_beside_the_program_stops_only_what_needs_it() {
    let playground = Playground::new();
    playground.install("olive_other_version_plugin", "olive_plugin_other");
    playground.passes(&json!({"first": {"type": "Toy"}}));
    playground.run().check(0, &[]);
    playground.passes(&json!({"first": {"type": "Other"}}));
    playground.run().check(11, &["no installed plugin has a pass `Other`", "99.0.0"]);
}

#[test]
fn two_plugins_with_one_pass_are_told() {
    let playground = Playground::new();
    playground.install_in("more", "olive_toy_plugin", "toy_again");
    let library = playground.path("more").join(format!(
        "{}toy_again{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    ));
    // The same library twice is one plugin.
    let list = ["plugin", "list", "--plugin-dir", "@/more"];
    playground.olive(&list).check(0, &[]);
    let mut bytes = fs::read(&library).unwrap();
    bytes.push(0);
    fs::remove_file(&library).unwrap();
    fs::write(&library, bytes).unwrap();
    // Another build in a folder that the user names goes before the one beside the program.
    playground.olive(&list).check(0, &["shadows    olive-toy-plugin@0.1.0 beside the program"]);
    playground.install_in("more", "olive_toy_plugin", "toy");
    playground.olive(&list).check(12, &["pass `Toy` is in", "remove one of them"]);
}

#[test]
fn without_plugins_the_way_out_is_told() {
    let playground = Playground::bare();
    playground.passes(&json!({"first": {"type": "Toy"}}));
    playground.run().check(11, &["no plugins are installed", "--plugin-dir"]);
}

#[test]
fn a_full_disk_stops_the_step_and_leaves_room_again() {
    let playground = Playground::new();
    fs::create_dir(playground.path("cache")).unwrap();
    let cache = playground.path("cache");
    let mount = ["-t", "tmpfs", "-o", "size=2m", "tmpfs"];
    let mounted = Command::new("mount").args(mount).arg(&cache).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: a small disk can only be mounted by root");
        return;
    }
    let unmount = Unmount(cache);
    playground.passes(&json!({"first": {"type": "Toy", "ballast_bytes": 8 << 20}}));
    let said = playground.run();
    let (names, has_output) = (playground.names("cache/v1/steps"), playground.exists("out"));
    let work = playground.names("cache/v1/work");
    drop(unmount);
    said.check(20, &["`first (Toy)` failed", "No space left on device"]);
    assert_eq!((names, work, has_output), (Vec::new(), Vec::new(), false));
}

struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

//! Plugins and other processes.

#![cfg(unix)]

use std::time::{Duration, Instant};

use super::{Scene, is_confined};
use crate::playground::wait_for_end_of;

/// A process that the plugin leaves behind is ended, and does not hold up the run.
fn check_left(act: &str) {
    let scene = Scene::new();
    let start = Instant::now();
    let said = scene.act(act);
    said.check(0, &["[2/2] second (Hostile): done", "left process "]);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    let (_, process) = said.err.split_once("left process ").unwrap();
    wait_for_end_of(process.split_whitespace().next().unwrap());
}

#[test]
fn a_child_that_holds_every_pipe_is_ended() {
    check_left("fork");
}

#[test]
#[cfg(target_os = "linux")]
fn a_child_that_leaves_its_group_is_ended() {
    check_left("fork_and_leave_group");
}

#[test]
#[cfg(target_os = "linux")]
fn the_host_cannot_be_killed() {
    let scene = Scene::new();
    if is_confined(&scene) {
        scene.act("kill_host").check(0, &["second (Hostile)"]);
    }
}

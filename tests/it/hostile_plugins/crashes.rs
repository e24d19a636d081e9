//! Plugins that end, stop or fill their process.

use serde_json::json;

use super::{Scene, check};
use crate::playground::signal;

#[test]
fn a_panic() {
    check("panic", 20, &["`second (Hostile)` failed: the plugin panicked: a panic on purpose"]);
}

#[test]
#[cfg(unix)]
fn an_abort() {
    check("abort", 20, &["the worker of `libolive_plugin_hostile.so` was killed by signal 6"]);
}

#[test]
#[cfg(unix)]
fn a_wild_pointer() {
    check("segfault", 20, &["olive_plugin_hostile", "was killed by signal 11 (SIGSEGV)"]);
}

#[test]
#[cfg(unix)]
fn a_stack_that_overflows() {
    check("overflow_stack", 20, &["olive_plugin_hostile", "was killed by signal", "stack"]);
}

#[test]
fn an_exit_without_an_answer() {
    check("exit_without_answer", 20, &["ended with exit code 0 and no answer"]);
}

#[test]
#[cfg(unix)]
fn a_crash_before_the_run_is_told_before_anything_runs() {
    let scene = Scene::new();
    let said = scene.act_with(json!({"act": "segfault", "at": "prepare"}), &[], &[]);
    said.check(
        13,
        &["`second (Hostile)` cannot run: the worker of", "was killed by signal 11 (SIGSEGV)"],
    );
    scene.is_unharmed();
}

#[test]
fn a_hang_before_the_run_ends_in_time() {
    let scene = Scene::new();
    let said = scene.act_with(
        json!({"act": "loop_forever", "at": "prepare"}),
        &[],
        &[("OLIVE_PREPARE_SECONDS", "1")],
    );
    said.check(13, &["took more than 1 s to look at the step", "OLIVE_PREPARE_SECONDS"]);
    scene.is_unharmed();
}

#[test]
#[cfg(unix)]
fn a_loop_that_ignores_cancel_is_ended_by_force() {
    let scene = Scene::new();
    scene.write(json!({"act": "loop_forever"}));
    let mut running = scene.playground.spawn();
    running.line_with("the plugin begins");
    signal("INT", &running.host());
    running.end().check(30, &["second (Hostile): cancelled"]);
    scene.is_unharmed();
}

#[test]
#[cfg(target_os = "linux")]
fn memory_beyond_the_budget() {
    let scene = Scene::new();
    let said = scene.act_with(json!({"act": "allocate"}), &["--memory", "300MiB"], &[]);
    said.check(20, &["olive_plugin_hostile", "used more than 300.0 MiB of memory", "--memory"]);
    scene.is_unharmed();
}

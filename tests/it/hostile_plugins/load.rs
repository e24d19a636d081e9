//! Plugins that do harm before they have said what they are.

use serde_json::json;

use crate::playground::{Playground, Said};

/// Lists a copy of the hostile plugin called `name`.
fn list(playground: &Playground, name: &str) -> Said {
    playground.install_in("more", "olive_hostile_plugin", name);
    let mut command = playground.command(&["plugin", "list", "--plugin-dir", "@/more"]);
    Said::from(command.env("OLIVE_DESCRIBE_SECONDS", "1").output().unwrap())
}

/// It is refused by name, with `parts`; without it, or beside the program, a run works.
fn check(name: &str, parts: &[&str]) {
    let playground = Playground::new();
    let said = list(&playground, name);
    said.check(12, parts);
    said.check(12, &["cannot use plugin", name]);
    playground.passes(&json!({"first": {"type": "Toy"}}));
    playground.run().check(0, &["first (Toy): done"]);
    if !cfg!(target_os = "linux") {
        return;
    }
    playground.install("olive_hostile_plugin", &format!("olive_plugin_{name}"));
    playground.passes(&json!({"first": {"type": "Toy", "score": 0.5}}));
    let mut run = playground.command(&["run", "--config", "@/olive.json"]);
    let said = Said::from(run.env("OLIVE_DESCRIBE_SECONDS", "1").output().unwrap());
    said.check(0, &["first (Toy): done"]);
}

#[test]
fn a_hang_while_it_is_described() {
    check("hang_in_describe", &["took more than 1 s to describe itself", "OLIVE_DESCRIBE_SECONDS"]);
}

#[test]
#[cfg(unix)]
fn a_crash_while_it_is_described() {
    check("crash_in_describe", &["was killed by signal 11 (SIGSEGV)", "report it"]);
}

#[test]
fn an_exit_while_it_is_described() {
    check("exit_in_describe", &["ended with exit code 0 and no answer"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_crash_while_it_is_loaded() {
    check("crash_on_load", &["was killed by signal 6 (SIGABRT)"]);
}

//! Plugins and files that are not theirs.

use serde_json::json;

use super::{Scene, is_confined};
use crate::playground::Said;

/// Where the system confines plugins, the act fails inside the plugin and nothing has changed.
fn check_denied(act: &str) {
    let scene = Scene::new();
    if !is_confined(&scene) {
        return;
    }
    scene.playground.write("precious", "mine");
    // What the run without harm has made belongs to the store now.
    let scene = Scene { before: super::contents(&scene.playground), ..scene };
    let target = scene.playground.path("precious");
    let said = scene.act_with(json!({"act": act, "target": target}), &[], &[]);
    said.check(20, &["`second (Hostile)` failed", "denied"]);
    assert_eq!(scene.playground.read("precious"), "mine");
    assert!(!scene.playground.exists("out"));
    assert_eq!(scene.playground.names("cache/v1/work"), Vec::<String>::new());
    assert_eq!(super::contents(&scene.playground), scene.before);
}

#[test]
fn writing_outside_its_folders_is_denied() {
    check_denied("write_outside");
}

#[test]
fn deleting_its_input_is_denied() {
    check_denied("delete_input");
}

#[test]
fn adding_to_its_input_is_denied() {
    check_denied("add_to_input");
}

/// Where nothing confines the plugin, the act on the user's own model is seen and told.
fn act_on_base(act: &str) -> (Scene, Said) {
    let scene = Scene::new();
    scene.playground.passes(&json!({"only": {"type": "Hostile", "act": act}}));
    let mut command = scene.playground.command(&["run", "--config", "@/olive.json"]);
    let said = Said::from(command.env("OLIVE_CONFINE", "off").output().unwrap());
    (scene, said)
}

fn check_seen(act: &str, what: &str) {
    let (scene, said) = act_on_base(act);
    said.check(
        20,
        &["`only (Hostile)` failed", what, "since plugin `olive-hostile-plugin@", "not kept"],
    );
    assert!(!scene.playground.exists("out"));
    assert_eq!(scene.playground.names("cache/v1/steps").len(), 1);
    scene.playground.write("base/weights", "some weights");
    let _ = std::fs::remove_file(scene.playground.path("base/extra"));
    scene.works();
}

#[test]
fn without_confinement_a_deleted_input_is_told() {
    check_seen("delete_input", "weights` is gone");
}

#[test]
fn without_confinement_a_changed_input_is_told() {
    check_seen("change_input", "weights` is not as it was");
}

#[test]
fn without_confinement_a_file_added_to_the_input_is_told() {
    check_seen("add_to_input", "extra` is new");
}

#[test]
fn a_step_of_the_store_that_was_changed_is_made_again() {
    let scene = Scene::new();
    let said = scene.act_with(json!({"act": "change_input"}), &[], &[("OLIVE_CONFINE", "off")]);
    said.check(20, &["weights` is not as it was", "not kept"]);
    assert_eq!(scene.playground.names("cache/v1/steps"), Vec::<String>::new());
    scene.act("nothing").check(0, &["first (Toy): done", "second (Hostile): done"]);
    assert_eq!(scene.playground.read("out/weights"), "some weights");
}

#[test]
#[cfg(unix)]
fn without_confinement_a_linked_input_stays_writable() {
    let (scene, said) = act_on_base("link_input");
    said.check(0, &["only (Hostile): done"]);
    let base = std::fs::metadata(scene.playground.path("base/weights")).unwrap();
    assert!(!base.permissions().readonly());
    assert_eq!(scene.playground.read("out/linked"), "some weights");
    scene.playground.write("base/weights", "written later");
    assert_eq!(scene.playground.read("out/linked"), "some weights");
}

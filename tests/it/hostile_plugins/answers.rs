//! Plugins that answer with what is not theirs, or leave what cannot be kept.

use serde_json::json;

use super::{Scene, check};

/// Lets the pass answer by `act` with a file of the user's, which is refused.
fn check_refused(act: &str, parts: &[&str]) {
    let scene = Scene::new();
    let target = scene.playground.path("base");
    let said = scene.act_with(json!({"act": act, "target": target}), &[], &[]);
    said.check(20, parts);
    said.check(20, &["`second (Hostile)` failed: plugin `olive-hostile-plugin@"]);
    scene.is_unharmed();
}

const NOT_ITS_OWN: &str = "which is neither in its output folder nor a part of its input";

#[test]
fn a_folder_of_the_user_is_refused() {
    check_refused("answer_with_target", &["base`", NOT_ITS_OWN]);
}

#[test]
fn the_result_of_another_step_is_refused() {
    let scene = Scene::new();
    scene.playground.passes(&json!({"other": {"type": "Toy", "score": 0.25}}));
    scene.playground.run().check(0, &[]);
    std::fs::remove_dir_all(scene.playground.path("out")).unwrap();
    let scene = Scene { before: super::contents(&scene.playground), ..scene };
    let names = scene.playground.names("cache/v1/steps");
    let key = names
        .iter()
        .find(|key| scene.playground.exists(&format!("cache/v1/steps/{key}/files/score")));
    let target = scene.playground.path(&format!("cache/v1/steps/{}/files", key.unwrap()));
    let said = scene.act_with(json!({"act": "answer_with_target", "target": target}), &[], &[]);
    said.check(20, &["plugin `olive-hostile-plugin@", "answers with", NOT_ITS_OWN]);
    scene.is_unharmed();
}

#[test]
fn a_path_that_climbs_out_is_refused() {
    check_refused("answer_with_dots", &[NOT_ITS_OWN]);
}

#[test]
#[cfg(unix)]
fn a_link_that_leads_out_is_refused() {
    check_refused("answer_with_link", &[NOT_ITS_OWN]);
}

#[test]
fn a_relative_path_is_refused() {
    check_refused("answer_with_relative_path", &["`output`, which it did not make"]);
}

#[test]
fn a_graph_file_elsewhere_is_refused() {
    check_refused("answer_with_foreign_graph", &["the graph file `", "does not have"]);
}

#[test]
#[cfg(unix)]
fn pipes_sockets_and_links_are_refused() {
    for (act, what) in [
        ("leave_pipe", "left` is a pipe"),
        ("leave_socket", "left` is a socket"),
        ("leave_link", "left` is a symbolic link"),
    ] {
        check(act, 20, &["plugin `olive-hostile-plugin@", "made what cannot be kept", what]);
    }
}

#[test]
#[cfg(unix)]
fn an_output_folder_that_leads_elsewhere_is_refused() {
    let scene = Scene::new();
    let config = json!({"act": "replace_output", "target": scene.playground.path("base")});
    let said = scene.act_with(config, &[], &[("OLIVE_CONFINE", "off")]);
    said.check(20, &["`second (Hostile)` failed"]);
    scene.is_unharmed();
}

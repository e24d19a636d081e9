//! Plugins built against another contract.

use serde_json::json;

use crate::playground::Playground;

/// Lists the plugin `library` and checks that it is refused with `parts`.
fn check_refused(library: &str, parts: &[&str]) {
    let playground = Playground::new();
    playground.install_in("more", library, "stranger");
    let said = playground.olive(&["plugin", "list", "--plugin-dir", "@/more"]);
    said.check(12, parts);
    said.check(12, &["cannot use plugin", "stranger"]);
    assert_eq!(said.err.matches("error[").count(), 1, "not one message:\n{}", said.err);
}

#[test]
fn a_plugin_of_the_previous_minor_version_is_listed_and_runs() {
    let playground = Playground::bare();
    playground.install_in("more", "olive_previous_minor_plugin", "relic");
    playground
        .olive(&["plugin", "list", "--plugin-dir", "@/more"])
        .check(0, &["olive-previous-minor-plugin", "1.4.2", "Relic"]);
    playground.passes(&json!({"old": {"type": "Relic", "note": "kept"}}));
    let run = ["run", "--config", "@/olive.json", "--plugin-dir", "@/more", "--log-level", "info"];
    playground.olive(&run).check(0, &["[1/1] old (Relic): done", "noted `kept`"]);
    assert_eq!(playground.read("out/note"), "kept");
    assert_eq!(playground.read("out/weights"), "some weights");
    playground.olive(&run).check(0, &["[1/1] old (Relic): reused"]);
    playground.passes(&json!({"old": {"type": "Relic", "note": 3}}));
    playground.olive(&run).check(11, &["3 is not a string", "olive.json:"]);
    playground.passes(&json!({"old": {"type": "Relic", "note": ""}}));
    playground.olive(&run).check(0, &["the note is empty", "leave it out"]);
}

#[test]
fn a_plugin_of_the_next_major_version_is_refused_with_what_to_do() {
    check_refused(
        "olive_next_major_plugin",
        &["built against plugin API 1.0.0, newer than the 0.6.0 of this Olive: update Olive"],
    );
}

#[test]
fn a_plugin_of_a_far_version_is_refused_with_what_to_do() {
    check_refused(
        "olive_other_version_plugin",
        &["plugin API 99.0.0", "or install a build of the plugin for API 0.6.0"],
    );
}

#[test]
fn functions_laid_out_otherwise_than_the_version_says_are_refused() {
    check_refused(
        "olive_other_layout_plugin",
        &["says API 0.1.0, but its functions are laid out otherwise", "ask its authors"],
    );
}

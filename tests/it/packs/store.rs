//! What becomes of installed packs: verified, removed, rolled back, listed, cleaned up.

use std::fs;

use serde_json::{Value, json};

use super::install::{active, install, lines, named, prune, tree};
use crate::playground::Playground;

/// With `acme/prune` 1.0.0, then 1.1.0, then `acme/tune` 0.1.0 beside it.
fn with_history() -> Playground {
    let playground = Playground::bare();
    let packs = playground.path("packs");
    for pack in [prune("1.0.0"), prune("1.1.0"), named("acme/tune", "Tune", "0.1.0")] {
        install(&playground, &pack.write(&packs), &["--allow-unsigned"]).check(0, &[]);
    }
    assert_eq!(active(&playground), ["acme/prune 1.1.0", "acme/tune 0.1.0"]);
    playground
}

#[test]
fn a_removed_pack_is_gone_until_it_is_rolled_back() {
    let playground = with_history();
    let before = tree(&playground.path("data"));
    playground
        .olive(&["plugin", "remove", "prune", "--dry-run"])
        .check(0, &["would remove acme/prune 1.1.0"]);
    assert_eq!(tree(&playground.path("data")), before);
    playground.olive(&["plugin", "remove", "prune"]).check(0, &["removed acme/prune 1.1.0"]);
    assert_eq!(active(&playground), ["acme/tune 0.1.0"]);
    let listed = playground.olive(&["plugin", "list"]);
    assert!(!listed.out.contains("Prune") && listed.out.contains("Tune"), "{}", listed.out);

    let said = playground.olive(&["plugin", "rollback", "--dry-run"]);
    said.check(0, &["would go back to generation 3", "acme/prune 1.1.0 would be active again"]);
    assert_eq!(active(&playground), ["acme/tune 0.1.0"]);
    let said = playground.olive(&["plugin", "rollback"]);
    said.check(0, &["UTC: install acme/tune 0.1.0\n", "  acme/prune 1.1.0 is active again\n"]);
    assert_eq!(active(&playground), ["acme/prune 1.1.0", "acme/tune 0.1.0"]);
}

#[test]
fn names_that_nothing_or_several_have_are_refused() {
    let playground = with_history();
    let other = named("other/prune", "Other", "2.0.0").write(&playground.path("packs"));
    install(&playground, &other, &["--allow-unsigned"]).check(0, &[]);
    let check = |names: &[&str], parts: &[&str]| {
        let before = tree(&playground.path("data"));
        playground.olive(&[&["plugin", "remove"], names].concat()).check(12, parts);
        assert_eq!(tree(&playground.path("data")), before);
    };
    check(&["none"], &["no pack `none` is installed", "olive plugin list"]);
    check(&["tune", "acme/none"], &["no pack `acme/none` is installed"]);
    check(&["prune"], &["several packs are called `prune`: acme/prune, other/prune"]);
    let said = playground.olive(&["plugin", "remove", "acme/prune", "tune", "tune"]);
    said.check(0, &["removed acme/prune 1.1.0\nremoved acme/tune 0.1.0\n"]);
    assert_eq!(active(&playground), ["other/prune 2.0.0"]);
}

#[test]
fn the_history_tells_every_change_and_where_we_are() {
    let playground = with_history();
    playground.olive(&["plugin", "rollback", "1"]).check(
        0,
        &["acme/prune 1.0.0 is active again, was 1.1.0\n", "  removed acme/tune 0.1.0\n"],
    );
    let said = playground.olive(&["plugin", "history"]);
    said.check(0, &[]);
    let marks: Vec<(&str, &str)> =
        said.out.lines().map(|line| (&line[..3], line.split_once(" UTC  ").unwrap().1)).collect();
    assert_eq!(
        marks,
        [
            ("* 1", "install acme/prune 1.0.0"),
            ("  2", "install acme/prune 1.1.0"),
            ("  3", "install acme/tune 0.1.0"),
        ]
    );
    let told = lines(&playground.olive(&["plugin", "history", "--json"]));
    let told: Vec<Value> = told
        .iter()
        .map(|line| json!([line["generation"], line["parent"], line["active"]]))
        .collect();
    assert_eq!(told, [json!([1, 0, true]), json!([2, 1, false]), json!([3, 2, false])]);
    for (to, told) in [("1", "is the active one already"), ("9", "there is no generation 9")] {
        playground.olive(&["plugin", "rollback", to]).check(12, &[told, "olive plugin history"]);
    }
    playground.olive(&["plugin", "rollback"]).check(0, &["before the first change"]);
    playground.olive(&["plugin", "rollback"]).check(12, &["no packs were active in"]);
}

#[test]
fn cleaning_frees_what_is_not_active() {
    let playground = with_history();
    assert_eq!(playground.names("data/plugins/packs").len(), 3);
    let said = playground.olive(&["plugin", "clean", "--json"]);
    said.check(0, &[]);
    assert!(lines(&said)[0]["bytes"].as_u64().unwrap() > 500, "{}", said.out);
    assert_eq!(playground.names("data/plugins/packs").len(), 2);
    assert_eq!(playground.names("data/plugins/generations"), ["3.json"]);
    playground.olive(&["plugin", "clean"]).check(0, &["freed 0 B"]);
    playground.olive(&["plugin", "rollback"]).check(12, &["there is no generation 2"]);
    playground.olive(&["plugin", "verify"]).check(0, &["acme/prune 1.1.0  as it was installed"]);
}

#[test]
fn damage_is_found_told_and_mended_by_installing_again() {
    let playground = with_history();
    let said = playground.olive(&["plugin", "verify"]);
    said.check(0, &["acme/prune 1.1.0  as it was installed\nacme/tune 0.1.0   as it was"]);
    let files = tree(&playground.path("data/plugins/packs"));
    let plugin = files.iter().find(|path| path.ends_with("tune.plugin.json")).unwrap();
    let content = fs::read_to_string(plugin).unwrap();
    fs::remove_file(plugin).unwrap();
    // As long as before: only its digest tells.
    fs::write(plugin, content.replace("no-such-program", "now-a-program-x")).unwrap();
    fs::write(plugin.with_file_name("more"), "").unwrap();
    let said = playground.olive(&["plugin", "verify"]);
    said.check(
        12,
        &[
            "acme/prune 1.1.0  as it was installed\n",
            "acme/tune 0.1.0   `any/tune/tune.plugin.json` has changed\n",
            "acme/tune 0.1.0   `any/tune/more` does not belong to the pack\n",
            "install it again: `olive plugin install ",
        ],
    );
    let told = lines(&playground.olive(&["plugin", "verify", "tune", "--json"]));
    assert_eq!(told.len(), 1);
    let changed = json!({"path": "any/tune/tune.plugin.json", "problem": "has changed"});
    assert_eq!(told[0]["damage"][0], changed);

    let again = playground.path("packs/acme-tune-0.1.0.pack");
    install(&playground, &again, &["--allow-unsigned"]).check(0, &["acme/tune 0.1.0"]);
    playground.olive(&["plugin", "verify"]).check(0, &["acme/tune 0.1.0   as it was installed"]);
}

#[test]
fn a_project_has_packs_of_its_own_and_its_lock_file_follows() {
    let playground = with_history();
    let project = format!("--project={}", playground.path("project").display());
    fs::create_dir(playground.path("project")).unwrap();
    let olive = |args: &[&str]| playground.olive(&[&["plugin"], args, &[&project]].concat());
    olive(&["verify"]).check(0, &["no pack is installed here"]);
    olive(&["history"]).check(0, &["no pack was ever installed here"]);
    olive(&["clean"]).check(0, &["freed 0 B"]);
    olive(&["rollback"]).check(12, &["no packs were active in"]);
    assert!(tree(&playground.path("project")).is_empty(), "looking has made something");

    let newer = prune("2.0.0").write(&playground.path("packs"));
    install(&playground, &newer, &["--allow-unsigned", &project]).check(0, &["acme/prune 2.0.0"]);
    let locked = || {
        let lock: Value = serde_json::from_str(&playground.read("project/olive.lock")).unwrap();
        let packs = lock["packs"].as_array().unwrap().iter();
        packs.map(|pack| format!("{} {}", pack["name"], pack["version"])).collect::<Vec<_>>()
    };
    assert_eq!(locked(), [r#""acme/prune" "2.0.0""#, r#""acme/tune" "0.1.0""#]);
    olive(&["remove", "prune"]).check(0, &["removed acme/prune 2.0.0\nwrote ", "olive.lock"]);
    assert_eq!(locked(), [r#""acme/prune" "1.1.0""#, r#""acme/tune" "0.1.0""#]);
    olive(&["rollback"]).check(0, &["acme/prune 2.0.0 is active again\nwrote "]);
    assert_eq!(locked()[0], r#""acme/prune" "2.0.0""#);
    assert_eq!(active(&playground), ["acme/prune 1.1.0", "acme/tune 0.1.0"]);
}

#[test]
fn a_project_that_somebody_else_has_filled_runs_nothing() {
    let playground = Playground::bare();
    let project = format!("--project={}", playground.path("project").display());
    fs::create_dir(playground.path("project")).unwrap();
    let pack = prune("1.0.0").write(&playground.path("packs"));
    install(&playground, &pack, &["--allow-unsigned", &project]).check(0, &[]);
    let before = tree(&playground.path("project"));
    let as_other = |args: &[&str]| {
        let mut command = playground.command(&[&["plugin"], args].concat());
        command
            .env("OLIVE_DATA_HOME", playground.path("other"))
            .current_dir(playground.path("project"));
        crate::playground::Said::from(command.output().unwrap())
    };
    let listed = as_other(&["list"]);
    listed.check(0, &["were not installed by you on this machine"]);
    assert!(!listed.out.contains("Prune"), "{}", listed.out);
    for args in [&["verify", &project][..], &["remove", "prune", &project], &["clean", &project]] {
        as_other(args).check(12, &["error[pack-foreign-store]", "remove that folder"]);
    }
    assert_eq!(tree(&playground.path("project")), before);
}

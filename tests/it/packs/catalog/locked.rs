//! Runs that go on only with exactly the packs of the lock file.

use serde_json::json;

use super::{file, lines, named, prune, replace, unsigned};
use crate::playground::Playground;

#[test]
fn a_locked_run_tells_everything_in_which_packs_differ_from_the_lock() {
    let playground = Playground::new();
    unsigned(&playground, &[&prune("1.0.0"), &named("acme/tune", "Tune", "1.0.0")], &[]);
    playground.passes(&json!({"a": {"type": "Toy"}}));
    let locked = ["run", "--locked", "--config", "@/olive.json"];
    playground
        .olive(&locked)
        .check(12, &["error[lock-missing]: there is no `", "olive plugin lock"]);
    playground.olive(&["plugin", "lock", "@/"]).check(0, &[]);
    playground.olive(&locked).check(0, &["a (Toy): done"]);
    playground.olive(&["plan", "--locked", "--config", "@/olive.json"]).check(0, &["done before"]);

    unsigned(&playground, &[&prune("1.1.0")], &[]);
    replace(&file(&playground.path("data"), "tune.plugin.json"), b"{}");
    for command in ["run", "plan"] {
        let said = playground.olive(&[command, "--locked", "--config", "@/olive.json"]);
        said.check(12, &["acme/prune", "1.0.0", "1.1.0", "acme/tune"]);
        assert_eq!(said.err.matches("error[").count(), 2, "{}", said.err);
    }
    let said = playground.olive(&["run", "--json", "--locked", "--config", "@/olive.json"]);
    said.check(12, &[]);
    assert!(lines(&said).iter().all(|line| line["exit_code"] == 12), "{}", said.out);
    playground.run().check(0, &["a (Toy): reused"]);
}

//! Searches that are stopped, and those after them.

use std::fs;

use serde_json::json;

use super::searched;
use crate::playground::{signal, wait_for_end_of};

#[test]
fn a_stopped_search_has_no_result_and_goes_on_where_it_was() {
    let passes = json!({"choose": [
        {"type": "Toy", "score": 0.2},
        {"type": "Toy", "score": 0.9, "behavior": "wait", "wait_for": "go"}
    ]});
    for (name, code) in [("KILL", None), ("INT", Some(30))] {
        let playground = searched(&passes, &json!({"sampler": "sequential"}));
        let waiting = playground.start();
        let worker = waiting.worker.clone();
        signal(name, &waiting.host());
        assert_eq!(waiting.end().code, code, "{name}");
        wait_for_end_of(&worker);
        assert!(!playground.exists("out/score"), "{name}");
        playground.go();
        let said = playground.run();
        said.check(0, &["variant 1: measured", "variant 2: measured"]);
        // The first variant is not made again.
        assert_eq!(said.err.matches("choose (Toy): done in").count(), 1, "{name}: {}", said.err);
        assert_eq!(playground.read("out/score"), "0.9", "{name}");
    }
}

#[test]
fn a_model_that_is_gone_when_the_search_ends_is_told_and_made_anew() {
    let passes = json!({"choose": [
        {"type": "Toy", "score": 0.9},
        {"type": "Toy", "score": 0.2, "behavior": "wait", "wait_for": "go"}
    ]});
    let playground = searched(&passes, &json!({"sampler": "sequential"}));
    playground.write("out/score", "of another run");
    let waiting = playground.start();
    fs::remove_dir_all(playground.path("cache/v1/steps")).unwrap();
    playground.go();
    waiting.end().check(20, &["is gone from the cache", "run again: the step is then made anew"]);
    assert_eq!(playground.read("out/score"), "of another run");
    playground.run().check(0, &["choose (Toy): done"]);
    assert_eq!(playground.read("out/score"), "0.9");
}
